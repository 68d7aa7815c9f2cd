"""The server of the tools: which of them are offered, and over what they are spoken to."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
import uvicorn
from mcp.server import MCPServer

from dhis2_facade.cli.exits import Failure
from dhis2_facade.mcp.answers import WARNING
from dhis2_facade.mcp.session import Serving, Session, opened
from dhis2_facade.mcp.strict import Strict
from dhis2_facade.mcp.tools import offered

__all__ = ["Serving", "build", "serve"]

HOST = "127.0.0.1"
SECRET = "DHIS2_MCP_SECRET"  # noqa: S105 - the name of a variable
INSTRUCTIONS = f"""\
Messages, files and people of a DHIS2 server, as one of its users. {WARNING}
Uids are a letter and ten letters or digits.
A send, reply or feedback is stored at most once: pass a `key` that stands for the message, and the same key again if
the answer says `ambiguous`. Errors are JSON with `kind`, `message` and, for messages, `key`.
"""


def build(serving: Serving) -> MCPServer[Session]:
    """Make the server with the tools that may be offered."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[Session]) -> AsyncIterator[Session]:
        async with opened(serving) as session:
            yield session

    tools = offered(read_only=serving.read_only, files=serving.folder is not None)
    return MCPServer(
        "dhis2",
        title="DHIS2 messages, files and people",
        version=version("dhis2-facade"),
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        log_level="WARNING",
        tools=[Strict.of(tool) for tool in tools],
    )


def serve(serving: Serving, *, port: int | None) -> None:
    """Serve over standard input and output, or at a port of loopback, until the host ends it."""
    server = build(serving)
    if port is None:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in the background
            # Standard input is read in a thread, for which an orderly end would wait.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        server.run("stdio")
    else:
        anyio.run(_http, server, serving, port)


async def _http(server: MCPServer[Session], serving: Serving, port: int) -> None:
    """Serve HTTP at a path that other users of this machine do not know."""
    secret = os.environ.get(SECRET) or secrets.token_urlsafe(16)
    if not re.fullmatch(r"[\w-]{8,}", secret, re.ASCII):
        raise Failure(f"{SECRET}: expected 8 or more letters, digits, _ or -, as a part of an address")
    path = f"/{secret}/mcp"
    app = server.streamable_http_app(streamable_http_path=path, host=HOST)
    with socket.create_server((HOST, port)) as listening:
        serving.say(f"serving http://{HOST}:{listening.getsockname()[1]}{path}")
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve([listening])
