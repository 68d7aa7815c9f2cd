"""One test for the sync and the async client: a sync client that can be awaited."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self, TypeAlias

import anyio

FLAVOURS = ("sync", "asyncio", "trio")
Scenario: TypeAlias = Callable[..., Awaitable[Any]]


class Awaited:
    """Anything of the sync client, with methods that can be awaited and iterators for `async for`."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if inspect.ismethod(found):
            return lambda *a, **k: _answer(found, a, k)
        return Awaited(found) if type(found).__module__.startswith("dhis2_facade._sync") else found

    async def __aenter__(self) -> Self:
        self.inner.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.inner.__exit__(*error)


def _answer(method: Callable[..., Any], arguments: Any, named: Any) -> Any:
    if inspect.isgeneratorfunction(method) or method.__name__ in ("list", "pages", "watch"):
        return _Iterated(method(*arguments, **named))

    async def answer() -> Any:
        return method(*arguments, **named)

    return answer()


class _Iterated:
    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator

    def __aiter__(self) -> _Iterated:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self.iterator)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.iterator.close()  # type: ignore[attr-defined] # generators


def client(flavour: str, version: str, *arguments: Any, **settings: Any) -> Any:
    """Make a client of a flavour: an async one, or a sync one that can be awaited."""
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    if flavour == "sync":
        return Awaited(pin.Dhis2(*arguments, **settings))
    return pin.AsyncDhis2(*arguments, **settings)


def run(flavour: str, scenario: Scenario, *arguments: Any) -> Any:
    """Run a scenario in the loop of its flavour."""
    return anyio.run(scenario, *arguments, backend="trio" if flavour == "trio" else "asyncio")


async def collect(iterator: AsyncIterator[Any]) -> list[Any]:
    async with contextlib.aclosing(iterator) as closing:  # type: ignore[type-var] # generators
        return [one async for one in closing]
