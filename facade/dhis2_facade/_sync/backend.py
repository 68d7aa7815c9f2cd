"""The sync twin of `_async.backend`, written by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Lock", "bound", "call_in_thread", "current_loop", "fail_after", "sleep"]

T = TypeVar("T")

Lock = threading.Lock
sleep = time.sleep
running = threading.local()  # its `end`: that of the running call, on the monotonic clock


@contextmanager
def fail_after(seconds: float) -> Iterator[None]:
    """Let no wait for the network within last longer; see `bound`."""
    before = getattr(running, "end", None)
    running.end = time.monotonic() + max(0.0, seconds)
    try:
        yield
    finally:
        running.end = before


def call_in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call it: here everything may block."""
    return function(*arguments)


def current_loop() -> object:
    """Give None: threads share a sync client."""
    return None


def bound(client: object) -> None:
    """Make the waits of a client of httpx's end with `fail_after`."""
    from dhis2_facade._sync.network import bound as bound_  # with httpcore, which httpx too imports when it is needed

    bound_(client)
