"""A DHIS2 server for tests: it answers as the real ones do, and goes wrong on demand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import FakeDhis2
    from .trouble import KINDS, Seen

__all__ = ["KINDS", "FakeDhis2", "Seen"]

# pytest loads the plugin of this package in every run: nothing of the extra is imported before it is needed.
_WHERE = {"FakeDhis2": ".server", "KINDS": ".trouble", "Seen": ".trouble"}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
