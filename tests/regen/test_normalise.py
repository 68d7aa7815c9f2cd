"""Normalising: names, unions, parameters, bodies and answers, each from a document of a few lines."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.regen import document
from scripts.regen.emit import docstring, emit, members
from scripts.regen.errors import RegenError
from scripts.regen.generate import PYTHON
from scripts.regen.model import Api, Operation, Schema
from scripts.regen.names import Names, class_name, pascal, snake
from scripts.regen.needs import lacking
from scripts.regen.normalise import normalise
from scripts.regen.normalise.classes import expression

TEXT: Schema = {"type": "string"}
identifiers = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_. -]{0,15}", fullmatch=True)


def api(paths: dict[str, Any], schemas: dict[str, Any] | None = None, names: Names | None = None, **more: Any) -> Api:
    raw = {"openapi": "3.0.0", "paths": paths, "components": {"schemas": schemas or {}, **more}}
    return normalise(document.canonical(raw, "test"), "36", names if names is not None else Names())


def answering(schema: Any, kinds: tuple[str, ...] = ("application/json",), code: str = "200") -> dict[str, Any]:
    return {code: {"description": "", "content": {kind: {"schema": schema} for kind in kinds}}}


def only(found: Api) -> Operation:
    (operation,) = found.operations
    return operation


def answer(schema: Any, **schemas: Any) -> str:
    """What an answer of this schema is read as."""
    found = api({"/x": {"get": {"operationId": "X.getX", "responses": answering(schema)}}}, schemas)
    given_ = only(found).answer
    assert given_ is not None
    name = given_.get("$ref", "").rpartition("/")[2]
    return expression(found.schemas[name]) if name else expression(given_)


A: Schema = {"type": "object", "properties": {"a": TEXT, "x": TEXT}}
B: Schema = {"type": "object", "properties": {"b": TEXT, "x": {"type": "integer"}}}
REF_A, REF_B = {"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}


@pytest.mark.parametrize(
    ("schema", "read_as"),
    [
        ({"oneOf": [REF_A, REF_B]}, "{a: string, b: string, x: any}"),
        ({"anyOf": [REF_B, REF_A]}, "{a: string, b: string, x: any}"),
        ({"allOf": [REF_A, {"type": "object", "properties": {"c": TEXT}}]}, "{a: string, c: string, x: string}"),
        ({"allOf": [REF_A]}, "{a: string, x: string}"),
        ({"oneOf": [REF_A, REF_A]}, "{a: string, x: string}"),
        ({"oneOf": [{"type": "array", "items": REF_A}, REF_A]}, "any"),
        ({"oneOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}]}, "date-time or integer"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"oneOf": [{"type": "boolean"}, {"type": "number"}, TEXT]}, "any"),
        ({"oneOf": [TEXT, {"type": "string", "enum": ["a"]}]}, "string"),
        ({"oneOf": [TEXT, {"type": "null"}]}, "string"),
        ({"type": ["string", "null"]}, "string"),
        ({"type": "any"}, "any"),
        ({}, "any"),
        (True, "any"),
        ({"type": "object"}, "{*: any}"),
        ({"properties": {"a": TEXT}}, "{a: string}"),
        ({"type": "array"}, "[any]"),
        ({"items": TEXT}, "[string]"),
        ({"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}, "{*: [string]}"),
        ({"type": "string", "format": "period"}, "string"),
        ({"type": "string", "enum": ["b", "a", "b"]}, "a|b"),
        ({"type": "string", "enum": ["", None, "a"]}, "a"),
        ({"type": "integer", "enum": [1, 2]}, "integer"),
        ({"type": "string", "enum": []}, "string"),
        ({"const": "only"}, "only"),
        ({"$ref": "#/components/schemas/Nowhere"}, "any"),
        ({"$ref": "other.json#/A"}, "any"),
        ({"$ref": "#/components/schemas/Uid"}, "string"),
        ({"$ref": "#/components/schemas/List"}, "[A]"),
        ({"$ref": "#/components/schemas/Loop"}, "[any]"),
        ({"$ref": "#/components/schemas/Empty"}, "{*: any}"),
        ({"$ref": "#/components/schemas/Self"}, "{again: Self}"),
        ({"oneOf": [{"$ref": "#/components/schemas/Self"}, REF_A]}, "{a: string, again: Self, x: string}"),
        ({"$ref": "#/components/schemas/Union"}, "{u: UnionU}"),
    ],
)  # fmt: skip
def test_schemas_become_few_simple_forms(schema: Any, read_as: str) -> None:
    loop = {"type": "array", "items": {"$ref": "#/components/schemas/Loop"}}
    again = {"type": "object", "properties": {"again": {"$ref": "#/components/schemas/Self"}}}
    union = {"type": "object", "properties": {"u": {"oneOf": [{"$ref": "#/components/schemas/Union"}, REF_A]}}}
    found = answer(
        schema, A=A, B=B, Uid=TEXT, List={"type": "array", "items": REF_A}, Loop=loop, Empty={"type": "object"}, Self=again,
        Union=union,
    )  # fmt: skip
    assert found == read_as


@pytest.mark.parametrize(
    ("parameter", "kind", "text", "comma"),
    [
        ({"name": "fields", "schema": {"type": "array", "items": {"type": "string", "enum": ["id"]}}}, "[string]", True, True),
        ({"name": "fields", "schema": TEXT}, "[string]", True, True),
        ({"name": "filter", "schema": {"type": "array", "items": TEXT}}, "[string]", True, False),
        ({"name": "order", "schema": TEXT}, "[string]", True, False),
        ({"name": "mc", "schema": {"type": "array", "items": TEXT}}, "[string]", False, False),
        ({"name": "ids", "explode": False, "schema": {"type": "array", "items": TEXT}}, "[string]", False, True),
        ({"name": "n", "schema": {"type": "integer", "default": 5, "minimum": 1}}, "integer", False, False),
        ({"name": "at", "schema": {"type": "string", "format": "date-time"}}, "date-time", False, False),
        ({"name": "o", "schema": {"type": "object"}}, "string", False, False),
        ({"name": "o", "schema": REF_A}, "string", False, False),
        ({"name": "o", "schema": {"oneOf": [REF_A, {"type": "array", "items": TEXT}]}}, "[string]", False, False),
        ({"name": "l", "schema": {"type": "array", "items": REF_A}}, "[string]", False, False),
        ({"name": "x"}, "string", False, False),
        ({"name": "x", "content": {"application/json": {"schema": {"type": "integer"}}}}, "integer", False, False),
    ],
)  # fmt: skip
def test_parameters_are_what_a_query_can_carry(parameter: Any, kind: str, text: bool, comma: bool) -> None:
    raw = {"get": {"operationId": "X.getX", "parameters": [{"in": "query", **parameter}], "responses": {}}}
    (made,) = only(api({"/x": raw}, {"A": A})).parameters
    assert (expression(made.schema), made.text, made.comma) == (kind, text, comma)


def test_parameters_of_a_path_item_and_of_components_are_found() -> None:
    found = api(
        {
            "/x/{id}": {
                "parameters": [
                    {"name": "id", "in": "path", "schema": {"type": "integer"}},
                    {"name": "a", "in": "query"},
                ],
                "get": {
                    "operationId": "X.getX",
                    "parameters": [{"$ref": "#/components/parameters/P"}, {"$ref": "#/components/parameters/None"}],
                    "responses": {},
                },
            }
        },
        parameters={"P": {"name": "p", "in": "header", "schema": TEXT}},
    )
    assert [(p.name, p.place) for p in only(found).parameters] == [("id", "path"), ("p", "header"), ("a", "query")]
    assert found.notes == ["X.getX: refers to #/components/parameters/None, which is not there; left out"]


def test_variables_of_the_path_and_parameters_agree() -> None:
    raw = {
        "operationId": "X.getX",
        "parameters": [
            {"name": "gone", "in": "path", "schema": TEXT},
            {"name": "session", "in": "cookie", "schema": TEXT},
        ],
        "responses": {},
    }
    found = api({"/x/{mc-uid}/{a.b}/**": {"get": raw}})
    operation = only(found)
    assert operation.path == "/api/x/{mc-uid}/{a_b}/{subpath}"
    assert [(p.name, p.place, p.rest) for p in operation.parameters] == [
        ("mc-uid", "path", False),
        ("a_b", "path", False),
        ("subpath", "path", True),
    ]
    assert found.notes == [
        "X.getX(gone): a variable that the path does not have; left out",
        "X.getX(session): in cookie; left to the client",
    ]


@pytest.mark.parametrize(
    ("kinds", "schema", "sent", "kind"),
    [
        (("application/json", "application/xml"), REF_A, "A", "application/json"),
        (("application/json;charset=UTF-8",), REF_A, "A", "application/json"),
        (("application/json-patch+json",), {"type": "array", "items": REF_A}, "[A]", "application/json-patch+json"),
        (("application/geo+json", "application/json"), REF_A, "A", "application/json"),
        (("application/xml", "text/xml"), REF_A, "string", "application/xml; charset=utf-8"),
        (("text/html", "text/plain"), TEXT, "string", "text/plain; charset=utf-8"),
        (("text/*",), TEXT, "string", "text/plain; charset=utf-8"),
        (("application/javascript",), TEXT, "string", "application/javascript; charset=utf-8"),
        (("application/*",), TEXT, "binary", "application/octet-stream"),
        (
            ("application/*", "text/*"),
            {"type": "object", "additionalProperties": TEXT},
            "StringMap",
            "application/json",
        ),
        (("application/zip",), TEXT, "binary", "application/zip"),
        (("multipart/form-data",), {"type": "object", "properties": {"a": TEXT}}, "X*", "multipart/form-data"),
    ],
)
def test_a_body_has_one_type(kinds: tuple[str, ...], schema: Any, sent: str, kind: str) -> None:
    body = {"required": True, "content": {one: {"schema": schema} for one in kinds}}
    operation = only(api({"/x": {"post": {"operationId": "X.postX", "requestBody": body, "responses": {}}}}, {"A": A}))
    assert operation.body
    assert operation.body_type == kind
    assert expression(operation.body) == sent or sent == "X*"


@pytest.mark.parametrize(
    ("method", "responses", "handler", "accept", "kind"),
    [
        ("get", answering(REF_A, ("application/json", "text/csv")), "getX", "application/json", "A"),
        ("get", answering(REF_A, ("application/json", "text/csv")), "getXCsv", "text/csv", "string"),
        ("get", answering(REF_A, ("application/json", "text/csv")), "getX+getXAsCsv", "application/json", "A"),
        ("get", answering(TEXT, ("application/text", "text/csv")), "getX", "text/csv", "string"),
        ("get", answering(REF_A, ("application/json+gzip", "application/json")), "getX", "application/json", "A"),
        ("get", answering(REF_A, ("*/*",)), "getX", "application/json", "A"),
        ("get", answering({"type": "string", "format": "binary"}, ("application/octet-stream",)), "getX", "application/octet-stream", "binary"),
        ("get", answering(TEXT, ("image/png",)), "getX", "image/png", "binary"),
        ("get", {"200": {"description": ""}}, "getX", "*/*", "binary"),
        ("get", {"204": {"description": ""}}, "getX", None, None),
        ("get", {}, "getX", None, None),
        ("post", {"200": {"description": ""}}, "postX", None, None),
        ("post", {"200": {"description": ""}, **answering(REF_A, code="201")}, "postX", "application/json", "A"),
        ("post", {**answering(REF_A, code="202"), **answering(TEXT, code="409")}, "postX", "application/json", "A"),
        ("post", answering(REF_A, code="default"), "postX", "application/json", "A"),
        ("get", {"200": {"$ref": "#/components/responses/R"}}, "getX", "application/json", "A"),
    ],
)  # fmt: skip
def test_an_operation_has_one_answer(
    method: str, responses: Any, handler: str, accept: str | None, kind: str | None
) -> None:
    raw = {method: {"operationId": f"X.{handler}", "responses": responses}}
    operation = only(api({"/x": raw}, {"A": A}, responses={"R": answering(REF_A)["200"]}))
    assert operation.accept == accept
    assert (expression(operation.answer) if operation.answer is not None else None) == kind


def test_what_a_text_in_java_can_be_asked_is_no_parameter() -> None:
    beans = [
        {"name": "blank", "in": "query", "schema": {"type": "boolean"}},
        {"name": "bytes", "in": "query", "schema": {"type": "string", "format": "binary"}},
        {"name": "empty", "in": "query", "schema": {"type": "boolean"}},
    ]
    kept = {"name": "eventType", "in": "query", "required": True, "schema": TEXT}
    found = api({"/x": {"post": {"operationId": "X.saveX", "parameters": [*beans, kept], "responses": {}}}})
    operation = only(found)
    assert [(p.name, p.required) for p in operation.parameters] == [("eventType", True)]
    assert operation.body is None
    assert found.notes == ["X.saveX: blank, bytes and empty are of a text in Java; left out"]


def test_an_upload_documented_as_a_query_is_a_form() -> None:
    raw = {
        "operationId": "X.save",
        "parameters": [
            {"name": "file", "in": "query", "schema": {"type": "string", "format": "binary"}},
            {"name": "domain", "in": "query", "schema": TEXT},
        ],
        "responses": {},
    }
    found = api({"/x": {"post": raw}})
    assert only(found).parameters == []
    assert {name: expression(schema) for name, schema in found.schemas.items()} == {
        "XUpload": "{domain: string, file: binary}"
    }


def paths_of(*operations: tuple[str, str, str]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for method, path, name in operations:
        paths.setdefault(path, {})[method] = {"operationId": name, "responses": {}}
    return paths


def names_in(found: Api) -> dict[str, str]:
    return {f"{operation.method} {operation.path}": operation.name for operation in found.operations}


def test_the_idioms_of_a_collection_have_short_names() -> None:
    found = api(
        paths_of(
            ("get", "/things", "Thing.getObjectList"),
            ("post", "/things", "Thing.postXmlObject+postJsonObject"),
            ("get", "/things/{uid}", "Thing.getObject"),
            ("put", "/things/{uid}", "Thing.putJsonObject+putXmlObject"),
            ("patch", "/things/{uid}", "Thing.patchObject"),
            ("delete", "/things/{uid}", "Thing.deleteObject2"),
        )
    )
    assert [name.partition(".")[2] for name in names_in(found).values()] == [
        "list_",
        "create",
        "get",
        "replace",
        "delete",
        "patch",
    ]


@given(st.permutations(["getChildren", "getWithLevel", "getAncestors", "getObject"]))
def test_a_name_does_not_rest_on_the_order_in_an_operation_id(handlers: list[str]) -> None:
    found = api(paths_of(("get", "/things/{uid}", f"Thing.{'+'.join(handlers)}")))
    assert only(found).name == "thing.get"


def test_a_later_document_renames_nothing() -> None:
    names = Names()
    first = names_in(
        api(
            paths_of(
                ("get", "/things", "Thing.getObjectList"),
                ("get", "/things/{uid}", "Thing.getObject"),
                ("get", "/things/{uid}#other", "Thing.getAncestors+getChildren"),
                ("get", "/icons", "Icon.getAllIcons"),
                ("post", "/2fa/disabled", "TwoFactor.disable2"),
                ("post", "/2fa/disable", "TwoFactor.disable"),
            ),
            names=names,
        )
    )
    before = names.dump()
    later = names_in(
        api(
            paths_of(
                ("get", "/things", "ThingController.getObjectList"),
                ("get", "/things/{id}", "Thing.getChildren"),
                ("get", "/things/{id}#other", "Thing.getWithLevel+getObject"),
                ("get", "/icons", "Icons.getIcons"),
                ("post", "/2fa/disabled", "TwoFactor.disable"),
                ("get", "/new", "Thing.getObject"),
            ),
            names=names,
        )
    )
    assert later["GET /api/things"] == first["GET /api/things"] == "thing.list_"
    assert later["GET /api/icons"] == first["GET /api/icons"] == "icon.get_all_icons"
    assert later["POST /api/2fa/disabled"] == first["POST /api/2fa/disabled"] == "two_factor.disable_2"
    assert later["GET /api/new"] == "thing.get_object"  # the idiom has a variable in its path
    for line in before.splitlines():
        assert line in names.dump().splitlines()


def test_a_known_name_is_given_once() -> None:
    names = Names()
    api(paths_of(("get", "/things/{uid}", "Thing.getChildren+getLevel")), names=names)
    names.functions["GET /api/things/{} getLevel"] = names.functions["GET /api/things/{} getChildren"] = (
        "thing.get_level"
    )
    found = api(
        paths_of(("get", "/things/{uid}", "Thing.getChildren"), ("get", "/things/{uid}#x", "Thing.getLevel")),
        names=names,
    )
    assert sorted(operation.name for operation in found.operations) == ["thing.get_level", "thing.get_level_2"]


def test_the_numbers_of_the_server_are_kept() -> None:
    found = api(
        paths_of(
            ("delete", "/routes/{id}/run", "Route.run5"),
            ("get", "/routes/{id}/run", "Route.run"),
            ("post", "/routes/{id}/run", "Route.run2"),
            ("post", "/routes/addCollectionItem__disabled", "Route.addCollectionItem"),
            ("post", "/routes/{uid}/{property}/{item}", "Route.addCollectionItem2"),
        )
    )
    assert {place.partition("/api/")[0].strip() + place[-4:]: name for place, name in names_in(found).items()} == {
        "DELETE/run": "route.run_3",
        "GET/run": "route.run",
        "POST/run": "route.run_2",
        "POSTbled": "route.add_collection_item",
        "POSTtem}": "route.add_item",
    }


def test_what_is_needed_is_found_by_name_and_call() -> None:
    found = api(paths_of(("get", "/things", "Thing.getObjectList"), ("get", "/things/{uid}", "Thing.getObject")))
    needed = {
        "thing.list_": "GET /api/things",
        "thing.get": "GET /api/thing/{}",
        "thing.drop": "DELETE /api/things/{}",
        "thing.show": "GET /api/things/{}",
    }
    assert lacking(found, needed) == [
        "`thing.drop` (DELETE /api/things/{}), which the document lacks",
        "`thing.get` (GET /api/thing/{}), which the document lacks",
        "`thing.show` (GET /api/things/{}), which is called `thing.get`",
    ]


def test_shapes_are_named_once_and_keep_their_names() -> None:
    names = Names()
    page = {"type": "object", "properties": {"pager": REF_B, "things": {"type": "array", "items": REF_A}}}
    kind = {"type": "string", "enum": ["ONE", "TWO"]}
    ref = {"type": "object", "properties": {"id": TEXT}}
    schemas = {
        "A": {
            "type": "object",
            "properties": {"kind": kind, "user": ref, "inner": {"type": "object", "properties": {"z": ref}}},
        },
        "B": {"type": "object", "properties": {"owner": ref, "kind": kind}},
    }
    operation = {"operationId": "X.getX", "responses": answering(page)}
    first = api({"/x": {"get": operation}}, schemas, names)
    assert sorted(first.schemas) == ["A", "AInner", "APage", "B", "Kind", "Ref"]
    table = names.dump()
    again = api({"/x": {"get": operation}}, schemas, names)
    assert again.schemas == first.schemas
    assert names.dump() == table
    # Another document has a schema of that name for something else: there the shape gets another, here it stays.
    more: Any = {**schemas, "Kind": A, "C": B}
    more["A"] = {
        "type": "object",
        "properties": {**more["A"]["properties"], "k": {"$ref": "#/components/schemas/Kind"}},
    }
    other = api({"/x": {"get": operation}}, more, names)
    assert sorted(other.schemas) == ["A", "AInner", "AKind", "APage", "B", "Kind", "Ref"]
    assert sorted(api({"/x": {"get": operation}}, schemas, names).schemas) == sorted(first.schemas)


def test_an_enum_is_called_as_the_document_that_names_it_calls_it() -> None:
    names = Names()
    values = {"type": "string", "enum": ["ALL", "NONE"]}
    named = {"Mode": values, "Way": values, "B": {"type": "object", "properties": {"way": {"$ref": "#/components/schemas/Way"}, "mode": {"$ref": "#/components/schemas/Mode"}}}}  # fmt: skip
    api({"/x": {"get": {"operationId": "X.getX", "responses": answering(REF_B)}}}, named, names)
    inline = {"B": {"type": "object", "properties": {"way": values}}}
    found = api({"/x": {"get": {"operationId": "X.getX", "responses": answering(REF_B)}}}, inline, names)
    assert sorted(found.schemas) == ["B", "Way"]


def test_names_of_python_and_of_the_templates_are_not_taken() -> None:
    assert [class_name(name) for name in ("File", "Any", "list", "None", "datetime", "2fa", "user-group", "x")] == [
        "FileObject",
        "AnyObject",
        "List",
        "NoneObject",
        "Datetime",
        "Schema2Fa",
        "UserGroup",
        "X",
    ]
    assert [snake(name) for name in ("getObject", "list", "class", "2fa", "OAuth2Client", "id", "datetime")] == [
        "get_object",
        "list_",
        "class_",
        "x_2_fa",
        "o_auth_2_client",
        "id",
        "datetime_",
    ]


@given(identifiers)
def test_spelling_twice_changes_nothing(text: str) -> None:
    if any(letter.isalpha() for letter in text):
        assert pascal(pascal(text)) == pascal(text)
        assert class_name(class_name(text)) == class_name(text)
        assert snake(text).isidentifier()
        assert class_name(text).isidentifier()


def test_the_generator_spells_as_we_do() -> None:
    dice = random.Random(1)
    letters = "aAbBzZ019_"
    texts = ["".join(dice.choices(letters, k=dice.randint(1, 12))) for _ in range(3000)]
    texts = [text for text in texts if any(letter.isalpha() for letter in text)]
    names = [[class_name(text), snake(text)] for text in texts]
    program = (
        "import json, sys; from openapi_python_client.strings import ClassName, PythonIdentifier;"
        "json.dump([[ClassName(c, 'field_'), PythonIdentifier(s, 'field_'), PythonIdentifier(c, 'field_')]"
        " for c, s in json.load(sys.stdin)], sys.stdout)"
    )
    done = subprocess.run(
        [str(PYTHON), "-c", program], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    for (cls, name), (their_class, their_name, module) in zip(names, json.loads(done.stdout), strict=True):
        assert (their_class, their_name) == (cls, name)
        assert module == snake(cls)


@given(st.lists(st.text(min_size=1, max_size=6), unique=True, min_size=1))
def test_members_of_an_enum_are_names_and_differ(values: list[str]) -> None:
    spelled = members(values)
    assert len(set(spelled)) == len(values)
    assert all(name.isidentifier() and name == name.upper() and name.isascii() for name in spelled)


def test_members_are_spelled_as_people_would() -> None:
    assert members(["OPEN", "application/json", "camelCase", "1ST", "-", "open"]) == [
        "OPEN",
        "APPLICATION_JSON",
        "CAMEL_CASE",
        "VALUE_1ST",
        "VALUE",
        "OPEN_2",
    ]


def test_a_docstring_says_the_call() -> None:
    found = api(
        {
            "/x": {
                "get": {
                    "operationId": "X.b+a",
                    "deprecated": True,
                    "parameters": [
                        {"name": "mc", "in": "query", "schema": {"type": "array"}},
                        {"name": "H", "in": "header"},
                    ],
                    "responses": {},
                }
            }
        }
    )
    assert docstring(only(found)) == "GET /api/x (X.a+b), deprecated; Query: mc (repeated). Header: H."
    emitted, overrides = emit(found)
    assert list(emitted["paths"]) == ["/api/x#x.a"]
    assert overrides == {}


@pytest.mark.parametrize(
    ("paths", "schemas", "place"),
    [
        ({"/x": {"get": {"operationId": "X.x", "parameters": 5, "responses": {}}}}, {}, "$.paths['/api/x'].get"),
        ({"/x": {"get": {"operationId": "X.x", "parameters": [{"in": "query"}], "responses": {}}}}, {}, "$.paths['/api/x'].get"),
        ({"/x": {"get": {"operationId": "X.x", "responses": []}}}, {}, None),
        ({"/x": {"get": {"operationId": 5, "responses": {}}}}, {}, "$.paths['/api/x'].get"),
        ({"/x": {"get": {"operationId": "X.x", "responses": {"200": 5}}}}, {}, "$.paths['/api/x'].get"),
        ({"/x": {"get": {"responses": {}}}}, 5, "$.components.schemas"),
        ({"/x": {"get": {"responses": {}}}}, {"A": {"oneOf": [{"properties": {"a": 1}}, {"$ref": 5}]}}, None),
    ],
)  # fmt: skip
def test_what_is_not_as_openapi_has_it_is_named_with_its_place(paths: Any, schemas: Any, place: str | None) -> None:
    if place is None:
        api(paths, schemas)
        return
    with pytest.raises(RegenError, match="not as OpenAPI has it") as caught:
        api(paths, schemas)
    assert caught.value.place == place


WRAPPED: Schema = {"allOf": [REF_A], "nullable": True}


@pytest.mark.parametrize(
    ("schema", "read_as"),
    [
        ({"properties": {"p": WRAPPED}}, "{p: A}"),
        ({"type": "array", "items": WRAPPED}, "[A]"),
        ({"allOf": [REF_A, {"type": "object"}]}, "{a: string, x: string}"),
        ({"properties": {"p": TEXT}, "anyOf": [{"required": ["p"]}, {"required": ["q"]}]}, "{p: string}"),
        ({"properties": {"p": TEXT}, "oneOf": [REF_A, REF_B]}, "{a: string, b: string, p: string, x: any}"),
        ({"additionalProperties": TEXT}, "{*: string}"),
        ({"oneOf": [{"const": "x"}, {"enum": ["y", "z"]}]}, "x|y|z"),
        ({"oneOf": [REF_A, {"type": "null", "title": "none"}]}, "{a: string, x: string}"),
        ({"$ref": "#/components/schemas/With%20Blank"}, "{a: string}"),
        ({"properties": {"content": {"type": "string", "format": "binary"}}}, "{content: string}"),
        ({"type": "string", "format": "binary"}, "binary"),
        ({"properties": {"": TEXT, "日本": TEXT, "a": TEXT}}, "{a: string}"),
    ],
)
def test_other_ways_to_write_a_schema_mean_the_same(schema: Any, read_as: str) -> None:
    assert answer(schema, A=A, B=B, **{"With Blank": {"type": "object", "properties": {"a": TEXT}}}) == read_as


def test_unions_within_unions_take_no_time() -> None:
    names = [f"S{number}" for number in range(40)]
    union = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
    schemas = {name: {"type": "object", "properties": {"next": union, name: TEXT}} for name in names}
    found = api({"/x": {"get": {"operationId": "X.getX", "responses": answering(union)}}}, schemas)
    assert len(found.schemas) < 200
    given_ = only(found).answer
    assert given_
    assert len(found.schemas[given_["$ref"].rpartition("/")[2]]["properties"]) == 41


def test_a_documented_upload_is_a_form_of_files() -> None:
    form = {
        "type": "object",
        "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}, "a": TEXT},
    }
    body = {"content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Form"}}}}
    found = api({"/x": {"post": {"operationId": "X.save", "requestBody": body, "responses": {}}}}, {"Form": form})
    operation = only(found)
    assert operation.body_type == "multipart/form-data"
    assert operation.body
    assert expression(found.schemas[operation.body["$ref"].rpartition("/")[2]]) == "{a: string, files: [binary]}"


@pytest.mark.parametrize(
    ("responses", "kind"),
    [
        ({"204": {}, **answering(REF_A, code="default")}, None),
        ({**answering(TEXT, ("text/csv",)), **answering(REF_A, code="default")}, "string"),
        ({"200": {}, **answering(REF_A, code="default")}, "binary"),
        (answering(REF_A, ("application/json+gzip",)), "binary"),
        (answering(TEXT, ("application/x-ndjson",)), "string"),
        (answering(REF_A, ("text/json",)), "A"),
        (answering(REF_A, ("",)), "A"),
        ({"200": {"$ref": "#/components/responses/Gone"}}, "binary"),
    ],
)
def test_errors_and_rare_media_types_are_no_json(responses: Any, kind: str | None) -> None:
    operation = only(api({"/x": {"get": {"operationId": "X.getX", "responses": responses}}}, {"A": A}))
    assert (expression(operation.answer) if operation.answer is not None else None) == kind


@pytest.mark.parametrize(
    ("path", "made", "variables"),
    [
        ("/t/{id}/y/{id}", "/api/t/{id}/y/{id_2}", ["id", "id_2"]),
        ("/t/{a.b}/{a_b}", "/api/t/{a_b}/{a_b_2}", ["a_b", "a_b_2"]),
        ("/t/{日}/{1}", "/api/t/{value}/{value_1}", ["value", "value_1"]),
        ("/t/{uid:[a-z]{3}}/x", "/api/t/{uid}/x", ["uid"]),
        ("/t/{subpath}/**", "/api/t/{subpath}/{subpath_2}", ["subpath", "subpath_2"]),
        ("/m/**/x", "/api/m/{subpath}/x", ["subpath"]),
        ("/m/{*path}", "/api/m/{path}", ["path"]),
    ],
)
def test_every_variable_of_a_path_is_an_argument(path: str, made: str, variables: list[str]) -> None:
    operation = only(api({path: {"get": {"operationId": "T.getT", "responses": {}}}}))
    assert operation.path == made
    assert [p.name for p in operation.parameters] == variables
    assert any(p.rest for p in operation.parameters) == ("*" in path)


def test_two_operations_of_one_handler_keep_their_names() -> None:
    names = Names()
    paths = paths_of(("get", "/t/{a}", "Thing.get"), ("get", "/t/{b}", "Thing.get"), ("get", "/t/{c}", "Thing.get"))
    first = names_in(api(paths, names=names))
    table = names.dump()
    assert names_in(api(paths, names=names)) == first
    assert names.dump() == table
    assert sorted(first.values()) == ["thing.get", "thing.get_2", "thing.get_3"]


def test_an_enum_of_a_newer_document_does_not_rename_that_of_an_older() -> None:
    names = Names()
    values = {"type": "string", "enum": ["ONE", "TWO"]}
    old = {"B": {"type": "object", "properties": {"status": values}}}
    operation = {"/x": {"get": {"operationId": "X.getX", "responses": answering(REF_B)}}}
    assert sorted(api(operation, old, names).schemas) == ["B", "Status"]
    fields = {"status": {"$ref": "#/components/schemas/Zebra"}, "yak": {"$ref": "#/components/schemas/Yak"}}
    newer = {"Zebra": values, "Yak": values, "B": {"type": "object", "properties": fields}}
    assert sorted(api(operation, newer, names).schemas) == ["B", "Yak", "Zebra"]
    assert sorted(api(operation, old, names).schemas) == ["B", "Status"]
