"""How long a page of 1,000 conversations takes, as multiples of `json.loads` of the same bytes, as JSON.

The collector is on. Compared: our codec, and the same fields read by pydantic and by cattrs.
"""

from __future__ import annotations

import datetime
import enum
import json
import statistics
import sys
import types
import typing
from collections.abc import Callable
from time import perf_counter
from typing import Any

import attrs
import cattrs
import pydantic

from benchmarks.pages import page
from dhis2_bindings.v42.api import message_conversation
from dhis2_wire.encoding import wire_names
from dhis2_wire.readers import Space, space_of
from dhis2_wire.values import Unset

ROUNDS = 11
ROOT = "MessageConversationPage"


def main() -> None:
    """Time all readers in turns."""
    content = page(1000)
    request = message_conversation.list_()
    space = space_of(request.models)
    readers: dict[str, Callable[[], Any]] = {
        "json.loads": lambda: json.loads(content),
        "dhis2_wire": lambda: request.parse(content),
        "pydantic": _pydantic(space, content),
        "cattrs": _cattrs(space, content),
    }
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, read in readers.items():
            started = perf_counter()
            value = read()
            times[name].append(perf_counter() - started)
            del value
    ratios = {
        name: statistics.median(own / base for own, base in zip(taken, times["json.loads"], strict=True))
        for name, taken in times.items()
        if name != "json.loads"
    }
    json.dump(ratios, sys.stdout)


def _fields(space: Space, cls: type) -> dict[str, tuple[str, Any]]:
    return {key: (name, space.field(cls, name)) for name, key in wire_names(cls).items()}


def _pydantic(space: Space, content: bytes) -> Callable[[], Any]:
    """The same classes and fields as pydantic models, reading the bytes themselves."""
    made: dict[type, Any] = {}

    def model(cls: type) -> Any:
        if cls not in made:
            made[cls] = typing.ForwardRef(cls.__name__)
            fields: dict[str, Any] = {
                name: (translate(kind) | None, pydantic.Field(default=None, alias=key))
                for key, (name, kind) in _fields(space, cls).items()
            }
            config = pydantic.ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)
            made[cls] = pydantic.create_model(cls.__name__, __config__=config, **fields)
        return made[cls]

    def translate(kind: Any) -> Any:
        return _translate(kind, model)

    root = model(space.evaluate(ROOT))
    names = {one.__name__: one for one in made.values()}
    for one in made.values():
        one.model_rebuild(force=True, _types_namespace=names)
    return lambda: root.model_validate_json(content)


def _cattrs(space: Space, content: bytes) -> Callable[[], Any]:
    """The same classes and fields as attrs classes, with cattrs' generated functions."""
    converter = cattrs.Converter()
    converter.register_structure_hook(datetime.datetime, lambda value, _: datetime.datetime.fromisoformat(value))
    made: dict[type, Any] = {}

    def model(cls: type) -> Any:
        if cls not in made:
            made[cls] = types.new_class(cls.__name__)
            fields = {
                key: attrs.field(default=None, type=translate(kind) | None)
                for key, (_, kind) in _fields(space, cls).items()
            }
            new = attrs.make_class(cls.__name__, fields, slots=True)
            made[cls] = new
        return made[cls]

    def translate(kind: Any) -> Any:
        return _translate(kind, model)

    root = model(space.evaluate(ROOT))
    return lambda: converter.structure(json.loads(content), root)


def _translate(kind: Any, model: Callable[[type], Any]) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        (one,) = [argument for argument in arguments if argument is not Unset][:1]
        return _translate(one, model)
    if origin is list:
        return types.GenericAlias(list, (_translate(arguments[0], model),))
    if origin is dict:
        return dict[str, Any]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return str  # an unknown value would be an error there
    return model(kind) if attrs.has(kind) else kind


if __name__ == "__main__":
    main()
