"""The language of `fields=`: what is asked for of an object, and an object written so."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from .behaviour import BEHAVIOURS
from .schema import KEPT_AS_REFERENCE, PERSON, Kind, Property, Viewer, kinds

__all__ = ["Selection", "Transformation", "parse", "render"]

IDENTIFIABLE = ("name", "code", "created", "lastUpdated", "id")
NAMEABLE = (*IDENTIFIABLE, "shortName", "description")
DERIVED = frozenset({"href", "access", "displayName", "favorite", "user", "read", "followUp"})
NOT_OF_MAIL = frozenset(
    [
        "attributeValues",
        "code",
        "externalAccess",
        "favorites",
        "lastSenderFirstname",
        "lastSenderSurname",
        "lastUpdatedBy",
        "name",
        "publicAccess",
        "sharing",
        "translations",
        "userAccesses",
        "userFirstname",
        "userGroupAccesses",
        "userSurname",
    ]
)
"""What the database has no place for with conversations and messages."""


def _stored(kind: Kind) -> set[str]:
    """The properties that the database keeps; of mail it keeps fewer."""
    return set(kind) - DERIVED - (NOT_OF_MAIL if {"subject", "text"} & set(kind) else set())


PRESETS: Mapping[str, Callable[[Kind], set[str]]] = {
    ":all": set,
    ":identifiable": lambda kind: set(IDENTIFIABLE) & set(kind),
    ":nameable": lambda kind: set(NAMEABLE) & set(kind),
    ":simple": lambda kind: {name for name, one in kind.items() if one.simple},
    ":owner": _stored,
    ":persisted": _stored,
}

ADDRESSED = frozenset({"user", "userGroup", "userRole", "organisationUnit"})
"""Kinds that have a path of their own."""
_DEPTH = 30  # nested brackets that are followed
_STEP = re.compile(r"(?:~|\||::)(?P<name>\w*)(?:\((?P<argument>[^)]*)\)?)?")


@frozen
class Transformation:
    """What is to be done with a value: `size`, `rename(uid)` …"""

    name: str
    argument: str = ""


@define
class Selection:
    """What is asked for at one level."""

    presets: list[str] = field(factory=list)
    names: dict[str, Selection | None] = field(factory=dict)
    excluded: set[str] = field(factory=set)
    transformations: dict[str, list[Transformation]] = field(factory=dict)


def parse(text: str) -> Selection:
    """Read the language; what is not closed is taken as if it were (31), letters of no meaning are dropped."""
    selection, _ = _level(text, 0, 0)
    return selection


def _level(text: str, at: int, depth: int) -> tuple[Selection, int]:
    selection = Selection()
    word, steps = "", list[Transformation]()
    while at < len(text):
        step = _STEP.match(text, at)
        if step:
            steps.append(Transformation(step["name"], step["argument"] or ""))
            at = step.end()
            continue
        letter = text[at]
        at += 1
        if letter in "[(":
            inner, at = _level(text, at, depth + 1) if depth < _DEPTH else (None, len(text))
            _take(selection, word, steps, inner)
            word, steps = "", []
        elif letter in ",])":
            _take(selection, word, steps, None)
            word, steps = "", []
            if letter != "," and depth:
                return selection, at
        elif letter.isalnum() or letter in "*:!":
            word += letter
    _take(selection, word, steps, None)
    return selection, at


def _take(selection: Selection, word: str, steps: list[Transformation], inner: Selection | None) -> None:
    name = word.replace("!", "").replace(":", "").replace("*", "all")
    preset = f":{name}"
    if not name:
        return
    if ":" in word or "*" in word:
        if preset in PRESETS:
            selection.presets.append(preset)
    elif "!" in word:
        selection.excluded.add(name)
    else:
        known = selection.names.get(name)
        selection.names[name] = _merged(known, inner) if known and inner else inner or known
        if steps:
            selection.transformations[name] = steps


def _merged(one: Selection, other: Selection) -> Selection:
    return Selection(
        [*one.presets, *other.presets],
        {**one.names, **other.names},
        one.excluded | other.excluded,
        {**one.transformations, **other.transformations},
    )


# -- writing -----------------------------------------------------------------------------------------------------------

Writer = Callable[[Any, Viewer], Any]


def _size(value: Any) -> Any:
    """Of lists and texts; a number is its own."""
    return len(value) if isinstance(value, (list, str)) else value


def _plucked(value: list[Any], name: str) -> list[Any]:
    return [one[name] if isinstance(one, dict) and name in one else one for one in value]


def _keyed(value: list[Any], name: str) -> dict[str, Any]:
    """By a property; those that have the same come as a list."""
    found: dict[str, list[Any]] = {}
    for one in value:
        if isinstance(one, dict) and name in one:
            key = one[name]
            text = "" if isinstance(key, (dict, list)) else key if isinstance(key, str) else json.dumps(key)
            if text.strip():
                found.setdefault(text, []).append(one)
    return {key: same[0] if len(same) == 1 else same for key, same in found.items()}


OF_LISTS: Mapping[str, Callable[[list[Any], str], Any]] = {
    "isEmpty": lambda value, _argument: not value,
    "isNotEmpty": lambda value, _argument: bool(value),
    "pluck": lambda value, argument: _plucked(value, argument or "id"),
    "keyBy": lambda value, argument: _keyed(value, argument or "id"),
}
"""What else is left as it is."""


def render(version: str, kind: str, fields: str | Sequence[str], one: Any, viewer: Viewer) -> dict[str, Any]:
    """Write an object with the fields that are asked for."""
    written: dict[str, Any] = writer(version, kind, fields, deep=True)(one, viewer)
    return written


def writer(version: str, kind: str, fields: str | Sequence[str], *, deep: bool = False) -> Writer:
    """A function that writes objects of this kind with these fields, which may come in several texts.

    Where href is asked for, a single object names the addresses of what it holds too.
    """
    return _known_writer(version, kind, (fields,) if isinstance(fields, str) else tuple(fields), deep)


@functools.lru_cache(maxsize=1024)
def _known_writer(version: str, kind: str, texts: tuple[str, ...], deep: bool) -> Writer:
    asked = texts[0].split(",") if len(texts) == 1 and BEHAVIOURS[version].href_with_more else texts
    href = any(one == "*" or one.startswith(":") or "href" in one for one in asked)
    return _writer(version, kind, parse(",".join(texts)), href=href, deep=deep and href)


def _writer(version: str, kind: str, selection: Selection, *, href: bool, deep: bool = False) -> Writer:
    known = kinds(version)[kind]
    chosen: set[str] = set()
    for preset in selection.presets:
        chosen |= PRESETS[preset](known)
    chosen |= selection.names.keys() & known.keys()
    if not href:
        chosen.discard("href")
    chosen -= selection.excluded
    plan: list[tuple[str, Callable[[Any, Viewer], Any], Writer | None]] = []
    changed: dict[str, list[Transformation]] = {}
    for name, property_ in known.items():
        if name in chosen:
            plan.append((name, property_.get, _nested(version, property_, selection.names.get(name), deep=deep)))
            if name in selection.transformations:
                changed[name] = selection.transformations[name]
    with_nulls = kind == PERSON

    def write(one: Any, viewer: Viewer) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name, get, nested in plan:
            value = get(one, viewer)
            if value is None:
                if with_nulls:
                    written[name] = None
                continue
            written[name] = value if nested is None else nested(value, viewer)
        return _transformed(written, changed) if changed else written

    return write


def _nested(version: str, property_: Property, selection: Selection | None, *, deep: bool) -> Writer | None:
    if property_.of is None:
        return None if selection is None or property_.simple else functools.partial(_part, selection)
    everything = Selection(presets=[":all"])
    if property_.of == PERSON:
        selection = everything
    elif selection is None or not (selection.presets or selection.names.keys() & kinds(version)[property_.of].keys()):
        selection = Selection(names={"id": None}) if property_.of in KEPT_AS_REFERENCE else everything
    write = _writer(version, property_.of, selection, href=deep and property_.of in ADDRESSED)

    def write_each(value: Any, viewer: Viewer) -> Any:
        if isinstance(value, list):
            return [write(one, viewer) for one in value]
        return write(value, viewer)

    return write_each


def _part(selection: Selection, value: Any, _viewer: Viewer) -> Any:
    """A part of a plain object, such as sharing; all of it where nothing of it is asked for."""
    if not isinstance(value, dict) or selection.presets or not selection.names.keys() & value.keys():
        return value
    return {name: one for name, one in value.items() if name in selection.names and name not in selection.excluded}


def _transformed(written: dict[str, Any], changed: Mapping[str, list[Transformation]]) -> dict[str, Any]:
    """Each step is done with what was there before any of them."""
    found = {}
    for name, value in written.items():
        new_name, new = name, value
        for step in changed.get(name, ()):
            if step.name == "rename":
                new_name = step.argument or name
            elif step.name == "size":
                new = _size(value)
            elif step.name in OF_LISTS and isinstance(value, list):
                new = OF_LISTS[step.name](value, step.argument)
        found[new_name] = new
    return found
