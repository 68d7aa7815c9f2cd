"""The operations that the facade needs, and which of them a version lacks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from scripts.regen.errors import RegenError
from scripts.regen.model import Api


def read(path: Path) -> dict[str, str]:
    """Read the list: function → its call."""
    try:
        needs: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["operations"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise RegenError("report", path.name, f"cannot be read ({error})", "restore it from version control") from None
    return needs


def lacking(api: Api, needs: dict[str, str]) -> list[str]:
    """Give a line for each operation that is needed and not there."""
    there = {operation.name: re.sub(r"{[^}]*}", "{}", operation.place) for operation in api.operations}
    return [f"`{name}` ({call})" for name, call in sorted(needs.items()) if there.get(name) != call]
