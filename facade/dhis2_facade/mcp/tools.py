"""The tools: the operations of the service, each with what an agent must know of it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from attrs import frozen
from mcp.server.mcpserver import Context, Resolve
from mcp_types import ToolAnnotations
from pydantic import Field

from dhis2_facade.cli import service, shapes
from dhis2_facade.mcp.answers import Untrusted, marked_untrusted, newest
from dhis2_facade.mcp.confirm import (
    Answer,
    confirming_many,
    confirming_one,
    confirming_subject,
    confirming_text,
    needed,
)
from dhis2_facade.mcp.folder import LARGEST
from dhis2_facade.mcp.session import Session
from dhis2_facade.models import Download

__all__ = ["TOOLS", "Kind", "Tool", "offered"]

Asking: TypeAlias = Context[Session, Any]
MOST = 100  # conversations of a list, messages of a thread


class Kind(enum.Enum):
    """What a tool changes."""

    READ = "nothing"
    KEEP = "a new file in the folder, and nothing on the server"
    SET = "what can be set back, and done twice is done once"
    SEND = "adds what others see"
    DESTROY = "takes away"


READ_ONLY = (Kind.READ, Kind.KEEP)  # of the server
IDEMPOTENT = (Kind.READ, Kind.SET, Kind.DESTROY)


@frozen
class Tool:
    """A tool: the operation that it is, what it changes, and whether it needs the folder."""

    operation: str
    title: str
    kind: Kind
    function: Callable[..., Awaitable[object]]
    files: bool = False

    @property
    def name(self) -> str:
        """The operation's name, as tools are named."""
        return self.operation.replace(".", "_").replace("-", "_")

    @property
    def annotations(self) -> ToolAnnotations:
        """What the protocol is told of it."""
        return ToolAnnotations(
            title=self.title,
            read_only_hint=self.kind is Kind.READ,
            destructive_hint=self.kind is Kind.DESTROY,
            idempotent_hint=self.kind in IDEMPOTENT,
            open_world_hint=True,
        )


TOOLS: dict[str, Tool] = {}


def offered(*, read_only: bool, files: bool) -> Iterator[Tool]:
    """Give the tools that may be offered."""
    for tool in TOOLS.values():
        if (files or not tool.files) and (not read_only or tool.kind in READ_ONLY):
            yield tool


def _tool(
    operation: str, title: str, kind: Kind, *, files: bool = False
) -> Callable[[Callable[..., Awaitable[object]]], Callable[..., Awaitable[object]]]:
    def register(function: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        TOOLS[operation] = Tool(operation, title, kind, function, files)
        return function

    return register


def _session(context: Asking) -> Session:
    return context.request_context.lifespan_context


Uid = Annotated[str, Field(description="The uid of the conversation.")]
Uids = Annotated[list[str], Field(description="The uids of the conversations.", min_length=1, max_length=MOST)]
Users = Annotated[list[str], Field(description="Uids of users; people_search finds them.", max_length=MOST)]
Groups = Annotated[list[str], Field(description="Uids of user groups.", max_length=MOST)]
Units = Annotated[list[str], Field(description="Uids of organisation units: all users in them.", max_length=MOST)]
Attachments = Annotated[
    list[str],
    Field(description="Uids of uploaded files, or paths within the folder that the server was given.", max_length=20),
]
Key = Annotated[
    str | None,
    Field(
        description="Any text of yours that stands for this message: with the same key it is stored once.", min_length=1
    ),
]
FirstAttempt = Annotated[
    bool, Field(description="The key was certainly never used before, so its earlier use is not waited for.")
]
ForUser = Annotated[str | None, Field(description="The uid of another user, for whom it is done.")]
Confirm = Annotated[
    bool,
    Field(description="True only after the user said yes to exactly this; hosts that can ask, ask by themselves."),
]
Subject = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(min_length=1, description="Plain text.")]


# -- reading ----------------------------------------------------------------------------------------------------------


