"""What goes wrong between a client and a server, on demand: each kind is one entry of a table."""

from __future__ import annotations

import asyncio
import functools
import gzip
import math
import re
import socket
import struct
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from starlette.datastructures import Headers

from .answers import LOGIN_PAGE
from .app import App, address

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["KINDS", "Fault", "Seen", "Trouble", "check", "new_fault"]

REMEMBERED = 10_000  # requests in the log
BOMB = 40 * 1024 * 1024  # bytes that a small answer becomes
HUGE = 1024 * 1024  # bytes in one header
PAGE = "text/html; charset=utf-8"
PHRASES = {status.value: status.phrase for status in HTTPStatus}
BARE = (204, 304)  # statuses whose answer has no body
# What can be given → its type, what must hold of it, and both in words.
SECONDS = ((int, float), lambda seconds: 0 <= seconds < math.inf, "a number of seconds")
GIVEN: Mapping[str, tuple[type | tuple[type, ...], Callable[[Any], bool] | None, str]] = {
    "times": (int, lambda times: times >= 1, "a number from 1 on"),
    "fail": (int, lambda status: 200 <= status <= 599, "a status from 200 to 599"),
    "method": (str, None, "text"),
    "path": (str, None, "a regular expression as text"),
    "delay": SECONDS,
    "commit_delay": SECONDS,
    "headers": (Mapping, None, "names and values, all of them text"),
    "body": (str, None, "text"),
    "location": (str, None, "text"),
    "agent": (str, None, "text"),
}
# What only these kinds look at.
ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "fail": ("status", "redirect"),
    "headers": ("status", "login redirect", "redirect", "login page"),
    "body": ("status",),
    "location": ("redirect",),
}
FOUND = 302
REDIRECTS = range(300, 400)
NEVER_STORED = ("reset before body", "reset in body")


def check(name: str, value: object) -> None:
    """Refuse what could not be done: later, in the server, nobody would see the complaint."""
    kind, holds, words = GIVEN[name]
    texts = (*value, *value.values()) if isinstance(value, Mapping) else ()
    if not isinstance(value, kind) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} must be {words}, not {value!r}")
    if holds is not None and not holds(value):
        raise ValueError(f"{name} must be {words}, not {value!r}")


@define(kw_only=True)
class Fault:
    """What goes wrong with the next requests that fit."""

    kind: str
    times: int = 1
    method: str | None = None
    path: re.Pattern[str] | None = None
    fail: int | None = None
    """The status, of kinds that have one."""
    stored: bool = False
    """The request is carried out all the same."""
    delay: float = 1.0  # seconds
    commit_delay: float | None = None  # seconds
    headers: Mapping[str, str] = field(factory=dict)
    body: str | None = None
    location: str = "http://127.0.0.1:9/elsewhere"

    def fits(self, method: str, path: str) -> bool:
        """Whether this request is meant."""
        return (self.method is None or self.method.upper() == method) and (
            self.path is None or self.path.search(path) is not None
        )


def new_fault(kind: str, *, stored: bool, **given: Any) -> Fault:
    """What is to go wrong. Raises ValueError or TypeError for what cannot."""
    if kind not in KINDS:
        raise ValueError(f"there is no trouble {kind!r}, only {', '.join(KINDS)}")
    for name, value in given.items():
        check(name, value)
        if kind not in ONLY_FOR.get(name, KINDS):
            raise ValueError(f"{name} is for {' and '.join(map(repr, ONLY_FOR[name]))}, not for {kind!r}")
    if kind == "redirect" and given.get("fail", FOUND) not in REDIRECTS:
        raise ValueError(f"fail must be a status from 300 to 399 where it is a redirect, not {given['fail']}")
    if stored and kind in NEVER_STORED:
        raise ValueError(f"nothing can be stored with {kind!r}: the request does not come as a whole")
    if "path" in given:
        given["path"] = re.compile(given["path"])
    return Fault(kind=kind, stored=stored, **given)


@frozen
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: str
    user: str | None
    agent: str | None
    status: int | None
    """What was answered in full; None where nothing was."""
    stored: int
    """How many messages it stored, late commits included."""


