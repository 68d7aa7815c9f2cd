"""What the server's objects look like here: the same on every version, frozen, with aware times.

What was not fetched is None, never empty: a row of a list has no messages. What the server sends beyond these fields is
in `extra`, as it came.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar, cast

from attrs import AttrsInstance, field, fields_dict, frozen

from dhis2_facade.errors import InvalidInput, NotFetched, UnreadableAnswer

__all__ = [
    "Download",
    "FileResource",
    "Found",
    "Marked",
    "Message",
    "MessageConversation",
    "NewMessage",
    "OrganisationUnit",
    "Page",
    "Removed",
    "Sent",
    "SystemInfo",
    "User",
    "UserGroup",
    "UserMessage",
]

T = TypeVar("T")
M = TypeVar("M", bound=AttrsInstance)
Reader: TypeAlias = Callable[[object, tzinfo], T]
MILLISECONDS = len("2026-11-23T04:51:52.810")  # a time as servers write it
WIRE = "wire"  # metadata of a field: its key in JSON and its reader
SHOWN = 60  # characters of a wrong text in an error


class _Wrong(ValueError):
    """A value that cannot be read: what was expected and what came, and the way to it from the top."""

    way = ""


def _wire(key: str, read: Reader[T]) -> T | None:
    return cast("T | None", field(default=None, metadata={WIRE: (key, read)}))


def _plain(kind: type[T], expected: str) -> Reader[T]:
    def read(value: object, _: tzinfo) -> T:
        if value.__class__ is kind:
            return value  # pyright: ignore[reportReturnType] # it narrows no type by its class
        raise _Wrong(expected, value)

    return read


_text, _number, _flag = _plain(str, "text"), _plain(int, "a whole number"), _plain(bool, "true or false")
AS_IT_COMES: Mapping[object, type] = {_text: str, _number: int, _flag: bool}


def _time(value: object, zone: tzinfo) -> datetime:
    try:  # what is no text is a TypeError; in UTC the zone is read along, which is many times faster than setting it
        naive = zone is UTC and len(value) == MILLISECONDS  # type: ignore[arg-type]
        read = datetime.fromisoformat(f"{value}Z" if naive else value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _Wrong("a date and time", value) from None
    return read if read.tzinfo else read.replace(tzinfo=zone)


def _one(cls: type[M]) -> Reader[M]:
    return functools.partial(_object, cls)


def _many(item: Reader[T]) -> Reader[tuple[T, ...]]:
    def read(value: object, zone: tzinfo) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise _Wrong("a list", value)
        found = []
        try:
            for entry in value:
                found.append(item(entry, zone))  # noqa: PERF401 - its length is the place of what is wrong
        except _Wrong as wrong:
            wrong.way = f"[{len(found)}]{wrong.way}"
            raise
        return tuple(found)

    return read


@functools.cache
def _table(cls: type[AttrsInstance]) -> dict[str, tuple[str, Reader[object], type | None]]:
    """Give key in JSON → attribute, reader, and the type of what need not be read."""
    wired = {a.name: a.metadata[WIRE] for a in fields_dict(cls).values() if a.metadata}
    return {key: (name, read, AS_IT_COMES.get(read)) for name, (key, read) in wired.items()}


def _object(cls: type[M], value: object, zone: tzinfo) -> M:
    if value.__class__ is not dict:
        raise _Wrong("an object", value)
    table = _table(cls)
    extra: dict[str, object] = {}
    given: dict[str, object] = {"extra": extra}
    for key, item in cast("dict[str, object]", value).items():
        entry = table.get(key)
        if entry is None:
            extra[key] = item
        elif item.__class__ is entry[2]:
            given[entry[0]] = item
        elif item is not None:
            try:
                given[entry[0]] = entry[1](item, zone)
            except _Wrong as wrong:
                wrong.way = f".{key}{wrong.way}"
                raise
    return cls(**given)


def read_object(cls: type[M], value: object, zone: tzinfo, where: str = "") -> M:
    """Read parsed JSON as one of these models. Raises UnreadableAnswer, naming the place."""
    return _reading(_one(cls), value, zone, where)


def read_list(cls: type[M], value: Mapping[str, object], key: str, zone: tzinfo) -> tuple[M, ...]:
    """Read the list of objects that has this key in parsed JSON. Raises UnreadableAnswer, naming the place."""
    return _reading(_many(_one(cls)), value.get(key), zone, key)


def read_uids(value: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Read the list of uids that has this key in parsed JSON. Raises UnreadableAnswer, naming the place."""
    return _reading(_many(_text), value.get(key), UTC, key)


