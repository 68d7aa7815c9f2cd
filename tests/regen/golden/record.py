"""Regenerate the golden document into a folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scripts.regen import document
from scripts.regen.layout import Layout
from scripts.regen.run import regenerate
from scripts.regen.stage import Stage

HERE = Path(__file__).parent
INPUT, OUTPUT = HERE / "input", HERE / "output"
VERSION = "36"


def make_root(root: Path) -> Layout:
    """A project of its own, with the golden overlays and no documents yet."""
    shutil.copytree(INPUT / "openapi", root / "openapi")
    (root / "facade" / "dhis2_facade").mkdir(parents=True)
    return Layout(root)


def record(target: Path) -> None:
    """Generate, and keep all that was written."""
    with tempfile.TemporaryDirectory() as folder:
        layout = make_root(Path(folder))
        with Stage(layout) as stage:
            regenerate(layout, stage, [VERSION], {VERSION: document.read(INPUT / "document.json")})
        shutil.rmtree(layout.root / "build")
        shutil.rmtree(layout.overlays)
        layout.needs.unlink()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(layout.root, target)
