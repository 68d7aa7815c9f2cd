"""Attachments of sends and replies with a key: uploaded once, told apart when spent, never attached twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from dhis2_facade.errors import Ambiguous, Conflict, ConnectionFailed, InvalidInput
from dhis2_facade.keys import file_uid
from dhis2_facade.models import Sent
from dhis2_facade.testing import FakeDhis2
from tests.faults.acting import Stage, each, play
from tests.support.exchanges import VERSIONS

KEY = "stock 2026-11 Test district"
TEXT = "Please count."
COUNT = ("count.csv", b"a,b\n1,2\n")
LATE = ("late.csv", b"a,b\n3,4\n")
FILES = "/fileResources"
MAIL = "/messageConversations"


async def send(dhis2: Any, stage: Stage, **changed: Any) -> Sent:
    given = {"users": [stage.uid("nurse")], "attachments": [COUNT, LATE], "key": KEY, "fetch": False, **changed}
    sent: Sent = await dhis2.messaging.send("Stock", TEXT, **given)
    return sent


def md5(file: tuple[str, bytes]) -> str:
    return hashlib.md5(file[1]).hexdigest()


def derived(
    stage: Stage,
    file: tuple[str, bytes],
    place: int,
    round_: int = 0,
    *,
    write: tuple[str, str | None] = ("send", None),
) -> str:
    """Give the uid of a file of the clerk's; `write` is its operation and conversation."""
    return file_uid([KEY, *write, stage.uid("clerk")], place, md5(file), round_)


def attached(server: FakeDhis2) -> list[list[bytes]]:
    return [[one.content for one in message.attachments] for message in server.messages]


def spend(stage: Stage, uid: str) -> None:
    """Let a file be used, as a refused send leaves it."""
    stage.server._inside(lambda: stage.server.state.spend([uid]))


@each
def test_the_key_gives_the_uids_of_its_files(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await send(dhis2, stage)
            assert (await send(dhis2, stage)).found
        assert [one.uid for one in stage.server.files] == [derived(stage, COUNT, 0), derived(stage, LATE, 1)]
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]
        assert stage.asked("POST", FILES) == 2

    play(version, flavour, scenario)


@each
def test_an_upload_whose_answer_is_lost_is_known_by_size_and_content(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            stage.server.next("reset", method="POST", path=FILES, stored=True)
            await send(dhis2, stage)
        assert len(stage.server.files) == 2
        assert stage.asked("POST", FILES) == 3
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]

    play(version, flavour, scenario)


@each
def test_the_same_file_and_key_in_many_conversations_and_of_many_users_are_as_many_files(
    version: str, flavour: str
) -> None:
    """A key belongs to one operation, conversation and user, and a file can be attached once."""

    async def scenario(stage: Stage) -> None:
        async with stage.client(settle=2.0) as dhis2, stage.client("nurse") as nurse:
            plain: dict[str, Any] = {"attachments": [], "key": None}
            uids = [(await send(dhis2, stage, **plain)).id for _ in range(4)]
            for uid in uids:
                await dhis2.messaging.reply(uid, "See", attachments=[COUNT], key=KEY, attempted=False)
            for one in (dhis2, nurse):
                await send(one, stage, attachments=[COUNT], attempted=False)
        assert [message[:1] for message in attached(stage.server)] == [[], [COUNT[1]]] * 4 + [[COUNT[1]]] * 2
        assert stage.asked("POST", FILES) == 6  # none was found to be used

    play(version, flavour, scenario)


