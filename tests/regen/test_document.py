"""Reading documents: the canonical form, and one clear line for everything that is none."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.regen import document
from scripts.regen.errors import RegenError
from scripts.regen.layout import Layout
from scripts.regen.run import check_another
from tests.regen.golden.record import INPUT

RAW: dict[str, Any] = json.loads((INPUT / "document.json").read_text(encoding="utf-8"))


def _shuffled(value: Any, dice: random.Random) -> Any:
    """The same document as another start of the server would write it."""
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        made = {key: _shuffled(value[key], dice) for key in keys}
        for key in ("enum", "required", "oneOf", "parameters"):
            if isinstance(made.get(key), list):
                dice.shuffle(made[key])
        if isinstance(made.get("operationId"), str):
            controller, dot, handlers = made["operationId"].partition(".")
            parts = handlers.split("+")
            dice.shuffle(parts)
            made["operationId"] = controller + dot + "+".join(parts)
        return made
    return [_shuffled(item, dice) for item in value] if isinstance(value, list) else value


@given(st.integers())
def test_two_starts_of_a_server_give_one_canonical_form(seed: int) -> None:
    other = document.canonical(_shuffled(RAW, random.Random(seed)), "x")
    assert document.dump(other) == document.dump(document.canonical(RAW, "x"))


def test_the_plain_path_belongs_to_the_same_handler_whoever_had_it_at_the_start() -> None:
    def published(plain: str, *others: str) -> dict[str, Any]:
        items = {"/x" if not n else f"/x#{name}": name for n, name in enumerate((plain, *others))}
        paths = {path: {"get": {"operationId": f"X.{name}"}} for path, name in items.items()}
        return document.canonical({"openapi": "3.0.0", "paths": paths | {"/y": {"put": {}}}}, "x")

    first = published("getObjectList", "getObjectListCsv", "a")
    assert (
        published("a", "getObjectListCsv", "getObjectList")
        == published("getObjectListCsv", "a", "getObjectList")
        == first
    )
    assert sorted(first["paths"]) == ["/api/x", "/api/x#a", "/api/x#getObjectListCsv", "/api/y"]
    assert first["paths"]["/api/x"]["get"]["operationId"] == "X.getObjectList"
    assert document.canonical(first, "x") == first


def test_no_operation_is_lost() -> None:
    paths: dict[str, Any] = {path: {"get": {}} for path in ("/", "/api", "/a", "/a/", "/a//")}
    reduced = document.canonical({"openapi": "3.0.0", "paths": paths, "servers": [{"url": "/api"}]}, "x")
    assert sorted(reduced["paths"]) == ["/api", "/api/", "/api/a", "/api/a/", "/api/a//"]
    assert document.canonical(reduced, "x") == reduced


def test_the_prefix_stands_in_every_path_wherever_the_server_wrote_it() -> None:
    inside = copy.deepcopy(RAW)
    inside["servers"] = [{"url": "https://dhis2.example.org/"}]
    inside["paths"] = {"/api" + path: item for path, item in RAW["paths"].items()}
    assert document.canonical(inside, "x") == document.canonical(RAW, "x")


def test_slashes_at_the_end_are_cut_unless_two_paths_would_become_one() -> None:
    paths: dict[str, Any] = {
        "/api/a/": {"get": {}},
        "/api/b": {"get": {}},
        "/api/b/": {"put": {}},
        "/api/c/#csv": {"get": {}},
        "/": {"get": {}},
    }
    reduced = document.canonical({"openapi": "3.0.0", "paths": paths}, "x")
    assert sorted(reduced["paths"]) == ["/", "/api/a", "/api/b", "/api/b/", "/api/c#csv"]
    assert document.canonical(reduced, "x") == reduced


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON, or cut off"),
        (b"nothing like it", "not JSON, or cut off"),
        (json.dumps(RAW).encode()[:5000], "not JSON, or cut off"),
        (b"\xff\xfe\x00", "not JSON, or cut off"),
        (b'{"a":' * 100_000, "not JSON, or cut off"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page, perhaps of the login"),
        (b"<html>", "an HTML page, perhaps of the login"),
        (b'{"swagger": "2.0", "paths": {}}', "Swagger 2.0"),
        (b"[]", "no OpenAPI 3 document"),
        (b'"text"', "no OpenAPI 3 document"),
        (b'{"httpStatus": "Unauthorized"}', "no OpenAPI 3 document"),
        (b'{"openapi": "2.0", "paths": {"/x": {}}}', "no OpenAPI 3 document"),
        (b'{"openapi": "3.0.0"}', "no operations"),
        (b'{"openapi": "3.0.0", "paths": []}', "no operations"),
        (b'{"openapi": "3.0.0", "paths": {"/x": {}}}', "no operations"),
        (b'{"openapi": "3.0.0", "paths": {"/x": {"get": {}}}, "components": []}', r"\$.components: no dict"),
        (b'{"openapi": "3.0.0", "paths": {"/x": {"get": {}}}, "servers": "x"}', r"\$.servers: no list"),
        (b'{"openapi": "3.0.0", "paths": {"/\\ud800": {"get": {}}}}', "half a surrogate pair"),
    ],
)
def test_what_is_no_document_is_said_in_one_line(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "openapi.json"
    path.write_bytes(raw)
    with pytest.raises(RegenError, match=f"^document: openapi.json.*{said}") as caught:
        document.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "place"),
    [({"/x": 5, "/y": {"get": {}}}, "'/api/x'"), ({"/x": {"get": []}, "/y": {"get": {}}}, "'/api/x'].get")],
)
def test_damage_is_named_with_its_place(paths: Any, place: str) -> None:
    with pytest.raises(RegenError, match="not an object") as caught:
        document.canonical({"openapi": "3.0.0", "paths": paths}, "file")
    assert place in caught.value.place


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegenError, match="No such file"):
        document.read(tmp_path / "openapi.json")


def test_the_document_of_another_version_is_refused() -> None:
    layout = Layout(Path(__file__).parents[2])
    stored = document.read(layout.document("42"))
    with pytest.raises(RegenError, match=r"this is the document of 42\. Use VERSION=42"):
        check_another(layout, "41", stored)
    with pytest.raises(RegenError, match="this is the document of 42"):
        check_another(layout, "99", stored)
    patched = copy.deepcopy(stored.document)
    del patched["paths"]["/api/me"]
    newer = document.Published(patched, "file", "")
    with pytest.raises(RegenError, match=r"100% those of 42 and 85% those of 41"):
        check_another(layout, "41", newer)
    check_another(layout, "42", newer)  # a later patch of the same version
    check_another(layout, "99", newer)  # something new


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("dhis2.example.org", "not the address of a server"),
        ("ftp://dhis2.example.org", "not the address of a server"),
        ("https://admin:district@dhis2.example.org", "credentials in the environment"),
        ("http://dhis2.example.org", "in the clear"),
        ("https://", "not the address of a server"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_before_anything_is_sent(url: str, said: str) -> None:
    with pytest.raises(RegenError, match=said) as caught:
        document.fetch(url, "42", {"DHIS2_TOKEN": "d2pat_x"})
    assert "district" not in str(caught.value)


@pytest.mark.parametrize("environment", [{}, {"DHIS2_USERNAME": "admin"}, {"DHIS2_PASSWORD": "x"}])
def test_without_credentials_nothing_is_sent(environment: dict[str, str]) -> None:
    with pytest.raises(RegenError, match="Set DHIS2_TOKEN, or DHIS2_USERNAME and DHIS2_PASSWORD"):
        document.fetch("https://127.0.0.1:9", "42", environment)
