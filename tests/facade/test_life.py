"""The life of a client: shared by threads, bound to its loop and process, closed, cancelled, never copied."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from dhis2_facade import errors
from dhis2_facade.errors import Dhis2Error, WrongUse
from tests.support.both import FLAVOURS, client, run
from tests.support.exchanges import VERSIONS
from tests.support.wire import INFO, Asked, Talk, wired

UID, ME = "yKLCFDYCzPy", b'{"id": "yKLCFDYCzPy", "username": "clerk"}'
EACH = pytest.mark.parametrize(("flavour", "version"), list(zip(FLAVOURS, VERSIONS, strict=True)))
ROOT = Path(__file__).parents[2]


def echo(asked: Asked, talk: Talk) -> None:
    """Answer an object with the uid that was asked for."""
    uid = asked.path.rpartition("/")[2]
    talk.answer(200, ME if uid == "me" else b'{"id": "%s"}' % uid.encode())


def held(asked: Asked, talk: Talk) -> None:
    """Answer reads, and no write."""
    if asked.method == "POST":
        talk.hang()
    else:
        talk.answer(200, ME)


# -- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_sixteen_threads_share_a_client_with_one_first_call_and_their_own_answers(version: str) -> None:
    wrong: list[object] = []
    ready = threading.Barrier(16)

    def work(dhis2: Any, number: int) -> None:
        ready.wait()
        for turn in range(5):
            uid = f"u{number:05}{turn:05}"
            found = dhis2.files.get(uid)
            if found.id != uid:
                wrong.append((uid, found))

    with wired(echo, version=version) as wire, client("sync", version, wire.url, token="t").inner as dhis2:
        threads = [threading.Thread(target=work, args=(dhis2, number)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(wire.of(INFO)) == 1
    assert len(wire.asked) == 1 + 16 * 5
    assert wire.connections <= 16


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
def test_many_tasks_share_a_client_with_one_first_call(flavour: str, version: str) -> None:
    found: dict[str, str | None] = {}

    async def scenario() -> None:
        with wired(echo, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2, anyio.create_task_group() as tasks:

                async def one(uid: str) -> None:
                    found[uid] = (await dhis2.files.get(uid)).id

                for number in range(30):
                    tasks.start_soon(one, f"u{number:010}")
            assert len(wire.of(INFO)) == 1

    run(flavour, scenario)
    assert len(found) == 30
    assert all(uid == got for uid, got in found.items())


def test_a_key_that_two_threads_send_at_once_breaks_nothing_of_the_memory_of_keys() -> None:
    with client("sync", "42", "https://dhis2.test", token="t").inner as dhis2:
        failures: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(20_000):
                    dhis2._session.remember("same")
                    dhis2._session.attempted.pop("same", None)
            except BaseException as error:
                failures.append(error)

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    assert failures == []


# -- loops, processes, closing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
@pytest.mark.parametrize("other", ["asyncio", "trio"])
def test_an_async_client_belongs_to_the_loop_of_its_first_call(flavour: str, version: str, other: str) -> None:
    async def use(dhis2: Any) -> Any:
        return await dhis2.people.me()

    async def scenario() -> None:
        with wired(echo, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                await use(dhis2)
                for wrong in (use, lambda dhis2: dhis2.aclose()):
                    with pytest.raises(WrongUse, match="belongs to another event loop; make one in each"):
                        await anyio.to_thread.run_sync(run, other, wrong, dhis2)
                await use(dhis2)  # it is not closed
                assert len(wire.asked) == 2

    run(flavour, scenario)


@EACH
def test_a_closed_client_is_not_used_any_more(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(echo, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                await dhis2.people.me()
            asked = len(wire.asked)
            for use in (
                dhis2.people.me,
                dhis2.system_info,
                lambda: dhis2.files.get(UID),
                lambda: dhis2.files.upload(("a.txt", b"text")),
                lambda: dhis2.messaging.send("a", "b", users=UID),
                lambda: dhis2.messaging.mark_read(UID),
            ):
                with pytest.raises(WrongUse, match="this client is closed; make a new one"):
                    await use()
            assert len(wire.asked) == asked
            if flavour == "sync":
                dhis2.inner.close()
            else:
                await dhis2.aclose()

    run(flavour, scenario)


def test_a_client_that_is_closed_while_a_call_waits_ends_it_as_wrong_use() -> None:
    def busy(_asked: Asked, talk: Talk) -> None:
        talk.answer(503, b"{}", retry_after="1")

    with wired(busy, version="42") as wire:
        dhis2 = client("sync", "42", wire.url, token="t").inner
        closer = threading.Timer(0.3, dhis2.close)
        closer.start()
        with pytest.raises(WrongUse, match="is closed"):
            dhis2.people.me()
        closer.join()


FORKED = """
import os, sys
from dhis2_facade.errors import WrongUse
from dhis2_facade.v{version} import Dhis2

