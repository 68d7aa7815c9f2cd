"""What differs between async and sync beyond the words: time, threads, locks. Its sync twin is written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

T = TypeVar("T")

Lock = anyio.Lock
sleep = anyio.sleep


@asynccontextmanager
async def held(lock: Lock, seconds: float) -> AsyncIterator[None]:
    """Hold a lock. Raise TimeoutError where others do not give it back in time."""
    with anyio.fail_after(max(0.0, seconds)):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def fail_after(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError where what is within takes longer."""
    with anyio.fail_after(max(0.0, seconds)):
        yield


async def call_in_thread(function: Callable[..., T], *arguments: object, abandon: bool = False) -> T:
    """Call what blocks without blocking the event loop; `abandon`: it is not waited for when the call is cancelled."""
    return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=abandon)


def current_loop() -> object:
    """Give what tells one event loop from another. Raises RuntimeError outside of any."""
    return anyio.lowlevel.current_token()


def bound(client: object) -> None:
    """Do nothing: here a time-out ends whatever is waited for."""
