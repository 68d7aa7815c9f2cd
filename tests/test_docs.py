"""The pages of `docs/`: what they name exists, and what they show runs."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from dhis2_facade._sync.client import Dhis2
from dhis2_facade._sync.files import Files
from dhis2_facade._sync.messaging import Messaging
from dhis2_facade._sync.people import People
from dhis2_facade.models import Sent
from tests.support.exchanges import VERSIONS, exchanges

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
QUIRKS = (DOCS / "quirks.md").read_text(encoding="utf-8")
# Of the servers as they were recorded, in the order of their table; from 35 on they were found while building.
TRAPS = re.findall(
    r"\d+[a-f]?",
    "1 2 3 4 5 6 6b 7 7b 7c 7d 8 8b 9 9b 10 11 12 13 14 15 15b 15c 15d 15e 15f 16 17 17b 18 19 19b 19c 20 21 21b 22 23 "
    "23b 23c 24 25 26 26b 27 28 29 30 31 32 33 34",
)
LINES = ["document", "server", "shown by", "here", "held by"]
CITED = re.compile(r"\b(?:quirks?|traps?) (\d+[a-f]?(?:(?:,| and| to) \d+[a-f]?)*)")
NUMBER = re.compile(r"\d+[a-f]?")
STEP = re.compile(r"`(\w+)\.yaml: ([^`]+)`")
TEST = re.compile(r"`(test_\w+\.py)::(\w+)`")
STATUS = re.compile(r"`([1-5]\d\d)`")
OF_VERSIONS = re.compile(r"\*\*(2\.\d\d(?:, 2\.\d\d)*)\*\*")
OVERLAY = re.compile(r"\[([MS]\d+(?:, [MS]\d+)*)\]")
NAMED = re.compile(r"`(\w+)\.(\w+(?:\.\w+)*)`")
CLASSES: dict[str, type] = {"dhis2": Dhis2, "files": Files, "messaging": Messaging, "people": People, "Sent": Sent}


@frozen
class Quirk:
    """A section of the page."""

    number: str
    lines: dict[str, str]

    @property
    def steps(self) -> list[tuple[str, str]]:
        return STEP.findall(self.lines["shown by"])

    def statuses(self) -> Iterator[tuple[str, int]]:
        """Version and status, as the page says them."""
        _, *pieces = OF_VERSIONS.split(self.lines["server"])
        for versions, text in zip(pieces[::2], pieces[1::2], strict=True):
            for version in re.findall(r"2\.(\d\d)", versions):
                yield from ((version, int(status)) for status in STATUS.findall(text))


def quirks() -> list[Quirk]:
    found = []
    for section in re.split(r"^### ", QUIRKS, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        lines = dict(re.findall(r"^- ([a-z ]+): (.+)$", text.split("\n## ")[0], flags=re.MULTILINE))
        found.append(Quirk(heading.split()[0], lines))
    return found


@functools.cache
def recorded() -> dict[tuple[str, str], dict[str, set[int]]]:
    """Scenario and step → version → the statuses of its answers."""
    found: dict[tuple[str, str], dict[str, set[int]]] = {}
    for version in VERSIONS:
        for one in exchanges(version):
            found.setdefault((one.scenario, one.step), {}).setdefault(version, set()).add(one.status)
    return found


@functools.cache
def defined() -> set[tuple[str, str]]:
    return {
        (path.name, node.name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@functools.cache
def rows() -> set[tuple[str, str]]:
    tables = (ROOT / "tests" / "facade" / "answers").glob("*.toml")
    return {
        (path.stem, step)
        for path in tables
        if path.stem != "cannot"
        for step in tomllib.loads(path.read_text(encoding="utf-8"))
    }


def cited() -> dict[str, str]:
    """Number → a file that cites it."""
    folders = ("facade", "openapi", "tests", "docs", "scripts", "examples")
    suffixes = {".py", ".toml", ".yaml", ".md"}
    found: dict[str, str] = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes):
        if "cassettes" not in path.parts:
            for numbers in CITED.findall(path.read_text(encoding="utf-8")):
                found |= dict.fromkeys(NUMBER.findall(numbers), str(path.relative_to(ROOT)))
    return found


def test_each_trap_has_its_section_and_the_numbers_go_on_without_a_gap() -> None:
    numbers = [quirk.number for quirk in quirks()]
    assert numbers[: len(TRAPS)] == TRAPS
    assert numbers[len(TRAPS) :] == [str(number) for number in range(35, 35 + len(numbers) - len(TRAPS))]


def test_each_number_that_is_cited_is_explained() -> None:
    numbers = cited()
    assert len(numbers) > 30
    unknown = {number: where for number, where in numbers.items() if number not in {one.number for one in quirks()}}
    assert not unknown


@pytest.mark.parametrize("quirk", quirks(), ids=lambda quirk: quirk.number)
def test_a_quirk_is_shown_by_a_recording_on_each_version_and_held_by_a_test(quirk: Quirk) -> None:
    assert list(quirk.lines) == LINES
    assert set(re.findall(r"2\.(\d\d)", "".join(OF_VERSIONS.findall(quirk.lines["server"])))) == set(VERSIONS)
    assert quirk.steps
    for step in quirk.steps:
        assert set(recorded().get(step, ())) == set(VERSIONS), step
    assert TEST.findall(quirk.lines["held by"]) or "*rows*" in quirk.lines["held by"]


@pytest.mark.parametrize("quirk", quirks(), ids=lambda quirk: quirk.number)
def test_the_statuses_of_a_quirk_are_those_that_were_recorded(quirk: Quirk) -> None:
    said = set(quirk.statuses())
    assert {version for version, _ in said} == set(VERSIONS)
    found = {(version, status) for step in quirk.steps for version in VERSIONS for status in recorded()[step][version]}
    assert said <= found, f"said, and not recorded: {sorted(said - found)}"
    assert found <= said, f"recorded, and not said: {sorted(found - said)}"


@pytest.mark.parametrize("quirk", quirks(), ids=lambda quirk: quirk.number)
def test_the_rows_that_hold_a_quirk_are_there(quirk: Quirk) -> None:
    if "*rows*" in quirk.lines["held by"]:
        missing = [step for step in quirk.steps if step[0] != "journey" and step not in rows()]
        assert not missing
        assert any(step in rows() for step in quirk.steps)


def test_each_recorded_step_that_the_pages_name_is_there() -> None:
    named = [step for path in DOCS.glob("*.md") for step in STEP.findall(path.read_text(encoding="utf-8"))]
    assert len(named) > 100
    assert {step for step in named if step != ("scenario", "step")} <= recorded().keys()


def test_each_test_that_the_pages_name_is_there() -> None:
    named = {test for path in DOCS.glob("*.md") for test in TEST.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 30
    assert named <= defined()


def test_each_correction_that_the_pages_name_is_there() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "openapi" / "overlays").glob("*.yaml"))
    known = {words.split()[0] for words in re.findall(r"x-id: (.+)", text)}
    named = {one for found in OVERLAY.findall(QUIRKS) for one in found.split(", ")}
    assert named
    assert named <= known


def resolves(owner: str, path: str) -> bool:
    """Whether it is a module of the facade's, or a part of the client, and has this."""
    found: object = CLASSES.get(owner)
    if found is None:
        modules = (f"dhis2_facade.{owner}", f"dhis2_facade._sync.{owner}")
        name = next((one for one in modules if importlib.util.find_spec(one)), None)
        found = importlib.import_module(name) if name else None
    for part in path.split("."):
        found = getattr(found, part, None)
    return found is not None


@pytest.mark.parametrize("quirk", quirks(), ids=lambda quirk: quirk.number)
def test_each_function_that_a_quirk_names_is_there(quirk: Quirk) -> None:
    unknown = [one for one in NAMED.findall(quirk.lines["here"]) if not resolves(*one)]
    assert not unknown
