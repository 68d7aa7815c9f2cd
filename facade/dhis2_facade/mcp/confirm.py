"""A person's yes before what cannot be taken back: asked through the host, or else said by the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit
from pydantic import BaseModel, Field

from dhis2_facade.cli import visible
from dhis2_facade.errors import Dhis2Error, InvalidInput
from dhis2_facade.mcp.answers import failed

__all__ = [
    "Answer",
    "Confirmation",
    "confirming_many",
    "confirming_one",
    "confirming_subject",
    "confirming_text",
    "needed",
]

SHOWN = 80  # characters of a subject in a question


class Confirmation(BaseModel):
    """The answer of a person."""

    confirm: bool = Field(description="Yes, do it.")


Answer: TypeAlias = ElicitationResult[Confirmation]


def needed(answer: Answer) -> None:
    """Go on with a yes only, not where the person said no or closed the question. Raises the error of the tool."""
    if not isinstance(answer, AcceptedElicitation) or not answer.data.confirm:
        raise failed(Dhis2Error("the user did not say yes; nothing was done"))


Asked: TypeAlias = Confirmation | Elicit[Confirmation]


def _asked(context: Context[Any, Any], what: str, *, confirm: bool) -> Asked:
    """Ask through the host where it can ask, whatever the caller says; else take the caller's word."""
    capabilities = context.client_capabilities
    if capabilities is not None and capabilities.elicitation is not None:
        return Elicit(f"{what}?", Confirmation)
    if not confirm:
        raise failed(
            InvalidInput(
                f"{what}: not done. This host cannot ask its user, so ask the user yourself, and only after a yes "
                "call again with confirm=true."
            )
        )
    return Confirmation(confirm=True)


# The names of the parameters are those of the tools: the protocol's library passes a tool's arguments by name.


def confirming_subject(what: str) -> Callable[..., Awaitable[Asked]]:
    """Ask before something with a subject."""

    async def ask(context: Context[Any, Any], subject: str, confirm: bool) -> Asked:
        return _asked(context, f"{what}: {visible.line(subject)[:SHOWN]!r}", confirm=confirm)

    return ask


def confirming_one(what: str) -> Callable[..., Awaitable[Asked]]:
    """Ask before something with one conversation."""

    async def ask(context: Context[Any, Any], uid: str, confirm: bool) -> Asked:
        return _asked(context, f"{what}: {visible.line(uid)[:SHOWN]}", confirm=confirm)

    return ask


def confirming_text(what: str) -> Callable[..., Awaitable[Asked]]:
    """Ask before a text goes into a conversation."""

    async def ask(context: Context[Any, Any], uid: str, text: str, confirm: bool) -> Asked:
        shown = visible.line(text)[:SHOWN]
        return _asked(context, f"{what} {visible.line(uid)[:SHOWN]}: {shown!r}", confirm=confirm)

    return ask


def confirming_many(what: str) -> Callable[..., Awaitable[Asked]]:
    """Ask before something with several conversations."""

    async def ask(context: Context[Any, Any], uids: list[str], confirm: bool) -> Asked:
        return _asked(context, f"{what}: {visible.line(', '.join(uids))[:SHOWN]}", confirm=confirm)

    return ask
