"""Schemas reduced to the few forms of `model`: unions merged, aliases followed, what cannot be used left out."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from scripts.regen.model import PREFIX, Schema, reference, referred
from scripts.regen.names import camel, class_name, snake

Json: TypeAlias = Any
SCALARS = frozenset({"string", "integer", "number", "boolean"})
FORMATS = frozenset({"date-time", "date", "binary"})


class Components:
    """The named schemas of a document, simplified, and the way from a published name to the class that it becomes."""

    def __init__(self, published: dict[str, Json], notes: list[str]) -> None:
        self.notes = notes
        self.classes = _class_names(published)
        self.published = published
        self.simple = {self.classes[name]: self.simplify(published[name], name) for name in sorted(published)}
        self.schemas = {name: self._resolve(schema, frozenset({name})) for name, schema in self.simple.items()}
        self.schemas = {name: self._inline(schema, frozenset({name})) for name, schema in self.schemas.items()}

    def named(self, name: str) -> bool:
        """Whether a schema becomes a class: one with fields or values of its own does, an alias does not."""
        schema = self.schemas[name]
        return bool(schema.get("properties") or schema.get("enum"))

    def use(self, schema: Json, place: str) -> Schema:
        """Simplify a schema that an operation uses."""
        return self._inline(self._resolve(self.simplify(schema, place), frozenset()), frozenset())

    def simplify(self, schema: Json, place: str) -> Schema:
        """Reduce a schema to the known forms, unions still as they are."""
        if not isinstance(schema, dict):
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema["$ref"], place)
        for key in ("oneOf", "anyOf"):
            if isinstance(schema.get(key), list):
                members = [self.simplify(member, place) for member in schema[key] if member != {"type": "null"}]
                return _union(members)
        if isinstance(schema.get("allOf"), list):
            return {"allOf": [self.simplify(member, place) for member in [*schema["allOf"], _without(schema, "allOf")]]}
        kind = _kind(schema)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            texts = sorted({value for value in values if isinstance(value, str) and value})
            if texts and kind in (None, "string"):
                return {"type": "string", "enum": texts}
        if kind == "array":
            return {"type": "array", "items": self.simplify(schema.get("items"), place)}
        if kind == "object":
            properties = schema.get("properties")
            if isinstance(properties, dict) and properties:
                return _object(
                    {key: self.simplify(properties[key], f"{place}.{key}") for key in properties}, place, self.notes
                )
            return {"type": "object", "additionalProperties": self.simplify(schema.get("additionalProperties"), place)}
        if kind == "string" and schema.get("format") in FORMATS:
            return {"type": "string", "format": schema["format"]}
        return {"type": kind} if kind in SCALARS else {}

    def _reference(self, target: str, place: str) -> Schema:
        name = target.removeprefix(PREFIX).replace("~1", "/").replace("~0", "~")
        if not target.startswith(PREFIX) or name not in self.published:
            self.notes.append(f"{place}: refers to {target}, which is not there; read as anything")
            return {}
        return reference(self.classes[name])

    def _flat(self, schema: Schema, seen: frozenset[str]) -> tuple[Schema, frozenset[str]]:
        """Follow references, but never in a circle."""
        while name := referred(schema):
            if name in seen:
                return {}, seen
            seen |= {name}
            schema = self.simple[name]
        return schema, seen

    def _resolve(self, schema: Schema, seen: frozenset[str]) -> Schema:
        """Replace unions and compositions by one schema."""
        if "oneOf" in schema:
            return self._merge(schema["oneOf"], seen)
        if "allOf" in schema:
            return self._compose(schema["allOf"], seen)
        if "items" in schema:
            return {**schema, "items": self._resolve(schema["items"], seen)}
        if "properties" in schema:
            return {**schema, "properties": {k: self._resolve(v, seen) for k, v in schema["properties"].items()}}
        if "additionalProperties" in schema:
            return {**schema, "additionalProperties": self._resolve(schema["additionalProperties"], seen)}
        return schema

    def _merge(self, members: list[Schema], seen: frozenset[str]) -> Schema:
        """Untagged objects cannot be told apart on the wire, so a union of objects is one with the fields of all."""
        flat = []
        for member in members:
            schema, inner = self._flat(member, seen)
            flat.append(self._resolve(schema, inner) if schema else {})
        if not all(flat):
            return {}
        if all(schema.get("properties") for schema in flat):
            return _combined(flat)
        if all(schema.get("type") == "string" for schema in flat) and not any("format" in schema for schema in flat):
            return {"type": "string"}
        kinds = {schema.get("type") for schema in flat}
        if kinds == {"integer", "number"}:
            return {"type": "number"}
        times = [schema for schema in flat if schema.get("format") in ("date-time", "date")]
        if times and kinds <= SCALARS:
            # A date is recognised by its form; whatever else comes is kept as it is.
            rest = [_without(schema, "enum") for schema in flat if schema not in times]
            return {"oneOf": _distinct([*times, *rest])}
        return {}

    def _compose(self, members: list[Schema], seen: frozenset[str]) -> Schema:
        flat = []
        for member in members:
            schema, inner = self._flat(member, seen)
            if schema and schema.get("additionalProperties") != {}:
                flat.append(self._resolve(schema, inner))
        objects = [schema for schema in flat if schema.get("properties")]
        if objects:
            return _combined(objects)
        return flat[0] if flat else {}

    def _inline(self, schema: Schema, seen: frozenset[str]) -> Schema:
        """Write aliases out: a name for a text or a list is no class."""
        name = referred(schema)
        if name is not None:
            if self.named(name):
                return schema
            return {} if name in seen else self._inline(self.schemas[name], seen | {name})
        inlined = dict(schema)
        for key in ("items", "additionalProperties"):
            if key in schema:
                inlined[key] = self._inline(schema[key], seen)
        if "properties" in schema:
            inlined["properties"] = {k: self._inline(v, seen) for k, v in schema["properties"].items()}
        return inlined


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
    if kind is None and isinstance(schema.get("properties"), dict):
        return "object"
    if kind is None and "items" in schema:
        return "array"
    return kind if isinstance(kind, str) else None


def _object(properties: dict[str, Schema], place: str, notes: list[str]) -> Schema:
    """Of fields whose attributes would be spelled alike one stays, in camel case if it can; the rest come unknown."""
    kept: dict[str, Schema] = {}
    spelled: set[str] = set()
    for key in sorted(properties, key=lambda key: (camel(snake(key)) != key, key)):
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
