"""What a list is asked for: filters, orders, searches and pages."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from attrs import frozen

from .behaviour import BEHAVIOURS
from .schema import PERSON, Getter, Kind, Property, Viewer, class_name, kinds

__all__ = ["OPERATORS", "Pager", "QueryError", "Test", "filters", "integer", "matching", "ordered", "page_of", "search"]

PAGE_SIZE = 50
TIMES = frozenset({"created", "lastUpdated", "lastMessage", "lastLogin", "passwordLastUpdated", "openingDate"})
INTEGERS = frozenset({"messageCount", "contentLength", "level"})
NUMBERS = frozenset({"value"})
FLAGS = frozenset(
    [
        "assigned",
        "delete",
        "disabled",
        "emailVerified",
        "external",
        "externalAccess",
        "externalAuth",
        "externalize",
        "favorite",
        "followUp",
        "hasMultipleStorageFiles",
        "internal",
        "invitation",
        "leaf",
        "manage",
        "read",
        "selfRegistered",
        "twoFactorEnabled",
        "update",
        "write",
    ]
)
ENUMS = {
    "status": ("MessageConversationStatus", ("NONE", "OPEN", "PENDING", "INVALID", "SOLVED")),
    "priority": ("MessageConversationPriority", ("NONE", "LOW", "MEDIUM", "HIGH")),
    "messageType": ("MessageType", ("PRIVATE", "SYSTEM", "VALIDATION_RESULT", "TICKET", "SYSTEM_VERSION_UPDATE")),
}
IDENTIFIABLE = ("id", "code", "name", "shortName")
SEARCHED = ("subject", "messages.text", "messages.sender.displayName")
"""What queryString looks into."""
_INTEGER = re.compile(r"[+-]?0*[0-9]{1,10}")
_LARGEST = 2**31  # of the server's integers, and one more
_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_TIME = re.compile(r"\d{4}(-\d\d(-\d\d)?)?|\d{4}-\d\d-\d\d[T ].*")
_NO_WORD = re.compile(r"[^\w]|_")
_BESIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


class QueryError(Exception):
    """A filter that is none."""


Test = Callable[[Any, Viewer], bool]


def integer(text: str) -> int | None:
    """An integer as the server reads it."""
    if _INTEGER.fullmatch(text) and -_LARGEST <= int(text) < _LARGEST:
        return int(text)
    return None


def _tokens(value: str, argument: str) -> bool:
    """By the database: each word of the argument is somewhere in the value."""
    return all(token in value.lower() for token in _words(argument))


def _tokens_in_memory(value: str, argument: str) -> bool:
    """One word is somewhere in the value; of several, each begins one of its words."""
    wanted = _words(argument)
    if len(wanted) == 1:
        return argument.lower() in value.lower()
    return all(any(word.startswith(token) for word in _words(value)) for token in wanted)


def _words(text: str) -> list[str]:
    return _NO_WORD.sub(" ", text.lower()).split() or [""]


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, argument: bool(value == argument),
    "ieq": lambda value, argument: value.lower() == argument.lower(),
    "ne": lambda value, argument: bool(value != argument),
    "gt": lambda value, argument: bool(value > argument),
    "ge": lambda value, argument: bool(value >= argument),
    "lt": lambda value, argument: bool(value < argument),
    "le": lambda value, argument: bool(value <= argument),
    "like": lambda value, argument: argument in value,
    "ilike": lambda value, argument: argument.lower() in value.lower(),
    "$like": lambda value, argument: value.startswith(argument),
    "$ilike": lambda value, argument: value.lower().startswith(argument.lower()),
    "like$": lambda value, argument: value.endswith(argument),
    "ilike$": lambda value, argument: value.lower().endswith(argument.lower()),
    "token": _tokens,
    "in": lambda value, argument: value in argument,
}
SAME_AS = {
    "!eq": "ne",
    "neq": "ne",
    "gte": "ge",
    "lte": "le",
    "startsWith": "$ilike",
    "endsWith": "ilike$",
    "!like": "like",
    "!ilike": "ilike",
    "!like$": "like$",
    "!ilike$": "ilike$",
    "!$like": "$like",
    "!$ilike": "$ilike",
    "!token": "token",
    "!in": "in",
}
NEGATED = frozenset(name for name in SAME_AS if name[0] == "!" and name != "!eq")
ON_TEXT = frozenset({"ieq", "like", "ilike", "like$", "ilike$", "$like", "$ilike", "token"})
NOT_NULL = frozenset({"ne", "!in", "!token"})
"""What holds in memory of a value that is not there."""
WITHOUT_ARGUMENT: Mapping[str, Callable[[list[Any]], bool]] = {
    "null": lambda values: not values,
    "!null": bool,
    "empty": lambda values: not values,
    "!empty": bool,
}


# -- paths -------------------------------------------------------------------------------------------------------------

Reader = Callable[[Any, Viewer], list[Any]]


@frozen
class Path:
    """What a filter is about: all values of a path, of which the last property is this one."""

    text: str
    read: Reader
    last: Property | None
    in_memory: bool
    """Whether the values are compared by the server, not by its database."""

    @property
    def name(self) -> str:
        """The last property's."""
        return self.text.rpartition(".")[2]


