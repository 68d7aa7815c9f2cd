"""The README's examples run as they are written, against the test server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dhis2_facade.testing import FakeDhis2

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_runs(example: str, tmp_path: Path) -> None:
    (tmp_path / "count.csv").write_text("a,b\n", encoding="utf-8")
    with FakeDhis2(version="42") as server:
        token = server.token("clerk")
        written = example.replace("https://dhis2.example.org", server.url).replace("d2pat_yours", token)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", written],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"DHIS2_URL": server.url, "DHIS2_TOKEN": token, "PATH": ""},
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_target_and_file_that_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)(?:^|`)make ([a-z]+)", README):
        assert f"\n{target}:" in makefile, target
    for link in re.findall(r"\]\((docs/[^)#]+)\)", README):
        assert (ROOT / link).exists(), link
