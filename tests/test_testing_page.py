"""`docs/testing.md`: each of its examples runs as it stands there, and its tables say what there is."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dhis2_facade.testing import KINDS, FakeDhis2

PAGE = (Path(__file__).parents[1] / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)\n```$", PAGE, flags=re.MULTILINE | re.DOTALL)
PATIENCE = 60  # seconds


def table(heading: str) -> dict[str, str]:
    """The first table under a heading, the first column as the key."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| ?(.*?) ?\|$", section, flags=re.MULTILINE)
    return {key.strip("`"): text for key, text in rows if key not in ("kind", "")}


def test_every_example_passes_as_a_test(tmp_path: Path) -> None:
    functions = 0
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"test_example_{number}.py").write_text(example, encoding="utf-8")
        functions += sum(
            one.name.startswith("test_") for one in ast.parse(example).body if isinstance(one, ast.FunctionDef)
        )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    assert f"{functions} passed" in done.stdout
    assert functions >= 12


def test_every_kind_of_trouble_is_in_the_table() -> None:
    assert list(table("Trouble on demand")) == list(KINDS)


def test_who_and_what_is_there_is_there() -> None:
    with FakeDhis2() as server:
        state = server.state
        names = [one.username for one in state.users.values()]
        made = [group.name for group in state.groups.values()] + [unit.name for unit in state.units.values()]
        assert state.feedback_group is not None
        assert {one.username for one in state.feedback_group.users} == {"admin", "clerk"}
    assert sorted(table("Who and what is there")) == sorted([*names, *made])


@pytest.mark.parametrize("version", ["40", "41", "42"])
def test_it_runs_by_hand(version: str) -> None:
    command = COMMANDS[1]
    assert command.startswith("python -m dhis2_facade.testing --version 42 --port 8080")
    words = command.replace("42", version).replace("8080", "0").split()
    with subprocess.Popen([sys.executable, *words[1:]], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(5)]
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
    assert re.fullmatch(rf"DHIS2 {version}: http://127\.0\.0\.1:\d+\n", said[0])
    assert [one.partition(":")[0] for one in said[1:]] == ["admin", "clerk", "nurse", "outsider"]
    assert all(re.fullmatch(r"\w+: \S+ d2pat_\w+\n", one) for one in said[1:])
