"""What the command line and the tools for agents do, as functions from plain arguments to plain data."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, TypedDict, Unpack

from attrs import evolve

from dhis2_facade.cli import shapes
from dhis2_facade.errors import InvalidInput, NotFound
from dhis2_facade.models import Download, FileResource, Message
from dhis2_facade.sources import Attachment, Progress, Upload, safe_name

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2

__all__ = ["OPERATIONS", "STREAMS", "Keep", "Listing"]

Keep: TypeAlias = Callable[[Download], Path]
"""Keeps a file that was fetched into memory, and says where."""
Listing: TypeAlias = Callable[[int], None]
"""Told how many rows of a list have come."""
Where: TypeAlias = "str | Path | BinaryIO | None"

PAGE_SIZE = 50  # conversations
DOMAIN = "MESSAGE_ATTACHMENT"


def _attempted(first_attempt: bool) -> bool | None:
    return False if first_attempt else None


class Choice(TypedDict, total=False):
    """Which conversations of a list are wanted."""

    unread: bool | None
    follow_up: bool | None
    message_type: str | None
    status: str | None
    priority: str | None
    assignee: str | None
    search: str | None
    filters: Sequence[str]


async def list_conversations(
    client: AsyncDhis2,
    *,
    page: int | None = None,
    page_size: int = PAGE_SIZE,
    limit: int | None = PAGE_SIZE,
    listing: Listing | None = None,
    **choice: Unpack[Choice],
) -> shapes.Listed:
    """Give one's conversations, newest first: the first `limit` (None: all), or one page."""
    if limit is not None and limit < 1:
        raise InvalidInput(f"limit: expected a whole number from 1, got {limit}")
    found: list[shapes.Conversation] = []
    if page is None and limit is not None and limit <= page_size:
        first = await anext(aiter(client.messaging.pages(page_size=limit, **choice)))
        return {"conversations": [shapes.conversation_of(row) for row in first.items], "total": first.total}
    async for row in client.messaging.list(page=page, page_size=page_size, **choice):
        found.append(shapes.conversation_of(row))
        if listing:
            listing(len(found))
        if page is None and len(found) == limit:
            return {"conversations": found, "total": None}
    return {"conversations": found, "total": len(found) if page is None else None}


async def get_conversation(client: AsyncDhis2, *, uid: str, mark_read: bool = False) -> shapes.Thread:
    """Give a whole thread, and mark it as read where that is wanted."""
    return shapes.thread_of(await client.messaging.get(uid, mark_read=mark_read))


async def send(
    client: AsyncDhis2,
    *,
    subject: str,
    text: str,
    users: Sequence[str] = (),
    user_groups: Sequence[str] = (),
    organisation_units: Sequence[str] = (),
    attachments: Sequence[Attachment] = (),
    key: str | None = None,
    first_attempt: bool = False,
) -> shapes.Sent:
    """Begin a conversation."""
    sent = await client.messaging.send(
        subject,
        text,
        users=users,
        user_groups=user_groups,
        organisation_units=organisation_units,
        attachments=list(attachments),
        key=key,
        attempted=_attempted(first_attempt),
    )
    return shapes.sent_of(sent)


async def reply(
    client: AsyncDhis2,
    *,
    uid: str,
    text: str,
    attachments: Sequence[Attachment] = (),
    internal: bool = False,
    key: str | None = None,
    first_attempt: bool = False,
) -> shapes.Sent:
    """Reply in a conversation."""
    sent = await client.messaging.reply(
        uid,
        text,
        attachments=list(attachments),
        internal=internal,
        key=key,
        attempted=_attempted(first_attempt),
    )
    return shapes.sent_of(sent)


async def feedback(
    client: AsyncDhis2, *, subject: str, text: str, key: str | None = None, first_attempt: bool = False
) -> shapes.Sent:
    """Write a ticket to those who get feedback."""
    return shapes.sent_of(await client.messaging.feedback(subject, text, key=key, attempted=_attempted(first_attempt)))


