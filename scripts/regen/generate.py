"""Bindings from a normalised document, with openapi-python-client in its own environment."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import frozen

from scripts.regen.emit import emit
from scripts.regen.errors import RegenError
from scripts.regen.model import Api

STEP = "generate"
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PYTHON = REPOSITORY / ".venv-generator" / "bin" / "python"


@frozen
class Generating:
    """A generator at work on one version; it reads and writes files, so that it never waits for us."""

    api: Api
    process: subprocess.Popen[bytes]
    answer: Path
    trouble: Path


@frozen
class Generated:
    """What was generated, and with what."""

    functions: int
    models: int
    generator: str


def start(api: Api, output: Path, scratch: Path) -> Generating:
    """Start the generator on a document; `finish` waits for it."""
    if not PYTHON.exists():
        raise RegenError(STEP, ".venv-generator", "there is no environment for the generator", "run it as make regen")
    document, overrides = emit(api)
    order = {
        "document": document,
        "output": str(output),
        "templates": str(HERE / "templates"),
        "version": api.version,
        "overrides": overrides,
    }
    asked, answer, trouble = (scratch / f"v{api.version}.{name}" for name in ("order", "answer", "trouble"))
    asked.write_text(json.dumps(order), encoding="utf-8")
    with asked.open("rb") as source, answer.open("wb") as sink, trouble.open("wb") as complaints:
        process = subprocess.Popen(
            [str(PYTHON), "-I", "-X", "utf8", str(HERE / "generator.py")], stdin=source, stdout=sink, stderr=complaints
        )
    return Generating(api, process, answer, trouble)


def finish(generating: Generating) -> Generated:
    """Wait for the generator; RegenError where it left anything out or named anything otherwise."""
    place = f"v{generating.api.version}"
    if generating.process.wait():
        lines = generating.trouble.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        problem = f"the generator failed: {(lines or ['no message'])[-1]}"
        raise RegenError(STEP, place, problem, "report the document with this line")
    result: dict[str, Any] = json.loads(generating.answer.read_text(encoding="utf-8"))
    if result["errors"]:
        problem = f"{len(result['errors'])} warnings: {' | '.join(result['errors'])}"
        raise RegenError(STEP, place, problem, "teach scripts/regen/normalise what the document does there")
    _compare("functions", [operation.name for operation in generating.api.operations], result["functions"], place)
    _compare("models", list(generating.api.schemas), result["classes"], place)
    return Generated(len(result["functions"]), len(result["classes"]), result["generator"])


def stop(generating: Generating) -> None:
    """End a generator whose result is not wanted any more."""
    if generating.process.poll() is None:
        generating.process.kill()
    generating.process.wait()


def _compare(what: str, wanted: list[str], made: list[str], place: str) -> None:
    lost, extra = Counter(wanted) - Counter(made), Counter(made) - Counter(wanted)
    if lost or extra:
        some = ", ".join([*(f"-{name}" for name in list(lost)[:3]), *(f"+{name}" for name in list(extra)[:3])])
        problem = f"{len(wanted)} {what} wanted, {len(made)} made ({some})"
        raise RegenError(STEP, place, problem, "teach scripts/regen/names how the generator spells these")