def _reading(read: Reader[T], value: object, zone: tzinfo, where: str) -> T:
    try:
        return read(value, zone)
    except _Wrong as wrong:
        import reprlib  # of a value that may be as long and as deep as an answer can be

        shown = reprlib.Repr()
        shown.maxstring, shown.maxlevel = SHOWN, 1
        place = (where + wrong.way).lstrip(".") or "the answer"
        expected, got = wrong.args
        raise UnreadableAnswer(f"{place}: expected {expected}, got {shown.repr(got)}") from None


def zone_of(name: object) -> tzinfo:
    """Give the time zone that a server names. Raises InvalidInput where this machine does not know it."""
    from zoneinfo import ZoneInfo  # with the first answer, not with the import

    offset = re.fullmatch(r"(?:GMT|UTC)?([+-]\d\d:?\d\d)", str(name))
    with contextlib.suppress(LookupError, ValueError, OSError):
        if offset:
            return datetime.strptime(offset[1], "%z").tzinfo or UTC
        # UTC is known without the time zones of this machine.
        return UTC if name in (None, "", "Z", "UTC", "GMT", "Etc/UTC", "Etc/GMT", "Zulu") else ZoneInfo(str(name))
    raise InvalidInput(
        f"this machine does not know the server's time zone {name!r}; give timezone=, or install the package tzdata"
    )


@frozen(kw_only=True)
class _Read:
    """What the server gave."""

    extra: Mapping[str, object] = field(factory=dict, hash=False, repr=False)


@frozen(kw_only=True)
class _Identified(_Read):
    """What has a uid."""

    id: str | None = _wire("id", _text)


@frozen(kw_only=True)
class User(_Identified):
    """A user. `authorities` are fetched for oneself only (`people.me()`); 'ALL' is a superuser's."""

    username: str | None = _wire("username", _text)
    display_name: str | None = _wire("displayName", _text)
    first_name: str | None = _wire("firstName", _text)
    surname: str | None = _wire("surname", _text)
    authorities: tuple[str, ...] | None = _wire("authorities", _many(_text))

    @property
    def is_superuser(self) -> bool:
        """Whether the user may do everything. Raises NotFetched where the authorities were not fetched."""
        if self.authorities is None:
            raise NotFetched("the authorities of this user were not fetched; people.me() fetches one's own")
        return "ALL" in self.authorities


@frozen(kw_only=True)
class UserGroup(_Identified):
    """A user group."""

    display_name: str | None = _wire("displayName", _text)


@frozen(kw_only=True)
class OrganisationUnit(_Identified):
    """An organisation unit."""

    display_name: str | None = _wire("displayName", _text)


@frozen(kw_only=True)
class FileResource(_Identified):
    """A file on the server. `assigned` says whether it is attached already; None on 2.40, which does not tell.

    `storage_status` is the server's word, which says little: the content can be read while it is NONE (quirk 10).
    """

    name: str | None = _wire("name", _text)
    content_type: str | None = _wire("contentType", _text)
    content_length: int | None = _wire("contentLength", _number)  # bytes
    content_md5: str | None = _wire("contentMd5", _text)  # in hexadecimal
    domain: str | None = _wire("domain", _text)
    storage_status: str | None = _wire("storageStatus", _text)
    assigned: bool | None = _wire("assigned", _flag)
    created: datetime | None = _wire("created", _time)


@frozen(kw_only=True)
class Message(_Identified):
    """A message of a conversation. `internal` is a note that the sender of a ticket does not see."""

    created: datetime | None = _wire("created", _time)
    text: str | None = _wire("text", _text)
    internal: bool | None = _wire("internal", _flag)
    sender: User | None = _wire("sender", _one(User))  # None also for what the server itself wrote
    attachments: tuple[FileResource, ...] | None = _wire("attachments", _many(_one(FileResource)))
    meta_data: str | None = _wire("metaData", _text)  # the User-Agent that it was sent with


@frozen(kw_only=True)
class UserMessage(_Read):
    """A participant of a conversation, and what marks the conversation has for them."""

    user: User | None = _wire("user", _one(User))
    read: bool | None = _wire("read", _flag)
    follow_up: bool | None = _wire("followUp", _flag)


