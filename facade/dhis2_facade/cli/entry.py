"""Where `dhis2` begins: says in one line what to install where the command line is not."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command, and exit with its status."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(f"dhis2: the command line needs {' and '.join(missing)}; say: pip install 'dhis2-facade[cli]'")
    try:
        from dhis2_facade.cli.main import run

        status = run()
    except KeyboardInterrupt:  # before a command began
        status = 130
    sys.exit(status)
