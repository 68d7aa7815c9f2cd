"""The generated functions as a table, and the way back from a recorded request to the call that makes it."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

from dhis2_wire import File, Request, from_json
from tests.support.exchanges import Exchange, parts

NEEDED = tomllib.loads((Path(__file__).parents[2] / "openapi" / "facade.toml").read_text(encoding="utf-8"))[
    "operations"
]
Function: TypeAlias = Callable[..., Request[Any]]


@frozen
class Generated:
    """A generated function and what it calls."""

    module: str
    name: str
    function: Function
    request: Request[Any]
    pattern: re.Pattern[str]
    variables: int

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def annotations(self) -> dict[str, str]:
        return {name: p.annotation for name, p in inspect.signature(self.function).parameters.items()}

    def query_names(self) -> dict[str, str]:
        """Name in the query → name of the parameter."""
        return {wire: name for wire, name, _ in self._sent()}

    def joins(self, parameter: str) -> bool:
        """Whether several texts become one comma list."""
        return next(pairs for _, name, pairs in self._sent() if name == parameter) == 1

    def _sent(self) -> Iterator[tuple[str, str, int]]:
        for name, kind in self.annotations.items():
            if kind.startswith(("str", "int", "bool", "float")) and name in path_parameters(self.function):
                continue
            if name == "body":
                continue
            made = call(self.function, **{name: ["a", "b"]})
            added = [pair for pair in made.query if pair[1] in ("a", "b", "a,b")]
            if added:
                yield added[0][0], name, len(added)


def path_parameters(function: Function) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def required(function: Function) -> list[str]:
    return [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]


def call(function: Function, **given: Any) -> Request[Any]:
    """Call with placeholders for what is required and not given."""
    return function(**{name: f"VAR{i}" for i, name in enumerate(required(function))} | given)


@functools.cache
def functions(version: str) -> tuple[Generated, ...]:
    """Every generated function of a version."""
    api = importlib.import_module(f"dhis2_bindings.v{version}.api")
    found = []
    for module in api.__all__:
        loaded = importlib.import_module(f"{api.__name__}.{module}")
        for name, function in vars(loaded).items():
            if inspect.isfunction(function) and function.__module__ == loaded.__name__:
                request = call(function)
                pattern = re.sub(r"VAR\d+", "([^/]+)", re.escape(request.path))
                found.append(
                    Generated(module, name, function, request, re.compile(f"^{pattern}$"), pattern.count("([^/]+)"))
                )
    return tuple(found)


@functools.cache
def lookup(version: str, full_name: str) -> Generated:
    return next(one for one in functions(version) if one.full_name == full_name)


def bare(path: str) -> str:
    """A path as the bindings write it: without version, slash or extension."""
    return re.sub(r"(?<=.)(\.json)?/*$", "", re.sub(r"^/api/\d\d/", "/api/", path))


def candidates(exchange: Exchange) -> list[Generated]:
    """The functions for what was called: the fewest variables; of those with one URL the facade's first."""
    path = bare(exchange.path)
    matching = [
        one for one in functions(exchange.version) if one.request.method == exchange.method and one.pattern.match(path)
    ]
    fewest = min((one.variables for one in matching), default=0)
    wanted = exchange.request_headers.get("accept", "application/json")
    return sorted(
        (one for one in matching if one.variables == fewest),
        key=lambda one: (one.full_name not in NEEDED, one.request.accept != wanted, len(one.name)),
    )


def request_of(exchange: Exchange, generated: Generated) -> Request[Any]:
    """Make the recorded request with a generated function."""
    match = generated.pattern.match(bare(exchange.path))
    assert match
    arguments: dict[str, Any] = dict(zip(path_parameters(generated.function), match.groups(), strict=True))
    names = generated.query_names()
    for wire in dict.fromkeys(name for name, _ in exchange.query):
        values = [value for name, value in exchange.query if name == wire]
        name = names[wire]
        arguments[name] = _argument(generated, name, values)
    if exchange.request_body:
        arguments["body"] = _body(exchange, generated.annotations["body"].partition(" | ")[0], generated.request.models)
    return generated.function(**arguments)


def _argument(generated: Generated, name: str, values: list[str]) -> Any:
    kind = generated.annotations[name].partition(" | ")[0]
    if kind == "Text" or kind.startswith("list["):
        # Commas between brackets belong to one field.
        return [part for v in values for part in re.split(r",(?![^\[]*\])", v)] if generated.joins(name) else values
    (value,) = values
    return value == "true" if kind == "bool" else int(value) if kind == "int" else value


def _body(exchange: Exchange, kind: str, models: str) -> Any:
    sent = exchange.request_headers.get("content-type", "")
    if sent.startswith("multipart/"):
        fields: dict[str, Any] = {}
        for part in parts(sent, exchange.request_body):
            content = part.content
            if part.file_name is not None:
                fields[part.name] = File(content, part.file_name, part.content_type or "")
            else:
                fields[part.name] = content.decode()
        return getattr(importlib.import_module(models), kind)(**fields)
    if "json" in sent:
        return from_json(kind, models, json.loads(exchange.request_body))
    return exchange.request_body.decode()