@frozen(kw_only=True)
class MessageConversation(_Identified):
    """A message conversation, as the user who asks sees it: `read` and `follow_up` are that user's own marks.

    Only `get` fetches `messages` and `user_messages`; in a row of a list they are None.
    """

    subject: str | None = _wire("subject", _text)
    message_type: str | None = _wire("messageType", _text)  # PRIVATE, SYSTEM, TICKET, VALIDATION_RESULT …
    priority: str | None = _wire("priority", _text)  # NONE, LOW, MEDIUM, HIGH
    status: str | None = _wire("status", _text)  # NONE, OPEN, PENDING, INVALID, SOLVED
    read: bool | None = _wire("read", _flag)
    follow_up: bool | None = _wire("followUp", _flag)
    message_count: int | None = _wire("messageCount", _number)
    created: datetime | None = _wire("created", _time)
    last_updated: datetime | None = _wire("lastUpdated", _time)
    last_message: datetime | None = _wire("lastMessage", _time)
    last_sender: User | None = _wire("lastSender", _one(User))
    assignee: User | None = _wire("assignee", _one(User))
    user_messages: tuple[UserMessage, ...] | None = _wire("userMessages", _many(_one(UserMessage)))
    messages: tuple[Message, ...] | None = _wire("messages", _many(_one(Message)))

    @property
    def unread(self) -> bool | None:
        """Whether it is unread; None where that was not fetched."""
        return None if self.read is None else not self.read

    @property
    def participants(self) -> tuple[User, ...]:
        """Who takes part. Raises NotFetched where `user_messages` were not fetched."""
        if self.user_messages is None:
            raise NotFetched(f"the participants of {self.id} were not fetched; messaging.get({self.id!r}) fetches them")
        return tuple(one.user for one in self.user_messages if one.user is not None)


@frozen(kw_only=True)
class SystemInfo(_Read):
    """What the server says of itself: its version, such as "2.42.5.2", its date and the name of its time zone.

    `user_agent` is the one that it received with this call.
    """

    version: str | None = _wire("version", _text)
    revision: str | None = _wire("revision", _text)
    server_date: datetime | None = _wire("serverDate", _time)
    time_zone: str | None = _wire("serverTimeZoneId", _text)
    user_agent: str | None = _wire("userAgent", _text)


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a list, and how much there is in all: `total` items on `page_count` pages of `page_size`."""

    items: tuple[T, ...]
    page: int  # counted from 1
    page_size: int
    page_count: int
    total: int


@frozen(kw_only=True)
class Found:
    """What a search found, by kind."""

    users: tuple[User, ...]
    user_groups: tuple[UserGroup, ...]
    organisation_units: tuple[OrganisationUnit, ...]

    @property
    def everyone(self) -> tuple[User | UserGroup | OrganisationUnit, ...]:
        """All of them together, as `to=` of `messaging.send` takes them."""
        return (*self.users, *self.user_groups, *self.organisation_units)


@frozen(kw_only=True)
class Sent:
    """What became of a send, reply or feedback: it is stored.

    `id` is the uid of the conversation. `conversation` and `message` are freshly read. They are None with
    `fetch=False`, and where reading back failed: then `read_error` says why. `found` says that the message was looked
    for and found: an earlier call with its `key` had stored it, or this one, whose answer was lost.
    """

    key: str
    conversation: MessageConversation | None = None
    message: Message | None = None
    read_error: str | None = None
    found: bool = False
    copies: int = 1  # above 1 where something between client and server repeated the request
    uid: str | None = None

    @property
    def id(self) -> str:
        """The conversation's uid. Raises NotFetched for feedback on 2.40 with `fetch=False`: nobody knows it."""
        if self.uid is None:
            why = (
                f"{self.read_error}; the same call with the same key"
                if self.read_error
                else "the server does not say the uid of feedback, and it was not looked up; fetch=True"
            )
            raise NotFetched(f"{why} finds it by its key", key=self.key)
        return self.uid


@frozen(kw_only=True)
class Marked:
    """What a mark did, as uids of conversations.

    `changed` are those that were not so before. `unchanged` are those that were so already, are not there or are not
    one's own: the server does not say which. For follow-up marks the server names all that are marked now, in
    `accepted`, and not what changed: `changed` and `unchanged` are None. So they are where a mark had to be sent again
    after an answer was lost: then `accepted` are those that the server names in its last answer.
    """

    changed: tuple[str, ...] | None = None
    unchanged: tuple[str, ...] | None = None
    accepted: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Removed:
    """Uids of conversations: `removed` were left by this call, `unchanged` had been left before or are not there.

    Where an answer was lost and leaving was sent again, all are in `removed`: nobody can say which call left which.
    """

    removed: tuple[str, ...]
    unchanged: tuple[str, ...] = ()


@frozen(kw_only=True)
class NewMessage:
    """A message that `messaging.watch` gives, its conversation, and the cursor to go on from behind it."""

    conversation: MessageConversation
    message: Message
    cursor: str


@frozen(kw_only=True)
class Download:
    """A file that was fetched: its bytes in `content`, or at `path`, or in the open file that was passed.

    `name` is as the server gives it: not safe as a path.
    """

    name: str | None
    content_type: str | None
    size: int  # bytes
    path: Path | None = None
    content: bytes | None = field(default=None, repr=False)
