"""What callers pass, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn, TypeAlias, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from dhis2_facade import errors, uid
from dhis2_facade.models import FileResource, Message, MessageConversation, OrganisationUnit, User, UserGroup

T = TypeVar("T")
OneOrMany: TypeAlias = T | Iterable[T]
Named: TypeAlias = User | UserGroup | OrganisationUnit | MessageConversation | Message | FileResource

LONGEST_WAIT = 1e9  # seconds: more is too much for the clocks of some systems
LONGEST_SUBJECT = 255  # characters: the server's column (quirk 19c)


def refuse_pickle(self: object) -> NoReturn:
    """Raise TypeError: a pickle is written where anybody may read it."""
    raise TypeError(f"{type(self).__name__} holds credentials: make one where it is needed, as with from_profile()")


def require(right: object, problem: str) -> None:
    """Raise InvalidInput with this problem unless something is right."""
    if not right:
        raise errors.InvalidInput(problem)


def uid_of(name: str, value: object, kind: type[Named]) -> str:
    """Give the uid of what may be a uid or an object of this kind."""
    if isinstance(value, kind):
        require(uid.is_uid(value.id), f"{name}: this {kind.__name__} came without its id; ask for the field id")
        return str(value.id)
    shown = repr(value)[:60] if isinstance(value, str) else type(value).__name__
    require(
        uid.is_uid(value), f"{name}: expected a uid (a letter, ten letters or digits) or a {kind.__name__}, got {shown}"
    )
    return str(value)


def uids_of(name: str, values: object, kind: type[Named]) -> list[str]:
    """Give the uids, each once and in order, of one or many uids or objects of this kind."""
    return list(dict.fromkeys(uid_of(name, value, kind) for value in several(values)))


def several(values: object) -> Iterable[object]:
    """Give one or many as many; None as none."""
    if values is None:
        return ()
    return (values,) if isinstance(values, str) or not isinstance(values, Iterable) else values


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
    mixed = list(several(to))
    odd = next((one for one in mixed if not isinstance(one, User | UserGroup | OrganisationUnit)), None)
    require(
        odd is None,
        f"to: expected users, groups and units that people.search() found, got {type(odd).__name__}; pass uids "
        "as users=, user_groups= or organisation_units=",
    )
    given: tuple[tuple[str, object, type[Named]], ...] = (
        ("users", users, User),
        ("user_groups", user_groups, UserGroup),
        ("organisation_units", organisation_units, OrganisationUnit),
    )
    found = Recipients(
        *(
            uids_of(name, [*several(values), *(one for one in mixed if isinstance(one, kind))], kind)
            for name, values, kind in given
        )
    )
    require(any(found.content()), "no recipients: pass users=, user_groups=, organisation_units= or to=")
    return found


def text_of(name: str, value: object) -> str:
    """Check a text: some, without NUL, and such that it can be written in UTF-8."""
    if not isinstance(value, str):
        raise errors.InvalidInput(f"{name}: expected text, got {type(value).__name__}")
    require(value, f"{name}: it is empty")
    require("\0" not in value, f"{name}: it has a NUL character, which the server cannot store")
    require(
        not re.search("[\ud800-\udfff]", value),
        f"{name}: it has half a surrogate pair, which cannot be written in UTF-8",
    )
    return value


def subject_of(value: object) -> str:
    """Check a subject: a text of at most 255 characters."""
    subject = text_of("subject", value)
    require(
        len(subject) <= LONGEST_SUBJECT,
        f"subject: {len(subject)} characters, the server takes at most {LONGEST_SUBJECT}",
    )
    return subject


def fields_of(fields: object, default: str) -> str:
    """Give `fields` as the text that the server takes; the uid is always asked for."""
    if fields is None:
        return default
    text = text_of("fields", ",".join(str(name).strip() for name in several(fields)))
    top, before = text, ""
    while top != before:
        top, before = re.sub(r"\[[^][]*\]|\([^()]*\)", "", top), top
    require(
        not re.search(r"[][()]", top),
        f"fields: a bracket is not closed in {text!r}; the server would ignore it (quirk 31)",
    )
    require(not re.search(r"(^|,)(!id|id[~|:][^,]*)(,|$)", top), f"fields: {text!r} drops the id, which is needed")
    return text if {"id", "*", ":all", ":identifiable"} & set(top.split(",")) else f"id,{text}"


def filters_of(filters: object) -> list[str]:
    """Check filters, each `property:operator:value` or `property:operator`."""
    checked = [text_of("filters", one) for one in several(filters)]
    for text in checked:
        name, operator, value = (*text.split(":", 2), "", "")[:3]
        require(name and operator, f"filters: expected 'property:operator:value', got {text!r}")
        require(
            "," not in value or (value.startswith("[") and value.endswith("]")),
            f"filters: {text!r} has a comma in its value, where 2.42 and later cut it off (quirk 24); filter for a "
            "piece without one (like, ilike), or use search=",
        )
    return checked


def page_of(page: object, page_size: object) -> None:
    """Check a page's number and size."""
    for name, number in (("page", page), ("page_size", page_size)):
        require(
            (number is None and name == "page") or (type(number) is int and number > 0),
            f"{name}: expected a whole number from 1, got {number!r}",
        )


def seconds_of(name: str, value: object, *, zero: bool = False) -> float:
    """Check a time span in seconds; `zero`: whether none at all is one."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    require(
        0 < number <= LONGEST_WAIT or (zero and number == 0),
        f"{name}: expected seconds, {'0 or more' if zero else 'above 0'}, got {value!r}",
    )
    return float(number)


def base_url(url: object, *, allow_http: bool) -> str:
    """Give the address of the server itself: no slash at the end, no `/api`. Raises InvalidInput, showing no secret."""
    text = url.strip() if isinstance(url, str) else ""
    require(text.isascii() and text.isprintable() and " " not in text, "url: its characters are no address's")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise errors.InvalidInput("url: its host or port cannot be read") from None
    require(
        host and parts.scheme in ("http", "https"),
        "url: expected the server's address, such as 'https://dhis2.example.org'",
    )
    require("@" not in parts.netloc, "url: it holds credentials, which would be printed; pass username= and password=")
    require(not parts.query and not parts.fragment, "url: a server's address has no ? and no #")
    require(
        parts.scheme == "https" or allow_http or re.fullmatch(r"localhost|127(\.\d{1,3}){3}|::1", host or ""),
        f"url: http:// sends the credentials readable for everybody on the way to {host}; use https://, or say "
        "allow_http=True",
    )
    return f"{parts.scheme}://{parts.netloc}{re.sub(r'/+(api(/+[0-9]+)?/*)?$', '', parts.path)}"
