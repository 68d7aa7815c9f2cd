"""The user's file of profiles, changed without touching what else stands in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.whole import write_whole

__all__ = ["put", "remove"]

Value = str | bool


def _toml(value: Value) -> str:
    """Write a value; TOML's strings are JSON's, but for what `profile add` refuses as not printable."""
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def put(path: Path, name: str, values: Mapping[str, Value]) -> None:
    """Write a profile, in place of one of the same name."""
    if (
        not name
        or not name.isprintable()
        or not all(value.isprintable() for value in values.values() if isinstance(value, str))
    ):
        raise Failure("the name of a profile and what is in it are printable, and no name is empty")
    before = _read(path)
    lines = [f"[{_key(name)}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    rest = _without(before, name).rstrip()
    _write(path, (f"{rest}\n\n" if rest else "") + "\n".join(lines) + "\n", {**_tables(before), name: dict(values)})


def remove(path: Path, name: str) -> None:
    """Take a profile away."""
    before = _read(path)
    expected = _tables(before)
    expected.pop(name, None)
    _write(path, _without(before, name), expected)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig") if path.exists() else ""  # as it is read elsewhere


def _tables(text: str) -> dict[str, object]:
    return tomllib.loads(text)


def _without(text: str, name: str) -> str:
    """Leave a table out: from its head to the next one's."""
    kept, inside = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            inside = _is_head(line, name)
        if not inside:
            kept.append(line)
    return "".join(kept)


def _is_head(line: str, name: str) -> bool:
    try:
        return list(tomllib.loads(line)) == [name]
    except ValueError:
        return False


def _write(path: Path, text: str, expected: Mapping[str, object]) -> None:
    """Write it, if it says what it shall: an unusual file is left to its owner."""
    try:
        same = _tables(text) == expected
    except ValueError:
        same = False
    if not same:
        raise Failure(f"{path} is written in a way that this cannot change; edit it yourself")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, text)
