"""What normalising makes of a document: operations and schemas, in few and simple forms.

A schema is one of: `{}` (anything), `{"$ref": …}` to a named schema, a scalar (`string` with `date-time`, `date` or
`binary` perhaps), an `array`, an `object` with `properties`, an `object` with `additionalProperties`, a text `enum`,
or a `oneOf` of scalars that can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from attrs import define, field, frozen

Schema: TypeAlias = dict[str, Any]
PREFIX = "#/components/schemas/"


def reference(name: str) -> Schema:
    """Refer to a named schema."""
    return {"$ref": PREFIX + name}


def referred(schema: Schema) -> str | None:
    """Give the name that a schema refers to, if it is a reference."""
    target = schema.get("$ref")
    return target.removeprefix(PREFIX) if isinstance(target, str) else None


def change_inside(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Give the schema with the schemas inside it changed."""
    changed = dict(schema)
    for key in ("items", "additionalProperties"):
        if key in schema:
            changed[key] = change(schema[key])
    if "properties" in schema:
        changed["properties"] = {key: change(value) for key, value in schema["properties"].items()}
    return changed


def inside(schema: Schema) -> list[Schema]:
    """Give the schemas inside a schema."""
    single = [schema[key] for key in ("items", "additionalProperties") if key in schema]
    return [*single, *schema.get("properties", {}).values()]


@frozen
class Parameter:
    """A variable of a path, or a parameter of a query or a header."""

    name: str
    place: str
    schema: Schema
    required: bool = False
    text: bool = False
    """Text or a list of text, whatever the document says."""
    comma: bool = False
    """A list is joined with commas instead of repeated."""
    rest: bool = False
    """The rest of a path, of several segments."""


@define
class Operation:
    """One function of the bindings."""

    method: str
    path: str
    """Bare: it begins with /api and has neither a trailing slash nor a fragment."""
    controller: str
    handlers: tuple[str, ...]
    published: str
    """The server's operation id."""
    parameters: list[Parameter] = field(factory=list)
    body: Schema | None = None
    body_type: str | None = None
    body_required: bool = False
    accept: str | None = None
    """What to ask for; None if there is no answer to read."""
    answer: Schema | None = None
    deprecated: bool = False
    module: str = ""
    function: str = ""

    @property
    def name(self) -> str:
        """The function as an author writes it, such as `message_conversation.get`."""
        return f"{self.module}.{self.function}"

    @property
    def place(self) -> str:
        """The call as the manuals write it."""
        return f"{self.method} {self.path}"

    def schemas(self) -> list[Schema]:
        """Give all schemas of the operation itself."""
        own = [p.schema for p in self.parameters]
        return own + [schema for schema in (self.body, self.answer) if schema is not None]


@define
class Api:
    """A normalised document."""

    version: str
    operations: list[Operation]
    schemas: dict[str, Schema]
    notes: list[str]
    """What was left out or read as anything, for the report."""