with Dhis2({url!r}, token="t") as dhis2:
    dhis2.people.me()
    child = os.fork()
    if not child:
        try:
            dhis2.people.me()
        except WrongUse as error:
            dhis2.close()
            os._exit(7 if "before the process forked" in str(error) else 8)
        os._exit(9)
    _, status = os.waitpid(child, 0)
    dhis2.files.get("yKLCFDYCzPy")
    sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_child_process_does_not_speak_on_its_parents_connections(version: str) -> None:
    with wired(echo, version=version) as wire:
        script = FORKED.format(url=wire.url, version=version)
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, timeout=30)
        assert done.returncode == 7
        assert [one.path for one in wire.asked] == [INFO, "/api/me", f"/api/fileResources/{UID}"]
        assert wire.connections == 1


@EACH
def test_a_client_is_neither_pickled_nor_copied(flavour: str, version: str) -> None:
    made = client(flavour, version, "https://dhis2.test", token="t")
    dhis2 = made.inner if flavour == "sync" else made
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"make one where it is needed, as with from_profile\(\)"):
            copier(dhis2)


@EACH
def test_a_client_says_what_it_is(flavour: str, version: str) -> None:
    made = client(flavour, version, "https://dhis2.test/dhis", token="t")
    dhis2 = made.inner if flavour == "sync" else made
    name = "Dhis2" if flavour == "sync" else "AsyncDhis2"
    assert repr(dhis2) == f"<{name} 2.{version} https://dhis2.test/dhis>"


# -- interruptions --------------------------------------------------------------------------------------------------


async def started(wire: Any) -> None:
    while not wire.of("/messageConversations"):
        await anyio.sleep(0.01)


def key_of(interruption: BaseException) -> str:
    (note,) = [one for one in interruption.__notes__ if "may or may not have been stored" in one]
    key = note.partition("with key='")[2].partition("'")[0]
    assert key
    return key


@pytest.mark.parametrize("key", [None, "order 7"])
def test_a_cancelled_send_on_asyncio_carries_its_key(key: str | None) -> None:
    async def scenario() -> BaseException:
        with wired(held, version="41") as wire:
            async with client("asyncio", "41", wire.url, token="t") as dhis2:
                task = asyncio.create_task(dhis2.messaging.send("a", "b", users=UID, key=key, attempted=key and False))
                await started(wire)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError as cancelled:
                    return cancelled
        raise AssertionError("swallowed")

    cancelled = asyncio.run(scenario())
    assert key_of(cancelled) == key or key is None


