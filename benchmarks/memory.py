"""How much memory a large upload, download and list take: the growth of a process's peak, in MiB, as JSON."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio

from benchmarks.serving import Answering, serve, serving

MIB = 1024 * 1024
PIECE = bytes(64 * 1024)
CONVERSATIONS, PAGE = 10_000, 50
UID = "aBcDeFgHiJk"
TASKS = ("upload", "download", "list")


class Handler(Answering):
    """A server that keeps nothing: it reads uploads, and makes downloads and pages as they are asked for."""

    size: int  # bytes of a download
    version: str

    def do_GET(self) -> None:  # noqa: N802 - the name of http.server
        """Give a file, a page of conversations, or what the server is."""
        address = urlsplit(self.path)
        if address.path.endswith("/data"):
            self.begin("application/octet-stream", self.size)
            for _ in range(self.size // len(PIECE)):
                self.wfile.write(PIECE)
        elif address.path.endswith("/info"):
            agent = self.headers["User-Agent"]
            self._json({"version": f"2.{self.version}.0", "serverTimeZoneId": "UTC", "userAgent": agent})
        else:
            self._json(page(int(parse_qs(address.query)["page"][0])))

    def do_POST(self) -> None:  # noqa: N802
        """Take a file, and forget it."""
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, len(PIECE))))
        self._json({"response": {"fileResource": {"id": UID}}}, status=202)

    def _json(self, value: object, *, status: int = 200) -> None:
        self.give(json.dumps(value).encode(), status)


def page(number: int) -> dict[str, object]:
    """Give a page of a long list, as its rows are in a mailbox."""
    count = CONVERSATIONS // PAGE
    rows = [
        {
            "id": f"a{(number - 1) * PAGE + place:010}",
            "subject": f"Stock count {number} {place}",
            "messageType": "PRIVATE",
            "created": "2026-11-23T08:00:00.000",
            "lastSender": {"id": UID, "displayName": "Nurse Test"},
        }
        for place in range(PAGE)
    ]
    pager = {"page": number, "pageSize": PAGE, "pageCount": count, "total": CONVERSATIONS}
    return {"pager": pager, "messageConversations": rows}


def serve_memory(version: str, mebibytes: str) -> None:
    """Serve until standard input ends."""
    Handler.version, Handler.size = version, int(mebibytes) * MIB
    serve(Handler)


def peak() -> float:
    """MiB that this program has had at most."""
    if sys.platform == "linux":  # where what getrusage() gives begins with what the starting process had
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def sync_work(version: str, url: str, source: Path, target: Path) -> dict[str, Callable[[], object]]:
    """Give what the sync client does."""
    dhis2 = importlib.import_module(f"dhis2_facade.v{version}").Dhis2(url, token="d2pat_x")
    return {
        "upload": lambda: dhis2.files.upload(source),
        "download": lambda: dhis2.files.download(UID, to=target),
        "keep": lambda: dhis2.files.download(UID),
        "list": lambda: sum(1 for _ in dhis2.messaging.list()),
        "warm": lambda: (dhis2.files.upload(("a.csv", b"1")), next(dhis2.messaging.list(page=1))),
    }


def async_work(version: str, url: str, source: Path, target: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    """Give what the async client does."""
    dhis2 = importlib.import_module(f"dhis2_facade.v{version}").AsyncDhis2(url, token="d2pat_x")

    async def count(**choice: int) -> int:
        return len([None async for _ in dhis2.messaging.list(**choice)])

    async def warm() -> None:
        await dhis2.files.upload(("a.csv", b"1"))
        await count(page=1)

    return {
        "upload": lambda: dhis2.files.upload(source),
        "download": lambda: dhis2.files.download(UID, to=target),
        "keep": lambda: dhis2.files.download(UID),
        "list": count,
        "warm": warm,
    }


def measure(version: str, flavour: str, task: str, url: str, mebibytes: str) -> None:
    """Do one of the tasks, and print by how much the peak grew, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "large.dat"), Path(folder, "fetched.dat")
        with source.open("wb") as file:
            file.truncate(int(mebibytes) * MIB)  # of zeros that take no room
        if flavour == "sync":
            works = sync_work(version, url, source, target)
            works["warm"]()
            before = peak()
            works[task]()
        else:
            before = anyio.run(_measured, async_work(version, url, source, target), task)
        after = peak()
        assert task != "download" or target.stat().st_size == int(mebibytes) * MIB
    print(after - before)


async def _measured(works: dict[str, Callable[[], Awaitable[object]]], task: str) -> float:
    await works["warm"]()
    before = peak()
    await works[task]()
    return before


def growth(version: str, flavour: str, mebibytes: int, tasks: Sequence[str] = TASKS) -> dict[str, float]:
    """Give the growth of the peak in MiB for each task, each in a process of its own.

    Beyond the usual tasks "keep" is a download into memory, which must be seen to grow.
    """
    found = {}
    with serving("benchmarks.memory", version, str(mebibytes)) as url:
        for task in tasks:
            arguments = [sys.executable, "-m", "benchmarks.memory", "measure", version, flavour, task, url]
            done = subprocess.run([*arguments, str(mebibytes)], capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr)
            found[task] = float(done.stdout)
    return found


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"serve": serve_memory, "measure": measure}
    programs[sys.argv[1]](*sys.argv[2:])
