"""What importing costs in this process, in seconds, as JSON; the argument is a file with a page of conversations."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

started = perf_counter()
import attrs  # noqa: E402, F401
import httpx  # noqa: E402, F401

base = perf_counter() - started
content = Path(sys.argv[1]).read_bytes()

started = perf_counter()
from dhis2_bindings.v42.api import message_conversation  # noqa: E402

controller = perf_counter() - started
page = message_conversation.list_().parse(content)
decoded = perf_counter() - started
assert len(page.message_conversations or ()) == 50

json.dump({"base": base, "controller": controller, "page": decoded}, sys.stdout)
