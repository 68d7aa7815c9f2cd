"""A document as odd as one can be that is still OpenAPI: what is generated imports, can be called, and comes again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.regen.golden.record import make_root
from tests.regen.test_command import files, regen, spec

ROOT = Path(__file__).parents[2]
TEXT = {"type": "string"}
NAMES = ["class", "self", "cls", "unknown_", "__init__", "_x", "a.b", "a-b", "ünicode", "日本", "1st", 'qu"ote', "back\\slash", "new\nline", "x" * 300, "list", "None", "field", "datetime", "UNSET", "body"]  # fmt: skip
SCHEMAS = ["Any", "ClassVar", "Request", "Unset", "UNSET", "OpenEnum", "TypeAlias", "datetime", "File", "Text", "JsonObject", "list", "None", "Exception", "a.b.C", "With Blank", "Gen<eric>", "$Dollar", "lower", "LOWER", "X" * 300]  # fmt: skip
PROGRAM = """
import importlib, inspect, sys
from attrs import has
from dhis2_wire.readers import space_of
api = importlib.import_module("dhis2_bindings.v57.api")
space = space_of("dhis2_bindings.v57.models")
for name in space.models.__all__:
    cls = space[name]
    if isinstance(cls, type) and has(cls):
        cls()
        for attribute in cls.__attrs_attrs__:
            space.field(cls, attribute.name)
count = 0
for module in api.__all__:
    for name, function in vars(importlib.import_module(f"{api.__name__}.{module}")).items():
        if inspect.isfunction(function) and not name.startswith("_"):
            required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
            request = function(**{one: "x" for one in required})
            space.root(request.result)
            count += 1
print(count)
"""


def _odd() -> bytes:
    schemas: dict[str, Any] = {
        name: {"type": "object", "properties": dict.fromkeys(NAMES, TEXT)}
        if name != "OpenEnum"
        else {"type": "string", "enum": ["a"]}
        for name in SCHEMAS
    }
    schemas["Enum"] = {"type": "string", "enum": ["a", "A", "a b", "a-b", "", "1", "ü", '"', "\n", "mro", "None"]}
    everything = {"type": "object", "properties": {f"p{n}": {"$ref": f"#/components/schemas/{name}"} for n, name in enumerate([*SCHEMAS, "Enum"])}}  # fmt: skip
    query = [{"name": name, "in": "query", "schema": TEXT} for name in NAMES]
    header = [{"name": "X-At", "in": "header", "schema": {"type": "string", "format": "date-time"}},
              {"name": "Accept", "in": "header", "schema": TEXT}, {"name": "fields", "in": "header", "schema": {"type": "array", "items": TEXT}}]  # fmt: skip
    other = [{"name": "s", "in": "cookie"}, {"name": "q", "in": "querystring"}, {"name": "m"}, {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "integer"}}}]  # fmt: skip
    ok = {"200": {"description": '"""', "content": {"application/json": {"schema": everything}}}}
    paths: dict[str, Any] = {
        "x-extension": "prose",
        "/all": {"get": {"operationId": "All.getAll", "parameters": query + header + other, "responses": ok}},
        "/all/{id}/{id}": {
            "get": {"operationId": "All.class", "responses": ok},
            "head": {"operationId": "All.head", "responses": ok},
        },
        "/{日}/**": {"get": {"operationId": "日.本", "responses": ok}},
        "/noid": {
            "get": {"responses": ok},
            "post": {"operationId": "nodot", "responses": {"default": {"description": ""}}},
        },
        "/long": {"get": {"operationId": f"{'L' * 300}.{'m' * 300}", "responses": ok}},
        "/kinds": {
            "get": {
                "operationId": "K.k",
                "responses": {"2XX": {"description": "", "content": {"application/json+gzip": {}}}},
            }
        },
        "relative": {"get": {"operationId": "R.r", "responses": {"200": {"description": "", "content": {"": {}}}}}},
    }
    return json.dumps({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}).encode()


def test_an_odd_document_gives_code_that_works_and_the_same_again(tmp_path: Path) -> None:
    layout = make_root(tmp_path)
    path = spec(tmp_path, _odd())
    status, _, trouble = regen(layout, "--version", "57", "--spec", path)
    assert (status, trouble) == (0, "")
    first = files(layout)
    assert regen(layout, "--version", "57", "--spec", path)[0] == 0
    assert files(layout) == first
    assert regen(layout, "--check")[0] == 0
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "generated"), str(ROOT / "facade")])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("9\n", "")
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            os.devnull,
            str(tmp_path / "generated" / "dhis2_bindings"),
        ],
        env=os.environ | {"MYPYPATH": os.pathsep.join([str(tmp_path / "generated"), str(ROOT / "facade")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
