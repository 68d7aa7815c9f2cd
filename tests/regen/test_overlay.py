"""Overlays: what they change, and every way in which one can fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from scripts.regen import document, overlay
from scripts.regen.errors import RegenError
from scripts.regen.layout import Layout
from scripts.regen.lock import Lock
from scripts.regen.overlay import Counts
from tests.support.exchanges import VERSIONS

LAYOUT = Layout(Path(__file__).parents[2])
DOCUMENT: dict[str, Any] = {
    "paths": {"/a": {"get": {"parameters": [{"name": "x"}, {"name": "y"}, {"name": "x"}]}}},
    "components": {"schemas": {"A": {"properties": {"p": {"type": "string"}}}, "B": {"properties": {}}}},
}
HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"


def load(folder: Path, text: str, name: str = "test.yaml") -> list[overlay.Action]:
    (folder / name).write_text(text, encoding="utf-8")
    return overlay.load(folder)


def action(target: str, rest: str, name: str = "one") -> str:
    return f"- x-id: {name}\n  x-why: because\n  target: {target}\n  {rest}\n"


def applied(folder: Path, target: str, rest: str, version: str = "42") -> tuple[Any, Counts]:
    actions = load(folder, HEAD + action(target, rest))
    result, counts = overlay.apply(DOCUMENT, actions, version)
    return result, counts["test: one"]


def test_an_update_is_merged(tmp_path: Path) -> None:
    result, counts = applied(
        tmp_path, "$.components.schemas.A.properties", "update: {p: {format: uid}, q: {type: integer}}"
    )
    assert result["components"]["schemas"]["A"]["properties"] == {
        "p": {"type": "string", "format": "uid"},
        "q": {"type": "integer"},
    }
    assert counts == Counts(1, 1)
    assert DOCUMENT["components"]["schemas"]["A"]["properties"] == {"p": {"type": "string"}}


def test_an_update_of_a_list_is_appended(tmp_path: Path) -> None:
    result, counts = applied(tmp_path, "$.paths['/a'].get", "update: {parameters: [{name: z}]}")
    assert [p["name"] for p in result["paths"]["/a"]["get"]["parameters"]] == ["x", "y", "x", "z"]
    result, counts = applied(tmp_path, "$.paths['/a'].get.parameters", "update: {name: z}")
    assert [p["name"] for p in result["paths"]["/a"]["get"]["parameters"]] == ["x", "y", "x", "z"]
    assert counts == Counts(1, 1)


def test_all_matches_are_removed(tmp_path: Path) -> None:
    result, counts = applied(tmp_path, "$.paths['/a'].get.parameters[?@.name == 'x']", "remove: true")
    assert result["paths"]["/a"]["get"]["parameters"] == [{"name": "y"}]
    assert counts == Counts(3 - 1, 2)


def test_what_matches_nothing_or_changes_nothing_is_counted(tmp_path: Path) -> None:
    assert applied(tmp_path, "$.nothing", "remove: true")[1] == Counts(0, 0)
    assert applied(tmp_path, "$.components.schemas[*]", "update: {properties: {p: {type: string}}}")[1] == Counts(2, 1)


@pytest.mark.parametrize(
    ("first", "last", "version", "applies"),
    [
        (41, None, "40", False),
        (41, None, "41", True),
        (None, 41, "41", True),
        (None, 41, "42", False),
        (41, 41, "41", True),
    ],
)
def test_an_action_applies_from_and_until_a_version(
    tmp_path: Path, first: int | None, last: int | None, version: str, applies: bool
) -> None:
    bounds = (f"\n  x-from: {first}" if first else "") + (f"\n  x-until: {last}" if last else "")
    actions = load(tmp_path, HEAD + action("$.paths", f"remove: true{bounds}"))
    assert bool(overlay.apply(DOCUMENT, actions, version)[1]) == applies


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- [", "not YAML"),
        ("a: 1", "not an OpenAPI Overlay"),
        ("overlay: 1.0.0\nactions: []", "not an OpenAPI Overlay"),
        (HEAD + "- 5", r"actions\[0\]: no target"),
        (HEAD + "- {target: 5, remove: true}", "no target"),
        (HEAD + "- {target: $.a, remove: true, x-why: w}", "no x-id"),
        (HEAD + "- {target: $.a, remove: true, x-id: i}", "no x-why"),
        (HEAD + "- {target: $.a, remove: true, x-id: i, x-why: ' '}", "no x-why"),
        (HEAD + action("$.a", "remove: true\n  x-form: 41"), "unknown key 'x-form'"),
        (HEAD + action("$.a", "x-from: 41"), "neither or both"),
        (HEAD + action("$.a", "remove: true\n  update: {a: 1}"), "neither or both"),
        (HEAD + action("$.a", "remove: false"), "neither or both"),
        (HEAD + action("$.a", "remove: true\n  x-from: '2.41'"), "x-from is no version number"),
        (HEAD + action("$.a[", "remove: true"), "target is no JSONPath"),
        (HEAD + action("$.a", "update: {200: {description: x}}"), "the key 200 is not text. Write it as '200'"),
        (HEAD + action("$.a", "remove: true") + action("$.b", "remove: true"), "test: one: two actions have this x-id"),
    ],
)
def test_an_overlay_that_is_not_well_formed_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RegenError, match=said) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert caught.value.place.startswith("test")


@pytest.mark.parametrize(
    ("target", "rest", "said"),
    [
        ("$", "remove: true", "would remove the whole document"),
    ],
)
def test_an_action_that_cannot_be_carried_out_is_named(tmp_path: Path, target: str, rest: str, said: str) -> None:
    with pytest.raises(RegenError, match=f"^overlay: test: one: .*{said}"):
        applied(tmp_path, target, rest)


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (Counts(0, 0), None, "matches nothing in v42"),
        (Counts(2, 1), None, "changes nothing in v42"),
        (Counts(2, 2), Counts(1, 1), "matched 2 and changed 2 in v42, the lock says 1 and 1"),
        (Counts(0, 0), Counts(1, 1), "matched 0 and changed 0"),
        (Counts(1, 0), Counts(1, 1), "matched 1 and changed 0"),
        (Counts(1, 1), Counts(1, 1), None),
        (Counts(0, 0), Counts(0, 0), None),
        (Counts(3, 3), None, None),
    ],
)
def test_counts_are_held_against_the_lock(now: Counts, then: Counts | None, said: str | None) -> None:
    locked = {} if then is None else {"a: one": then}
    if said is None:
        overlay.check({"a: one": now}, locked, "42")
    else:
        with pytest.raises(RegenError, match=f"^overlay: a: one: {said}"):
            overlay.check({"a: one": now}, locked, "42")
    overlay.check({"a: one": now}, None, "42")  # a new version is for review


@pytest.mark.parametrize("version", VERSIONS)
def test_every_action_of_ours_changes_every_place_that_it_matches(version: str) -> None:
    lock = Lock.read(LAYOUT.lock(version))
    assert lock
    assert all(counts.matched == counts.changed > 0 for counts in lock.overlays.values())
    due = {one.name for one in overlay.load(LAYOUT.overlays) if one.applies(version)}
    assert lock.overlays.keys() == due


def _part(published: dict[str, Any]) -> dict[str, Any]:
    """What overlays speak of, which is quicker to copy than all."""
    named = {
        "MessageConversation",
        "Message",
        "UserMessage",
        "FileResource",
        "WebMessage",
        "User",
        "UserGroup",
        "OrganisationUnit",
    }
    near = (
        "/api/messageConversations",
        "/api/fileResources",
        "/api/users",
        "/api/userGroups",
        "/api/organisationUnits",
        "/api/apiToken",
    )
    return {
        "paths": {path: item for path, item in published["paths"].items() if path.startswith(near)},
        "components": {
            "parameters": published["components"]["parameters"],
            "schemas": {name: item for name, item in published["components"]["schemas"].items() if name in named},
        },
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_each_action_of_ours_fails_once_the_document_is_otherwise(version: str) -> None:
    """Take away what an action aims at, or put right what it corrects: it is noticed each time."""
    lock = Lock.read(LAYOUT.lock(version))
    assert lock
    published = _part(document.read(LAYOUT.document(version)).document)
    for one in overlay.load(LAYOUT.overlays):
        if not one.applies(version):
            continue
        corrected, _ = overlay.apply(published, [one], version)
        _, counts = overlay.apply(corrected, [one], version)  # as if the server had put it right
        with pytest.raises(RegenError, match=one.name.partition(": ")[0]):
            overlay.check(counts, {one.name: lock.overlays[one.name]}, version)
        gone = copy.deepcopy(published)
        for match in reversed(list(one.path.finditer(gone))):
            assert match.parent
            parent: Any = match.parent.obj
            del parent[match.parts[-1]]
        _, counts = overlay.apply(gone, [one], version)
        with pytest.raises(RegenError, match="matched 0 and changed 0"):
            overlay.check(counts, {one.name: lock.overlays[one.name]}, version)


def test_the_corrections_of_the_facade_are_all_there() -> None:
    names = " ".join(action.name for action in overlay.load(LAYOUT.overlays))
    # M7, M9, M13 and M14 are the normaliser's and the facade's.
    for number in ["M1", "M2", "M3", "M4", "M5", "M6", "M8", "M10", "M11", "M12", "M15", "M16", "M17"]:
        assert f" {number} " in names, number
    for schema in range(1, 7):
        assert f" S{schema} " in names


def test_an_update_of_a_reference_changes_what_it_refers_to_there_alone(tmp_path: Path) -> None:
    document_ = {
        "paths": {"/a": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Conv"}}}},
        "components": {"requestBodies": {"Conv": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/A"}}}}}},
    }
    before = copy.deepcopy(document_)
    rest = "update: {requestBody: {content: {a/b: {schema: {type: string}}}}}"
    actions = load(tmp_path, HEAD + action("$.paths['/a'].post", rest))
    result, counts = overlay.apply(document_, actions, "42")
    body = result["paths"]["/a"]["post"]["requestBody"]["content"]["a/b"]["schema"]
    assert body["type"] == "string"
    assert "$ref" not in result["paths"]["/a"]["post"]["requestBody"]
    assert result["components"] == before["components"]
    assert counts["test: one"] == Counts(1, 1)


def test_what_cannot_be_updated_counts_as_unchanged(tmp_path: Path) -> None:
    assert applied(tmp_path, "$.components.schemas.A.properties.p.type", "update: {a: 1}")[1] == Counts(1, 0)
    assert applied(tmp_path, "$.components.schemas.A", "update: text")[1] == Counts(1, 0)


def test_an_update_that_refers_to_nothing_is_told(tmp_path: Path) -> None:
    rest = "update: {q: {$ref: '#/components/schemas/Gone'}, r: [{$ref: '#/components/schemas/B'}]}"
    actions = load(tmp_path, HEAD + action("$.components.schemas.A.properties", rest))
    result, _ = overlay.apply(DOCUMENT, actions, "42")
    assert overlay.dangling(result, actions, "42") == ["refers to the schema Gone, which is not there: test: one"]


def test_an_action_that_is_gone_is_noticed() -> None:
    with pytest.raises(RegenError, match="a: one: in the lock of v42, but in no overlay for it"):
        overlay.check({}, {"a: one": Counts(1, 1)}, "42")