@each
def test_another_file_with_the_uid_is_a_conflict(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await dhis2.files.upload(("other.csv", b"another content"), uid=derived(stage, LATE, 1))
            with pytest.raises(Conflict) as caught:
                await send(dhis2, stage)
            assert caught.value.error_code == "E1119"
            assert caught.value.unspent == (derived(stage, COUNT, 0),)
            same = await dhis2.files.upload(COUNT, uid=derived(stage, COUNT, 0))
            assert (same.id, same.content_md5) == (derived(stage, COUNT, 0), md5(COUNT))
        assert stage.server.messages == []

    play(version, flavour, scenario)


@each
def test_files_that_a_refused_reply_spent_are_uploaded_anew(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            uid = (await send(dhis2, stage, attachments=[], key=None)).id
            late = await dhis2.files.upload(LATE)
            spend(stage, str(late.id))
            files = [COUNT, str(late.id)]
            with pytest.raises(Conflict, match="cannot be attached again") as caught:
                await dhis2.messaging.reply(uid, "See", attachments=files, key=KEY, attempted=False)
            reply = ("reply", uid)
            assert caught.value.spent == (derived(stage, COUNT, 0, write=reply), late.id)
            stage.server._inside(lambda: setattr(stage.server.state.files[str(late.id)], "assigned", False))
            sent = await dhis2.messaging.reply(uid, "See", attachments=files, key=KEY)
        assert not sent.found
        assert attached(stage.server) == [[], [COUNT[1], LATE[1]]]
        rounds = {derived(stage, COUNT, 0, round_, write=reply) for round_ in (0, 1)}
        assert rounds <= {one.uid for one in stage.server.files}

    play(version, flavour, scenario)


@each
def test_when_all_rounds_are_spent_the_caller_is_told(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            for round_ in range(3):
                await dhis2.files.upload(COUNT, uid=derived(stage, COUNT, 0, round_))
                spend(stage, derived(stage, COUNT, 0, round_))
            with pytest.raises(Conflict, match="already used") as caught:
                await send(dhis2, stage, attachments=[COUNT])
            assert caught.value.spent == (derived(stage, COUNT, 0, 2),)
        assert stage.server.messages == []

    play(version, flavour, scenario)


@each
def test_files_that_this_very_send_used_lead_to_it(version: str, flavour: str) -> None:
    """It was stored by a process that did not live to see it, and the next one says that nothing was attempted."""

    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            first = await send(dhis2, stage, attempted=False)
        async with stage.client() as another:
            sent = await send(another, stage, attempted=False)
        assert (sent.found, sent.id) == (True, first.id)
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]
        assert stage.asked("POST", MAIL) == 2

    play(version, flavour, scenario)


@each
def test_files_that_this_very_send_used_are_waited_for_if_it_is_late(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(deadline=0.3) as dhis2:
            await dhis2.people.me()
            stage.server.next("reset", method="POST", path=f"{MAIL}$", stored=True, commit_delay=0.5)
            with pytest.raises(Ambiguous) as caught:
                await send(dhis2, stage, attempted=False)
            assert caught.value.spent == (derived(stage, COUNT, 0), derived(stage, LATE, 1))
        async with stage.client(settle=1.0) as another:
            assert (await send(another, stage, attempted=False)).found
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]

    play(version, flavour, scenario)


@each
def test_uploaded_files_of_a_send_that_never_went_out_are_used_by_the_next(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            stage.server.next(fail=429, times=4, method="POST", path=f"{MAIL}$", headers={"Retry-After": "0"})
            with pytest.raises(Exception, match="429") as caught:
                await send(dhis2, stage, attempted=False)
            assert caught.value.unspent == (derived(stage, COUNT, 0), derived(stage, LATE, 1))  # type: ignore[attr-defined]
            await send(dhis2, stage)
        assert len(stage.server.files) == 2
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]

    play(version, flavour, scenario)


@each
def test_what_can_be_read_only_once_takes_no_key(version: str, flavour: str) -> None:
    class Pipe:
        name = "count.csv"

        def read(self, _size: int = -1) -> bytes:
            return b""

    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            with pytest.raises(InvalidInput, match="can be read only once"):
                await send(dhis2, stage, attachments=[Pipe()])
        assert stage.asked("POST") == 0

    play(version, flavour, scenario)


@each
def test_a_path_and_its_bytes_are_the_same_file(version: str, flavour: str, tmp_path: Path) -> None:
    path = tmp_path / COUNT[0]
    path.write_bytes(COUNT[1])

    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await send(dhis2, stage, attachments=[path])
            with path.open("rb") as file:
                assert (await send(dhis2, stage, attachments=[file])).found
            assert (await send(dhis2, stage, attachments=[COUNT])).found
        assert attached(stage.server) == [[COUNT[1]]]

    play(version, flavour, scenario)


@each
def test_no_upload_that_fails_lets_a_message_go_out_without_its_file(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            stage.server.next("reset", times=4, method="POST", path=FILES)
            with pytest.raises(ConnectionFailed):
                await send(dhis2, stage)
        assert stage.server.messages == []

    play(version, flavour, scenario)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [None, KEY])
def test_files_that_something_on_the_way_has_used_already_lead_to_the_message(version: str, key: str | None) -> None:
    """It sends each POST twice: the first one is stored, the second is refused since its files are used."""

    class Repeating(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and request.url.path.endswith(MAIL):
                super().handle_request(request).read()
            return super().handle_request(request)

    async def scenario(stage: Stage) -> None:
        async with stage.client(transport=Repeating()) as dhis2:
            sent = await send(dhis2, stage, key=key, attempted=False)
        assert sent.found
        assert attached(stage.server) == [[COUNT[1], LATE[1]]]

    play(version, "sync", scenario)


@each
@pytest.mark.parametrize("kind", ["cut body", "wrong length", "bad chunk"])
def test_an_upload_that_is_there_already_is_known_also_where_that_is_half_said(
    version: str, flavour: str, kind: str
) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            first = await dhis2.files.upload(("count.csv", b"1"), uid="aBcDeFgHiJk")
            stage.server.next(kind, method="POST", path="/fileResources")
            again = await dhis2.files.upload(("count.csv", b"1"), uid="aBcDeFgHiJk")
            assert (again.id, again.content_md5) == (first.id, first.content_md5)
            with pytest.raises(Conflict):
                await dhis2.files.upload(("count.csv", b"2"), uid="aBcDeFgHiJk")

    play(version, flavour, scenario)