@define
class Answer:
    """What the application would have said."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(factory=list)
    body: bytes = b""

    def head(self, **changed: str | None) -> bytes:
        """The status line and the headers; some with other values, or without (None)."""
        names = {name.replace("_", "-"): value for name, value in changed.items()}
        lines = [f"HTTP/1.1 {self.status} {PHRASES.get(self.status, '')}".encode()]
        lines += [name + b": " + value for name, value in self.headers if name.decode().lower() not in names]
        lines += [f"{name}: {value}".encode() for name, value in names.items() if value is not None]
        return b"\r\n".join(lines) + b"\r\n\r\n"


@define
class Exchange:
    """One request, from its transport to the application."""

    app: App
    scope: Scope
    receive: Receive
    send: Send
    status: int | None = None
    _body: bytes | None = None

    @property
    def connection(self) -> H11Protocol:
        """The connection that it came on."""
        connection: H11Protocol = self.scope["state"]["connection"]
        return connection

    @property
    def transport(self) -> asyncio.Transport:
        """The bytes of the connection."""
        return self.connection.transport

    async def read(self) -> bytes:
        """The body; a client that has sent all of it may be gone already, the server carries on."""
        if self._body is None:
            read = bytearray()
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    cycle = self.connection.cycle
                    if cycle.more_body:
                        raise ConnectionResetError("the client left in the middle of its request")
                    read += cycle.body
                    break
                read += message["body"]
                if not message["more_body"]:
                    break
            self._body = bytes(read)
        return self._body

    async def pass_on(self, send: Send) -> None:
        """Let the application answer."""
        body = await self.read()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(self.scope, receive, send)

    async def plain(self) -> None:
        """Nothing goes wrong."""
        await self.pass_on(self.say)

    async def say(self, message: Message) -> None:
        """Send on the way that the server takes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)

    async def handled(self) -> Answer:
        """Carry the request out, and keep the answer."""
        answer = Answer()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message["body"]

        await self.pass_on(send)
        return answer

    async def instead(self, fault: Fault) -> None:
        """Take the request; carry it out only if the fault comes afterwards."""
        if fault.stored:
            await self.handled()
        else:
            await self.read()

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer without the application."""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await self.say({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def close(self, *written: bytes) -> None:
        """Write these bytes, whatever they are, and close the connection."""
        for one in written:
            self.transport.write(one)
        self.transport.close()
        await self.gone()

    async def reset(self) -> None:
        """Break the connection off."""
        connected: socket.socket = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        await self.gone()

    async def gone(self) -> None:
        """Wait until the connection is no more."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


# -- kinds -------------------------------------------------------------------------------------------------------------


