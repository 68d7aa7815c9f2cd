"""The small document with every defect gives the committed output, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.regen import document
from tests.regen.golden.record import INPUT, OUTPUT, record


def _files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_output_is_the_committed_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "output")
    made, wanted = _files(tmp_path / "output"), _files(OUTPUT)
    assert made.keys() == wanted.keys()
    for name in wanted:
        assert made[name] == wanted[name], f"{name}: if it is meant to change, say make golden"
    assert capsys.readouterr().out.splitlines() == [
        "v36  document   file document.json: 18 operations",
        "v36  overlay    2 of 3 actions, 2 places",
        "v36  normalise  22 models, 3 controllers",
        "v36  generate   18 functions, 22 models, no warnings",
        "v36  format     28 files, 0.02 MB",
        "v36  lock       18 operations = 18 functions",
        "v36  review     did not apply: orders: one of these paths is not there",
        "v36  review     the facade needs `thing.forget` (DELETE /api/things/{}), which the document lacks",
        "v36  report     openapi/reports/v36.md",
    ]


def test_the_canonical_form_is_without_prose_and_stays_as_it_is() -> None:
    published = document.read(INPUT / "document.json")
    text = document.dump(published.document)
    for prose in ("Prose that is not kept", "[no description yet]", "List things", "A thing.", "(Java name"):
        assert prose in (INPUT / "document.json").read_text(encoding="utf-8")
        assert prose not in text
    assert "dhis2.example.org" not in text
    assert document.canonical(published.document, "again") == published.document
    # What is called description is a property here, and no prose.
    assert "description" in published.document["components"]["schemas"]["Thing"]["properties"]
