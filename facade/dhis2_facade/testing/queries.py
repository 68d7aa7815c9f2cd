"""What a list is asked for: filters, orders, searches and pages."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from attrs import frozen

from .schema import Kind, Viewer, kinds

__all__ = ["OPERATORS", "Pager", "QueryError", "Test", "filters", "matching", "ordered", "page_of", "search"]

PAGE_SIZE = 50
TIMES = frozenset({"created", "lastUpdated", "lastMessage", "lastLogin", "passwordLastUpdated", "openingDate"})
ENUMS = {
    "status": ("MessageConversationStatus", ("NONE", "OPEN", "PENDING", "INVALID", "SOLVED")),
    "priority": ("MessageConversationPriority", ("NONE", "LOW", "MEDIUM", "HIGH")),
    "messageType": ("MessageType", ("PRIVATE", "SYSTEM", "VALIDATION_RESULT", "TICKET", "SYSTEM_VERSION_UPDATE")),
}
IDENTIFIABLE = ("id", "code", "name", "shortName")
SEARCHED = ("subject", "messages.text", "messages.sender.displayName")
"""What queryString looks into."""
_IN = re.compile(r"\[(.+)\]")
_TOKENS = re.compile(r"[\s@&.?$+-]+")
_BESIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


class QueryError(Exception):
    """A filter that is none."""


Test = Callable[[Any, Viewer], bool]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tokens(value: str, argument: str) -> bool:
    return all(token in value.lower() for token in _TOKENS.split(argument.lower()))


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, argument: bool(value == argument),
    "ieq": lambda value, argument: _text(value).lower() == _text(argument).lower(),
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
ON_TEXT = frozenset({"like", "ilike", "like$", "ilike$", "$like", "$ilike", "token"})
WITHOUT_ARGUMENT: Mapping[str, Callable[[list[Any]], bool]] = {
    "null": lambda values: not values,
    "!null": bool,
    "empty": lambda values: not values,
    "!empty": bool,
}


# -- paths -------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def reader(version: str, kind: str, path: str) -> Callable[[Any, Viewer], list[Any]]:
    """A function that reads all values of a path from an object."""
    if path == "identifiable":
        return _identifiable(version, kind)
    known: Kind | None = kinds(version)[kind]
    getters = []
    for name in path.split("."):
        property_ = None if known is None else known.get(name)
        if property_ is None:
            raise QueryError(f"Unknown path property: {path}")
        getters.append(property_.get)
        known = kinds(version)[property_.of] if property_.of else None

    def read(one: Any, viewer: Viewer) -> list[Any]:
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

    return read


def _identifiable(version: str, kind: str) -> Callable[[Any, Viewer], list[Any]]:
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
    path, _, rest = text.partition(":")
    operator, given, argument = rest.partition(":")
    if not operator:
        raise QueryError(f"Invalid filter => {text}")
    read = reader(version, kind, path)
    if operator in WITHOUT_ARGUMENT:
        holds = WITHOUT_ARGUMENT[operator]
        return lambda one, viewer: holds(read(one, viewer))
    name = SAME_AS.get(operator, operator)
    if name not in OPERATORS:
        raise QueryError(f"`{operator}` is not a valid operator.")
    if not given or not argument:
        return lambda _one, _viewer: False  # nothing is like null
    compare = OPERATORS[name]
    negated = operator in NEGATED
    wanted: Any = argument
    if name == "in":
        listed = _IN.fullmatch(argument)
        if not listed:
            raise QueryError(f"Invalid argument `{argument}` for in operator.")
        wanted = [_argument(path, one.strip()) for one in listed[1].split(",")]
    elif name not in ON_TEXT:
        wanted = _argument(path, argument)
    on_text = name in ON_TEXT

    def test(one: Any, viewer: Viewer) -> bool:
        values = read(one, viewer)
        found = any(
            compare(_text(value), wanted) if on_text or not _is_number(value) else compare(value, _number(wanted))
            for value in values
        )
        return found is not negated

    return test


def _argument(path: str, text: str) -> Any:
    """The argument, as values of this property are compared."""
    name = path.rpartition(".")[2]
    if name in TIMES:
        try:
            return datetime.fromisoformat(text).isoformat(timespec="milliseconds")[:23]
        except ValueError:
            raise QueryError(f"Unable to parse `{text}` as `Date`.") from None
    if name in ENUMS and path == name:
        type_, values = ENUMS[name]
        if text not in values:
            said = f"Unable to parse `{text}` as `class org.hisp.dhis.message.{type_}`, available values are: "
            raise QueryError(f"{said}[{', '.join(values)}]")
    return text


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(wanted: Any) -> Any:
    try:
        return [int(one) for one in wanted] if isinstance(wanted, list) else int(wanted)
    except ValueError:
        raise QueryError(f"Unable to parse `{wanted}` as `Integer`.") from None


def matching(tests: Sequence[Test], junction: str) -> Test:
    """One test of all, joined by AND or OR."""
    join = any if junction.upper() == "OR" else all
    return lambda one, viewer: join(test(one, viewer) for test in tests)


def search(version: str, kind: str, text: str, operator: str) -> Test:
    """What queryString looks for."""
    return matching([_test(version, kind, f"{path}:{operator}:{text}") for path in SEARCHED], "OR")


# -- orders ------------------------------------------------------------------------------------------------------------


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
            name, _, direction = one.strip().partition(":")
            if name in known and known[name].simple:
                rules.append((name, direction.lower()))
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
