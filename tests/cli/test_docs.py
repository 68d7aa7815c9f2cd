"""What is made from the commands is what they are now, and the commands are installed under both names."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.support.terminal import COMMAND, Terminal

ROOT = Path(__file__).parents[2]


def test_the_documentation_is_what_the_commands_say() -> None:
    """`make docs` writes it anew."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["dhis2", "dhis2-facade"])
def test_the_command_is_installed_and_names_itself(name: str, alone: Terminal) -> None:
    (point,) = entry_points(group="console_scripts", name=name)
    assert point.value == "dhis2_facade.cli.entry:main"
    script = Path(sys.executable).with_name(name)
    done = subprocess.run([script, "--help"], env=alone.environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND [ARGS]...")


def test_without_the_tools_extra_one_line_says_what_to_install(alone: Terminal) -> None:
    hide = "import sys; sys.modules['mcp'] = None; from dhis2_facade.cli.entry import main; main()"
    done = subprocess.run(
        [*COMMAND[:1], "-c", hide, "mcp"], env=alone.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "dhis2: usage: this needs the extra mcp; say: pip install 'dhis2-facade[mcp]'\n"
