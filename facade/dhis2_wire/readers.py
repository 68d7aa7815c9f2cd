"""Readers that turn parsed JSON into the generated models.

A model is read by a function compiled for the keys that came: the server leaves out what `fields=` did not ask for
and what is null, so that a few sets of keys make up nearly all objects of an answer. Lists, maps, objects, dates and
enums are checked as they are converted. Text, numbers and booleans need no conversion and are given as they came:
the documents are often wrong about them, and an answer is worth more than an error.
"""

from __future__ import annotations

import datetime
import enum
import functools
import importlib
import types
import typing
from collections.abc import Callable
from typing import Any, TypeAlias

from attrs import AttrsInstance, fields, has

from dhis2_wire.encoding import UNKNOWN, wire_names
from dhis2_wire.values import UNSET, File, Text, Unset

Reader: TypeAlias = Callable[[Any], Any]

SHAPES = 512  # sets of keys a model that get a compiled reader; the rest, if a server makes them up, a slower one
WRONG = (TypeError, ValueError, RecursionError)  # what a reader raises for a value that it cannot read


@functools.cache
def space_of(models: str) -> Space:
    """Give the readers of a package of models."""
    return Space(models)


class Space(dict[str, Any]):
    """The names that annotations of one package of models may use; a model is imported when it is first named."""

    def __init__(self, models: str) -> None:
        super().__init__(datetime=datetime, Any=Any, Unset=Unset, File=File, Text=Text)
        self.models = importlib.import_module(models)
        self.readers: dict[type, Reader] = {}
        self.root = functools.cache(self._root)

    def __missing__(self, name: str) -> Any:
        builtin = {kind.__name__: kind for kind in (str, int, float, bool, bytes, dict, list)} | {"None": None}
        value = builtin[name] if name in builtin else getattr(self.models, name)
        self[name] = value = self.evaluate(value) if isinstance(value, str) else value
        return value

    def evaluate(self, annotation: str) -> Any:
        """Give the type that an annotation means. Annotations are written by the generator, never by a server."""
        return eval(annotation, {"__builtins__": {}}, self)  # noqa: S307

    def field(self, cls: type[AttrsInstance], name: str) -> Any:
        """Give the type of a model's field."""
        return self.evaluate(typing.cast("str", getattr(fields(cls), name).type))

    def _root(self, result: str) -> Reader:
        return self.reader(self.evaluate(result)) or (lambda value: value)

    def reader(self, kind: Any) -> Reader | None:
        """Give what converts a JSON value to this type, or None where nothing is to be done."""
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return self._union([a for a in arguments if a not in (Unset, types.NoneType)])
        if origin is list:
            return _list(self.reader(arguments[0]))
        if origin is dict:
            return _dict(self.reader(arguments[1]))
        if kind is datetime.datetime or kind is datetime.date:
            return typing.cast("Reader", kind.fromisoformat)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            members: dict[Any, Any] = dict(kind._value2member_map_)
            return lambda value: members[value] if value in members else kind(value)
        return self._model(kind) if isinstance(kind, type) and has(kind) else None

    def _union(self, kinds: list[Any]) -> Reader | None:
        """One type that may be absent is read as that type; of several the first that fits, or the value as it is."""
        readers = [reader for kind in kinds if (reader := self.reader(kind))]
        if len(kinds) == 1 or not readers:
            return readers[0] if readers else None

        def read(value: Any) -> Any:
            for reader in readers:
                try:
                    return reader(value)
                except WRONG:
                    continue
            return value

        return read

    def _model(self, cls: type[AttrsInstance]) -> Reader:
        if cls in self.readers:
            return self.readers[cls]
        names = {key: name for name, key in wire_names(cls).items()}
        shapes: dict[tuple[str, ...], Reader] = {}

        def read(value: Any) -> Any:
            if value.__class__ is not dict:
                raise TypeError
            keys = tuple(value)
            shape = shapes.get(keys)
            if shape is None:
                if len(shapes) >= SHAPES:
                    return self._plain(cls, names, value)
                shape = shapes[keys] = self._compile(cls, names, keys)
            return shape(value)

        self.readers[cls] = read
        return read

    def _plain(self, cls: type[AttrsInstance], names: dict[str, str], value: dict[str, Any]) -> Any:
        """Read without compiling: what is left for objects whose sets of keys never end."""
        made: Any = object.__new__(cls)
        given = {names[key]: item for key, item in value.items() if key in names}
        for name in names.values():
            item = given.get(name, UNSET)
            reader = None if item is None or item is UNSET else self.reader(self.field(cls, name))
            setattr(made, name, reader(item) if reader else item)
        setattr(made, UNKNOWN, {key: item for key, item in value.items() if key not in names} or None)
        return made

    def _compile(self, cls: type[AttrsInstance], names: dict[str, str], keys: tuple[str, ...]) -> Reader:
        scope: dict[str, Any] = {"new": object.__new__, "cls": cls, "UNSET": UNSET}
        lines, unknown = [], []
        for i, key in enumerate(keys):
            name = names.get(key)
            if name is None:
                unknown.append(f"{key!r}: v{i}")
            elif reader := self.reader(self.field(cls, name)):
                scope[f"c{i}"] = reader
                lines.append(f"o.{name} = None if v{i} is None else c{i}(v{i})")
            else:
                lines.append(f"o.{name} = v{i}")
        lines.append(f"o.{UNKNOWN} = {'{' + ', '.join(unknown) + '}' if unknown else None}")
        absent = [f"o.{name} = " for key, name in names.items() if key not in keys]
        lines += ["".join(absent) + "UNSET"] if absent else []
        unpack = f"{''.join(f'v{i}, ' for i in range(len(keys)))}= d.values()" if keys else "pass"
        source = "\n ".join(["def read(d):", "o = new(cls)", unpack, *lines, "return o"])
        exec(source, scope)  # noqa: S102 - names of generated fields and quoted keys only
        return typing.cast("Reader", scope["read"])


def _list(item: Reader | None) -> Reader:
    def read(value: Any) -> Any:
        if value.__class__ is not list:
            raise TypeError
        return value if item is None else [None if entry is None else item(entry) for entry in value]

    return read


def _dict(item: Reader | None) -> Reader:
    def read(value: Any) -> Any:
        if value.__class__ is not dict:
            raise TypeError
        return value if item is None else {key: None if entry is None else item(entry) for key, entry in value.items()}

    return read
