"""The facade's objects as plain data: what `--json` prints and what the tools for agents answer."""

from __future__ import annotations

import sys
from datetime import datetime

from dhis2_facade import models

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:  # pydantic, which makes the schemas for agents, cannot read the older ones
    from typing_extensions import TypedDict

__all__ = [
    "Conversation",
    "Count",
    "Done",
    "Downloaded",
    "File",
    "Found",
    "Listed",
    "Marked",
    "Me",
    "Message",
    "Named",
    "New",
    "Participant",
    "Removed",
    "Sent",
    "Thread",
    "conversation_of",
    "downloaded_of",
    "file_of",
    "found_of",
    "marked_of",
    "me_of",
    "new_of",
    "sent_of",
    "thread_of",
    "user_of",
]


class Named(TypedDict):
    """A user, user group or organisation unit."""

    id: str | None
    name: str | None
    username: str | None


class Me(Named):
    """Who one is."""

    superuser: bool
    authorities: list[str]


class File(TypedDict):
    """A file resource; `assigned` says whether it is attached already, where the server tells."""

    id: str | None
    name: str | None
    content_type: str | None
    size: int | None
    md5: str | None
    domain: str | None
    assigned: bool | None
    created: str | None


class Message(TypedDict):
    """A message; `internal` is a note that the sender of a ticket does not see, no sender is the server itself."""

    id: str | None
    created: str | None
    sender: Named | None
    text: str | None
    internal: bool
    attachments: list[File]


class Participant(TypedDict):
    """One who takes part, and what the conversation is to them."""

    user: Named | None
    read: bool | None
    follow_up: bool | None


class Conversation(TypedDict):
    """A message conversation as a row of a list."""

    id: str | None
    subject: str | None
    type: str | None
    status: str | None
    priority: str | None
    unread: bool | None
    follow_up: bool | None
    message_count: int | None
    created: str | None
    last_message: str | None
    last_sender: Named | None
    assignee: Named | None


class Thread(Conversation):
    """A message conversation with its messages."""

    participants: list[Participant]
    messages: list[Message]


class Listed(TypedDict):
    """Conversations, and how many there are in all, where that was asked."""

    conversations: list[Conversation]
    total: int | None


class Sent(TypedDict):
    """What became of a send, reply or feedback: it is stored, once."""

    key: str
    id: str | None
    message: Message | None
    subject: str | None
    found: bool
    copies: int
    read_error: str | None


class Marked(TypedDict):
    """What a mark changed; None where the server does not say."""

    changed: list[str] | None
    unchanged: list[str] | None
    accepted: list[str] | None


class Removed(TypedDict):
    """Which conversations were left, which had been left before; `everyone` are the users who were taken out."""

    removed: list[str]
    unchanged: list[str]
    everyone: list[str]


class Count(TypedDict):
    """How many conversations are unread."""

    unread: int


class Done(TypedDict):
    """A conversation that was changed."""

    id: str


class Downloaded(TypedDict):
    """A file that was fetched."""

    id: str
    name: str | None
    content_type: str | None
    size: int
    path: str | None


class Found(TypedDict):
    """Whom a search found."""

    users: list[Named]
    user_groups: list[Named]
    organisation_units: list[Named]


class New(TypedDict):
    """A new message, its conversation, and the cursor to go on from behind it."""

    conversation: Conversation
    message: Message
    cursor: str


def _time(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None


def user_of(one: models.User) -> Named:
    """Give a user."""
    name = one.display_name or " ".join(part for part in (one.first_name, one.surname) if part) or one.username
    return {"id": one.id, "name": name, "username": one.username}


def _named(one: models.UserGroup | models.OrganisationUnit) -> Named:
    return {"id": one.id, "name": one.display_name, "username": None}


def me_of(user: models.User) -> Me:
    """Give oneself."""
    return {**user_of(user), "superuser": user.is_superuser, "authorities": sorted(user.authorities or ())}


def file_of(file: models.FileResource) -> File:
    """Give a file resource."""
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.content_length,
        "md5": file.content_md5,
        "domain": file.domain,
        "assigned": file.assigned,
        "created": _time(file.created),
    }


def _message(message: models.Message) -> Message:
    return {
        "id": message.id,
        "created": _time(message.created),
        "sender": user_of(message.sender) if message.sender else None,
        "text": message.text,
        "internal": bool(message.internal),
        "attachments": [file_of(one) for one in message.attachments or ()],
    }


def conversation_of(one: models.MessageConversation) -> Conversation:
    """Give a conversation as a row."""
    return {
        "id": one.id,
        "subject": one.subject,
        "type": one.message_type,
        "status": one.status,
        "priority": one.priority,
        "unread": one.unread,
        "follow_up": one.follow_up,
        "message_count": one.message_count,
        "created": _time(one.created),
        "last_message": _time(one.last_message),
        "last_sender": user_of(one.last_sender) if one.last_sender else None,
        "assignee": user_of(one.assignee) if one.assignee else None,
    }


def _oldest_first(message: models.Message) -> tuple[float, str]:
    return (message.created.timestamp() if message.created else 0.0, message.id or "")


def thread_of(one: models.MessageConversation) -> Thread:
    """Give a conversation with its messages, oldest first."""
    return {
        **conversation_of(one),
        "participants": [
            {"user": user_of(part.user) if part.user else None, "read": part.read, "follow_up": part.follow_up}
            for part in one.user_messages or ()
        ],
        "messages": [_message(message) for message in sorted(one.messages or (), key=_oldest_first)],
    }


def sent_of(sent: models.Sent) -> Sent:
    """Give what became of a write."""
    return {
        "key": sent.key,
        "id": sent.uid,
        "message": _message(sent.message) if sent.message else None,
        "subject": sent.conversation.subject if sent.conversation else None,
        "found": sent.found,
        "copies": sent.copies,
        "read_error": sent.read_error,
    }


def marked_of(marked: models.Marked) -> Marked:
    """Give what a mark changed."""

    def uids(several: tuple[str, ...] | None) -> list[str] | None:
        return None if several is None else list(several)

    return {
        "changed": uids(marked.changed),
        "unchanged": uids(marked.unchanged),
        "accepted": uids(marked.accepted),
    }


def downloaded_of(uid: str, download: models.Download) -> Downloaded:
    """Give a file that was fetched, without its content."""
    return {
        "id": uid,
        "name": download.name,
        "content_type": download.content_type,
        "size": download.size,
        "path": None if download.path is None else str(download.path),
    }


def found_of(found: models.Found) -> Found:
    """Give whom a search found."""
    return {
        "users": [user_of(one) for one in found.users],
        "user_groups": [_named(one) for one in found.user_groups],
        "organisation_units": [_named(one) for one in found.organisation_units],
    }


def new_of(new: models.NewMessage) -> New:
    """Give a message that came."""
    return {
        "conversation": conversation_of(new.conversation),
        "message": _message(new.message),
        "cursor": new.cursor,
    }