@functools.lru_cache(maxsize=1024)
def path_of(version: str, kind: str, text: str) -> Path:
    """The path that is written so."""
    in_memory = "." in text or (kind == "messageConversation" and BEHAVIOURS[version].conversations_in_memory)
    if text == "identifiable":
        return Path(text, _identifiable(version, kind), None, in_memory)
    known: Kind | None = kinds(version)[kind]
    last: Property | None = None
    getters: list[Getter] = []
    for name in text.split("."):
        if last is not None and last.simple:
            said = "Simple type was found before finished parsing path expression, please check your path string."
            raise QueryError(said)
        if last is not None and last.of is None:  # a plain object, such as sharing
            getters.append(functools.partial(_entry, name))
            continue
        last = None if known is None else known.get(name)
        if last is None:
            if _UID.fullmatch(text.partition(".")[2] or text):  # an attribute, of which nothing here has a value
                return Path(text, lambda _one, _viewer: [], None, in_memory=True)
            raise QueryError(f"Unknown path property: {text}")
        getters.append(last.get)
        known = kinds(version)[last.of] if last.of else None

    return Path(text, functools.partial(_read, getters), last, in_memory)


def _read(getters: Sequence[Getter], one: Any, viewer: Viewer) -> list[Any]:
    values = [one]
    for get in getters:
        found: list[Any] = []
        for value in values:
            got = get(value, viewer)
            if isinstance(got, list):
                found += got
            elif got is not None:
                found.append(got)
        values = found
    return values


def _entry(name: str, one: Any, _viewer: Viewer) -> Any:
    return one.get(name) if isinstance(one, dict) else None


def _identifiable(version: str, kind: str) -> Reader:
    """What names an object."""
    known = kinds(version)[kind]
    getters = [known[name].get for name in IDENTIFIABLE if name in known]
    return lambda one, viewer: [value for get in getters if (value := get(one, viewer)) is not None]


# -- filters -----------------------------------------------------------------------------------------------------------


def filters(version: str, kind: str, texts: Iterable[str], *, cut: bool) -> list[Test]:
    """The tests that these filters are."""
    return [_test(version, kind, text) for text in (_cut(texts) if cut else texts)]


def _cut(texts: Iterable[str]) -> Iterable[str]:
    """A comma ends a filter; what follows is another one if it looks like one (24)."""
    for text in texts:
        first, *rest = _BESIDE_BRACKETS.split(text)
        yield first
        yield from (one for one in rest if one.count(":") > 1)


