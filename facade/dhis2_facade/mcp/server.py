"""The server of the tools: which of them are offered, and over what they are spoken to."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
import uvicorn
from mcp.server import MCPServer

from dhis2_facade.mcp.answers import WARNING
from dhis2_facade.mcp.session import Serving, Session, opened
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

    server = MCPServer(
        "dhis2",
        title="DHIS2 messages, files and people",
        version=version("dhis2-facade"),
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        log_level="WARNING",
    )
    for tool in offered(read_only=serving.read_only, files=serving.folder is not None):
        server.add_tool(
            tool.function,
            name=tool.name,
            title=tool.title,
            annotations=tool.annotations,
            structured_output=True,
        )
    return server


def serve(serving: Serving, *, port: int | None) -> None:
    """Serve over standard input and output, or at a port of loopback, until the host ends it."""
    server = build(serving)
    if port is None:
        server.run("stdio")
    else:
        anyio.run(_http, server, serving, port)


async def _http(server: MCPServer[Session], serving: Serving, port: int) -> None:
    """Serve HTTP at a path that other users of this machine do not know."""
    path = f"/{os.environ.get(SECRET) or secrets.token_urlsafe(16)}/mcp"
    app = server.streamable_http_app(streamable_http_path=path, host=HOST)
    with socket.create_server((HOST, port)) as listening:
        serving.say(f"serving http://{HOST}:{listening.getsockname()[1]}{path}")
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve([listening])
