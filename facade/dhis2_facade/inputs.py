"""What callers pass, checked before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from dhis2_facade.errors import InvalidInput
from dhis2_facade.models import FileResource, Message, MessageConversation, OrganisationUnit, User, UserGroup
from dhis2_facade.uid import is_uid

__all__ = [
    "Recipients",
    "base_url",
    "filters_of",
    "page_of",
    "recipients_of",
    "seconds_of",
    "subject_of",
    "text_of",
    "uid_of",
    "uids_of",
]

T = TypeVar("T")
OneOrMany: TypeAlias = T | Iterable[T]
Named: TypeAlias = User | UserGroup | OrganisationUnit | MessageConversation | Message | FileResource

LONGEST_SUBJECT = 255  # characters: the server's column (quirk 19c)
LOOPBACK = ("localhost", "127.", "[::1]")


def uid_of(name: str, value: object, kind: type[Named]) -> str:
    """Give the uid of what may be a uid or an object of this kind."""
    found = value.id if isinstance(value, kind) else value
    if is_uid(found):
        return str(found)
    wanted = f"a uid (a letter and ten letters or digits) or a {kind.__name__}"
    if isinstance(value, kind):
        raise InvalidInput(f"{name}: this {kind.__name__} came without its id; ask for the field id")
    shown = repr(value) if isinstance(value, str) else type(value).__name__
    raise InvalidInput(f"{name}: expected {wanted}, got {shown[:60]}")


def uids_of(name: str, values: object, kind: type[Named]) -> list[str]:
    """Give the uids, each once and in order, of one or many uids or objects of this kind."""
    return list(dict.fromkeys(uid_of(name, value, kind) for value in _several(values)))


def _several(values: object) -> Iterable[object]:
    if values is None:
        return ()
    if isinstance(values, str) or not isinstance(values, Iterable):
        return (values,)
    return values


@frozen
class Recipients:
    """Who gets a message: uids, each once."""

    users: list[str]
    user_groups: list[str]
    organisation_units: list[str]

    def content(self) -> list[list[str]]:
        """Give them in an order that does not depend on the caller's."""
        return [sorted(self.users), sorted(self.user_groups), sorted(self.organisation_units)]


def recipients_of(users: object, user_groups: object, organisation_units: object, to: object) -> Recipients:
    """Sort the recipients by their kind. Raises InvalidInput where there is none, or one of no known kind."""
    mixed = list(_several(to))
    for one in mixed:
        if not isinstance(one, User | UserGroup | OrganisationUnit):
            raise InvalidInput(
                f"to: expected what people.search() gives, got {type(one).__name__}; "
                "pass uids as users=, user_groups= or organisation_units="
            )

    def of(name: str, values: object, kind: type[Named]) -> list[str]:
        return uids_of(name, [*_several(values), *(one for one in mixed if isinstance(one, kind))], kind)

    found = Recipients(
        of("users", users, User),
        of("user_groups", user_groups, UserGroup),
        of("organisation_units", organisation_units, OrganisationUnit),
    )
    if not (found.users or found.user_groups or found.organisation_units):
        raise InvalidInput("no recipients: pass users=, user_groups=, organisation_units= or to=")
    return found


def text_of(name: str, value: object) -> str:
    """Check a text: some, without NUL, and such that it can be written in UTF-8."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name}: expected text, got {type(value).__name__}")
    if not value:
        raise InvalidInput(f"{name}: it is empty")
    if "\0" in value:
        raise InvalidInput(f"{name}: it has a NUL character at {value.index(chr(0))}, which the server cannot store")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        place = error.start
    else:
        return value
    raise InvalidInput(f"{name}: it has half a surrogate pair at {place}, which cannot be written in UTF-8")


def subject_of(value: object) -> str:
    """Check a subject: a text of at most 255 characters."""
    subject = text_of("subject", value)
    if len(subject) > LONGEST_SUBJECT:
        raise InvalidInput(f"subject: {len(subject)} characters, the server takes at most {LONGEST_SUBJECT}")
    return subject


def fields_of(fields: object, default: str) -> str:
    """Give `fields` as the text that the server takes; the uid is always asked for."""
    if fields is None:
        return default
    names = [fields] if isinstance(fields, str) else [str(name) for name in _several(fields)]
    text = ",".join(name.strip() for name in names if name.strip())
    if not text:
        raise InvalidInput("fields: it is empty; leave it out for what is usual")
    depth, top = 0, [""]
    for sign in text:
        depth += (sign in "[(") - (sign in ")]")
        if sign == "," and not depth:
            top.append("")
        else:
            top[-1] += sign
    if depth:
        raise InvalidInput(f"fields: a bracket is not closed in {text!r}; the server would ignore it (quirk 31)")
    return text if {"id", "*", ":all", ":identifiable"} & set(top) else f"id,{text}"


def filters_of(filters: object) -> list[str]:
    """Check filters, each `property:operator:value` or `property:operator`."""
    checked = []
    for one in _several(filters):
        text = text_of("filters", one)
        parts = text.split(":", 2)
        if len(parts) < 2 or not all(parts[:2]):
            raise InvalidInput(f"filters: expected 'property:operator:value', got {text!r}")
        value = parts[2] if len(parts) == 3 else ""
        if "," in value and not (value.startswith("[") and value.endswith("]")):
            raise InvalidInput(
                f"filters: {text!r} has a comma in its value, where 2.42 and later cut it off (quirk 24); "
                "filter for a piece without one (like, ilike), or use search="
            )
        checked.append(text)
    return checked


def page_of(page: object, page_size: object) -> None:
    """Check a page's number and size."""
    for name, number in (("page", page), ("page_size", page_size)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise InvalidInput(f"{name}: expected a whole number from 1, got {number!r}")


def seconds_of(name: str, value: object, *, zero: bool = False) -> float:
    """Check a time span in seconds; `zero`: whether none at all is one."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    if not (0 < number < math.inf or (zero and number == 0)):
        raise InvalidInput(f"{name}: expected seconds, {'0 or more' if zero else 'above 0'}, got {value!r}")
    return number


def base_url(url: object, *, allow_http: bool) -> str:
    """Give the address of the server itself: no slash at the end, no `/api`. Raises InvalidInput, showing no secret."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url.strip():
        raise InvalidInput("url: expected the server's address, such as 'https://dhis2.example.org'")
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("url: its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput("url: it must begin with https://, such as 'https://dhis2.example.org'")
    if "@" in parts.netloc:
        raise InvalidInput("url: it holds credentials, which would be printed; pass username= and password=")
    if parts.query or parts.fragment:
        raise InvalidInput("url: a server's address has no ? and no #")
    if parts.scheme == "http" and not allow_http and not parts.netloc.lower().startswith(LOOPBACK):
        raise InvalidInput(
            f"url: http:// sends the credentials readable for everybody on the way to {host}; use https://, "
            "or say allow_http=True"
        )
    segments: Sequence[str] = parts.path.rstrip("/").split("/")
    if len(segments) > 1 and segments[-1].isdigit() and segments[-2] == "api":
        segments = segments[:-1]
    if segments[-1] == "api":
        segments = segments[:-1]
    return f"{parts.scheme}://{parts.netloc}{'/'.join(segments)}"
