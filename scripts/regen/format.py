"""Generated code in one shape, with ruff."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from scripts.regen.errors import RegenError

STEP = "format"
LINE = 120  # characters


def format_tree(folder: Path) -> str:
    """Format all of a folder in place; gives the version of ruff."""
    # A trailing comma in a template is no wish for one item a line: that would be a sixth of the size.
    options = [
        "--isolated",
        "--no-cache",
        "--line-length",
        str(LINE),
        "--config",
        "format.skip-magic-trailing-comma=true",
    ]
    # What parses may still name an argument twice, or something that is not there.
    check = ["--quiet", "--select", "F811,F821", "--output-format", "concise"]
    for command in (["format", *options], ["check", "--isolated", "--no-cache", *check]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            first = " ".join((done.stderr + done.stdout).split())[:200]
            remedy = "a name of the document has made code that is none"
            raise RegenError(STEP, folder.name, f"ruff: {first}", remedy)
    return version("ruff")
