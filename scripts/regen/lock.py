"""What was made of a document, written down: origin, hashes, generator, overlay counts, operations = functions."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from attrs import asdict, define, field

from scripts.regen.errors import RegenError
from scripts.regen.overlay import Counts

STEP = "lock"


@define
class Lock:
    """The lock of one version."""

    origin: str
    raw_sha256: str
    sha256: str
    """Of the canonical document."""
    generator: str
    formatter: str
    operations: int
    functions: int
    models: int
    overlays: dict[str, Counts] = field(factory=dict)

    @classmethod
    def read(cls, path: Path) -> Lock | None:
        """Read a lock; None where there is none, which makes the version a new one."""
        if not path.exists():
            return None
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            overlays = {name: Counts(*counts) for name, counts in table["overlays"].items()}
            return cls(overlays=overlays, **table["document"], **table["generated"])
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise RegenError(STEP, path.name, f"cannot be read ({error})", "restore it from version control") from None

    def dump(self) -> str:
        """Write the lock."""
        head = "# Written by make regen. [overlays]: how many places an action matched, and changed.\n\n"
        values = asdict(self, recurse=False)
        document = {key: values[key] for key in ("origin", "raw_sha256", "sha256")}
        generated = {key: values[key] for key in ("generator", "formatter", "operations", "functions", "models")}
        overlays = "".join(
            f"{json.dumps(name, ensure_ascii=False)} = [{counts.matched}, {counts.changed}]\n"
            for name, counts in sorted(self.overlays.items())
        )
        return f"{head}{tomli_w.dumps({'document': document, 'generated': generated})}\n[overlays]\n{overlays}"
