"""The language of `fields=`: what is asked for of an object, and an object written so."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from .behaviour import BEHAVIOURS
from .schema import KEPT_AS_REFERENCE, PERSON, Kind, Property, Viewer, kinds

__all__ = ["Selection", "Transformation", "parse", "render"]

IDENTIFIABLE = ("name", "code", "created", "lastUpdated", "id")
NAMEABLE = (*IDENTIFIABLE, "shortName", "description")
DERIVED = frozenset({"href", "access", "displayName", "favorite", "user", "read", "followUp"})
PRESETS: Mapping[str, Callable[[Kind], set[str]]] = {
    "*": set,
    ":all": set,
    ":identifiable": lambda kind: set(IDENTIFIABLE) & set(kind),
    ":nameable": lambda kind: set(NAMEABLE) & set(kind),
    ":simple": lambda kind: {name for name, one in kind.items() if one.simple},
    ":owner": lambda kind: set(kind) - DERIVED,
    ":persisted": lambda kind: set(kind) - DERIVED,
}
EVERYTHING = frozenset({"*", ":all", ":simple", ":owner"})
"""Presets that have href in them."""
_DEPTH = 30  # nested brackets that are followed
_STEP = re.compile(r"(?P<name>[^~()]+)(?:\((?P<argument>[^)]*)\))?")


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
    """Read the language; what is not closed is taken as if it were (31)."""
    selection, _ = _level(text, 0, 0)
    return selection


def _level(text: str, at: int, depth: int) -> tuple[Selection, int]:
    selection = Selection()
    word = ""
    while at < len(text):
        letter = text[at]
        if letter == "(":  # the argument of a transformation may hold anything
            end = text.find(")", at)
            end = len(text) if end < 0 else end + 1
            word += text[at:end]
            at = end
            continue
        at += 1
        if letter == "[":
            inner, at = _level(text, at, depth + 1) if depth < _DEPTH else (None, len(text))
            _take(selection, word, inner)
            word = ""
        elif letter in ",]":
            _take(selection, word, None)
            word = ""
            if letter == "]" and depth:
                return selection, at
        else:
            word += letter
    _take(selection, word, None)
    return selection, at


def _take(selection: Selection, word: str, inner: Selection | None) -> None:
    name, *steps = re.split(r"[~|](?![^(]*\))", word.strip())
    name = name.strip()
    if not name:
        return
    if name in PRESETS:
        selection.presets.append(name)
    elif name[0] == "!":
        selection.excluded.add(name[1:])
    elif name[0] != ":":
        head, *rest = name.split(".", 1)
        if rest:  # a dotted path is a nested one
            inner = Selection(names={rest[0]: inner}) if "." not in rest[0] else parse(rest[0])
        known = selection.names.get(head)
        selection.names[head] = _merged(known, inner) if known and inner else inner or known
        if steps:
            matches = (_STEP.fullmatch(step.strip()) for step in steps)
            selection.transformations[head] = [
                Transformation(found["name"], found["argument"] or "") for found in matches if found
            ]


def _merged(one: Selection, other: Selection) -> Selection:
    return Selection(
        [*one.presets, *other.presets],
        {**one.names, **other.names},
        one.excluded | other.excluded,
        {**one.transformations, **other.transformations},
    )


# -- writing -----------------------------------------------------------------------------------------------------------

Writer = Callable[[Any, Viewer], Any]


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, str, dict)) else 0 if value is None else 1


TRANSFORMATIONS: Mapping[str, Callable[[Any, str], Any]] = {
    "size": lambda value, _argument: _size(value),
    "isEmpty": lambda value, _argument: _size(value) == 0,
    "isNotEmpty": lambda value, _argument: _size(value) > 0,
    "pluck": lambda value, argument: [one.get(argument or "id") for one in value],
    "keyBy": lambda value, argument: {str(one.get(argument or "id")): one for one in value},
}


def render(version: str, kind: str, fields: str, one: Any, viewer: Viewer) -> dict[str, Any]:
    """Write an object with the fields that are asked for."""
    written: dict[str, Any] = writer(version, kind, fields)(one, viewer)
    return written


@functools.lru_cache(maxsize=1024)
def writer(version: str, kind: str, fields: str) -> Writer:
    """A function that writes objects of this kind with these fields."""
    selection = parse(fields)
    alone = len(selection.presets) == 1 and not selection.names and not selection.excluded
    href = alone or BEHAVIOURS[version].href_with_more
    return _writer(version, kind, selection, href=href)


def _writer(version: str, kind: str, selection: Selection, *, href: bool) -> Writer:
    known = kinds(version)[kind]
    chosen: set[str] = set()
    for preset in selection.presets:
        chosen |= PRESETS[preset](known)
    if not (href and EVERYTHING & set(selection.presets)):
        chosen.discard("href")
    chosen = (chosen | (selection.names.keys() & known.keys())) - selection.excluded
    plan: list[tuple[str, Callable[[Any, Viewer], Any], Writer | None]] = []
    changed: dict[str, list[Transformation]] = {}
    for name, property_ in known.items():
        if name in chosen:
            plan.append((name, property_.get, _nested(version, property_, selection.names.get(name))))
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


def _nested(version: str, property_: Property, selection: Selection | None) -> Writer | None:
    if property_.of is None:
        return None
    everything = Selection(presets=["*"])
    if property_.of == PERSON:
        selection = everything
    elif selection is None:
        selection = Selection(names={"id": None}) if property_.of in KEPT_AS_REFERENCE else everything
    write = _writer(version, property_.of, selection, href=False)

    def write_each(value: Any, viewer: Viewer) -> Any:
        if isinstance(value, list):
            return [write(one, viewer) for one in value]
        return write(value, viewer)

    return write_each


def _transformed(written: dict[str, Any], changed: Mapping[str, list[Transformation]]) -> dict[str, Any]:
    found = {}
    for name, value in written.items():
        new_name = name
        for step in changed.get(name, ()):
            if step.name == "rename":
                new_name = step.argument or name
            elif step.name in TRANSFORMATIONS:
                value = TRANSFORMATIONS[step.name](value, step.argument)
        found[new_name] = value
    return found