async def _status(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    status = 503 if fault.fail is None else fault.fail
    page = f"<html><body><h1>{status} {PHRASES.get(status, '')}</h1></body></html>"
    body = "" if status in BARE else page if fault.body is None else fault.body
    await exchange.answer(status, {"Content-Type": PAGE, **fault.headers}, body.encode())


async def _slow(exchange: Exchange, fault: Fault) -> None:
    answer = await exchange.handled()
    await asyncio.sleep(fault.delay)
    await exchange.say({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await exchange.send({"type": "http.response.body", "body": answer.body})


async def _hang(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.gone()


async def _hang_up(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.close()


async def _reset(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.reset()


async def _reset_before_body(exchange: Exchange, _fault: Fault) -> None:
    await exchange.reset()


async def _reset_in_body(exchange: Exchange, _fault: Fault) -> None:
    await exchange.receive()
    await exchange.reset()


async def _cut_header(exchange: Exchange, _fault: Fault) -> None:
    head = (await exchange.handled()).head()
    await exchange.close(head[: len(head) // 2])


async def _cut_body(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    await exchange.close(answer.head(), answer.body[: len(answer.body) // 2])


async def _wrong_length(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    await exchange.close(answer.head(content_length=str(len(answer.body) + 10)), answer.body)


async def _short_length(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    await exchange.close(answer.head(content_length=str(len(answer.body) - 10), connection="close"), answer.body)


async def _bad_chunk(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    head = answer.head(content_length=None, transfer_encoding="chunked")
    await exchange.close(head, b"zz\r\n", answer.body, b"\r\n")


async def _garbage(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.close(b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n")


async def _truncated_gzip(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    packed = gzip.compress(answer.body, mtime=0)
    packed = packed[: len(packed) // 2]
    head = answer.head(content_length=str(len(packed)), content_encoding="gzip", connection="close")
    await exchange.close(head, packed)


async def _gzip_bomb(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.answer(200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, _bomb())


@functools.cache
def _bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(b" " * HUGE) for _ in range(BOMB // HUGE)) + packer.flush()


async def _drip(exchange: Exchange, fault: Fault) -> None:
    answer = await exchange.handled()
    written = answer.head(connection="close") + answer.body
    for at in range(len(written)):
        if exchange.transport.is_closing():
            break
        exchange.transport.write(written[at : at + 1])
        await asyncio.sleep(fault.delay)
    await exchange.close()


async def _informational(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    exchange.transport.write(b"HTTP/1.1 102 Processing\r\n\r\n" + early)
    await exchange.say({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await exchange.send({"type": "http.response.body", "body": answer.body})


async def _huge_header(exchange: Exchange, _fault: Fault) -> None:
    answer = await exchange.handled()
    await exchange.close(answer.head(x_huge="h" * HUGE, connection="close"), answer.body)


async def _login_redirect(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    app = exchange.app
    location = address(exchange.scope, Headers(scope=exchange.scope)) + app.context + app.behaviour.login
    await exchange.answer(302, {"Location": location, **fault.headers}, b"")


async def _redirect(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    status = FOUND if fault.fail is None else fault.fail
    await exchange.answer(status, {"Location": fault.location, **fault.headers}, b"")


async def _login_page(exchange: Exchange, fault: Fault) -> None:
    await exchange.instead(fault)
    await exchange.answer(200, {"Content-Type": PAGE, **fault.headers}, LOGIN_PAGE.encode())


KINDS: Mapping[str, Callable[[Exchange, Fault], Awaitable[None]]] = {
    "status": _status,
    "slow": _slow,
    "hang": _hang,
    "hang up": _hang_up,
    "reset": _reset,
    "reset before body": _reset_before_body,
    "reset in body": _reset_in_body,
    "cut header": _cut_header,
    "cut body": _cut_body,
    "wrong length": _wrong_length,
    "short length": _short_length,
    "bad chunk": _bad_chunk,
    "garbage": _garbage,
    "truncated gzip": _truncated_gzip,
    "gzip bomb": _gzip_bomb,
    "drip": _drip,
    "informational": _informational,
    "huge header": _huge_header,
    "login redirect": _login_redirect,
    "redirect": _redirect,
    "login page": _login_page,
}


@define
class Trouble:
    """Stands between the connections and the application, and keeps the log."""

    app: App
    agent: str | None = None
    """What the server sees as User-Agent instead: None as it was sent, empty for nothing."""
    faults: deque[Fault] = field(factory=deque)
    requests: deque[Seen] = field(factory=lambda: deque[Seen](maxlen=REMEMBERED))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let go wrong what is to go wrong."""
        if self.agent is not None:
            kept = [pair for pair in scope["headers"] if pair[0] != b"user-agent"]
            scope["headers"] = [*kept, *([(b"user-agent", self.agent.encode())] if self.agent else [])]
        exchange = Exchange(self.app, scope, receive, send)
        fault = self._fault(scope["method"], scope["path"])
        try:
            if fault is None:
                await exchange.plain()
            else:
                if fault.commit_delay is not None:
                    scope["state"]["commit_delay"] = fault.commit_delay
                await KINDS[fault.kind](exchange, fault)
        except (ConnectionResetError, asyncio.CancelledError):
            pass  # the client has left, or the server is being stopped: there is nobody to answer
        finally:
            self.requests.append(_seen(scope, exchange.status))

    def _fault(self, method: str, path: str) -> Fault | None:
        """The first fault that fits, one time less."""
        fault = next((one for one in self.faults if one.fits(method, path)), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
        return fault


def _seen(scope: Scope, status: int | None) -> Seen:
    state: dict[str, Any] = scope["state"]
    agent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), None)
    return Seen(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        state.get("user"),
        agent,
        status,
        state.get("stored", 0),
    )
