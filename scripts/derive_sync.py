"""Derive the sync client from the async one: `make sync`; with `--check` say whether that was done."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import unasync

PACKAGE = Path(__file__).parents[1] / "facade" / "dhis2_facade"
HEADER = "# Derived from _async/{name} by `make sync`. Do not edit.\n"
WRITTEN = {"__init__.py", "backend.py"}  # by hand
WORDS = {
    "_async": "_sync",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncDhis2": "Dhis2",
    "AsyncFiles": "Files",
    "AsyncMessaging": "Messaging",
    "AsyncPeople": "People",
    "AsyncSender": "Sender",
    "AsyncSession": "Session",
    "AsyncTransport": "Transport",
}


def derive(folder: Path) -> None:
    """Write the sync twins of all modules into a folder."""
    source = PACKAGE / "_async"
    for path in sorted(source.glob("*.py")):
        if path.name not in WRITTEN:
            shutil.copy(path, folder / path.name)
    (folder / "_sync").mkdir()
    rule = unasync.Rule(f"{folder}/", f"{folder}/_sync/", WORDS)
    unasync.unasync_files([str(path) for path in folder.glob("*.py")], [rule])
    for path in (folder / "_sync").glob("*.py"):
        path.write_text(HEADER.format(name=path.name) + path.read_text(encoding="utf-8"), encoding="utf-8")
    for arguments in (["check", "--select", "I,F401,RUF022", "--fix"], ["format"]):
        config = ["--config", str(PACKAGE.parents[1] / "pyproject.toml")]
        subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--quiet", *config, str(folder / "_sync")], check=True
        )


def main() -> int:
    """Derive, and write or compare."""
    target = PACKAGE / "_sync"
    with tempfile.TemporaryDirectory() as temporary:
        derive(Path(temporary))
        derived = {path.name: path.read_bytes() for path in (Path(temporary) / "_sync").glob("*.py")}
    there = {path.name: path.read_bytes() for path in target.glob("*.py") if path.name not in WRITTEN}
    if "--check" not in sys.argv[1:]:
        for name in there.keys() - derived.keys():
            (target / name).unlink()
        for name, content in derived.items():
            (target / name).write_bytes(content)
        return 0
    different = sorted(name for name in there.keys() | derived.keys() if there.get(name) != derived.get(name))
    for name in different:
        print(f"facade/dhis2_facade/_sync/{name} is not what _async/{name} gives; say: make sync", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
