"""The command line as its users have it: as a process with pipes, on a terminal, or in this process."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pyte
from attrs import frozen

from dhis2_facade.cli.main import run
from dhis2_facade.testing import FakeDhis2

ROWS, COLUMNS = 60, 120
PATIENCE = 30.0  # seconds: the longest that a command takes
COMMAND = (sys.executable, "-m", "dhis2_facade.cli")
KEPT = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")


@frozen
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str
    raw: bytes = b""

    @property
    def document(self) -> Any:
        """What it printed, as one JSON document."""
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        """The data of a document that says that all is well."""
        assert self.document["ok"] is True, self.document
        return self.document["data"]

    @property
    def error(self) -> Any:
        """The error of a document that says that something is wrong."""
        assert self.document["ok"] is False, self.document
        assert self.document["error"]["exit"] == self.status
        return self.document["error"]


class Screen:
    """What a person saw on a terminal."""

    def __init__(self, raw: bytes, status: int, columns: int = COLUMNS) -> None:
        self.raw, self.status = raw, status
        self._screen = pyte.Screen(columns, ROWS)
        pyte.ByteStream(self._screen).feed(raw)
        self.lines = [line.rstrip() for line in self._screen.display]
        self.text = "\n".join(self.lines).strip("\n")

    def style(self, text: str) -> tuple[str, bool]:
        """Give colour and boldness of the first place where a text stands."""
        row = next(number for number, line in enumerate(self.lines) if text in line)
        sign = self._screen.buffer[row][self.lines[row].index(text)]
        return sign.fg, sign.bold


class Terminal:
    """Runs `dhis2` as a user of a server."""

    def __init__(self, server: FakeDhis2 | None, home: Path, username: str = "clerk", **more: str) -> None:
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment |= {"XDG_CONFIG_HOME": str(home), "TZ": "UTC", "PYTHONWARNINGS": "error"}
        self.home = home
        if server is not None:
            self.environment |= {"DHIS2_URL": server.url, "DHIS2_TOKEN": server.token(username)}
            self.environment |= {"DHIS2_VERSION": server.version}
        self.environment |= more

    def __call__(self, *words: str, stdin: bytes | str = b"", **more: str) -> Result:
        """Run it as a process, through pipes."""
        done = subprocess.run(
            [*COMMAND, *words],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment | more,
            cwd=self.home,
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode(), done.stdout)

    def here(self, *words: str, stdin: bytes = b"", **more: str) -> Result:
        """Run it in this process, which is faster."""
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        typed = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
        before = Path.cwd()
        os.chdir(self.home)
        try:
            with (
                mock.patch.dict(os.environ, self.environment | more, clear=True),
                mock.patch.multiple(sys, stdout=out, stderr=err, stdin=typed),
            ):
                status = run(list(words))
        finally:
            os.chdir(before)
        out.flush()
        err.flush()
        raw = out.buffer.getvalue()
        return Result(status, raw.decode("utf-8", "replace"), err.buffer.getvalue().decode(), raw)

    def seen(
        self, *words: str, answers: Mapping[str, str] | None = None, columns: int = COLUMNS, **more: str
    ) -> Screen:
        """Run it on a terminal, and type an answer when its question appears."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        environment = self.environment | {"TERM": "xterm-256color", "COLORTERM": ""} | more
        with subprocess.Popen(
            [*COMMAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=self.home,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C means what it does there
        ) as process:
            os.close(slave)
            raw = _read(master, list((answers or {}).items()))
            status = process.wait(PATIENCE)
        os.close(master)
        return Screen(raw, status, columns)


def _read(master: int, answers: Sequence[tuple[str, str]]) -> bytes:
    raw, waiting, end = b"", list(answers), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        raw += piece
        if waiting and waiting[0][0].encode() in raw:
            os.write(master, waiting.pop(0)[1].encode() + b"\n")
    return raw
