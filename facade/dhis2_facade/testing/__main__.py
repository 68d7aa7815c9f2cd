"""Run the server by hand: `python -m dhis2_facade.testing --version 42 --port 8080`."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import suppress

from .behaviour import BEHAVIOURS


def main() -> None:
    """Listen until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m dhis2_facade.testing", description=__doc__)
    parser.add_argument("--version", choices=list(BEHAVIOURS), default=list(BEHAVIOURS)[-1])
    parser.add_argument("--host", default="127.0.0.1", help="loopback unless told otherwise")
    parser.add_argument("--port", type=int, default=0, help="a free one unless told otherwise")
    given = parser.parse_args()
    try:
        from . import FakeDhis2
    except ImportError as error:
        sys.exit(str(error))
    # Interrupted at any time, also while it starts, it ends without a complaint.
    with suppress(KeyboardInterrupt), FakeDhis2(version=given.version, host=given.host, port=given.port) as server:
        print(f"DHIS2 {given.version}: {server.url}", flush=True)
        for user in server.state.users.values():
            print(f"{user.username}: {user.password} {server.token(user.username)}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
