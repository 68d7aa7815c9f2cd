"""Schemas reduced to the few forms of `model`: unions merged, aliases followed, what cannot be used left out."""

from __future__ import annotations

import json
from typing import Any, TypeAlias
from urllib.parse import unquote

from scripts.regen.model import PREFIX, Schema, change_inside, reference, referred
from scripts.regen.names import camel, class_name, snake, words

Json: TypeAlias = Any
SCALARS = frozenset({"string", "integer", "number", "boolean"})
TIMES = frozenset({"date-time", "date"})
FORMATS = TIMES | {"binary"}


class Components:
    """The named schemas of a document, simplified, and the way from a published name to the class that it becomes."""

    def __init__(self, published: dict[str, Json], notes: list[str]) -> None:
        self.notes = notes
        self.classes = _class_names(published)
        self.published = published
        self.simple = {self.classes[name]: self.simplify(published[name], name) for name in sorted(published)}
        self._resolved: dict[str, Schema | None] = {}
        resolved = {name: self._named(name) for name in self.simple}
        self.schemas = {name: schema or {} for name, schema in resolved.items()}
        self.schemas = {name: self._inline(schema, frozenset({name})) for name, schema in self.schemas.items()}

    def named(self, name: str) -> bool:
        """Whether a schema becomes a class: one with fields or values of its own does, an alias does not."""
        schema = self.schemas[name]
        return bool(schema.get("properties") or schema.get("enum"))

    def use(self, schema: Json, place: str, *, binary: bool = False) -> Schema:
        """Simplify a schema that an operation uses; only parameters and forms can hold files."""
        return self._inline(self._resolve(self.simplify(schema, place, binary=binary)), frozenset())

    def form(self, schema: Json, place: str) -> Schema:
        """Simplify the schema of a form, which is written out where it is a reference: its files are no JSON."""
        for _ in range(8):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                break
            schema = self.published.get(_target(schema["$ref"]))
        return self.use(schema, place, binary=True)

    def simplify(self, schema: Json, place: str, *, binary: bool = False) -> Schema:
        """Reduce a schema to the known forms, unions still as they are."""
        if not isinstance(schema, dict):
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema["$ref"], place)
        for key in ("oneOf", "anyOf", "allOf"):
            if isinstance(schema.get(key), list):
                members = [self.simplify(m, place, binary=binary) for m in schema[key] if not _null(m)]
                own = self.simplify(_without(schema, key), place, binary=binary)
                if key != "allOf":
                    members = [_union(members)]
                return _all_of([*members, own])
        kind = _kind(schema)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            texts = sorted({value for value in values if isinstance(value, str) and value})
            if texts and kind in (None, "string"):
                return {"type": "string", "enum": texts}
        if kind == "array":
            return {"type": "array", "items": self.simplify(schema.get("items"), place, binary=binary)}
        if kind == "object":
            properties = schema.get("properties")
            if isinstance(properties, dict) and properties:
                made = {k: self.simplify(v, f"{place}.{k}", binary=binary) for k, v in properties.items()}
                return _object(made, place, self.notes)
            values_of = self.simplify(schema.get("additionalProperties"), place, binary=binary)
            return {"type": "object", "additionalProperties": values_of}
        if kind == "string" and schema.get("format") in FORMATS and (binary or schema["format"] != "binary"):
            return {"type": "string", "format": schema["format"]}
        return {"type": kind} if kind in SCALARS else {}

    def _reference(self, target: str, place: str) -> Schema:
        name = _target(target)
        if not target.startswith(PREFIX) or name not in self.published:
            self.notes.append(f"{place}: refers to {target}, which is not there; read as anything")
            return {}
        return reference(self.classes[name])

    def _named(self, name: str) -> Schema | None:
        """A named schema without unions, each made once; None while it is being made."""
        if name not in self._resolved:
            self._resolved[name] = None
            self._resolved[name] = self._resolve(self.simple[name])
        return self._resolved[name]

    def _flat(self, schema: Schema) -> Schema:
        """Follow references; one that leads into what is being made gives its plain fields."""
        for _ in range(len(self.simple)):
            name = referred(schema)
            if name is None:
                break
            schema = self._named(name) or _plain(self.simple[name])
        return self._resolve(schema)

    def _resolve(self, schema: Schema) -> Schema:
        """Replace unions and compositions by one schema."""
        if "oneOf" in schema and not _told_apart(schema["oneOf"]):
            return self._merge(schema["oneOf"])
        if "allOf" in schema:
            return self._compose(schema["allOf"])
        return change_inside(schema, self._resolve)

    def _merge(self, members: list[Schema]) -> Schema:
        """Untagged objects cannot be told apart on the wire, so a union of objects is one with the fields of all."""
        flat = [self._flat(member) for member in members]
        if not all(flat):
            return {}
        if all(schema.get("properties") for schema in flat):
            return _combined(flat)
        if all("enum" in schema for schema in flat):
            return {"type": "string", "enum": sorted({value for schema in flat for value in schema["enum"]})}
        if all(schema.get("type") == "string" for schema in flat) and not any("format" in schema for schema in flat):
            return {"type": "string"}
        if {schema.get("type") for schema in flat} == {"integer", "number"}:
            return {"type": "number"}
        times = [schema for schema in flat if schema.get("format") in TIMES]
        if times and all(schema.get("type") in SCALARS for schema in flat):
            # A date is recognised by its form; whatever else comes is kept as it is.
            rest = [_without(schema, "enum") for schema in flat if schema not in times]
            return _union([*times, *rest])
        return {}

    def _compose(self, members: list[Schema]) -> Schema:
        flat = [self._flat(member) for member in members]
        objects = [schema for schema in flat if schema.get("properties")]
        if objects:
            return _combined(objects)
        return next((schema for schema in flat if schema), {})

    def _inline(self, schema: Schema, seen: frozenset[str]) -> Schema:
        """Write aliases out: a name for a text or a list is no class."""
        name = referred(schema)
        if name is None:
            return change_inside(schema, lambda inner: self._inline(inner, seen))
        if self.named(name):
            return schema
        return {} if name in seen else self._inline(self.schemas[name], seen | {name})


