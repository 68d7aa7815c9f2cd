"""Callers' keys: one message a key, over calls, clients and whatever others do."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from dhis2_facade.errors import (
    Ambiguous,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidInput,
    KeyReused,
    NotFound,
    ServerError,
)
from dhis2_facade.keys import AGENT, Token
from dhis2_facade.models import Sent
from tests.faults.acting import Stage, each, play
from tests.faults.cells import SETTLE, VERIFY
from tests.support.both import client, run
from tests.support.stub import INFO, ME, Handler, info, me, served

KEY = "stock 2026-11 Test district"
TEXT = "Please count."
MAIL = "/messageConversations"


async def send(dhis2: Any, stage: Stage, **changed: Any) -> Sent:
    given = {"subject": "Stock", "text": TEXT, "users": [stage.uid("nurse")], "key": KEY, "fetch": False, **changed}
    sent: Sent = await dhis2.messaging.send(given.pop("subject"), given.pop("text"), **given)
    return sent


def token(stage: Stage, operation: str = "send", conversation: str | None = None) -> Token:
    """Give the token of `send` above; of another operation its hash is enough."""
    return Token.of(KEY, operation, conversation, ["Stock", TEXT, [[stage.uid("nurse")], [], []], []])


def plant(stage: Stage, sender: str, count: int, agent: str) -> None:
    """Let somebody write to the clerk with a token that is not theirs."""
    state = stage.server.state

    def write() -> None:
        for _ in range(count):
            state.send(stage.server.user(sender), "Copy", "A copy", f"User-agent: {agent}", recipients=[clerk])

    clerk = stage.server.user("clerk")
    stage.server._inside(write)


def known_to(version: str, asked: list[str], answer: Handler) -> Handler:
    """Make a server of a version that knows the clerk, notes the methods, and answers all else so."""

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if request.url.path == INFO:
            return info(version, "clerk", request)
        return me(version, "clerk") if request.url.path == ME else answer(request)

    return handler


@each
def test_a_second_call_gives_what_the_first_one_stored(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            first, second = await send(dhis2, stage), await send(dhis2, stage)
        async with stage.client() as another:
            third = await send(another, stage)
        assert (first.found, second.found, third.found) == (False, True, True)
        assert first.id == second.id == third.id
        assert stage.texts() == [TEXT]
        assert stage.asked("POST", MAIL) == 1

    play(version, flavour, scenario)


@each
def test_a_key_stands_for_one_content(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        others: Sequence[dict[str, Any]] = (
            {"subject": "Stocks"},
            {"text": "Please count!"},
            {"users": [stage.uid("nurse"), stage.uid("admin")]},
            {"attachments": [("count.csv", b"1")]},
        )
        async with stage.client() as dhis2:
            await send(dhis2, stage)
            for other in others:
                with pytest.raises(KeyReused, match="key was used for another send"):
                    await send(dhis2, stage, **other)
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_of_a_key_that_was_used_before_nobody_knows_what_became_of_another_content(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await send(dhis2, stage, attempted=False)
        for stored in (False, True):
            async with stage.client() as another:
                stage.server.next("reset", method="POST", path=MAIL, stored=stored, commit_delay=SETTLE * 10)
                with pytest.raises(Ambiguous):  # what was sent last may be on its way
                    await send(another, stage, text="Other", attempted=False)

    play(version, flavour, scenario)


@each
def test_a_key_is_one_of_its_operation_and_conversation(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            sent, other = await send(dhis2, stage), await send(dhis2, stage, key="another")
            for uid in (sent.id, other.id):
                reply = await dhis2.messaging.reply(uid, TEXT, key=KEY, fetch=False)
                again = await dhis2.messaging.reply(uid, TEXT, key=KEY, fetch=False)
                assert (reply.found, again.found) == (False, True)
            ticket = await dhis2.messaging.feedback("Stock", TEXT, key=KEY)
            again = await dhis2.messaging.feedback("Stock", TEXT, key=KEY)
            assert ticket.id == again.id
        assert stage.texts() == [TEXT] * 5

    play(version, flavour, scenario)


@each
def test_who_says_that_nothing_was_attempted_pays_no_look_up(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            for number in range(5):
                await send(dhis2, stage, key=f"{KEY} {number}", attempted=False)
        assert [one.method for one in stage.server.requests] == ["GET"] + ["POST"] * 5

    play(version, flavour, scenario)


@each
def test_a_no_is_waited_for_once_in_the_life_of_a_client(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        began = time.monotonic()
        async with stage.client() as dhis2:
            await send(dhis2, stage, key="first")
            assert time.monotonic() - began >= SETTLE
            looked = stage.asked("GET", MAIL)
            assert looked > 1
            for number in range(5):
                await send(dhis2, stage, key=str(number))
        assert stage.asked("GET", MAIL) == looked + 5

    play(version, flavour, scenario)


@each
def test_a_no_is_believed_at_once_after_an_old_attempt_and_not_after_a_fresh_one(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(settle=1.0) as dhis2:
            began = time.monotonic()
            await send(dhis2, stage, key="old", attempted=datetime.now(UTC) - timedelta(hours=1))
            assert (stage.asked("GET", MAIL), stage.asked("POST", MAIL)) == (1, 1)
            assert time.monotonic() - began < 1.0
            began = time.monotonic()
            await send(dhis2, stage, key="fresh", attempted=datetime.now(UTC) - timedelta(seconds=0.5))
            assert time.monotonic() - began >= 0.45
            assert stage.asked("GET", MAIL) > 2
            with pytest.raises(InvalidInput, match="expected a datetime with its zone"):
                await send(dhis2, stage, attempted=datetime.now())

    play(version, flavour, scenario)


@each
def test_the_time_to_settle_runs_from_the_end_of_an_attempt(version: str, flavour: str) -> None:
    """The answer does not come for half a second, then the call's time is over, and the server stores a little later."""

    async def scenario(stage: Stage) -> None:
        async with stage.client(settle=0.8) as dhis2:
            stage.server.next("hang", method="POST", stored=True, commit_delay=1.2)
            with pytest.raises(Ambiguous):
                await send(dhis2, stage, attempted=False, timeout=1.1)
            sent = await send(dhis2, stage)
        assert sent.found
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_who_goes_on_with_the_key_of_an_ambiguous_finds_what_was_late(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(deadline=0.2) as dhis2:
            await dhis2.people.me()
            stage.server.next("reset", method="POST", stored=True, commit_delay=0.25)
            with pytest.raises(Ambiguous) as caught:
                await send(dhis2, stage, key=None)
            assert str(caught.value.key) in str(caught.value)
            sent = await send(dhis2, stage, key=caught.value.key, timeout=5.0)
        assert sent.found
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_copies_of_a_token_by_others_prove_nothing(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        agent = token(stage).in_agent(AGENT)
        plant(stage, "nurse", 120, agent)
        async with stage.client() as dhis2:
            sent = await send(dhis2, stage)
            assert not sent.found
            plant(stage, "nurse", 120, agent)
            assert await send(dhis2, stage) == Sent(key=KEY, uid=sent.id, found=True)
            read = (await send(dhis2, stage, fetch=True)).message
            assert read is not None
            assert read.text == TEXT
        assert stage.texts().count(TEXT) == 1

    play(version, flavour, scenario)


@each
def test_what_is_hidden_behind_very_many_copies_is_not_sent_again(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(deadline=30.0) as dhis2:
            await send(dhis2, stage, attempted=False)
            plant(stage, "nurse", 1000, token(stage).in_agent(AGENT))
            with pytest.raises(Ambiguous, match="somebody copies keys"):
                await send(dhis2, stage)
        assert stage.texts().count(TEXT) == 1

    play(version, flavour, scenario)


@each
def test_a_copied_reply_in_the_same_conversation_proves_nothing(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2, stage.client("nurse") as nurse:
            uid = (await send(dhis2, stage)).id
            copied = token(stage, "reply", uid).in_agent(AGENT)
            conversation = stage.server.state.conversations[uid]
            user = stage.server.user("nurse")
            stage.server._inside(
                lambda: stage.server.state.reply(conversation, user, "A copy", f"User-agent: {copied}")
            )
            sent = await dhis2.messaging.reply(uid, TEXT, key=KEY)
            assert not sent.found
            with pytest.raises(KeyReused):  # of another content, which the nurse has sent with this token
                await nurse.messaging.reply(uid, "Mine", key=KEY)
        assert stage.texts() == [TEXT, "A copy", TEXT]

    play(version, flavour, scenario)


@each
def test_two_copies_of_ones_own_are_reported(version: str, flavour: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(stage: Stage) -> None:
        plant(stage, "clerk", 2, token(stage).in_agent(AGENT))
        async with stage.client() as dhis2:
            sent = await send(dhis2, stage)
        assert (sent.found, sent.copies) == (True, 2)

    with caplog.at_level(logging.WARNING, "dhis2_facade"):
        play(version, flavour, scenario)
    assert "something between client and server repeats requests" in caplog.text


@pytest.mark.parametrize("flavour", ["sync", "asyncio"])
def test_an_outsider_of_2_40_may_write_but_not_look(flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as clerk, stage.client("outsider") as outsider:
            uid = (await send(clerk, stage)).id
            assert (await outsider.messaging.reply(uid, "Let me add", fetch=False)).id == uid
            stage.server.next("reset", method="POST", stored=True)
            with pytest.raises(Ambiguous, match="403"):
                await outsider.messaging.reply(uid, "And more")
            with pytest.raises(Ambiguous, match="an earlier attempt may have stored it"):
                await outsider.messaging.reply(uid, "With a key", key=KEY)
        assert stage.texts() == [TEXT, "Let me add", "And more"]

    play("40", flavour, scenario)


@pytest.mark.parametrize(("version", "flavour"), [("41", "sync"), ("42", "asyncio")])
def test_an_outsider_may_not_write_later_on(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as clerk, stage.client("outsider") as outsider:
            uid = (await send(clerk, stage)).id
            with pytest.raises(Forbidden):
                await outsider.messaging.reply(uid, "Let me add", fetch=False)
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_a_superuser_who_takes_no_part_finds_a_reply_in_its_thread(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as clerk, stage.client("admin") as admin:
            uid = (await send(clerk, stage)).id
            stage.server.next("reset", method="POST", stored=True)
            sent = await admin.messaging.reply(uid, "From above")
        assert (sent.found, sent.message.text) == (True, "From above")
        assert stage.texts() == [TEXT, "From above"]

    play(version, flavour, scenario)


@each
def test_without_a_look_at_the_user_agent_no_key_is_taken(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client(check_version=False, timezone=UTC) as dhis2:
            with pytest.raises(InvalidInput, match="check_version=False"):
                await send(dhis2, stage)
            stage.server.next("reset", method="POST", stored=True)
            with pytest.raises(Ambiguous, match="cannot be looked for, since"):
                await send(dhis2, stage, key=None)
        assert stage.asked("GET") == 0
        assert stage.asked("POST") == 1

    play(version, flavour, scenario)


@each
def test_a_proxy_that_begins_to_rewrite_while_we_run_makes_it_ambiguous(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await dhis2.people.me()
            stage.server.agent = "proxy"
            stage.server.next("reset", method="POST", stored=True)
            with pytest.raises(Ambiguous):
                await send(dhis2, stage, key=None)
            with pytest.raises(InvalidInput, match="rewrites it"):
                await send(dhis2, stage)
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_with_a_transport_that_tells_nothing_every_failure_is_unknown(version: str, flavour: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ConnectError("refused")
        pager = {"page": 1, "pageSize": 50, "pageCount": 1, "total": 0}
        return httpx.Response(200, json={"pager": pager, "messageConversations": []})

    async def scenario() -> None:
        async with served(flavour, version, known_to(version, asked, answer), settle=0.1) as dhis2:
            with pytest.raises(Ambiguous):
                await dhis2.messaging.send("Stock", TEXT, users=["aBcDeFgHiJk"])

    run(flavour, scenario)
    assert asked.count("POST") == 1


@each
def test_a_server_that_speaks_no_tls_has_got_nothing(version: str, flavour: str) -> None:
    """Behind the handshake nothing goes out: it is tried again, and is no Ambiguous in the end."""

    async def scenario(stage: Stage) -> None:
        stage.server.next("login page", times=99)
        url = stage.server.url.replace("http://", "https://")
        async with client(
            flavour, version, url, token="d2pat_x", verify=VERIFY, check_version=False, timezone=UTC
        ) as dhis2:
            with pytest.raises(ConnectionFailed):
                await send(dhis2, stage, key=None)
        assert stage.texts() == []

    play(version, flavour, scenario)


@each
def test_a_page_that_knows_no_conversation_is_no_no(version: str, flavour: str) -> None:
    """404 comes of what stands before a server that is not up yet; of an unknown uid the server says 200 (quirk 8)."""

    async def scenario(stage: Stage) -> None:
        async with stage.client(settle=1.0) as dhis2:
            uid = (await send(dhis2, stage, attempted=False)).id
            await dhis2.messaging.reply(uid, "More", key=KEY, attempted=False)
            stage.server.next(fail=404, method="GET", path=MAIL, times=3)
            assert (await dhis2.messaging.reply(uid, "More", key=KEY)).found
            with pytest.raises(NotFound):
                await dhis2.messaging.reply("aBcDeFgHiJk", "More", key=KEY)
        async with stage.client() as later:
            await later.people.me()
            stage.server.next(fail=404, method="GET", path=MAIL)
            yesterday = datetime.now(UTC) - timedelta(days=1)
            with pytest.raises(Ambiguous, match=r"Looking for it failed: GET .* 404"):
                await later.messaging.reply(uid, "More", key=KEY, attempted=yesterday)
        assert stage.texts() == [TEXT, "More"]

    play(version, flavour, scenario)


@each
def test_a_client_knows_better_than_who_says_that_nothing_was_attempted(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            first = await send(dhis2, stage, attempted=False)
            again = await send(dhis2, stage, attempted=False)
            assert (again.found, again.id) == (True, first.id)
            stage.server.next("reset", method="POST", stored=True, commit_delay=0.5 * SETTLE)
            with pytest.raises(Ambiguous):
                await send(dhis2, stage, key="late", attempted=False, timeout=0.2 * SETTLE)
            assert (await send(dhis2, stage, key="late", attempted=False)).found
        assert stage.texts() == [TEXT, TEXT]

    play(version, flavour, scenario)


@each
def test_a_first_call_that_fails_does_not_say_that_nothing_was_stored(
    version: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier process may have stored it, as a client that has made its first call says too."""
    monkeypatch.setattr("random.random", lambda: 0.0)  # nothing is waited for between attempts

    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2:
            await send(dhis2, stage, attempted=False)
        for trouble, fail in (("status", 502), ("reset", None)):
            stage.server.next(trouble, fail=fail, path="/system/info", times=100)
            async with stage.client() as another:
                with pytest.raises(Ambiguous, match="an earlier attempt may have stored it") as caught:
                    await send(another, stage)
                assert caught.value.key == KEY
                with pytest.raises((ServerError, ConnectionFailed)):  # the caller says that there was none
                    await send(another, stage, key="new", attempted=False)
                stage.server.calm()
                assert (await send(another, stage)).found
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_what_is_read_back_is_ones_own_though_others_use_the_same_key(version: str, flavour: str) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.client() as dhis2, stage.client("nurse") as nurse:
            uid = (await send(dhis2, stage, attempted=False)).id
            for one, username in ((nurse, "nurse"), (dhis2, "clerk")):
                message = (await one.messaging.reply(uid, "Received.", key="received")).message
                assert message.sender.username == username
        assert stage.texts() == [TEXT, "Received.", "Received."]

    play(version, flavour, scenario)


@each
def test_a_hook_that_raises_for_a_status_hides_no_refusal(version: str, flavour: str) -> None:
    """httpx's documentation shows such a hook. Its error holds the URL, and with it the subject of a feedback."""

    def check(response: httpx.Response) -> None:
        response.raise_for_status()

    async def check_async(response: httpx.Response) -> None:
        check(response)

    hooks = {"response": [check if flavour == "sync" else check_async]}

    async def scenario(stage: Stage) -> None:
        async with stage.client(event_hooks=hooks) as dhis2:
            for status, kind, stored in ((409, Conflict, False), (403, Forbidden, False), (500, Ambiguous, False)):
                stage.server.next(fail=status, method="POST", stored=stored)
                with pytest.raises(kind) as caught:
                    await dhis2.messaging.feedback("Of the clinic", TEXT)
                assert "clinic" not in str(caught.value)
            stage.server.next(fail=429, method="POST", headers={"Retry-After": "0"})
            stage.server.next(fail=500, method="POST", stored=True)
            assert (await dhis2.messaging.feedback("Of the clinic", TEXT)).found
            with pytest.raises(NotFound):
                await dhis2.files.get("aBcDeFgHiJk")
        assert stage.texts() == [TEXT]

    play(version, flavour, scenario)


@each
def test_a_look_up_without_messages_is_no_no(version: str, flavour: str) -> None:
    asked: list[str] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "aBcDeFgHiJk"})

    async def scenario() -> None:
        async with served(flavour, version, known_to(version, asked, answer), settle=0.1) as dhis2:
            with pytest.raises(Ambiguous, match="has no messages"):
                await dhis2.messaging.reply("aBcDeFgHiJk", TEXT, key=KEY)

    run(flavour, scenario)
    assert "POST" not in asked