@_tool("messaging.list", "List message conversations", Kind.READ)
async def _list(
    context: Asking,
    *,
    unread: Annotated[bool | None, Field(description="Only unread ones, or only read ones.")] = None,
    follow_up: Annotated[bool | None, Field(description="Only those marked for follow-up, or the others.")] = None,
    message_type: Annotated[str | None, Field(description="PRIVATE, SYSTEM, TICKET, VALIDATION_RESULT.")] = None,
    status: Annotated[str | None, Field(description="NONE, OPEN, PENDING, INVALID, SOLVED.")] = None,
    priority: Annotated[str | None, Field(description="NONE, LOW, MEDIUM, HIGH.")] = None,
    assignee: Annotated[str | None, Field(description="The uid of a user.")] = None,
    search: Annotated[str | None, Field(description="Only where subject, texts or senders hold this.")] = None,
    filters: Annotated[list[str], Field(description="The server's own, such as subject:ilike:stock.")] = [],  # noqa: B006
    page: Annotated[int, Field(ge=1, description="The page, of `limit` conversations.")] = 1,
    limit: Annotated[int, Field(ge=1, le=MOST)] = 20,
) -> Untrusted[shapes.Listed]:
    """List the user's message conversations, newest first, without their messages; messaging_get gives those."""
    data = await _session(context).ask(
        service.list_conversations,
        unread=unread,
        follow_up=follow_up,
        message_type=message_type,
        status=status,
        priority=priority,
        assignee=assignee,
        search=search,
        filters=filters,
        page=page if page > 1 else None,
        page_size=limit,
        limit=limit,
    )
    return marked_untrusted(data)


@_tool("messaging.get", "Read a message conversation", Kind.READ)
async def _get(
    context: Asking,
    uid: Uid,
    *,
    messages: Annotated[int, Field(ge=1, le=MOST, description="The newest so many messages.")] = 50,
) -> Untrusted[shapes.Thread]:
    """Read a conversation: its messages, oldest first, who takes part, status and priority. It stays unread."""
    return newest(await _session(context).ask(service.get_conversation, uid=uid), messages)


@_tool("messaging.unread-count", "Count unread conversations", Kind.READ)
async def _unread_count(context: Asking) -> shapes.Count:
    """Count the user's unread conversations."""
    return await _session(context).ask(service.unread_count)


@_tool("files.get", "Look at a file resource", Kind.READ)
async def _get_file(
    context: Asking, uid: Annotated[str, Field(description="The uid of the file resource.")]
) -> Untrusted[shapes.File]:
    """Look at a file resource: name, type, size, domain; not its content."""
    return marked_untrusted(await _session(context).ask(service.get_file, uid=uid))


@_tool("people.search", "Find people to write to", Kind.READ)
async def _search(
    context: Asking,
    text: Annotated[str, Field(min_length=1, description="A part of a name.")],
    *,
    feedback: Annotated[bool, Field(description="Only users to whom tickets can be assigned.")] = False,
) -> Untrusted[shapes.Found]:
    """Find users, user groups and organisation units by a part of their names."""
    return marked_untrusted(await _session(context).ask(service.search_people, text=text, feedback=feedback))


@_tool("people.me", "Who the user is", Kind.READ)
async def _me(context: Asking) -> Untrusted[shapes.Me]:
    """Say as which user of the server everything here is done, and what that user may do."""
    return marked_untrusted(await _session(context).ask(service.me))


# -- sending ----------------------------------------------------------------------------------------------------------


