"""A DHIS2 server for tests: it answers as the real ones do, and goes wrong on demand."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import FakeDhis2
    from .trouble import KINDS, Seen

__all__ = ["KINDS", "FakeDhis2", "Seen"]

# pytest loads the plugin of this package in every run: nothing of the extra is imported before it is needed.
_WHERE = {"FakeDhis2": ".server", "KINDS": ".trouble", "Seen": ".trouble"}
# What the extra installs, and the modules that it may be.
_EXTRA = {"python-multipart": ("python_multipart", "multipart"), "starlette": ("starlette",), "uvicorn": ("uvicorn",)}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    missing = [wanted for wanted, modules in _EXTRA.items() if not any(map(find_spec, modules))]
    if missing:
        complaint = f"the test server needs {' and '.join(missing)}; say: pip install 'dhis2-facade[testing]'"
        raise ModuleNotFoundError(complaint, name=missing[0])
    return getattr(importlib.import_module(_WHERE[name], __name__), name)
