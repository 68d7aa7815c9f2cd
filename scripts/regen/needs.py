"""The operations that the facade needs, and which of them a version lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from scripts.regen.errors import RegenError
from scripts.regen.model import Api


def read(path: Path) -> dict[str, str]:
    """Read the list: function → its call."""
    try:
        needs: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["operations"]
    except (OSError, ValueError, KeyError) as error:
        raise RegenError("report", path.name, f"cannot be read ({error})", "restore it from version control") from None
    return needs


def lacking(api: Api, needs: Mapping[str, str]) -> list[str]:
    """Give a line for each operation that is needed and not there under its name."""
    there = {operation.name: re.sub(r"{[^}]*}", "{}", operation.place) for operation in api.operations}
    others = {call: name for name, call in sorted(there.items())}
    return [
        f"`{name}` ({call}), which " + (f"is called `{others[call]}`" if call in others else "the document lacks")
        for name, call in sorted(needs.items())
        if there.get(name) != call
    ]
