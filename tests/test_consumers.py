"""That the program of `tests/consumers`, which type checkers read, leaves no public call out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dhis2_facade._async.client import AsyncDhis2
from dhis2_facade._async.files import AsyncFiles
from dhis2_facade._async.messaging import AsyncMessaging
from dhis2_facade._async.people import AsyncPeople
from dhis2_facade._sync.client import Dhis2
from dhis2_facade._sync.files import Files
from dhis2_facade._sync.messaging import Messaging
from dhis2_facade._sync.people import People
from tests.facade.test_completeness import INTERNAL

CONSUMER = Path(__file__).parent / "consumers" / "consumer.py"
CLIENTS = {
    "sync": (Dhis2, Files, Messaging, People),
    "async": (AsyncDhis2, AsyncFiles, AsyncMessaging, AsyncPeople),
}


def used(flavour: str) -> set[str]:
    """The names behind a dot in the functions of a flavour, but for lines that must be errors."""
    text = CONSUMER.read_text(encoding="utf-8")
    lines = [line if not line.endswith("# error") else "" for line in text.splitlines()]
    kind = ast.AsyncFunctionDef if flavour == "async" else ast.FunctionDef
    functions = [one for one in ast.parse("\n".join(lines)).body if isinstance(one, kind)]
    return {node.attr for one in functions for node in ast.walk(one) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("flavour", CLIENTS)
def test_every_public_call_is_used(flavour: str) -> None:
    internal = {one.partition(".")[2] for one in INTERNAL}
    public = {name for cls in CLIENTS[flavour] for name in vars(cls) if not name.startswith("_")} - internal
    assert len(public) > 30
    assert public - used(flavour) == set()
