"""The examples, run as a user runs them, against a server of each version: one import is changed."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dhis2_facade.testing import FakeDhis2
from tests.support.both import client
from tests.support.exchanges import VERSIONS

EXAMPLES = Path(__file__).parents[1] / "examples"
PATIENCE = 30  # seconds

each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def server(version: str) -> Iterator[FakeDhis2]:
    with FakeDhis2(version=version) as running:
        yield running


def program(name: str, version: str, folder: Path) -> Path:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    changes = {
        "from dhis2_facade.v42 import ": f"from dhis2_facade.v{version} import ",
        "from_env()": "from_env(settle=0.2)",  # this server stores at once, and nobody has to wait for it
    }
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def started(server: FakeDhis2, path: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DHIS2_")}
    environment |= {"DHIS2_URL": server.url, "DHIS2_TOKEN": server.token("clerk")}
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        env=environment,
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(server: FakeDhis2, path: Path, *arguments: str) -> list[str]:
    with started(server, path, *arguments) as running:
        out, problems = running.communicate(timeout=PATIENCE)
    assert (running.returncode, problems) == (0, "")
    return out.splitlines()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that another process does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def paths_of_clerk(server: FakeDhis2) -> list[str]:
    return [one.path for one in server.requests if one.user == "clerk"]


@contextmanager
def nurse(server: FakeDhis2) -> Iterator[Any]:
    with client("sync", server.version, server.url, token=server.token("nurse")).inner as dhis2:
        yield dhis2


@each_version
def test_a_morning_is_the_same_however_often_it_is_run(server: FakeDhis2, version: str, tmp_path: Path) -> None:
    path = program("messaging.py", version, tmp_path)
    with nurse(server) as dhis2:
        dhis2.messaging.send("Good morning", "All well.", users=server.user("clerk").uid)
    first, again = (finished(server, path, "nurse") for _ in range(2))
    assert first[:2] == ["I am Clerk Test", "1 unread"]
    assert first[2].endswith("'Nurse Test': 'Good morning'")
    uid = server.conversations[1].uid
    assert first[3] == f"{uid} is sent, to 'Nurse Test'"
    assert again[3] == f"{uid} was there already, to 'Nurse Test'"
    thread = ["  'Please fill in the sheet and send it back.' 'count.csv'", "  'By noon, please.'"]
    assert first[4:] == again[4:] == thread
    assert [len(one.messages) for one in server.conversations] == [1, 2]
    assert {one.user for one in server.requests if one.method == "POST"} == {"clerk", "nurse"}


class Watching:
    """The example as it runs: what it prints, one line after the other."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self.running = running
        self._end = threading.Timer(PATIENCE, running.kill)  # a line that never comes ends the test, not the patience
        self._end.start()

    def line(self) -> str:
        assert self.running.stdout is not None
        return self.running.stdout.readline().rstrip("\n")

    def end(self) -> None:
        self._end.cancel()
        self.running.terminate()
        self.running.communicate(timeout=PATIENCE)


@contextmanager
def watching(server: FakeDhis2, path: Path) -> Iterator[Watching]:
    found = Watching(started(server, path, "0.05"))
    try:
        yield found
    finally:
        found.end()


@each_version
def test_new_messages_are_printed_as_they_come_and_those_that_were_missed(
    server: FakeDhis2, version: str, tmp_path: Path
) -> None:
    path, clerk = program("watch.py", version, tmp_path), server.user("clerk").uid
    with nurse(server) as dhis2:
        dhis2.messaging.send("Old", "before it began", users=clerk)
        with watching(server, path) as first:
            assert first.line() == "watching as Clerk Test"
            until(lambda: "/api/messageConversations" in paths_of_clerk(server))  # now it looks
            uid = dhis2.messaging.send("Stock", "Count, \x1b[2J please", users=clerk).id
            assert first.line() == "'Nurse Test' in 'Stock': 'Count, \\x1b[2J please'"
            dhis2.messaging.reply(uid, "Thanks")
            assert first.line() == "'Nurse Test' in 'Stock': 'Thanks'"
            last = server.messages[-1].uid
            until(lambda: last in (tmp_path / "watch.cursor").read_text(encoding="utf-8"))
        dhis2.messaging.reply(uid, "While nobody looked")
        with watching(server, path) as second:
            assert second.line() == "watching as Clerk Test"
            assert second.line() == "'Nurse Test' in 'Stock': 'While nobody looked'"


# -- the demonstration -------------------------------------------------------------------------------------------------


def demonstrated(version: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py", "--version", version], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@each_version
def test_the_demonstration_says_what_happens(version: str) -> None:
    said = demonstrated(version)
    assert said.startswith(f"A server that answers as DHIS2 2.{version}.")
    for line in (
        ", with count.csv",
        "Clerk Test: 'Stock count': 'Please see the file.', count.csv, 22 bytes",
        "the thread has 2 messages, the last is 'Counted: ✓ 在庫'",
        "priority HIGH, PENDING, assigned to Clerk Test",
        "SOLVED; the outsider sees ['The page stays blank.', 'It is repaired.'], not the internal note",
        "to follow up: ['Stock count']",
        "still in the mailbox: ['Cold chain']",
        "export DHIS2_URL=https://dhis2.example.org DHIS2_TOKEN=d2pat_…",
        f"from dhis2_facade.v{version} import Dhis2",
    ):
        assert line in said
    assert "\x1b" not in said  # no terminal, no colours


@each_version
def test_a_cut_connection_duplicates_nothing_in_the_demonstration(version: str) -> None:
    said = demonstrated(version)
    [found] = re.findall(r"looked for it and found it: (\w{11})\n", said)
    assert "messages on the server: 2 before, 3 after, so it was stored once" in said
    assert f"it is there already: {found}; messages on the server: 3\n" in said
    assert len(re.findall("POST /messageConversations,", said)) == 2  # what was sent, and what was sent and cut


def test_the_demonstration_has_colours_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, EXAMPLES / "demo.py"], stdout=theirs) as running:
        os.close(theirs)
        said = b""
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 65536):
                said += piece
    os.close(ours)
    assert running.returncode == 0
    assert b"\x1b[1m" in said


def test_recorded_answers_go_through_the_bindings() -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "bindings.py"], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("I am Nurse Corpus (")
    assert "1 conversations are unread." in done.stdout
    assert "found Outsider Corpus, outsider" in done.stdout


def test_each_example_is_run_by_a_test() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert all(path.name in tested for path in EXAMPLES.glob("*.py"))
