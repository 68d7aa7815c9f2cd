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
async def fail_after(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError where what is within takes longer."""
    with anyio.fail_after(max(0.0, seconds)):
        yield


async def call_in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call what blocks without blocking the event loop."""
    return await anyio.to_thread.run_sync(function, *arguments)


def current_loop() -> object:
    """Give what tells one event loop from another. Raises RuntimeError outside of any."""
    return anyio.lowlevel.current_token()


def bound(client: object) -> None:
    """Do nothing: here a time-out ends whatever is waited for."""
