"""What all calls of one server of tools share: the client, made when it is first needed, and the folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from attrs import define, field, frozen

from dhis2_facade.cli.connect import connect
from dhis2_facade.errors import Dhis2Error, InvalidInput
from dhis2_facade.mcp.answers import failed
from dhis2_facade.mcp.folder import Folder
from dhis2_facade.sources import Attachment
from dhis2_facade.uid import is_uid

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2
    from dhis2_facade.profiles import Profile

__all__ = ["Serving", "Session", "opened"]

T = TypeVar("T")


@frozen(kw_only=True)
class Serving:
    """How tools are served: which server and as whom, what may be done, which files may be touched."""

    profile: Profile
    version: str | None = None
    read_only: bool = False
    folder: Path | None = None
    say: Callable[[str], None]


@define
class Session:
    """The client and the folder."""

    serving: Serving
    folder: Folder
    _client: AsyncDhis2 | None = None
    _lock: anyio.Lock = field(factory=anyio.Lock)
    _keys: dict[str, anyio.Lock] = field(factory=dict)

    async def ask(self, operation: Callable[..., Awaitable[T]], **arguments: Any) -> T:
        """Do an operation of the service. What goes wrong is an error of the tool."""
        try:
            return await operation(await self._connected(), **arguments)
        except Dhis2Error as error:
            raise failed(error) from None

    async def write(
        self, operation: Callable[..., Awaitable[T]], *, key: str | None, first_attempt: bool, **arguments: Any
    ) -> T:
        """Send something: with one key one after the other, and a key that came before is no first attempt."""
        if key is None:
            return await self.ask(operation, key=None, first_attempt=first_attempt, **arguments)
        first = first_attempt and key not in self._keys
        async with self._keys.setdefault(key, anyio.Lock()):
            return await self.ask(operation, key=key, first_attempt=first, **arguments)

    async def _connected(self) -> AsyncDhis2:
        async with self._lock:
            if self._client is None:
                self._client = await connect(self.serving.profile, self.serving.version, self.serving.say, {})
            return self._client

    def file(self, path: str) -> tuple[str, bytes]:
        """Give name and content of a file of the folder."""
        try:
            return self.folder.read(path)
        except InvalidInput as error:
            raise failed(error) from None

    def attachments(self, given: list[str]) -> list[Attachment]:
        """Give uids as they are, all else as files of the folder. What may be either is refused."""
        for one in given:
            if is_uid(one) and self.folder.has(one):
                raise failed(InvalidInput(f"attachments: {one} is a uid and a file here; say ./{one} for the file"))
        return [one if is_uid(one) else self.file(one) for one in given]

    async def aclose(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()


@asynccontextmanager
async def opened(serving: Serving) -> AsyncIterator[Session]:
    """Give the session while the tools are served."""
    session = Session(serving, Folder(serving.folder))
    try:
        yield session
    finally:
        with anyio.CancelScope(shield=True):
            await session.aclose()
