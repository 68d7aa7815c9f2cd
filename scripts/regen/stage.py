"""Outputs written aside and moved into place together, so that a run which fails leaves what was there."""

from __future__ import annotations

import fcntl
import filecmp
import json
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from scripts.regen.errors import RegenError
from scripts.regen.layout import Layout

STEP = "write"


class Stage:
    """The staging folder of one run; another run at the same time is refused.

    Once `ready` is written the outputs are complete: a run that is killed while they are moved is finished by the
    next one.
    """

    def __init__(self, layout: Layout, *, finish: bool = True) -> None:
        self.root, self.home, self.finish = layout.root, layout.stage, finish
        # A folder for each run: a generator that outlived its run, which was killed, writes into no other.
        self.folder = self.home / secrets.token_hex(4)
        self.new, self.ready = self.folder / "new", self.home / "ready.json"
        self._lock: IO[str] | None = None
        self._removed: list[Path] = []

    def __enter__(self) -> Self:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        self._lock = (self.home.parent / "regen.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RegenError(STEP, self.home.name, "another regen is at work", "wait until it is done") from None
        if self.ready.exists():
            if not self.finish:
                raise RegenError(
                    STEP, self.home.name, "a run was interrupted while it wrote", "say make regen to finish it"
                )
            self._move()
        shutil.rmtree(self.home, ignore_errors=True)
        self.new.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ready.exists():  # else the next run goes on moving
            shutil.rmtree(self.home, ignore_errors=True)
        if self._lock:
            self._lock.close()

    def path(self, target: Path) -> Path:
        """Where to write what is to stand at `target` in the end."""
        staged = self.new / target.relative_to(self.root)
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def write(self, target: Path, text: str) -> None:
        """Write a file."""
        self.path(target).write_text(text, encoding="utf-8")

    def remove(self, target: Path) -> None:
        """Let a file be gone in the end."""
        self._removed.append(target)

    def differences(self, folders: list[Path]) -> list[str]:
        """What would change: every staged file that differs, and files of these folders that are not staged."""
        staged = {path.relative_to(self.new) for path in self.new.rglob("*") if path.is_file()}
        changed = {
            p for p in staged if not (self.root / p).is_file() or not filecmp.cmp(self.new / p, self.root / p, False)
        }
        present = {p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
        stale = {path.relative_to(self.root) for path in present} - staged
        stale |= {path.relative_to(self.root) for path in self._removed if path.exists()}
        return sorted(map(str, changed | stale))

    def commit(self, folders: list[Path]) -> None:
        """Move everything into place; these folders are replaced whole."""
        whole = [str(folder.relative_to(self.root)) for folder in folders]
        single = [
            str(path.relative_to(self.new))
            for path in sorted(self.new.rglob("*"))
            if path.is_file() and not any(path.is_relative_to(self.new / folder) for folder in whole)
        ]
        for name in whole + single:
            self._check_place(self.root / name)
        draft = self.folder / "ready.draft"
        gone = [str(path.relative_to(self.root)) for path in self._removed]
        draft.write_text(
            json.dumps({"folder": self.folder.name, "place": whole + single, "remove": gone}), encoding="utf-8"
        )
        draft.replace(self.ready)
        self._move()
        self.ready.unlink()

    def _check_place(self, target: Path) -> None:
        """Refuse a place that cannot be written before anything is moved."""
        parent = next(folder for folder in target.parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise RegenError(STEP, str(parent.relative_to(self.root)), "cannot be written", "make it a folder of yours")

    def _move(self) -> None:
        order = json.loads(self.ready.read_text(encoding="utf-8"))
        folder = self.home / order["folder"]
        for name in order["remove"]:
            (self.root / name).unlink(missing_ok=True)
        for name in order["place"]:
            source, target = folder / "new" / name, self.root / name
            if not source.exists():
                continue  # moved before the run was killed
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                aside = folder / "old" / name
                aside.parent.mkdir(parents=True, exist_ok=True)
                target.rename(aside)
            source.replace(target)
