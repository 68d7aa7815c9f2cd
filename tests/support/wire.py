"""A server of raw sockets on loopback: a test says byte by byte what goes over the wire, and when."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from attrs import define, field

INFO = "/api/system/info"
ZONE = "Africa/Lagos"


@define
class Asked:
    """A request as it came, and the number of the connection that it came on."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Talk:
    """The server's end of a connection."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self.connection, self.over, self.open = connection, over, True

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """Answer whole. Names of headers are given with underscores."""
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        given = {"content-type": "application/json", "content-length": str(len(body)), **given}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.send(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)

    def drip(self, content: bytes, pause: float) -> None:
        """Send byte by byte until the test is over."""
        for byte in content:
            if self.over.wait(pause):
                return
            self.send(bytes([byte]))

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.over.wait(20)

    def close(self) -> None:
        self.open = False

    def reset(self) -> None:
        """Break the connection without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False


Script: TypeAlias = Callable[[Asked, Talk], None]


@define
class Wire:
    """A running server: its address, what it was asked, and its open connections."""

    url: str
    asked: list[Asked] = field(factory=list)
    connections: int = 0

    def of(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith(path)]


def info(asked: Asked, talk: Talk, version: str) -> None:
    """Answer the first call as a server of this version, which sees the User-Agent as it came."""
    told = {"version": f"2.{version}.0", "serverTimeZoneId": ZONE, "userAgent": asked.headers.get("user-agent")}
    talk.answer(body=json.dumps(told).encode())


@contextmanager
def wired(script: Script, *, version: str | None = None, context: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Answer as the script says; with a version the first call is answered without it."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if context else "http"
    wire, over, threads = Wire(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"), threading.Event(), []
    connections: list[socket.socket] = []

    def serve(connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            talk = Talk(context.wrap_socket(connection, server_side=True) if context else connection, over)
            with talk.connection as speaking:
                while talk.open and (asked := _request(speaking, number)):
                    wire.asked.append(asked)
                    if version and asked.path.endswith(INFO):
                        info(asked, talk, version)
                    else:
                        script(asked, talk)

    def accept() -> None:
        with suppress(OSError):
            while not over.is_set():
                connection, _ = listener.accept()
                wire.connections += 1
                connections.append(connection)
                thread = threading.Thread(target=serve, args=(connection, wire.connections), daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield wire
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)


def _request(connection: socket.socket, number: int) -> Asked | None:
    """Read a request with its body, or None where the other end is done."""
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        piece = connection.recv(65536)
        if not piece:
            return None
        buffer += piece
    head, _, body = buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    whole = (
        _joined if headers.get("transfer-encoding") == "chunked" else _counted(int(headers.get("content-length", 0)))
    )
    while (content := whole(body)) is None:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Asked(method, target, headers, content, number)


def _counted(length: int) -> Callable[[bytes], bytes | None]:
    return lambda body: body if len(body) >= length else None


def _joined(body: bytes) -> bytes | None:
    """Give the content of all chunks, or None where some have not come yet."""
    pieces: list[bytes] = []
    while True:
        line, found, body = body.partition(b"\r\n")
        size = int(line, 16) if found else -1
        if size < 0 or len(body) < size + 2:
            return None
        if not size:
            return b"".join(pieces)
        pieces.append(body[:size])
        body = body[size + 2 :]


def unused() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def within(seconds: float, began: float) -> bool:
    """Whether no more than this has passed since, with some room for a busy machine."""
    return time.monotonic() - began < seconds + 2.0
