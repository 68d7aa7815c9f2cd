"""A DHIS2 server for tests, in a thread of this process."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from .app import App
from .behaviour import BEHAVIOURS
from .state import Conversation, FileResource, Message, OrganisationUnit, State, Thing, User, UserGroup
from .trouble import Seen, Trouble, check, new_fault

__all__ = ["FakeDhis2"]

KEEP_ALIVE = 60  # seconds
PLAIN_AUTHORITIES = ("M_dhis-web-messaging",)
PEOPLE = ("clerk", "nurse", "outsider")

T = TypeVar("T")
K = TypeVar("K", bound=Thing)


class _Connection(H11Protocol):
    """A connection that requests can reach: trouble needs its transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False
        self.app_state = {"connection": self}

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete


class FakeDhis2:
    """A small DHIS2: messaging, files, people, tokens and system, on loopback, in memory.

    ```python
    with FakeDhis2(version="42") as server:
        dhis2 = Dhis2(server.url, token=server.token("clerk"))
    ```

    There are the users `admin` (a superuser), `clerk`, `nurse` and `outsider`; clerk and nurse are of one unit and one
    group, and admin and clerk answer feedback.
    """

    def __init__(self, version: str = "42", *, host: str = "127.0.0.1", port: int = 0, context: str = "") -> None:
        if version not in BEHAVIOURS:
            raise ValueError(f"there is no version {version!r} here, only {', '.join(map(repr, BEHAVIOURS))}")
        self.version = version
        self.state = new_state(version)
        path = context.strip("/")
        self._app = App(BEHAVIOURS[version], self.state, f"/{path}" if path else "")
        self._trouble = Trouble(self._app)
        self._host, self._port = host, port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._connections = ServerState()

    # -- running -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns once requests are answered. After `stop` it starts again, at the same address."""
        if self._thread is not None:
            raise RuntimeError(f"the server runs already, at {self.url}")
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="fake-dhis2", daemon=True)
        self._thread.start()
        try:
            self._port = ready.result()
        except BaseException:
            self._thread = None
            raise

    def stop(self) -> None:
        """Break off what is under way, and listen no more."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = self._stopping = None

    @property
    def url(self) -> str:
        """The address; with a port of the system's choice there is none before the start."""
        if not self._port:
            raise RuntimeError("the server has no address before it starts")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}{self._app.context}"

    def _run(self, ready: Future[int]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: Future[int]) -> None:
        config = uvicorn.Config(
            self._trouble,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        config.load()
        loop = asyncio.get_running_loop()

        def connection() -> asyncio.Protocol:
            return _Connection(config=config, server_state=self._connections, app_state={}, _loop=loop)

        self._loop, self._stopping = loop, asyncio.Event()
        self.state.later = self._later
        server = await loop.create_server(connection, self._host, self._port)
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for one in list(self._connections.connections):
            one.transport.abort()
        await asyncio.sleep(0)  # lets them notice that their connections are gone
        for task in list(self._connections.tasks):
            task.cancel()
        await asyncio.gather(*self._connections.tasks, return_exceptions=True)

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        """Act at once, or in so many seconds."""
        if delay > 0 and self._loop is not None:
            self._loop.call_later(delay, act)
        else:
            act()

    def _inside(self, act: Callable[[], T]) -> T:
        """Act in the thread of the server, between two requests."""
        if self._loop is None:
            return act()
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except Exception as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result()

    # -- people --------------------------------------------------------------------------------------------------------

    def user(self, username: str) -> User:
        """One user."""
        found = self.state.user_named(username)
        if found is None:
            raise LookupError(f"there is no user {username!r}")
        return found

    def password(self, username: str) -> str:
        """The password of a user."""
        return self.user(username).password

    def token(self, username: str) -> str:
        """A personal access token of a user."""
        user = self.user(username)

        def make() -> str:
            kept = (one.key for one in self.state.tokens.values() if one.owner is user and not one.revoked)
            return next(kept, None) or self.state.add_token(user).key

        return self._inside(make)

    def add_user(
        self,
        username: str,
        *,
        first_name: str = "Test",
        surname: str | None = None,
        superuser: bool = False,
        units: Iterable[OrganisationUnit] = (),
    ) -> User:
        """Make a user, of these units; the password is made up."""

        def make() -> User:
            new_name("user", username, (user.username for user in self.state.users.values()))
            return add_person(
                self.state,
                username,
                first_name=first_name,
                surname=username.title() if surname is None else surname,
                superuser=superuser,
                units=among(self.state.units, OrganisationUnit, units),
            )

        return self._inside(make)

    def add_user_group(self, name: str, users: Iterable[User] = ()) -> UserGroup:
        """Make a user group, of these users."""

        def make() -> UserGroup:
            new_name("user group", name, (group.name for group in self.state.groups.values()))
            return self.state.add_group(name, among(self.state.users, User, users))

        return self._inside(make)

    def add_organisation_unit(self, name: str, users: Iterable[User] = ()) -> OrganisationUnit:
        """Make an organisation unit, with these users; several may have one name, as on a real server."""

        def make() -> OrganisationUnit:
            new_name("organisation unit", name)
            people = among(self.state.users, User, users)
            unit = self.state.add_unit(name)
            for user in people:
                user.units.append(unit)
            return unit

        return self._inside(make)

    # -- looking inside ------------------------------------------------------------------------------------------------

    @property
    def conversations(self) -> list[Conversation]:
        """All conversations, oldest first."""
        return self._inside(lambda: list(self.state.conversations.values()))

    @property
    def messages(self) -> list[Message]:
        """All messages of all conversations."""
        return [message for conversation in self.conversations for message in conversation.messages]

    @property
    def files(self) -> list[FileResource]:
        """All uploaded files."""
        return self._inside(lambda: list(self.state.files.values()))

    @property
    def requests(self) -> list[Seen]:
        """The requests so far, without those that are under way."""
        return self._inside(lambda: list(self._trouble.requests))

    # -- trouble -------------------------------------------------------------------------------------------------------

    def next(
        self,
        kind: str = "status",
        *,
        fail: int | None = None,
        times: int = 1,
        method: str | None = None,
        path: str | None = None,
        stored: bool = False,
        delay: float = 1.0,
        commit_delay: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        location: str | None = None,
    ) -> None:
        """Let something go wrong with the next requests, or the next that have this method and match this path.

        `kind` is one of `trouble.KINDS`; `fail=503` is short for that status. With `stored` the request is carried out
        before it goes wrong; what comes after the answer has begun always is.
        """
        optional = {
            "fail": fail,
            "method": method,
            "path": path,
            "commit_delay": commit_delay,
            "headers": headers,
            "body": body,
            "location": location,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        fault = new_fault(kind, stored=stored, times=times, delay=delay, **given)
        self._inside(lambda: self._trouble.faults.append(fault))

    def calm(self) -> None:
        """Let nothing more go wrong of what was to."""
        self._inside(self._trouble.faults.clear)

    def wait(self, timeout: float = 5.0) -> None:
        """Wait until no request is under way: a server notices later than its client that the other is gone."""
        until = time.monotonic() + timeout
        while self._inside(lambda: bool(self._connections.tasks)):
            if time.monotonic() > until:
                raise TimeoutError(f"requests are still under way after {timeout:g} seconds")
            time.sleep(0.005)

    @property
    def agent(self) -> str | None:
        """What the server sees as User-Agent instead of what was sent: None for that, empty for nothing at all."""
        return self._trouble.agent

    @agent.setter
    def agent(self, agent: str | None) -> None:
        if agent is not None:
            check("agent", agent)
        self._trouble.agent = agent

    @property
    def commit_delay(self) -> float:
        """Seconds until a message that is stored can be seen."""
        return self._app.commit_delay

    @commit_delay.setter
    def commit_delay(self, delay: float) -> None:
        check("commit_delay", delay)
        self._app.commit_delay = delay

    def drop_connections(self) -> None:
        """Close all connections on which nothing is under way."""

        def drop() -> None:
            for one in list(self._connections.connections):
                if isinstance(one, _Connection) and one.idle:
                    one.transport.close()

        self._inside(drop)
        self._inside(lambda: None)  # a connection is closed in the turn of the loop that follows


def new_name(kind: str, name: str, taken: Iterable[str] = ()) -> None:
    """Refuse what is no name for something new."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a {kind} must be text, not {name!r}")
    if not name.strip():
        raise ValueError(f"a {kind} needs a name")
    if name in taken:
        raise ValueError(f"there is a {kind} {name!r} already")


def among(kept: Mapping[str, K], kind: type[K], given: Iterable[K]) -> list[K]:
    """Refuse what is none of the objects that the server keeps, such as a name or a uid."""
    chosen = list(given)
    for one in chosen:
        if not isinstance(one, kind):
            raise TypeError(f"{one!r} is no {kind.__name__}, as this server gives them")
        if kept.get(one.uid) is not one:
            raise ValueError(f"{kind.__name__} {one.uid} is of another server, or was removed")
    return chosen


def add_person(
    state: State,
    username: str,
    *,
    first_name: str,
    surname: str,
    superuser: bool = False,
    units: Iterable[OrganisationUnit] = (),
) -> User:
    """Make a user with a password of its own, in the role of superusers or of everybody else."""
    name, authorities = ("Superuser", state.superuser_authorities) if superuser else ("Clerk", PLAIN_AUTHORITIES)
    known = next((role for role in state.roles.values() if role.name == name), None)
    return state.add_user(
        username,
        secrets.token_urlsafe(12),
        first_name=first_name,
        surname=surname,
        role=known or state.add_role(name, authorities),
        email=f"{username}@example.org",
        units=units,
    )


def new_state(version: str) -> State:
    """What a server has when it starts."""
    state = State(BEHAVIOURS[version].authorities)
    admin = add_person(state, "admin", first_name="admin", surname="admin", superuser=True)
    admin.code = "admin"
    unit = state.add_unit("Test district")
    clerk, nurse, _ = (
        add_person(
            state,
            name,
            first_name=name.title(),
            surname="Test",
            units=[] if name == "outsider" else [unit],
        )
        for name in PEOPLE
    )
    state.add_group("Test staff", [clerk, nurse])
    state.feedback_group = state.add_group("Test feedback", [admin, clerk])
    return state
