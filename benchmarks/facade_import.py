"""What importing the sync client costs beyond httpx and attrs in this process, in seconds, as JSON."""

from __future__ import annotations

import json
import sys
from time import perf_counter

started = perf_counter()
import attrs  # noqa: E402, F401
import httpx  # noqa: E402, F401

base = perf_counter() - started
from dhis2_facade.v42 import Dhis2  # noqa: E402, F401

json.dump({"base": base, "facade": perf_counter() - started}, sys.stdout)