async def mark_read(client: AsyncDhis2, *, uids: Sequence[str], user: str | None = None) -> shapes.Marked:
    """Mark conversations as read."""
    return shapes.marked_of(await client.messaging.mark_read(uids, user=user))


async def mark_unread(client: AsyncDhis2, *, uids: Sequence[str], user: str | None = None) -> shapes.Marked:
    """Mark conversations as unread."""
    return shapes.marked_of(await client.messaging.mark_unread(uids, user=user))


async def follow_up(client: AsyncDhis2, *, uids: Sequence[str], user: str | None = None) -> shapes.Marked:
    """Mark conversations for follow-up."""
    return shapes.marked_of(await client.messaging.follow_up(uids, user=user))


async def clear_follow_up(client: AsyncDhis2, *, uids: Sequence[str], user: str | None = None) -> shapes.Marked:
    """Take the follow-up mark away."""
    return shapes.marked_of(await client.messaging.clear_follow_up(uids, user=user))


async def add_recipients(
    client: AsyncDhis2,
    *,
    uid: str,
    users: Sequence[str] = (),
    user_groups: Sequence[str] = (),
    organisation_units: Sequence[str] = (),
) -> shapes.Done:
    """Let others take part in a conversation."""
    await client.messaging.add_recipients(
        uid, users=users, user_groups=user_groups, organisation_units=organisation_units
    )
    return {"id": uid}


async def leave(client: AsyncDhis2, *, uids: Sequence[str], user: str | None = None) -> shapes.Removed:
    """Leave conversations, or take another user out of them."""
    removed = await client.messaging.leave(uids, user=user)
    return {"removed": list(removed.removed), "unchanged": list(removed.unchanged), "everyone": []}


async def delete(client: AsyncDhis2, *, uids: Sequence[str], for_everyone: bool = False) -> shapes.Removed:
    """Leave conversations, which is what people mean; or take everybody out of them."""
    if not for_everyone:
        return await leave(client, uids=uids)
    everyone: dict[str, None] = {}
    for uid in uids:
        everyone.update(dict.fromkeys(await client.messaging.delete_for_everyone(uid)))
    return {"removed": list(uids), "unchanged": [], "everyone": list(everyone)}


async def set_status(client: AsyncDhis2, *, uid: str, status: str) -> shapes.Done:
    """Set the status of a ticket."""
    await client.messaging.set_status(uid, status)
    return {"id": uid}


async def set_priority(client: AsyncDhis2, *, uid: str, priority: str) -> shapes.Done:
    """Set the priority of a ticket."""
    await client.messaging.set_priority(uid, priority)
    return {"id": uid}


async def assign(client: AsyncDhis2, *, uid: str, user: str) -> shapes.Done:
    """Assign a ticket to one who gets feedback."""
    await client.messaging.assign(uid, user)
    return {"id": uid}


async def unassign(client: AsyncDhis2, *, uid: str) -> shapes.Done:
    """Assign a ticket to nobody."""
    await client.messaging.unassign(uid)
    return {"id": uid}


async def unread_count(client: AsyncDhis2) -> shapes.Count:
    """Count one's unread conversations."""
    return {"unread": await client.messaging.unread_count()}


async def watch(
    client: AsyncDhis2, *, interval: float = 30.0, cursor: str | None = None, own: bool = False
) -> AsyncGenerator[shapes.New, None]:
    """Give new messages as they come, for ever."""
    async for new in client.messaging.watch(interval=interval, cursor=cursor, own=own):
        yield shapes.new_of(new)


