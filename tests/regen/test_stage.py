"""Outputs are moved together: a run that was killed while it moved them is finished by the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.regen.layout import Layout
from scripts.regen.stage import Stage


class _Killed(BaseException):
    pass


def _project(root: Path) -> Layout:
    for name, text in (("a/one.txt", "old"), ("a/gone.txt", "old"), ("b.txt", "old"), ("over.txt", "old")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Layout(root)


def _fill(stage: Stage, root: Path) -> None:
    stage.write(root / "a" / "one.txt", "new")
    stage.write(root / "a" / "two.txt", "new")
    stage.write(root / "b.txt", "new")
    stage.write(root / "c" / "three.txt", "new")
    stage.remove(root / "over.txt")


def _files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and "build" not in path.parts
    }


OLD = {"a/gone.txt": "old", "a/one.txt": "old", "b.txt": "old", "over.txt": "old"}
NEW = {"a/one.txt": "new", "a/two.txt": "new", "b.txt": "new", "c/three.txt": "new"}


def test_nothing_is_moved_before_the_commit_and_everything_after(tmp_path: Path) -> None:
    layout = _project(tmp_path)
    with Stage(layout) as stage:
        _fill(stage, tmp_path)
        assert _files(tmp_path) == OLD
        assert stage.differences([tmp_path / "a"]) == sorted({*OLD, *NEW})
        stage.commit([tmp_path / "a"])
        assert _files(tmp_path) == NEW
    assert not layout.stage.exists()
    with Stage(layout) as stage:
        _fill(stage, tmp_path)
        assert stage.differences([tmp_path / "a"]) == []


def test_without_a_commit_nothing_changes(tmp_path: Path) -> None:
    layout = _project(tmp_path)
    stage = Stage(layout)
    stage.__enter__()
    _fill(stage, tmp_path)
    stage.__exit__(_Killed, _Killed(), None)
    assert _files(tmp_path) == OLD
    assert not layout.stage.exists()


@pytest.mark.parametrize("moves", range(7))
def test_a_commit_that_was_killed_is_finished(tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = _project(tmp_path)
    left = [moves]

    def guarded(self: Path, target: Path, kind: str) -> Path:
        if layout.stage.joinpath("ready.json").exists():
            if not left[0]:
                raise _Killed
            left[0] -= 1
        return before[kind](self, target)

    before = {"rename": Path.rename, "replace": Path.replace}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda self, target: guarded(self, target, "rename"))
        patched.setattr(Path, "replace", lambda self, target: guarded(self, target, "replace"))
        try:
            with Stage(layout) as stage:
                _fill(stage, tmp_path)
                stage.commit([tmp_path / "a"])
        except _Killed:
            assert json.loads((layout.stage / "ready.json").read_text(encoding="utf-8"))["remove"] == ["over.txt"]
    with Stage(layout):
        pass
    assert _files(tmp_path) == NEW
