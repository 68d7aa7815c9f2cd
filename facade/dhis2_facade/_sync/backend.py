"""The sync twin of `_async.backend`, written by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import httpcore

T = TypeVar("T")

Lock = threading.Lock
sleep = time.sleep
_running = threading.local()  # its `end`: that of the running call, on the monotonic clock


@contextmanager
def held(lock: threading.Lock, seconds: float) -> Iterator[None]:
    """Hold a lock. Raise TimeoutError where others do not give it back in time."""
    if not lock.acquire(timeout=max(0.0, seconds)):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()


@contextmanager
def fail_after(seconds: float) -> Iterator[None]:
    """Let no wait for the network within last longer: see `bound`."""
    before = getattr(_running, "end", None)
    _running.end = time.monotonic() + max(0.0, seconds)
    try:
        yield
    finally:
        _running.end = before


def call_in_thread(function: Callable[..., T], *arguments: object, abandon: bool = False) -> T:  # noqa: ARG001
    """Call it: here everything may block."""
    return function(*arguments)


def current_loop() -> object:
    """Give what all threads share: they share a sync client."""
    return threading


def bound(client: object) -> None:
    """Make the waits of a client of httpx's end with `fail_after`: httpx counts each anew, so that drops never end.

    httpx hands no network backend to httpcore, so it is put where the pools keep it; a test holds that it is there.
    """
    for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
        pool: Any = getattr(transport, "_pool", None)
        if hasattr(pool, "_network_backend"):
            pool._network_backend = _Bounded(pool._network_backend)  # noqa: SLF001 - a private place of httpcore's


def _left(timeout: float | None) -> float | None:
    end = getattr(_running, "end", None)
    spans = [span for span in (timeout, end and end - time.monotonic()) if span is not None]
    if spans and min(spans) <= 0:
        raise TimeoutError
    return min(spans, default=None)


class _Bounded:
    """What httpcore reaches the network by, or a connection that it made: each of its waits asks what is left."""

    def __init__(self, bounded: httpcore.NetworkBackend | httpcore.NetworkStream) -> None:
        self._bounded: Any = bounded

    def __getattr__(self, name: str) -> object:
        return getattr(self._bounded, name)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: object, **more: object
    ) -> _Bounded:
        return _Bounded(self._bounded.connect_tcp(host, port, _left(timeout), *rest, **more))

    def start_tls(
        self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Bounded:
        return _Bounded(self._bounded.start_tls(ssl_context, server_hostname, _left(timeout)))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return cast("bytes", self._bounded.read(max_bytes, _left(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._bounded.write(buffer, _left(timeout))
