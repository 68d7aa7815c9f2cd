"""That nothing is left out: a test for each method, the same in sync and async, each field known to each version."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import AttrsInstance, fields_dict

from dhis2_facade import models
from dhis2_facade._async.client import AsyncDhis2
from dhis2_facade._async.files import AsyncFiles
from dhis2_facade._async.messaging import AsyncMessaging
from dhis2_facade._async.people import AsyncPeople
from dhis2_facade._async.sending import CONVERSATION, READ_BACK, SUMMARY
from dhis2_facade._async.session import ME
from dhis2_facade._sync.client import Dhis2
from dhis2_facade._sync.files import Files
from dhis2_facade._sync.messaging import Messaging
from dhis2_facade._sync.people import People
from dhis2_facade.models import WIRE
from dhis2_wire.encoding import wire_names
from scripts.derive_sync import WORDS
from tests.facade.test_costs import TABLE
from tests.support.exchanges import VERSIONS

HERE = Path(__file__).parent
TWINS = {AsyncDhis2: Dhis2, AsyncFiles: Files, AsyncMessaging: Messaging, AsyncPeople: People}
# How tests call the methods of a class: what stands before the dot; None where nothing does, as in tables.
OWNERS: dict[type, set[str | None]] = {
    AsyncDhis2: {None, "dhis2", "pin()"},
    AsyncFiles: {"files"},
    AsyncMessaging: {"messaging"},
    AsyncPeople: {"people"},
}
# Methods that steps behind the client share, not meant for its users.
INTERNAL = {"files.store", "files.fetch"}

# Facade model → the generated classes that describe the same object.
GENERATED = {
    "MessageConversation": ["MessageConversation"],
    "Message": ["Message"],
    "UserMessage": ["UserMessage"],
    "FileResource": ["FileResource"],
    "User": ["UserDto", "UserLookup", "MeDto"],
    "UserGroup": ["UserGroup"],
    "OrganisationUnit": ["OrganisationUnit"],
    "SystemInfo": ["SystemInfo"],
}
# (Generated class, key) → versions that do not know it, and why the facade has it all the same.
ABSENT = {
    ("FileResource", "assigned"): (("40",), "2.40 does not tell (quirk 6b); None there"),
    ("UserDto", "firstName"): (VERSIONS, "comes with a search (UserLookup) and oneself (MeDto)"),
    ("UserDto", "surname"): (VERSIONS, "comes with a search (UserLookup) and oneself (MeDto)"),
    ("UserDto", "authorities"): (VERSIONS, "comes with oneself (MeDto)"),
    ("UserLookup", "authorities"): (VERSIONS, "comes with oneself (MeDto)"),
}


def public(cls: type) -> list[str]:
    return [name for name, found in inspect.getmembers(cls, callable) if not name.startswith("_")]


def called(tree: ast.AST) -> Iterator[tuple[str | None, str]]:
    """Give what is called: what stands before the dot, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield None, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            before = node.func.value
            if isinstance(before, ast.Call) and isinstance(before.func, ast.Name):
                yield f"{before.func.id}()", node.func.attr
            elif isinstance(before, ast.Name | ast.Attribute):
                yield before.id if isinstance(before, ast.Name) else before.attr, node.func.attr


def exercised() -> set[tuple[str | None, str]]:
    """What the tests of the facade call, in their code and in their tables."""
    found: set[tuple[str | None, str]] = set()
    rows = [
        row for path in (HERE / "answers").glob("*.toml") for row in tomllib.loads(path.read_text("utf-8")).values()
    ]
    texts = [row["call"] for row in rows if "call" in row] + [one.call for one in TABLE]
    for path in HERE.glob("*.py"):
        found |= {(before, name) for before, name in called(ast.parse(path.read_text("utf-8"))) if before is not None}
    for text in texts:
        found |= set(called(compile(text, "call", "eval", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)))
    return found


@pytest.mark.parametrize("cls", TWINS, ids=lambda cls: cls.__name__)
def test_each_public_method_is_called_by_a_test(cls: type) -> None:
    calls = exercised()
    names = [name for name in public(cls) if not {f"{owner}.{name}" for owner in OWNERS[cls]} & INTERNAL]
    assert names
    without = [name for name in names if not any((owner, name) in calls for owner in OWNERS[cls])]
    assert not without


@pytest.mark.parametrize(("cls", "twin"), TWINS.items(), ids=lambda cls: cls.__name__)
def test_sync_and_async_offer_the_same_with_the_same_signatures(cls: type, twin: type) -> None:
    assert sorted(WORDS.get(name, name) for name in public(cls)) == public(twin)
    assert synchronous(inspect.getdoc(cls)) == inspect.getdoc(twin)
    for name in [*public(cls), "__init__"]:
        mine, theirs = getattr(cls, name), getattr(twin, WORDS.get(name, name))
        assert signature(mine) == signature(theirs), name
        assert not inspect.iscoroutinefunction(theirs), name
        waits = inspect.iscoroutinefunction(mine) or str(inspect.signature(mine).return_annotation).startswith(
            "AsyncGenerator"
        )
        assert waits or name in ("__init__", "from_env", "from_profile"), name
        assert synchronous(inspect.getdoc(mine)) == inspect.getdoc(theirs), name


def signature(function: Any) -> list[tuple[str, Any, Any, str]]:
    """Names, kinds, defaults and annotations, and what is given back, as the sync client says it."""
    found = inspect.signature(function)
    parameters = [(p.name, p.kind, p.default, synchronous(str(p.annotation))) for p in found.parameters.values()]
    return [*parameters, ("return", None, None, synchronous(str(found.return_annotation)))]


def synchronous(text: str | None) -> str:
    for word, other in WORDS.items():
        text = re.sub(rf"\b{word}\b", other, text or "")
    return (text or "").replace("AsyncGenerator", "Generator")


def keys(name: str) -> set[str]:
    cls: type[AttrsInstance] = getattr(models, name)
    return {a.metadata[WIRE][0] for a in fields_dict(cls).values() if a.metadata}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_field_of_the_models_is_known_to_the_version(version: str) -> None:
    bound = importlib.import_module(f"dhis2_bindings.v{version}.models")
    unknown = {
        (other, key)
        for name, others in GENERATED.items()
        for other in others
        for key in keys(name) - set(wire_names(getattr(bound, other)).values())
    }
    assert unknown == {which for which, (versions, why) in ABSENT.items() if version in versions and why}


def test_the_table_of_generated_classes_is_that_of_all_models_that_are_read() -> None:
    read = {name for name in models.__all__ if hasattr(getattr(models, name), "__attrs_attrs__") and keys(name)}
    assert read == GENERATED.keys()


@pytest.mark.parametrize("fields", [SUMMARY, CONVERSATION, READ_BACK, ME])
def test_what_is_asked_for_is_what_the_models_read(fields: str) -> None:
    asked = set(re.findall(r"\w+", fields))
    assert asked <= set().union(*(keys(name) for name in GENERATED))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pin_has_the_clients_of_its_version(version: str) -> None:
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    assert version == pin.VERSION
    for made, base in ((pin.Dhis2, Dhis2), (pin.AsyncDhis2, AsyncDhis2)):
        assert issubclass(made, base)
        assert made._bindings.version == version
        assert made.__doc__ == base.__doc__
