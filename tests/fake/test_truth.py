"""The fake against what real servers answered."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

import dhis2_facade.testing
from tests.fake.truth import Verdict, agreeing, read_world, replayed, shares
from tests.support.exchanges import VERSIONS, exchanges

BAR = 0.97
LISTED = Path(__file__).with_name("differences.toml")
FAKE = Path(dhis2_facade.testing.__file__).parent
WAYS = {"as recorded": False, "under other names": True}

runs = pytest.mark.parametrize(("version", "way"), [(version, way) for version in VERSIONS for way in WAYS])


@functools.cache
def verdicts(version: str, way: str) -> list[Verdict]:
    return replayed(version, disguised=WAYS[way])


def listed(version: str) -> set[tuple[str, str, str]]:
    found = tomllib.loads(LISTED.read_text())["difference"]
    assert all(one["why"] for one in found)
    return {(version, one["scenario"], one["step"]) for one in found if version in one["versions"]}


@runs
def test_the_working_day_agrees_whole(version: str, way: str) -> None:
    journey = [one for one in verdicts(version, way) if one.exchange.scenario == "journey"]
    assert [(one.key, one.differences) for one in journey if one.differences] == []
    assert len(journey) > 50


@runs
def test_what_differs_is_listed_and_what_is_listed_differs(version: str, way: str) -> None:
    differing = {one.key: one.differences for one in verdicts(version, way) if one.differences}
    assert {key: said for key, said in differing.items() if key not in listed(version)} == {}
    assert listed(version) - differing.keys() == set()


@runs
def test_nearly_all_exchanges_agree(version: str, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdicts(version, way)
    with capsys.disabled():
        print(f"\nv{version} {way}", *shares(found), sep="\n  ")
    assert len(found) == len(list(exchanges(version)))
    assert agreeing(found) / len(found) >= BAR


def strings(source: str) -> list[str]:
    """The strings of a module, without those that explain it."""
    tree = ast.parse(source)
    explaining = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    return [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in explaining
    ]


def test_nothing_of_a_recording_stands_in_the_fake() -> None:
    used = {(path.name, text) for path in FAKE.glob("*.py") for text in strings(path.read_text())}
    assert len(used) > 500
    said = set()
    for version in VERSIONS:
        said |= set(read_world(version).uids)
        for exchange in exchanges(version):
            said.add(exchange.step)
            for body in (exchange.request_body, exchange.body):
                said |= set(re.findall(r'"(?:subject|text)": ?"([^"]+)"', body.decode("latin-1")))
    telling = {text for text in said if " " in text or re.search(r"\d", text) or len(text) > 20}
    assert len(telling) > 500
    assert {(name, text) for name, text in used for one in telling if one in text} == set()
