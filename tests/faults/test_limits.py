"""No call waits, reads or asks without end, and none goes where a server points."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from dhis2_facade.errors import (
    Ambiguous,
    ConnectionFailed,
    Dhis2Error,
    ListMoved,
    NotFetched,
    Redirected,
    ServerError,
    TimedOut,
    TooLarge,
    TooManyRequests,
    VersionMismatch,
)
from dhis2_facade.testing import FakeDhis2
from dhis2_facade.v41 import Dhis2
from tests.faults.acting import Stage, each, play
from tests.faults.cells import VERIFY
from tests.support.both import client, collect, run
from tests.support.exchanges import HOST
from tests.support.stub import INFO, api, info, served

UID = "aBcDeFgHiJk"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
MIB = 1024 * 1024
# What is not read or sent to its end, httpx leaves to the garbage collector, of which trio warns.
UNREAD = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")


@contextmanager
def listening(*, endless: bytes | None = None) -> Iterator[str]:
    """A socket that takes connections and reads nothing; it answers without end what it is given."""
    stopping = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(JSON if endless else b"")
                while endless and not stopping.is_set():
                    connection.sendall(b"%x\r\n%s\r\n" % (len(endless), endless))
                stopping.wait()
            except OSError:
                pass

    def accept() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopping.set()
            for thread in threads:
                thread.join()


def of(flavour: str, version: str, url: str, **settings: Any) -> Any:
    return client(flavour, version, url, token="d2pat_x", verify=VERIFY, check_version=False, timezone=UTC, **settings)


class Patience:
    """How long something may take."""

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            assert self.least <= time.monotonic() - self.began <= self.most


# -- waits -------------------------------------------------------------------------------------------------------------


@UNREAD
@each
def test_an_upload_that_nobody_reads_ends_with_its_time(version: str, flavour: str) -> None:
    async def scenario(url: str) -> None:
        async with of(flavour, version, url) as dhis2:
            with Patience(0.5, 3.0), pytest.raises(TimedOut):
                await dhis2.files.upload(("big.bin", bytes(32 * MIB)), timeout=0.5)

    with listening() as url:
        run(flavour, scenario, url)


@each
def test_each_wait_for_the_network_ends_after_the_timeout_of_the_client(version: str, flavour: str) -> None:
    async def scenario(url: str) -> None:
        async with of(flavour, version, url, timeout=httpx.Timeout(5.0, read=0.3)) as dhis2:
            with Patience(0.3, 2.0), pytest.raises(ConnectionFailed):
                await dhis2.raw(_get(version))

    with listening() as url:
        run(flavour, scenario, url)


@pytest.mark.parametrize(("version", "flavour"), [("40", "trio"), ("42", "asyncio")])
def test_tasks_that_wait_for_another_ones_first_call_wait_no_longer_than_they_may(version: str, flavour: str) -> None:
    async def scenario(url: str) -> None:
        made = client(flavour, version, url, token="d2pat_x", verify=VERIFY, deadline=3.0)
        async with made as dhis2, anyio.create_task_group() as group:
            group.start_soon(_hopeless, dhis2)
            await anyio.sleep(0.1)
            with Patience(0.3, 2.0), pytest.raises(TimedOut, match="first call, which is on its way"):
                await dhis2.people.me(timeout=0.3)
            group.cancel_scope.cancel()

    with listening() as url:
        run(flavour, scenario, url)


async def _hopeless(dhis2: Any) -> None:
    with pytest.raises(Dhis2Error):
        await dhis2.people.me()


def test_threads_that_wait_for_another_ones_first_call_wait_no_longer_than_they_may() -> None:
    def hopeless() -> None:
        with pytest.raises(TimedOut):
            dhis2.people.me()

    with listening() as url, Dhis2(url, token="d2pat_x", verify=VERIFY, deadline=3.0) as dhis2:
        first = threading.Thread(target=hopeless)
        first.start()
        time.sleep(0.1)
        with Patience(0.3, 2.0), pytest.raises(TimedOut, match="first call, which is on its way"):
            dhis2.people.me(timeout=0.3)
        first.join()


@pytest.mark.parametrize(("version", "flavour"), [("41", "trio"), ("42", "asyncio")])
def test_a_wait_for_a_free_connection_ends_too(version: str, flavour: str) -> None:
    async def scenario(url: str) -> None:
        made = of(flavour, version, url, limits=httpx.Limits(max_connections=1), deadline=3.0)
        async with made as dhis2, anyio.create_task_group() as group:
            group.start_soon(_hopeless, dhis2)
            await anyio.sleep(0.1)
            with Patience(0.3, 2.0), pytest.raises(TimedOut):
                await dhis2.messaging.send("Stock", "Please count.", users=[UID], timeout=0.3)
            group.cancel_scope.cancel()

    with listening() as url:
        run(flavour, scenario, url)


# -- Retry-After -------------------------------------------------------------------------------------------------------


@each
def test_a_retry_after_is_waited_for_in_seconds_and_as_a_date(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await dhis2.people.me()
            stage.server.next(fail=429, headers={"Retry-After": "1"})
            with Patience(1.0, 3.0):
                await dhis2.messaging.unread_count()
            date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
            stage.server.next(fail=503, headers={"Retry-After": date})
            with Patience(0.9, 4.0):
                await dhis2.messaging.unread_count()
            stage.server.next(fail=429, headers={"Retry-After": "1"}, method="POST")
            with Patience(1.0, 3.0):
                await dhis2.messaging.send("Stock", "Please count.", users=[stage.uid("nurse")], fetch=False)
        assert stage.texts() == ["Please count."]

    play(version, flavour, scenario)


@each
def test_a_retry_after_beyond_the_deadline_is_not_waited_for(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(deadline=2.0) as dhis2:
            await dhis2.people.me()
            date = format_datetime(datetime.now(UTC) + timedelta(days=400), usegmt=True)
            for wanted in ("2", "1e12", date):
                stage.server.next(fail=429, headers={"Retry-After": wanted})
                with Patience(0.0, 1.5), pytest.raises(TooManyRequests):
                    await dhis2.messaging.unread_count()
                stage.server.next(fail=429, headers={"Retry-After": wanted}, method="POST")
                with Patience(0.0, 1.5), pytest.raises(TooManyRequests):
                    await dhis2.messaging.send("Stock", "Please count.", users=[stage.uid("nurse")])
        assert stage.texts() == []

    play(version, flavour, scenario)


@each
def test_the_deadline_is_that_of_all_attempts(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(deadline=1.0) as dhis2:
            await dhis2.people.me()
            stage.server.next(fail=503, times=100, headers={"Retry-After": "0.4"})
            with Patience(0.0, 2.0), pytest.raises(ServerError):
                await dhis2.messaging.unread_count()
        assert 2 <= stage.asked("GET", "/messageConversations") <= 3

    play(version, flavour, scenario)


# -- sizes -------------------------------------------------------------------------------------------------------------


@UNREAD
@each
def test_an_answer_that_does_not_end_is_cut_off_at_its_limit(version: str, flavour: str) -> None:
    async def scenario(url: str) -> None:
        async with of(flavour, version, url, deadline=30.0) as dhis2:
            with Patience(0.0, 20.0), pytest.raises(TooLarge, match="larger than 33554432 bytes"):
                await dhis2.messaging.get(UID)

    with listening(endless=b" " * 65536) as url:
        run(flavour, scenario, url)


@UNREAD
@each
def test_a_download_that_is_too_large_leaves_nothing(version: str, flavour: str, tmp_path: Path) -> None:
    target = tmp_path / "count.csv"
    target.write_bytes(b"before")

    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            uid = (await dhis2.files.upload(("count.csv", b"1" * 1000))).id
            for kind in (None, "gzip bomb"):
                if kind:
                    stage.server.next(kind, path="/data")
                with pytest.raises(TooLarge):
                    await dhis2.files.download(uid, to=target, limit=999)
            stage.server.next("truncated gzip", times=4, path="/data")
            with pytest.raises(ConnectionFailed, match="cut off"):
                await dhis2.files.download(uid, to=target)
            assert [path.name for path in tmp_path.iterdir()] == ["count.csv"]
            assert target.read_bytes() == b"before"
            assert (await dhis2.files.download(uid, to=target, limit=1000)).size == 1000
        assert target.read_bytes() == b"1" * 1000

    play(version, flavour, scenario)


# -- where a server points ---------------------------------------------------------------------------------------------


def _get(version: str) -> Any:
    return api(version, "message_conversation").get(UID)


def _pages(version: str, asked: list[httpx.URL], rows: list[list[dict[str, str]]], *, count: int) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        if request.url.path == INFO:
            return info(version, "clerk", request)
        page = int(request.url.params.get("page", "1"))
        pager = {"page": page, "pageSize": 1, "pageCount": count, "total": 1, "nextPage": "https://other.example/"}
        found = rows[page - 1] if page <= len(rows) else []
        return httpx.Response(200, json={"pager": pager, "messageConversations": found})

    return answer


@each
def test_a_next_page_elsewhere_is_not_followed(version: str, flavour: str) -> None:
    asked: list[httpx.URL] = []
    rows = [[{"id": UID}], [{"id": "kJiHgFeDcBa"}]]

    async def scenario() -> None:
        async with served(flavour, version, _pages(version, asked, rows, count=2)) as dhis2:
            assert [one.id for one in await collect(dhis2.messaging.list())] == [UID, "kJiHgFeDcBa"]

    run(flavour, scenario)
    assert {f"{url.scheme}://{url.host}" for url in asked} == {HOST}


@each
def test_pages_that_a_server_only_promises_are_not_asked_for_without_end(version: str, flavour: str) -> None:
    asked: list[httpx.URL] = []

    async def scenario() -> None:
        async with served(flavour, version, _pages(version, asked, [[{"id": UID}]], count=10**9)) as dhis2:
            with pytest.raises(ListMoved):
                await collect(dhis2.messaging.list())

    run(flavour, scenario)
    assert len(asked) < 50


@each
def test_of_a_location_nothing_but_its_uid_is_believed(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            for location, uid in ((f"https://other.example/{UID}", UID), ("https://other.example/", None)):
                stage.server.next(fail=201, stored=True, method="POST", headers={"Location": location})
                sent = await dhis2.messaging.send("Stock", "One", users=[stage.uid("nurse")], fetch=False)
                assert sent.uid == uid
            with pytest.raises(NotFetched):
                _ = sent.id
            stage.server.next(fail=201, stored=True, method="POST", headers={"Location": "/"})
            sent = await dhis2.messaging.send("Stock", "Two", users=[stage.uid("nurse")])
            assert sent.message.text == "Two"
            stage.server.next("redirect", location=f"{stage.server.url}/api/me")
            with pytest.raises(Redirected):
                await dhis2.messaging.unread_count()
        assert stage.asked("GET", "/me") == 0

    play(version, flavour, scenario)


# -- another server ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "other", "flavour"), [("40", "41", "trio"), ("41", "42", "sync"), ("42", "40", "asyncio")]
)
def test_a_server_that_comes_back_as_another_version_is_noticed(version: str, other: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        server, port = stage.server, int(stage.server.url.rpartition(":")[2])
        clerk = server.user("clerk")
        login = {"username": "clerk", "password": clerk.password}
        made = client(flavour, version, server.url, verify=VERIFY, settle=0.3, deadline=3.0, **login)
        async with made as dhis2:
            await dhis2.messaging.unread_count()
            server.next("reset", method="POST", stored=True)
            with FakeDhis2(version=other) as newer:
                newer.user("clerk").password = clerk.password
                newer.stop()
                newer._port = port

                def upgrade(_request: object) -> None:
                    if newer._thread is None and server.messages:
                        server.stop()
                        newer.start()

                async def upgrade_async(request: object) -> None:
                    upgrade(request)

                inner = dhis2.inner if flavour == "sync" else dhis2
                hook = upgrade if flavour == "sync" else upgrade_async
                inner._session.transport._client.event_hooks = {"request": [hook]}
                with pytest.raises(Ambiguous, match=f"2.{other}.*this client is for 2.{version}"):
                    await dhis2.messaging.send("Stock", "Please count.", users=[stage.uid("nurse")])
                with pytest.raises(VersionMismatch, match=f"2.{other}"):
                    await dhis2.messaging.unread_count()
                assert newer.messages == []

    play(version, flavour, scenario)


@each
def test_no_pause_between_two_looks_goes_beyond_the_deadline(
    version: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look takes all the time that is left."""
    pauses: list[float] = []
    place = f"dhis2_facade.{'_sync' if flavour == 'sync' else '_async'}.sending"
    monkeypatch.setattr("dhis2_facade.retry.LOOKUP_FIRST", 60.0)
    monkeypatch.setattr("dhis2_facade.retry.LOOKUP_LONGEST", 60.0)

    async def pause_async(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(f"{place}.sleep", pauses.append if flavour == "sync" else pause_async)

    async def scenario(stage: Stage) -> None:
        async with stage.client(settle=120.0, deadline=1.0, timeout=60.0) as dhis2:
            await dhis2.people.me()
            stage.server.next("reset", method="POST")
            stage.server.next("hang", method="GET", times=99)
            with pytest.raises(Ambiguous):
                await dhis2.messaging.send("Stock", "Count", users=[stage.uid("nurse")])
        assert pauses
        assert max(pauses) < 0.3

    play(version, flavour, scenario)


@each
def test_a_server_that_refused_for_a_while_may_be_another_version(
    version: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)  # nothing is waited for between attempts
    other = "42" if version != "42" else "41"

    async def scenario(stage: Stage) -> None:
        login = {"username": "clerk", "password": stage.server.user("clerk").password}
        async with client(flavour, version, stage.server.url, verify=VERIFY, **login) as dhis2:
            await dhis2.messaging.unread_count()
            stage.server.stop()
            with pytest.raises(ConnectionFailed):
                await dhis2.messaging.unread_count()
            with FakeDhis2(version=other, port=int(stage.server.url.rpartition(":")[2])) as newer:
                newer.user("clerk").password = login["password"]
                with pytest.raises(VersionMismatch, match=rf"2\.{other}"):
                    await dhis2.messaging.send("Stock", "Please count.", users=[stage.uid("nurse")])
                assert newer.messages == []

    play(version, flavour, scenario)
