"""What differs between async and sync beyond the words: time, threads, locks. Its sync twin is written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

import anyio
from anyio import lowlevel, to_thread

T = TypeVar("T")

Lock = anyio.Lock
sleep = anyio.sleep


def fail_after(seconds: float) -> AbstractContextManager[object]:
    """Raise TimeoutError where what is within takes longer."""
    return anyio.fail_after(max(0.0, seconds))


@asynccontextmanager
async def held(lock: Lock, seconds: float) -> AsyncIterator[None]:
    """Hold a lock. Raise TimeoutError where others do not give it back in time."""
    with fail_after(seconds):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()


async def call_in_thread(function: Callable[..., T], *arguments: object, abandon: bool = False) -> T:
    """Call what blocks without blocking the event loop; `abandon`: it is not waited for when the call is cancelled."""
    return await to_thread.run_sync(function, *arguments, abandon_on_cancel=abandon)


def current_loop() -> object:
    """Give what tells one event loop from another. Raises RuntimeError outside of any."""
    return lowlevel.current_token()


def bound(client: object) -> None:
    """Do nothing: here a time-out ends whatever is waited for."""