@pytest.mark.parametrize("key", [None, "order 7"])
def test_a_cancelled_send_on_trio_carries_its_key(key: str | None) -> None:
    seen: list[BaseException] = []

    async def scenario() -> None:
        with wired(held, version="42") as wire:
            async with client("trio", "42", wire.url, token="t") as dhis2, trio.open_nursery() as nursery:

                async def send() -> None:
                    try:
                        await dhis2.messaging.send("a", "b", users=UID, key=key, attempted=key and False)
                    except trio.Cancelled as cancelled:
                        seen.append(cancelled)
                        raise

                nursery.start_soon(send)
                await started(wire)
                nursery.cancel_scope.cancel()

    trio.run(scenario)
    assert key_of(seen[0]) == key or key is None


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
@pytest.mark.parametrize(
    ("stage", "key", "said"),
    [
        (INFO, None, "the send was not stored; with key="),
        ("/fileResources", None, "the send was not stored; with key="),
        ("/fileResources", "order 7", "the send may or may not have been stored; with key='order 7'"),
        ("/messageConversations", None, "the send may or may not have been stored; with key="),
        (f"/messageConversations/{UID}", None, "the send was stored; with key="),
    ],
)
def test_a_cancelled_send_says_what_is_known_where_it_was_cancelled(
    flavour: str, version: str, stage: str, key: str | None, said: str
) -> None:
    reached = threading.Event()

    def script(asked: Asked, talk: Talk) -> None:
        if asked.path.endswith(stage) and (asked.method == "POST" or stage.endswith((UID, "info"))):
            reached.set()
            talk.hang()
        elif asked.path.endswith("/fileResources"):
            talk.answer(202, json.dumps({"response": {"fileResource": {"id": UID}}}).encode())
        elif asked.method == "POST":
            talk.answer(201, b"{}", location=f"/api/messageConversations/{UID}")
        elif asked.path.endswith("/messageConversations"):
            talk.answer(200, b'{"messageConversations": []}')
        else:
            talk.answer(200, ME)

    interruptions: list[BaseException] = []

    async def send(dhis2: Any) -> None:
        try:
            await dhis2.messaging.send("a", "b", users=UID, attachments=("a.txt", b"text"), key=key)
        except BaseException as interruption:
            interruptions.append(interruption)
            raise

    async def scenario() -> None:
        with wired(script, version=None if stage == INFO else version) as wire:
            async with (
                client(flavour, version, wire.url, token="t", settle=0.0) as dhis2,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(send, dhis2)
                while not reached.is_set():
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()

    run(flavour, scenario)
    assert [one.__notes__[0].startswith(said) for one in interruptions] == [True]


@pytest.mark.parametrize("call", ["me", "upload", "list"])
@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
def test_a_cancellation_is_never_swallowed(flavour: str, version: str, call: str) -> None:
    calls: dict[str, Callable[[Any], Any]] = {
        "me": lambda dhis2: dhis2.people.me(),
        "upload": lambda dhis2: dhis2.files.upload(("a.txt", b"text")),
        "list": lambda dhis2: dhis2.messaging.unread_count(),
    }

    async def scenario() -> None:
        with wired(lambda _, talk: talk.hang(), version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with anyio.move_on_after(0.3) as scope:
                    await calls[call](dhis2)
                    raise AssertionError("not reached")
                assert scope.cancelled_caught
                assert len(wire.asked) == 2

    run(flavour, scenario)


def test_a_keyboard_interrupt_of_a_sync_send_carries_its_key() -> None:
    with wired(held, version="40") as wire, client("sync", "40", wire.url, token="t").inner as dhis2:

        def interrupt() -> None:
            while not wire.of("/messageConversations"):
                time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        thread = threading.Thread(target=interrupt)
        try:
            thread.start()
            with pytest.raises(KeyboardInterrupt) as interrupted:
                dhis2.messaging.send("a", "b", users=UID, key="order 7", attempted=False)
        finally:
            thread.join()
            signal.signal(signal.SIGINT, before)
    assert key_of(interrupted.value) == "order 7"


# -- errors and logs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_pickle_and_copy_with_all_that_it_carries(name: str) -> None:
    made: Dhis2Error = getattr(errors, name)("what", method="GET", path="/api/me", status=409, key="k", spent=(UID,))
    made.add_note("a note")
    made.args = ("what else",)
    for other in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert type(other) is type(made)
        assert (str(other), other.__dict__) == ("what else", made.__dict__)
        assert (other.method, other.path, other.status, other.key, other.spent) == ("GET", "/api/me", 409, "k", (UID,))
        assert (other.error_code, other.unspent, other.repeated) == (None, (), False)


def test_the_errors_are_one_tree_that_fits_into_pythons() -> None:
    assert all(issubclass(getattr(errors, name), Dhis2Error) for name in errors.__all__)
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.WrongUse, RuntimeError)
    assert issubclass(errors.TimedOut, errors.ConnectionFailed)


@EACH
def test_each_layer_has_one_logger(flavour: str, version: str, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([503, 200, 503, 200])

    def script(asked: Asked, talk: Talk) -> None:
        if asked.method == "POST":
            talk.reset()
        elif asked.path.endswith("/me"):
            talk.answer(next(answers), ME, retry_after="0")
        else:
            talk.answer(200, b'{"messageConversations": [{"id": "x", "messages": [{"metaData": "", "sender": []}]}]}')

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t", settle=0, user_agent="mine") as dhis2:
                await dhis2.people.me()
                with pytest.raises(errors.Ambiguous):
                    await dhis2.messaging.send("a", "b", users=UID)

    with caplog.at_level(logging.DEBUG):
        run(flavour, scenario)
    theirs = [record.getMessage() for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
    assert all(line.startswith("close.") for line in theirs)
    names = {record.name for record in caplog.records if record.name.startswith("dhis2")}
    assert {"dhis2_facade.transport", "dhis2_facade.session"} <= names
    assert names <= {"dhis2_facade.transport", "dhis2_facade.session", "dhis2_facade.sending"}
    lines = [record.getMessage() for record in caplog.records if record.name == "dhis2_facade.transport"]
    assert lines[0].startswith("GET /api/system/info: 200 in ")
    assert any(line.startswith("POST /api/messageConversations: - in ") for line in lines)


def test_a_message_that_is_stored_twice_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    agents: list[str] = []

    def script(asked: Asked, talk: Talk) -> None:
        if asked.method == "POST":
            agents.append(asked.headers["user-agent"])
            talk.reset()
        elif asked.path.endswith("/me"):
            talk.answer(200, ME)
        else:
            message = {"id": "m", "metaData": f"User-agent: {agents[0]}", "sender": {"id": UID}}
            rows = {"messageConversations": [{"id": UID, "messages": [message, message]}]}
            talk.answer(200, json.dumps(rows).encode())

    with wired(script, version="42") as wire, client("sync", "42", wire.url, token="t").inner as dhis2:
        sent = dhis2.messaging.send("a", "b", users=UID, fetch=False)
    assert (sent.copies, sent.found, len(agents)) == (2, True, 1)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (warning.name, "stored 2 times" in warning.getMessage()) == ("dhis2_facade.sending", True)


def test_httpx_goes_on_logging_the_calls_of_others(caplog: pytest.LogCaptureFixture) -> None:
    import httpx

    with caplog.at_level(logging.DEBUG), wired(echo) as wire, httpx.Client(trust_env=False) as other:
        other.get(wire.url)
    assert any(record.name == "httpx" for record in caplog.records)