@_tool("messaging.send", "Send a message", Kind.SEND)
async def _send(
    context: Asking,
    subject: Subject,
    text: Text,
    answer: Annotated[Answer, Resolve(confirming_subject("Send the message"))],
    *,
    users: Users = [],  # noqa: B006
    user_groups: Groups = [],  # noqa: B006
    organisation_units: Units = [],  # noqa: B006
    attachments: Attachments = [],  # noqa: B006
    key: Key = None,
    first_attempt: FirstAttempt = False,
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> Untrusted[shapes.Sent]:
    """Begin a conversation. It cannot be taken back; it is stored at most once, also over calls with the same key."""
    session = _session(context)
    needed(answer)
    return marked_untrusted(
        await session.write(
            service.send,
            subject=subject,
            text=text,
            users=users,
            user_groups=user_groups,
            organisation_units=organisation_units,
            attachments=session.attachments(attachments),
            key=key,
            first_attempt=first_attempt,
        )
    )


@_tool("messaging.reply", "Reply in a conversation", Kind.SEND)
async def _reply(
    context: Asking,
    uid: Uid,
    text: Text,
    answer: Annotated[Answer, Resolve(confirming_text("Reply in the conversation"))],
    *,
    attachments: Attachments = [],  # noqa: B006
    internal: Annotated[bool, Field(description="A note in a ticket, for those who get feedback.")] = False,
    key: Key = None,
    first_attempt: FirstAttempt = False,
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> Untrusted[shapes.Sent]:
    """Reply to all who take part. It cannot be taken back; it is stored at most once, as with messaging_send."""
    session = _session(context)
    needed(answer)
    return marked_untrusted(
        await session.write(
            service.reply,
            uid=uid,
            text=text,
            attachments=session.attachments(attachments),
            internal=internal,
            key=key,
            first_attempt=first_attempt,
        )
    )


@_tool("messaging.feedback", "Write a ticket", Kind.SEND)
async def _feedback(
    context: Asking,
    subject: Subject,
    text: Text,
    answer: Annotated[Answer, Resolve(confirming_subject("Write the ticket"))],
    *,
    key: Key = None,
    first_attempt: FirstAttempt = False,
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> Untrusted[shapes.Sent]:
    """Write a ticket to those who run the server. It is stored at most once, as with messaging_send."""
    needed(answer)
    data = await _session(context).write(
        service.feedback, subject=subject, text=text, key=key, first_attempt=first_attempt
    )
    return marked_untrusted(data)


@_tool("messaging.add-recipients", "Let others take part", Kind.SET)
async def _add_recipients(
    context: Asking,
    uid: Uid,
    answer: Annotated[Answer, Resolve(confirming_one("Show all of the conversation to more people"))],
    *,
    users: Users = [],  # noqa: B006
    user_groups: Groups = [],  # noqa: B006
    organisation_units: Units = [],  # noqa: B006
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> shapes.Done:
    """Let others take part in a conversation; they see all of it, also what was written before."""
    needed(answer)
    return await _session(context).ask(
        service.add_recipients,
        uid=uid,
        users=users,
        user_groups=user_groups,
        organisation_units=organisation_units,
    )


# -- marks and tickets ------------------------------------------------------------------------------------------------


@_tool("messaging.mark-read", "Mark as read", Kind.SET)
async def _mark_read(context: Asking, uids: Uids, *, user: ForUser = None) -> shapes.Marked:
    """Mark conversations as read."""
    return await _session(context).ask(service.mark_read, uids=uids, user=user)


@_tool("messaging.mark-unread", "Mark as unread", Kind.SET)
async def _mark_unread(context: Asking, uids: Uids, *, user: ForUser = None) -> shapes.Marked:
    """Mark conversations as unread."""
    return await _session(context).ask(service.mark_unread, uids=uids, user=user)


@_tool("messaging.follow-up", "Mark for follow-up", Kind.SET)
async def _follow_up(context: Asking, uids: Uids, *, user: ForUser = None) -> shapes.Marked:
    """Mark conversations for follow-up."""
    return await _session(context).ask(service.follow_up, uids=uids, user=user)


@_tool("messaging.clear-follow-up", "Clear the follow-up mark", Kind.SET)
async def _clear_follow_up(context: Asking, uids: Uids, *, user: ForUser = None) -> shapes.Marked:
    """Take the follow-up mark away."""
    return await _session(context).ask(service.clear_follow_up, uids=uids, user=user)


@_tool("messaging.set-status", "Set a ticket's status", Kind.SET)
async def _set_status(
    context: Asking, uid: Uid, status: Annotated[str, Field(description="NONE, OPEN, PENDING, INVALID or SOLVED.")]
) -> shapes.Done:
    """Set the status of a ticket."""
    return await _session(context).ask(service.set_status, uid=uid, status=status)


@_tool("messaging.set-priority", "Set a ticket's priority", Kind.SET)
async def _set_priority(
    context: Asking, uid: Uid, priority: Annotated[str, Field(description="NONE, LOW, MEDIUM or HIGH.")]
) -> shapes.Done:
    """Set the priority of a ticket."""
    return await _session(context).ask(service.set_priority, uid=uid, priority=priority)


@_tool("messaging.assign", "Assign a ticket", Kind.SET)
async def _assign(
    context: Asking, uid: Uid, user: Annotated[str, Field(description="The uid of one who gets feedback.")]
) -> shapes.Done:
    """Assign a ticket to a user who gets feedback; people_search with feedback=true finds them."""
    return await _session(context).ask(service.assign, uid=uid, user=user)


@_tool("messaging.unassign", "Assign a ticket to nobody", Kind.SET)
async def _unassign(context: Asking, uid: Uid) -> shapes.Done:
    """Assign a ticket to nobody."""
    return await _session(context).ask(service.unassign, uid=uid)


# -- leaving ----------------------------------------------------------------------------------------------------------


@_tool("messaging.leave", "Leave conversations", Kind.DESTROY)
async def _leave(
    context: Asking,
    uids: Uids,
    answer: Annotated[Answer, Resolve(confirming_many("Leave the conversations"))],
    *,
    user: Annotated[str | None, Field(description="The uid of another user, who is taken out instead.")] = None,
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> shapes.Removed:
    """Leave conversations; others keep them. One cannot come back by oneself."""
    needed(answer)
    return await _session(context).ask(service.leave, uids=uids, user=user)


@_tool("messaging.delete", "Delete conversations", Kind.DESTROY)
async def _delete(
    context: Asking,
    uids: Uids,
    answer: Annotated[Answer, Resolve(confirming_many("Delete the conversations"))],
    *,
    for_everyone: Annotated[
        bool, Field(description="Take everybody out; then only a superuser can read them. Else only oneself.")
    ] = False,
    confirm: Confirm = False,  # noqa: ARG001 - the resolver takes it by name
) -> shapes.Removed:
    """Delete conversations from the user's own messages; others keep them, unless for_everyone is true."""
    needed(answer)
    return await _session(context).ask(service.delete, uids=uids, for_everyone=for_everyone)


# -- files ------------------------------------------------------------------------------------------------------------

To = Annotated[
    str | None, Field(description="The path to write within the folder; else the server's name. No file is replaced.")
]


def _keeper(context: Asking, to: str | None) -> Callable[[Download], Path]:
    folder = _session(context).folder
    return lambda download: Path(folder.write(to, download.name, download.content or b""))


@_tool("files.upload", "Upload a file", Kind.SEND, files=True)
async def _upload(
    context: Asking,
    path: Annotated[str, Field(description="The file, within the folder that the server was given.")],
    *,
    domain: Annotated[str, Field(description="What it is for, such as DOCUMENT.")] = service.DOMAIN,
    name: Annotated[str | None, Field(description="Its name on the server; else its own.")] = None,
    content_type: Annotated[str | None, Field(description="Such as text/csv; else guessed from the name.")] = None,
    uid: Annotated[str | None, Field(description="A uid of one's own: the same upload can be made again.")] = None,
) -> Untrusted[list[shapes.File]]:
    """Upload a file of the folder; its uid can be attached to a message."""
    session = _session(context)
    data = await session.ask(
        service.upload,
        sources=[session.file(path)],
        domain=domain,
        name=name,
        content_type=content_type,
        uid=uid,
    )
    return marked_untrusted(data)


@_tool("files.download", "Download a file", Kind.KEEP, files=True)
async def _download(
    context: Asking, uid: Annotated[str, Field(description="The uid of the file resource.")], *, to: To = None
) -> Untrusted[shapes.Downloaded]:
    """Download a file resource into the folder; the answer names its path there."""
    keep = _keeper(context, to)
    return marked_untrusted(await _session(context).ask(service.download, uid=uid, keep=keep, limit=LARGEST))


@_tool("messaging.attachments.download", "Download attachments", Kind.KEEP, files=True)
async def _download_attachments(
    context: Asking,
    uid: Uid,
    *,
    files: Annotated[list[str], Field(description="Uids of the files; else all.", max_length=MOST)] = [],  # noqa: B006
) -> Untrusted[list[shapes.Downloaded]]:
    """Download what is attached to a conversation into the folder; the answer names the paths there."""
    keep = _keeper(context, None)
    data = await _session(context).ask(service.download_attachments, uid=uid, files=files, keep=keep, limit=LARGEST)
    return marked_untrusted(data)