def _target(reference_: str) -> str:
    return unquote(reference_.removeprefix(PREFIX)).replace("~1", "/").replace("~0", "~")


def _null(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _plain(schema: Schema) -> Schema:
    """The fields of an object whose unions are not known yet."""
    if "properties" not in schema:
        return {}
    fields = {key: {} if {"oneOf", "allOf"} & value.keys() else value for key, value in schema["properties"].items()}
    return {"type": "object", "properties": fields}


def _told_apart(members: list[Schema]) -> bool:
    """Whether a union is one that stays: dates, and other scalars once."""
    return any(m.get("format") in TIMES for m in members) and all(
        m.get("type") in SCALARS and "enum" not in m for m in members
    )


def _all_of(members: list[Schema]) -> Schema:
    """All of these; what says nothing is left out, and one alone is itself."""
    telling = _distinct([m for m in members if m and m != {"type": "object", "additionalProperties": {}}])
    if len(telling) == 1:
        return telling[0]
    return {"allOf": telling} if telling else members[0]


def _class_names(published: dict[str, Json]) -> dict[str, str]:
    """Give each schema its class; two that would be spelled alike are numbered in the order of their names."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(published, key=lambda name: (class_name(name) != name, name)):
        spelled, number = class_name(name), 1
        while snake(spelled) in taken:
            number += 1
            spelled = f"{class_name(name)}{number}"
        taken.add(snake(spelled))
        given[name] = spelled
    return given


def _kind(schema: Schema) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else None
    if kind is None and isinstance(schema.get("properties", schema.get("additionalProperties")), dict):
        return "object"
    if kind is None and "items" in schema:
        return "array"
    return kind if isinstance(kind, str) else None


def _object(properties: dict[str, Schema], place: str, notes: list[str]) -> Schema:
    """Of fields whose attributes would be spelled alike one stays, in camel case if it can; the rest come unknown."""
    kept: dict[str, Schema] = {}
    spelled: set[str] = set()
    for key in sorted(properties, key=lambda key: (camel(snake(key)) != key, key)):
        if not words(key):
            notes.append(f"{place}: {key!r} has no letters that a name could have; it comes among the unknown keys")
            continue
        if snake(key) in spelled:
            notes.append(f"{place}: {key!r} is spelled like another field; it comes among the unknown keys")
            continue
        spelled.add(snake(key))
        kept[key] = properties[key]
    return {"type": "object", "properties": dict(sorted(kept.items()))}


def _union(members: list[Schema]) -> Schema:
    distinct = _distinct(members)
    return distinct[0] if len(distinct) == 1 else {"oneOf": distinct} if distinct else {}


def _distinct(schemas: list[Schema]) -> list[Schema]:
    return list({json.dumps(schema, sort_keys=True): schema for schema in schemas}.values())


def _combined(objects: list[Schema]) -> Schema:
    """One object with the fields of all; a field that differs between them is anything."""
    fields: dict[str, Schema] = {}
    for schema in objects:
        for key, value in schema["properties"].items():
            fields[key] = value if fields.get(key, value) == value else {}
    return {"type": "object", "properties": {key: fields[key] for key in sorted(fields)}}


def _without(schema: Schema, key: str) -> Schema:
    return {k: v for k, v in schema.items() if k != key}
