"""Where in an answer the value stands that could not be read."""

from __future__ import annotations

import datetime
import types
import typing
from collections.abc import Iterator
from typing import Any

from attrs import has

from dhis2_wire.encoding import wire_names
from dhis2_wire.readers import WRONG, Space
from dhis2_wire.values import Unset

SHOWN = 60  # characters of a wrong value in an error


class DecodeError(ValueError):
    """An answer is not what its operation promises; `path` says where, such as `messageConversations[3].created`."""

    def __init__(self, path: str, expected: str, got: object) -> None:
        super().__init__(path, expected, got)
        self.path, self.expected, self.got = path, expected, got

    def __str__(self) -> str:
        got = repr(self.got)
        return f"{self.path or 'the answer'}: expected {self.expected}, got {got[:SHOWN]}{'…' * (len(got) > SHOWN)}"


def locate(space: Space, kind: Any, value: Any) -> DecodeError:
    """Find the innermost value that its reader refuses."""
    path, inner = "", [(kind, value, "")]
    while inner:
        kind, value, path = inner[0]
        inner = [child for child in _children(space, kind, value, path) if _refuses(space, *child[:2])][:1]
    return DecodeError(path.lstrip("."), _expected(kind), value)


def _refuses(space: Space, kind: Any, value: Any) -> bool:
    try:
        (space.reader(kind) or str)(value)
    except WRONG:
        return True
    return False


def _children(space: Space, kind: Any, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _children(space, argument, value, path)
    elif origin is list and isinstance(value, list):
        yield from ((arguments[0], item, f"{path}[{i}]") for i, item in enumerate(value) if item is not None)
    elif origin is dict and isinstance(value, dict):
        yield from ((arguments[1], item, f"{path}.{key}") for key, item in value.items() if item is not None)
    elif isinstance(kind, type) and has(kind) and isinstance(value, dict):
        for name, key in wire_names(kind).items():
            if value.get(key) is not None:
                yield space.field(kind, name), value[key], f"{path}.{key}"


def _expected(kind: Any) -> str:
    kinds = [k for k in typing.get_args(kind) if k is not Unset] if isinstance(kind, types.UnionType) else [kind]
    return " or ".join(_word(typing.get_origin(k) or k) for k in kinds)


def _word(kind: type) -> str:
    words = {datetime.datetime: "a date and time", datetime.date: "a date", list: "a list", dict: "an object"}
    return words.get(kind) or (f"an object ({kind.__name__})" if has(kind) else kind.__name__)
