"""Sends a series of messages with keys, which a test kills and starts again: python -m tests.faults.sender VERSION URL USER COUNT."""

from __future__ import annotations

import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.faults.cells import SETTLE


def main(version: str, url: str, user: str, count: str) -> None:
    """Send all of them, each with the key that stands for it, and say what was sent."""
    pin = importlib.import_module(f"dhis2_facade.v{version}")

    with (
        pin.Dhis2(url, token=os.environ["DHIS2_TOKEN"], settle=SETTLE) as dhis2,
        ThreadPoolExecutor(4) as pool,
    ):

        def send(number: int) -> None:
            dhis2.messaging.send("Stock", f"message {number}", users=[user], key=f"message {number}", fetch=False)
            print(number, flush=True)

        list(pool.map(send, range(int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
