"""Parameters as arguments: each its own, of what a path, a query or a header can carry; files go into the body."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from scripts.regen.model import Operation, Parameter, Schema, referred
from scripts.regen.names import camel, snake, words
from scripts.regen.normalise.schemas import SCALARS, Components

Json: TypeAlias = Any
Found: TypeAlias = dict[tuple[str, str], Parameter]
# DHIS2's own little languages; a document may call them enums, or leave it open whether they are lists.
FREE_TEXT = frozenset({"fields", "filter", "filters", "order", "orders"})
COMMA = frozenset({"fields"})  # one comma list; other lists repeat their name
CLIENT_HEADERS = frozenset({"accept", "authorization", "content-type"})  # as OpenAPI has it, no parameters
STRING_BEAN = ("blank", "bytes", "empty")  # what a text in Java can be asked, documented as parameters
REST = "subpath"  # what `**` in a path becomes
# `{name}`, `{name:[a-z]{3}}`, or the rest of a path as `{*name}` or `**`.
_VARIABLE = re.compile(r"\{\*?([^{}:]*)((?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?)\}|\*\*")


def set_parameters(operation: Operation, published: list[Json], components: Components) -> dict[str, Schema]:
    """Set the parameters; give those that belong into a form: files, and what stands beside them."""
    notes = components.notes
    found, uploads = _read(operation, published, components)
    if uploads.keys() == {"bytes"} and {("query", "blank"), ("query", "empty")} <= found.keys():
        notes.append(f"{operation.published}: blank, bytes and empty are of a text in Java; left out")
        found = {key: parameter for key, parameter in found.items() if key[1] not in STRING_BEAN}
        uploads = {}
    if uploads:  # the server reads what stands beside a file from the form as from the query (attachments.yaml)
        uploads |= {name: parameter.schema for (where, name), parameter in found.items() if where == "query"}
        found = {key: parameter for key, parameter in found.items() if key[0] != "query"}
    documented = {name: parameter for (where, name), parameter in found.items() if where == "path"}
    for name in sorted(documented.keys() - {match[1] for match in _VARIABLE.finditer(operation.path)}):
        notes.append(f"{operation.published}({name}): a variable that the path does not have; left out")
    operation.path, variables = _variables(operation, documented)
    rest = [parameter for (where, _), parameter in found.items() if where != "path"]
    operation.parameters = variables + _arguments(operation, rest, notes)
    return uploads


def _read(operation: Operation, published: list[Json], components: Components) -> tuple[Found, dict[str, Schema]]:
    """Read what is documented, and tell apart the files."""
    uploads: dict[str, Schema] = {}
    found: Found = {}
    for raw in published:
        name, where = raw["name"], str(raw.get("in"))
        place = f"{operation.published}({name})"
        schema = components.use(raw.get("schema", _first_schema(raw)), place, binary=True)
        if where not in ("path", "query", "header") or (where == "header" and name.lower() in CLIENT_HEADERS):
            components.notes.append(f"{place}: in {where}; left to the client")
        elif where != "path" and not words(name):
            components.notes.append(f"{place}: has no letters that a name could have; left out")
        elif where != "path" and schema.get("items", schema).get("format") == "binary":
            uploads[name] = schema
        elif (where, name) not in found:
            found[where, name] = _parameter(name, where, schema, raw, components)
    return found, uploads


def _arguments(operation: Operation, parameters: list[Parameter], notes: list[str]) -> list[Parameter]:
    """Of parameters that are spelled alike one can be an argument: that of the query, and that in camel case."""
    kept: dict[str, Parameter] = {}
    turn = sorted(parameters, key=lambda p: (p.place != "query", camel(snake(p.name)) != p.name, p.name))
    left_out = [p.name for p in turn if kept.setdefault(snake(p.name), p) is not p]
    notes += [f"{operation.published}({name}): spelled like another; left out" for name in left_out]
    return sorted(kept.values(), key=lambda p: (p.place, p.name))


def _variables(operation: Operation, documented: dict[str, Parameter]) -> tuple[str, list[Parameter]]:
    """The path with variables that a function can have as arguments, each its own; `**` is the rest of the path."""
    made: list[Parameter] = []
    taken: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        rest = match[0].startswith(("**", "{*"))
        plain = REST if match[0] == "**" else re.sub(r"[^A-Za-z0-9_-]", "_", match[1] or "").strip("_-")
        name = spelled = plain if plain[:1].isalpha() else f"value_{plain}".rstrip("_")
        number = 1
        while snake(spelled) in taken:
            number += 1
            spelled = f"{name}_{number}"
        taken.add(snake(spelled))
        known = documented.get(match[1] or "")
        kind = known.schema.get("type") if known else "string"
        schema = {"type": kind if kind in ("integer", "number") else "string"}
        made.append(Parameter(spelled, "path", schema, required=True, rest=rest))
        return "{" + spelled + "}"

    return _VARIABLE.sub(replace, operation.path), made


def _first_schema(parameter: Json) -> Json:
    media: dict[str, Json] = next(iter((parameter.get("content") or {}).values()), {})
    return media.get("schema")


def _parameter(name: str, where: str, schema: Schema, raw: Json, components: Components) -> Parameter:
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    kind: Schema
    if where == "header":
        kind = {"type": "string"}
    elif name in FREE_TEXT:
        kind = texts
    elif schema.get("type") == "array":
        kind = {"type": "array", "items": _scalar(schema["items"], components)}
    elif _lists(raw.get("schema"), components):  # an object or the uids of it: in a query it is the uids
        kind = texts
    else:
        kind = _scalar(schema, components)
    return Parameter(
        name,
        where,
        kind,
        required=raw.get("required") is True,
        text=kind is texts and name in FREE_TEXT,
        comma=name in COMMA or raw.get("explode") is False,
    )


def _lists(schema: Json, components: Components) -> bool:
    union = schema.get("oneOf") if isinstance(schema, dict) else None
    return isinstance(union, list) and any(components.simplify(member, "").get("type") == "array" for member in union)


def _scalar(schema: Schema, components: Components) -> Schema:
    """What a query or a header can carry; everything else is text that the caller writes."""
    name = referred(schema)
    flat = components.schemas[name] if name else schema
    if "enum" in flat:
        return schema
    return flat if flat.get("type") in SCALARS and flat.get("format") != "binary" else {"type": "string"}