@functools.lru_cache(maxsize=1024)
def _test(version: str, kind: str, text: str) -> Test:
    asked, _, rest = text.rstrip(":").partition(":")
    operator, given, argument = rest.partition(":")
    if not rest:
        raise QueryError(f"Invalid filter => {text}")
    path = path_of(version, kind, asked)
    if operator in WITHOUT_ARGUMENT:
        return _without_argument(path, operator)
    name = SAME_AS.get(operator, operator)
    if name not in OPERATORS:
        raise QueryError(f"`{operator}` is not a valid operator.")
    if name == "in":
        wanted: Any = _listed(path, argument if given else "null")
    elif not given:
        return lambda _one, _viewer: operator in {"ne", "!eq", "neq"}  # nothing is like null
    else:
        wanted = _argument(path, argument)
    if path.last is not None and path.last.many:
        return _of_list(path, name, operator, wanted)
    compare = _tokens_in_memory if name == "token" and path.in_memory else OPERATORS[name]
    negated = operator in NEGATED
    on_text = name in ON_TEXT
    of_null = path.in_memory and (name if operator not in NEGATED else operator) in NOT_NULL

    def holds(value: Any) -> bool:
        try:
            return compare(value, wanted)
        except TypeError:  # of other kinds
            return False

    def test(one: Any, viewer: Viewer) -> bool:
        values = path.read(one, viewer)
        if on_text:
            values = [value for value in values if isinstance(value, str)]
        return any(holds(value) is not negated for value in values) or (of_null and not values)

    return test


def _without_argument(path: Path, operator: str) -> Test:
    if "empty" in operator and path.in_memory:  # asked of each that a list holds
        return lambda _one, _viewer: operator == "!empty"
    holds = WITHOUT_ARGUMENT[operator]
    return lambda one, viewer: holds(path.read(one, viewer))


def _of_list(path: Path, name: str, operator: str, wanted: Any) -> Test:
    """The database counts what the list holds; in memory, each that it holds is unlike any number."""
    if path.in_memory or not isinstance(wanted, int):
        return lambda one, viewer: operator in NOT_NULL | {"!eq", "neq"} and bool(path.read(one, viewer))
    return lambda one, viewer: name in COMPARED and OPERATORS[name](len(path.read(one, viewer)), wanted)


COMPARED = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})


def _listed(path: Path, text: str) -> list[Any]:
    """The argument of `in`."""
    if text == "null":
        raise QueryError(f"Invalid argument `{text}` for in operator.")
    if not (text.startswith("[") and text.endswith("]") and len(text) > 1):
        raise QueryError(f"Collection size must be integer `{text}`")
    return [_argument(path, one, item=True) for one in text[1:-1].split(",")]


def _argument(path: Path, text: str, *, item: bool = False) -> Any:
    """The argument, as values of this property are compared."""
    name, last = path.name, path.last
    if last is not None and last.many and not item:
        number = integer(text)
        if number is None:
            raise QueryError(f"Collection size must be integer `{text}`")
        return number
    if last is not None and last.of is not None:
        class_ = "User" if last.of == PERSON else class_name(last.of)
        raise QueryError(f"Unable to parse `{text}` to `{class_}`.")
    if last is not None and not last.simple and not last.many and "." not in path.text:
        raise QueryError(f"Unable to parse `{text}` to `{class_name(name)}`.")
    if name in FLAGS:
        return text.lower() == "true"
    if name in NUMBERS:
        try:
            return float(text)
        except ValueError:
            raise QueryError(f"Unable to parse `{text}` as `Double`.") from None
    if name in INTEGERS:
        number = integer(text)
        if number is None:
            raise QueryError(f"Unable to parse `{text}` as `Integer`.")
        return number
    if name in TIMES:
        return _time(text)
    if name in ENUMS and path.text == name:
        type_, values = ENUMS[name]
        if text not in values:
            said = f"Unable to parse `{text}` as `class org.hisp.dhis.message.{type_}`, available values are: "
            raise QueryError(f"{said}[{', '.join(values)}]")
    return text