async def download_attachments(
    client: AsyncDhis2,
    *,
    uid: str,
    files: Sequence[str] = (),
    to: Where = None,
    keep: Keep | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[shapes.Downloaded]:
    """Fetch the attachments of a conversation: those that are named by uid, or all.

    Those that have one name get their uids into theirs.
    """
    thread = await client.messaging.get(uid)
    there: dict[str, tuple[Message, FileResource]] = {
        str(file.id): (message, file) for message in thread.messages or () for file in message.attachments or ()
    }
    missing = [file for file in files if file not in there]
    if missing:
        raise NotFound(f"{uid} has no attachment {', '.join(missing)}; it has: {', '.join(there) or 'none'}")
    chosen = list(dict.fromkeys(files)) or list(there)
    if not chosen:
        raise NotFound(f"{uid} has no attachments")
    fetched = []
    names = [safe_name(there[file][1].name) for file in chosen]
    for file, name in zip(chosen, names, strict=True):
        own = name if names.count(name) == 1 else f"{Path(name).stem}-{file}{Path(name).suffix}"  # as in many threads
        where = to
        if own != name and isinstance(to, Path) and to.is_dir():
            where = to / own
            if where.exists():
                raise InvalidInput(f"to: {where} is there already; pass the path to write, and it is replaced")
        download = await client.messaging.download_attachment(
            uid, there[file][0], file, to=where, limit=limit, progress=progress
        )
        fetched.append(_kept(file, download if own == name else evolve(download, name=own), keep))
    return fetched


def _kept(uid: str, download: Download, keep: Keep | None) -> shapes.Downloaded:
    data = shapes.downloaded_of(uid, download)
    if keep:
        data["path"] = str(keep(download))
    return data


async def upload(
    client: AsyncDhis2,
    *,
    sources: Sequence[Upload],
    domain: str = DOMAIN,
    name: str | None = None,
    content_type: str | None = None,
    uid: str | None = None,
    progress: Progress | None = None,
) -> list[shapes.File]:
    """Upload files."""
    if len(sources) > 1 and (name or uid):
        raise InvalidInput("a name or uid of one's own is for one file")
    return [
        shapes.file_of(
            await client.files.upload(
                source, domain=domain, name=name, content_type=content_type, uid=uid, progress=progress
            )
        )
        for source in sources
    ]


async def get_file(client: AsyncDhis2, *, uid: str) -> shapes.File:
    """Look at a file resource."""
    return shapes.file_of(await client.files.get(uid))


async def download(
    client: AsyncDhis2,
    *,
    uid: str,
    to: Where = None,
    keep: Keep | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> shapes.Downloaded:
    """Fetch the content of a file resource."""
    return _kept(uid, await client.files.download(uid, to=to, limit=limit, progress=progress), keep)


async def search_people(client: AsyncDhis2, *, text: str, feedback: bool = False) -> shapes.Found:
    """Find whom one can write to; `feedback`: whom a ticket can be assigned to."""
    if feedback:
        users = await client.people.feedback_recipients(text)
        return {"users": [shapes.user_of(one) for one in users], "user_groups": [], "organisation_units": []}
    return shapes.found_of(await client.people.search(text))


async def me(client: AsyncDhis2) -> shapes.Me:
    """Say who one is."""
    return shapes.me_of(await client.people.me())


OPERATIONS: Mapping[str, Callable[..., Awaitable[object]]] = {
    "messaging.list": list_conversations,
    "messaging.get": get_conversation,
    "messaging.send": send,
    "messaging.reply": reply,
    "messaging.feedback": feedback,
    "messaging.mark-read": mark_read,
    "messaging.mark-unread": mark_unread,
    "messaging.follow-up": follow_up,
    "messaging.clear-follow-up": clear_follow_up,
    "messaging.add-recipients": add_recipients,
    "messaging.leave": leave,
    "messaging.delete": delete,
    "messaging.set-status": set_status,
    "messaging.set-priority": set_priority,
    "messaging.assign": assign,
    "messaging.unassign": unassign,
    "messaging.unread-count": unread_count,
    "messaging.attachments.download": download_attachments,
    "files.upload": upload,
    "files.get": get_file,
    "files.download": download,
    "people.search": search_people,
    "people.me": me,
}
STREAMS: Mapping[str, Callable[..., AsyncGenerator[object, None]]] = {"messaging.watch": watch}
