"""The bindings against the documents that the servers publish, read here without the normaliser."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attrs import has

import dhis2_bindings
from dhis2_wire import OpenEnum, Request
from dhis2_wire.encoding import wire_names
from dhis2_wire.readers import space_of
from scripts.regen.document import count
from scripts.regen.layout import Layout
from tests.support.bindings import NEEDED, functions, lookup, required
from tests.support.exchanges import VERSIONS

ROOT = Path(__file__).parents[2]
BOUND = Layout(ROOT).versions()  # those with bindings; VERSIONS are those of which there are recordings
METHODS = ("get", "put", "post", "patch", "delete", "head", "options", "trace")

# Functions that the facade needs and whose parameters are not the same in all versions: parameters of some versions
# only, as the servers have them.
DEFAULTS = {"defaults": {"42"}}
WITHIN = {"within_user_hierarchy": {"41", "42"}, "within_user_search_hierarchy": {"41", "42"}}
IMPORT = {"merge_mode": {"40"}, "async_": {"41", "42"}, "user": {"41", "42"}}
DIFFERENT: dict[str, dict[str, set[str]]] = {
    "api_token.create": IMPORT,
    "file_resource.get": DEFAULTS,
    "file_resource.list_": {**DEFAULTS, "query": {"42"}},
    "me.get_current_user": DEFAULTS,
    "message_conversation.get": {**DEFAULTS, "mark_read": {"42"}},
    "message_conversation.list_": DEFAULTS,
    "organisation_unit.get": DEFAULTS,
    "organisation_unit.list_": {
        **DEFAULTS,
        **WITHIN,
        **{name: {"41", "42"} for name in ("level", "max_level", "member_collection", "member_object")},
        **{
            name: {"42"}
            for name in (
                "level_sorted",
                "user_data_view_fallback",
                "user_data_view_only",
                "user_only",
                "within_data_view_user_hierarchy",
            )
        },
    },
    "user.get": DEFAULTS,
    "user.list_": {
        **DEFAULTS,
        **{
            name: {"42"}
            for name in (
                "auth_subset",
                "can_manage",
                "inactive_months",
                "inactive_since",
                "include_children",
                "invitation_status",
                "last_login",
                "manage",
                "org_unit_boundary",
                "ou",
                "phone_number",
                "self_registered",
                "user_org_units",
            )
        },
    },
    "user_group.get": DEFAULTS,
    "user_group.list_": DEFAULTS,
}
# … and those that a version does not have at all.
ABSENT = {"file_resource.get": {"40"}, "file_resource.list_": {"40"}}
# … and types that are called otherwise.
RENAMED = {"api_token.create": {"body": {"40": "ApiToken", "41": "ApiToken", "42": "ApiTokenParams"}}}


def document(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "openapi" / f"v{version}.json").read_text(encoding="utf-8"))
    return found


STRING_BEAN = {"blank", "bytes", "empty"}  # documented where a text in Java is meant; left out


def operations(version: str) -> list[tuple[str, str, frozenset[str], frozenset[str], bool]]:
    """Method, path, names in the query and those required, whether there is a body: what a document says."""
    found = []
    published = document(version)
    shared = published["components"]["parameters"]
    for path, item in published["paths"].items():
        base = path.partition("#")[0]
        base = re.sub(r"/\*\*$", "/{rest}", base.rstrip("/") or "/")
        for method in METHODS:
            if method not in item:
                continue
            raw = item[method]
            listed = [shared.get(p["$ref"].rpartition("/")[2]) if "$ref" in p else p for p in raw.get("parameters", [])]
            parameters = [p for p in listed if p]
            if {p["name"] for p in parameters} >= STRING_BEAN:
                parameters = [p for p in parameters if p["name"] not in STRING_BEAN]
            files = any(p["schema"].get("format") == "binary" for p in parameters)
            asked = [p for p in parameters if p["in"] == "query" and not files]
            query = frozenset(p["name"] for p in asked)
            must = frozenset(p["name"] for p in asked if p.get("required"))
            found.append((method.upper(), re.sub(r"{[^}]*}", "{}", base), query, must, files or "requestBody" in raw))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation_of_the_document_has_its_function_and_no_other_is_there(version: str) -> None:
    made = [
        (one.request.method, one.pattern.pattern.replace("([^/]+)", "{}").strip("^$").replace("\\", ""))
        for one in functions(version)
    ]
    wanted = Counter((method, path) for method, path, *_ in operations(version))
    assert Counter(made) == wanted
    assert len(made) == {"40": 2829, "41": 2866, "42": 2573}[version]


@pytest.mark.parametrize("version", BOUND)
def test_there_are_as_many_functions_as_operations(version: str) -> None:
    assert len(functions(version)) == count(document(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_functions_send_the_documented_query_and_body(version: str) -> None:
    corrected = {(call.partition(" ")[0], call.partition(" ")[2]) for call in NEEDED.values()}
    # Overlays change the parameters of those that the facade needs, and the name of `orders` before 2.42.
    wanted = Counter(
        (
            method,
            path,
            frozenset("order" if name == "orders" and version < "42" else name for name in query),
            must,
            body,
        )
        for method, path, query, must, body in operations(version)
        if (method, path) not in corrected
    )
    made: Counter[tuple[str, str, frozenset[str], frozenset[str], bool]] = Counter()
    for one in functions(version):
        path = one.pattern.pattern.replace("([^/]+)", "{}").strip("^$").replace("\\", "")
        if (one.request.method, path) not in corrected:
            names = one.query_names()
            must = frozenset(wire for wire, name in names.items() if name in required(one.function))
            made[one.request.method, path, frozenset(names), must, "body" in one.annotations] += 1
    assert made == wanted
    assert sum(len(must) for _, _, _, must, _ in made.elements()) > 100


@pytest.mark.parametrize("version", VERSIONS)
def test_every_docstring_names_the_call_and_its_parameters(version: str) -> None:
    for one in functions(version):
        doc = inspect.getdoc(one.function)
        assert doc
        assert doc.startswith(f"{one.request.method} /"), one.full_name
        assert re.search(r"\([A-Za-z0-9_]+\.[A-Za-z0-9_+]+\)", doc), one.full_name
        flat = " ".join(doc.split())
        for name in one.query_names():
            assert re.search(rf"[ :]{re.escape(name)}\b", flat), f"{one.full_name}: {name}"


@pytest.mark.parametrize("version", BOUND)
def test_everything_can_be_imported_and_every_annotation_means_something(version: str) -> None:
    package = importlib.import_module(f"dhis2_bindings.v{version}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    space = space_of(f"{package.__name__}.models")
    assert sorted(package.models.__all__) == dir(package.models)
    for name in package.models.__all__:
        cls = space[name]
        if isinstance(cls, type) and has(cls):
            cls()  # nothing is required: `fields=` may leave anything out
            assert len(set(wire_names(cls).values())) == len(wire_names(cls))
            for attribute in wire_names(cls):
                space.field(cls, attribute)
        elif isinstance(cls, type) and issubclass(cls, OpenEnum):
            assert len({member.value for member in cls}) == len(cls) > 0
    for one in functions(version):
        space.root(one.request.result)
        for annotation in inspect.get_annotations(one.function).values():
            if not annotation.startswith("Request["):
                space.evaluate(annotation)


@pytest.mark.parametrize("version", BOUND)
def test_the_package_is_lazy_and_says_what_is_missing(version: str) -> None:
    package = importlib.import_module(f"dhis2_bindings.v{version}")
    module = package.api.__all__[0]
    program = (
        f"import sys, dhis2_bindings.v{version} as v; v.api.{module}; "
        "print(sorted(n for n in sys.modules if n.startswith(v.__name__ + '.') and n.count('.') > 2))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == f"['dhis2_bindings.v{version}.api.{module}']"
    for part in (package.api, package.models):
        with pytest.raises(AttributeError, match="no attribute 'nothing_like_it'"):
            part.nothing_like_it  # noqa: B018
    assert module in dir(package.api)


def test_what_the_facade_needs_is_the_same_in_all_versions_but_for_what_is_listed() -> None:
    for name in NEEDED:
        versions = set(VERSIONS) - ABSENT.get(name, set())
        signatures = {version: lookup(version, name).annotations for version in versions}
        everything = {parameter for signature in signatures.values() for parameter in signature}
        for parameter in everything:
            having = {version for version, signature in signatures.items() if parameter in signature}
            assert having == DIFFERENT.get(name, {}).get(parameter, versions), f"{name}({parameter})"
            types = {version: signatures[version][parameter].partition(" | ")[0] for version in having}
            renamed = RENAMED.get(name, {}).get(parameter)
            assert types == renamed or len(set(types.values())) == 1, f"{name}({parameter}): {types}"
        results = {lookup(version, name).request.result for version in versions}
        assert len(results) == 1, f"{name}: {results}"
    assert {name for name in NEEDED if name in DIFFERENT} == DIFFERENT.keys()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_facade_needs_is_there(version: str) -> None:
    there = {one.full_name for one in functions(version)}
    assert {name for name in NEEDED if name not in there} == {name for name, gone in ABSENT.items() if version in gone}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "body", "content_type", "answer"),
    [
        ("message_conversation.create", "MessageConversationInfo", "application/json", "WebMessage"),
        ("message_conversation.post_message_conversation_reply", "str", "text/plain; charset=utf-8", "WebMessage"),
        ("message_conversation.post_message_conversation_feedback", "str", "text/plain; charset=utf-8", "WebMessage"),
        (
            "message_conversation.add_recipients_to_message_conversation",
            "MessageConversationInfo",
            "application/json",
            "None",
        ),
        ("message_conversation.mark_message_conversations_read", "list[str]", "application/json", "StringListMap"),
        ("message_conversation.set_message_status", None, None, "StringListMap"),
        ("message_conversation.remove_user_from_message_conversation", None, None, "StringListMap"),
        ("message_conversation.set_user_assigned", None, None, "WebMessage"),
        ("message_conversation.get_attachment", None, None, "bytes"),
        ("file_resource.save_file_resource", "FileResourceUpload", "multipart/form-data", "WebMessage"),
        ("file_resource.get_file_resource_data", None, None, "bytes"),
        ("user_lookup.look_up_users", None, None, "UserLookups"),
        ("system.get_system_info", None, None, "SystemInfo"),
    ],
)
def test_the_corrected_operations_are_right(
    version: str, name: str, body: str | None, content_type: str | None, answer: str
) -> None:
    one = lookup(version, name)
    assert one.annotations.get("body") == body
    assert one.request.content_type == content_type
    assert one.request.result == answer


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("message_conversation.set_user_assigned", ("user_id",)),
        ("message_conversation.set_message_status", ("message_conversation_status",)),
        ("message_conversation.post_message_conversation_feedback", ("body", "subject")),
        ("message_conversation.remove_user_from_message_conversations", ("mc",)),
        ("user_lookup.look_up_users", ("query",)),
    ],
)
def test_what_the_server_demands_cannot_be_left_out(version: str, name: str, arguments: tuple[str, ...]) -> None:
    function = lookup(version, name).function
    assert set(arguments) <= set(required(function))
    for missing in arguments:
        with pytest.raises(TypeError, match=missing):
            function(**{one: "x" for one in required(function) if one != missing})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_patch_is_a_list(version: str) -> None:
    one = lookup(version, "data_element.patch")
    operation = importlib.import_module(one.request.models).JsonPatchOperation
    assert one.annotations["body"].partition(" | ")[0] == "list[JsonPatchOperation]"
    sent = one.function("a", body=[operation(op="replace", path="/name", value="x")]).arguments()
    assert sent["content"] == b'[{"op":"replace","path":"/name","value":"x"}]'
    assert sent["headers"]["Content-Type"] == "application/json-patch+json"


def test_each_generated_file_says_what_wrote_it() -> None:
    for path in Path(dhis2_bindings.__file__ or "").parent.rglob("*.py"):
        assert path.read_text(encoding="utf-8").startswith("# Generated by `make regen`. Do not edit.\n"), path.name


@pytest.mark.parametrize("version", BOUND)
def test_a_pin_exports_its_version_and_its_bindings(version: str) -> None:
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    assert version == pin.VERSION
    assert pin.bindings.__name__ == f"dhis2_bindings.v{version}"
    assert isinstance(functions(version)[0].request, Request)
