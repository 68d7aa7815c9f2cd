"""A normalised document as OpenAPI again, in the words that our templates understand."""

from __future__ import annotations

import re
from typing import Any

from scripts.regen.model import Api, Operation, Parameter, Schema
from scripts.regen.names import words

JSON, BINARY = "application/json", "application/octet-stream"


def emit(api: Api) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the document for openapi-python-client, and the media types that it is to take for others.

    What a template needs beyond the standard stands in descriptions, of which the canonical form has none: the
    docstring in that of an operation, and in that of a parameter the words `text`, `comma` and `rest`.
    """
    paths: dict[str, Any] = {}
    overrides: dict[str, str] = {}
    for operation in api.operations:
        # The fragment keeps apart what has one path and several handlers; no request carries it.
        paths[f"{operation.path}#{operation.name}"] = {operation.method.lower(): _operation(operation)}
        if operation.body_type and operation.body_type != "multipart/form-data":
            overrides[operation.body_type] = JSON if operation.body_type.endswith("json") else BINARY
        if operation.accept:
            # The client must know each media type as JSON or not; what is read is decided by the schema alone.
            overrides.setdefault(operation.accept, JSON if operation.accept.endswith("json") else BINARY)
    document = {
        "openapi": "3.0.3",
        "info": {"title": f"DHIS2 2.{api.version}", "version": api.version},
        "paths": paths,
        "components": {"schemas": {name: _schema(schema) for name, schema in api.schemas.items()}},
    }
    return document, overrides


def _operation(operation: Operation) -> dict[str, Any]:
    emitted: dict[str, Any] = {
        "tags": [operation.module],
        "operationId": operation.function,
        "description": docstring(operation),
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {"2XX": {"description": ""}},
    }
    if operation.body is not None:
        content = {operation.body_type: {"schema": operation.body}}
        emitted["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.answer is not None:
        emitted["responses"]["2XX"]["content"] = {operation.accept: {"schema": operation.answer}}
    return emitted


def docstring(operation: Operation) -> str:
    """Say the call behind a function: method, path, operation id and parameters."""
    text = f"{operation.place} ({operation.published})"
    if operation.deprecated:
        text += ", deprecated"
    said: list[str] = []
    for place in ("query", "header"):
        listed = ", ".join(_described(parameter) for parameter in operation.parameters if parameter.place == place)
        said += [f"{place.capitalize()}: {listed}."] if listed else []
    return "; ".join([text, " ".join(said)]) if said else text


def _described(parameter: Parameter) -> str:
    if parameter.schema.get("type") != "array":
        return parameter.name
    return f"{parameter.name} ({'comma list' if parameter.comma else 'repeated'})"


def _parameter(parameter: Parameter) -> dict[str, Any]:
    marks = [mark for mark in ("text", "comma", "rest") if getattr(parameter, mark)]
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "schema": parameter.schema | ({"description": " ".join(marks)} if marks else {}),
    }


def _schema(schema: Schema) -> Schema:
    if "enum" not in schema:
        return schema
    return schema | {"x-enum-varnames": members(schema["enum"])}


def members(values: list[str]) -> list[str]:
    """Spell the members of an enum, each once, each a name."""
    spelled: list[str] = []
    for value in values:
        plain = (
            "_".join(words(value)).upper() if re.search("[a-z]", value) else "_".join(re.findall("[A-Z0-9]+", value))
        )
        name = plain if plain[:1].isalpha() else f"VALUE_{plain}".rstrip("_")
        number, unique = 1, name
        while unique in spelled:
            number += 1
            unique = f"{name}_{number}"
        spelled.append(unique)
    return spelled