def _time(text: str) -> str:
    """A time as it is written in answers; month and day may be missing."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        whole = text + "-01" * (2 - text[:10].count("-"))
        return datetime.fromisoformat(whole).isoformat(timespec="milliseconds")[:23]
    except ValueError:
        raise QueryError(f"Unable to parse `{text}` as `Date`.") from None


def matching(tests: Sequence[Test], junction: str) -> Test:
    """One test of all, joined by AND or OR."""
    join = any if junction.upper() == "OR" else all
    return lambda one, viewer: join(test(one, viewer) for test in tests)


def search(version: str, kind: str, text: str, operator: str) -> Test:
    """What queryString looks for."""
    return matching([_test(version, kind, f"{path}:{operator}:{text}") for path in SEARCHED], "OR")


# -- orders ------------------------------------------------------------------------------------------------------------


DIRECTIONS = frozenset({"", "asc", "desc", "iasc", "idesc"})


def ordered(
    version: str, kind: str, objects: Iterable[Any], orders: Iterable[str], viewer: Viewer, *, default: Sequence[str]
) -> list[Any]:
    """The objects as these orders say; what names no plain property is ignored."""
    known = kinds(version)[kind]
    rules = _rules(known, orders)
    found = list(objects)
    for name, direction in reversed(rules or _rules(known, default)):
        get = known[name].get
        lower = direction.startswith("i")

        def key(one: Any, get: Callable[[Any, Viewer], Any] = get, lower: bool = lower) -> tuple[bool, Any]:
            value = get(one, viewer)
            return value is not None, value.lower() if lower and isinstance(value, str) else value

        found.sort(key=key, reverse=direction.endswith("desc"))
    return found


def _rules(known: Kind, orders: Iterable[str]) -> list[tuple[str, str]]:
    rules = []
    for text in orders:
        for one in text.split(","):
            name, *rest = one.strip().split(":")
            direction = rest[0].lower() if len(rest) == 1 else "asc"
            if name in known and known[name].simple and direction in DIRECTIONS:
                rules.append((name, direction))
    return rules


# -- pages -------------------------------------------------------------------------------------------------------------


@frozen
class Pager:
    """Which page of how many."""

    page: int
    page_size: int
    total: int

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.page_size)

    def written(self, path: str, query: Sequence[tuple[str, str]]) -> dict[str, object]:
        """The pager as an answer has it, with the addresses of the pages beside it."""
        found: dict[str, object] = {"page": self.page, "total": self.total, "pageSize": self.page_size}
        if self.page < self.page_count:
            found["nextPage"] = self._link(path, query, self.page + 1)
        if self.page > 1:
            found["prevPage"] = self._link(path, query, self.page - 1)
        found["pageCount"] = self.page_count
        return found

    def _link(self, path: str, query: Sequence[tuple[str, str]], page: int) -> str:
        pairs = [("page", str(page))] if page > 1 else []
        if self.page_size != PAGE_SIZE:
            pairs.append(("pageSize", str(self.page_size)))
        pairs += [pair for pair in query if pair[0] not in {"page", "pageSize"}]
        written = "&".join(f"{name}={_quoted(value)}" for name, value in pairs)
        return f"{path}?{written}" if written else path


def _quoted(value: str) -> str:
    """Java's form encoding: the star stays, the tilde does not."""
    return quote_plus(value, safe="*").replace("~", "%7E")


def page_of(objects: Sequence[Any], page: int, page_size: int, *, empty_past_last: bool) -> tuple[Pager, Sequence[Any]]:
    """A page; one past the last is empty or the last one again, as the version has it (9b)."""
    size = max(page_size, 1)
    total = len(objects)
    last = max(-(-total // size), 1)
    inside = min(max(page, 1), last)
    pager = Pager(inside, size, total)
    if page_size == 0 or (empty_past_last and page > last):
        return pager, []
    return pager, objects[(inside - 1) * size : inside * size]
