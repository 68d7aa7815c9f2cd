"""An agent that drives `dhis2 mcp` through the official client."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from anyio.from_thread import BlockingPortal
from attrs import define, field
from mcp import Client, StdioServerParameters
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, TextContent

from tests.support.terminal import Terminal

Mode = Literal["auto", "legacy"]
MODES: tuple[Mode, ...] = ("auto", "legacy")


@define
class Person:
    """Who sits at the host, and is asked."""

    says: Literal["yes", "no", "decline", "cancel"] = "yes"
    asked: list[str] = field(factory=list)

    async def answer(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG002 - by name
        self.asked.append(params.message)
        if self.says in ("decline", "cancel"):
            return ElicitResult(action=self.says)
        return ElicitResult(action="accept", content={"confirm": self.says == "yes"})


@define
class Agent:
    """Calls tools, and remembers which."""

    client: Client
    called: set[str] = field(factory=set)

    async def __call__(self, name: str, **arguments: Any) -> Any:
        """Call a tool that does what is asked; gives its data, without the mark where it has one."""
        self.called.add(name)
        result = await self.client.call_tool(name, arguments)
        assert not result.is_error, result.content
        content = result.structured_content
        assert isinstance(content, dict)
        return content["data"] if "warning" in content else content

    async def whole(self, name: str, **arguments: Any) -> Any:
        """The same, with the mark."""
        result = await self.client.call_tool(name, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def words(self, name: str, **arguments: Any) -> str:
        """Call a tool that refuses; gives what it says."""
        result = await self.client.call_tool(name, arguments)
        assert result.is_error
        (content,) = result.content
        assert isinstance(content, TextContent)
        return content.text

    async def error(self, name: str, **arguments: Any) -> Any:
        """The same as data."""
        return json.loads(await self.words(name, **arguments))["error"]


@define
class Host:
    """An agent whose process lives over several tests."""

    agent: Agent
    folder: Path
    portal: BlockingPortal

    def __call__(self, scenario: Callable[[Agent], Awaitable[None]]) -> None:
        """Let the agent play a scenario."""

        async def play() -> None:
            await scenario(self.agent)

        self.portal.call(play)


@asynccontextmanager
async def hosting(
    terminal: Terminal, *words: str, person: Person | None = None, mode: Mode = "auto"
) -> AsyncIterator[Agent]:
    """Start the server of tools as a process, as hosts do."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "dhis2_facade.cli", "mcp", *words],
        env=terminal.environment,
        cwd=terminal.home,
    )
    async with Client(
        parameters, mode=mode, elicitation_callback=person.answer if person else None, client_info=None
    ) as client:
        yield Agent(client)
