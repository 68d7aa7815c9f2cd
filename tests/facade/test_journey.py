"""A recorded working day through the facade: every request matched, every interaction played."""

from __future__ import annotations

import base64
import contextlib
import importlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml
from attrs import evolve

from dhis2_facade.errors import Conflict, Forbidden, NotFetched, NotFound
from dhis2_facade.models import Marked, Removed
from tests.support.both import FLAVOURS, client, collect, run
from tests.support.exchanges import CASSETTES, HOST, VERSIONS, exchanges
from tests.support.replay import playing

UNKNOWN = "aBcDeFgHiJk"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
QUIET: dict[str, Any] = {"fetch": False}  # as it was recorded: nothing is read back


@contextlib.asynccontextmanager
async def acting(flavour: str, version: str, actor: str) -> AsyncIterator[Any]:
    """A client of one actor, on the interactions of that actor alone, all of which must be played."""
    with playing(version, "journey", actor):
        async with client(flavour, version, HOST, username=actor, password="x") as dhis2:
            yield dhis2


async def day(flavour: str, version: str) -> dict[str, Any]:
    """What the actors of the recorded day did. The conversations of one are known to the others by their uids."""
    ids = yaml.safe_load((CASSETTES / f"v{version}" / "ids.yaml").read_text(encoding="utf-8"))
    seen: dict[str, Any] = {}
    ticket = await outsider(flavour, version, seen)
    await clerk(flavour, version, ids, ticket, seen)
    await nurse(flavour, version, ids, seen)
    await admin(flavour, version, ids, ticket, seen)
    return seen


async def outsider(flavour: str, version: str, seen: dict[str, Any]) -> str:
    async with acting(flavour, version, "outsider") as dhis2:
        sent = await dhis2.messaging.feedback("Blank page", "The page stays blank \u2713", **QUIET)
        if version == "40":
            with pytest.raises(NotFetched, match="fetch=True finds it by its key"):
                _ = sent.id
            conversations = importlib.import_module("dhis2_bindings.v40.api.message_conversation")
            page = await dhis2.call(
                conversations.list_(
                    fields="id,messages[id,metaData]",
                    filter_="messageType:eq:TICKET",
                    order="created:desc",
                    page=1,
                    page_size=10,
                )
            )
            ticket = page.message_conversations[0].id
        else:
            ticket = sent.id
        seen["third"] = _third(version)
        if version == "40":
            assert (await dhis2.messaging.reply(seen["third"], "hello?", **QUIET)).id == seen["third"]
        else:
            with pytest.raises(Forbidden, match="Not authorized to send messages"):
                await dhis2.messaging.reply(seen["third"], "hello?", **QUIET)
        return str(ticket)


def _third(version: str) -> str:
    """The uid of the conversation that the outsider tries to answer, which only the clerk is told."""
    answers = [e for e in exchanges(version, "journey") if e.step == "send a third"]
    return answers[0].headers["location"].rpartition("/")[2]


async def clerk(flavour: str, version: str, ids: dict[str, str], ticket: str, seen: dict[str, Any]) -> None:
    async with acting(flavour, version, "clerk") as dhis2:
        seen["me"] = await dhis2.people.me()
        assert not seen["me"].is_superuser
        seen["found"] = await dhis2.people.search("corpus")
        assert [one.username for one in seen["found"].users] == ["clerk", "nurse", "outsider"]
        assert [one.username for one in await dhis2.people.feedback_recipients("corpus")] == ["clerk"]
        photo = await dhis2.files.upload(("photo.png", PNG))
        sheet = await dhis2.files.upload(b"item,count\nbandage,12\n", name="count.csv")
        assert (await dhis2.files.get(photo)).content_length == len(PNG)
        sent = await dhis2.messaging.send(
            "Stock count",
            "Count of today: see the files. \u2713",
            users=[ids["nurse"]],
            to=[one for one in seen["found"].user_groups if one.id == ids["group"]],
            attachments=[photo, sheet.id],
            **QUIET,
        )
        assert (sent.conversation, sent.message, sent.read_error) == (None, None, None)
        seen.update(uid=sent.id, photo=photo, sheet=sheet)
        assert (await dhis2.files.download(sheet)).content == b"item,count\nbandage,12\n"
        seen["second"] = (await dhis2.messaging.send("Second", "another", users=ids["nurse"], **QUIET)).id
        third = await dhis2.messaging.send("Third", "a third", to=seen["found"].organisation_units, **QUIET)
        assert third.id == seen["third"]
        await dhis2.messaging.add_recipients(seen["second"], users=[ids["outsider"]], user_groups=[ids["feedback"]])
        assert (await dhis2.messaging.reply(ticket, "Known problem", internal=True, **QUIET)).id == ticket
        await dhis2.messaging.set_priority(ticket, "high")
        await dhis2.messaging.set_status(ticket, "PENDING")
        await dhis2.messaging.assign(ticket, seen["me"])
        seen["ticket"] = await dhis2.messaging.get(ticket)
        await dhis2.messaging.unassign(ticket)
        await dhis2.messaging.set_status(ticket, "SOLVED")
        with pytest.raises(Forbidden, match="Not authorized to access this conversation"):
            await dhis2.messaging.get(ticket)  # the cassette's second answer: everybody was taken out
        with pytest.raises(Conflict, match=f"User does not exist: {UNKNOWN}") as refused:
            await dhis2.messaging.send("Unknown", "user", users=UNKNOWN)
        assert (refused.value.status, refused.value.error_code) == (409, "E1004")
        with pytest.raises(Conflict, match="already used") as used:
            await dhis2.messaging.send("Used", "file", users=ids["nurse"], attachments=photo)
        assert used.value.spent == (photo.id,)
        with pytest.raises(NotFound, match="Message conversation does not exist"):
            await dhis2.messaging.reply(UNKNOWN, "hello?")


async def nurse(flavour: str, version: str, ids: dict[str, str], seen: dict[str, Any]) -> None:
    async with acting(flavour, version, "nurse") as dhis2:
        uid, second, third = seen["uid"], seen["second"], seen["third"]
        seen["thread"] = await dhis2.messaging.get(uid)
        message = next(one for one in seen["thread"].messages if one.attachments)
        fetched = await dhis2.messaging.download_attachment(uid, message, seen["photo"])
        assert (fetched.content, fetched.name, fetched.content_type) == (PNG, "photo.png", "image/png")
        assert await dhis2.messaging.unread_count() == 1
        marked = await dhis2.messaging.get(uid, mark_read=True)
        assert (seen["thread"].unread, marked.unread) == (True, False)
        await dhis2.messaging.reply(uid, "Received: \u00fc \u5728\u5eab.\nThanks!", **QUIET)
        files = [("extra.txt", b"one more\n"), ("last.txt", b"the last\n")]
        assert (await dhis2.messaging.reply(uid, "Two files more", attachments=files, **QUIET)).id == uid
        seen["list"] = await collect(dhis2.messaging.list(page_size=2))
        assert {one.id for one in seen["list"]} == {third, second, uid}
        assert {one.id for one in await collect(dhis2.messaging.list(unread=True))} == {second, third}
        assert [one.id for one in await collect(dhis2.messaging.list(search="Stock"))] == [uid]
        both = (second, third)
        assert await dhis2.messaging.mark_read(both) == Marked(changed=both, unchanged=())
        assert await dhis2.messaging.mark_unread(both) == Marked(changed=both, unchanged=())
        assert await dhis2.messaging.follow_up(both) == Marked(accepted=both)
        assert await dhis2.messaging.clear_follow_up(both) == Marked(accepted=both)
        one_unknown = await dhis2.messaging.mark_read([second, UNKNOWN])
        assert one_unknown == Marked(changed=(second,), unchanged=(UNKNOWN,))
        with pytest.raises(NotFound, match="No MessageConversations found"):
            await dhis2.messaging.mark_read(UNKNOWN)
        assert await dhis2.messaging.leave(second) == Removed(removed=(second,))
        assert await dhis2.messaging.leave([uid, third]) == Removed(removed=(uid, third))


async def admin(flavour: str, version: str, ids: dict[str, str], ticket: str, seen: dict[str, Any]) -> None:
    async with acting(flavour, version, "admin") as dhis2:
        third = seen["third"]
        assert await dhis2.messaging.mark_read(third, user=ids["nurse"]) == Marked(changed=(third,), unchanged=())
        assert await dhis2.messaging.leave(third, user=ids["clerk"]) == Removed(removed=(third,))
        gone = await dhis2.messaging.delete_for_everyone(ticket)
        assert set(gone) == {ids["admin"], ids["clerk"], ids["outsider"]}
        assert gone[-1] == ids["admin"]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_day_is_played_whole(version: str, flavour: str) -> None:
    seen = run(flavour, day, flavour, version)
    ticket = seen["ticket"]
    assert (ticket.priority, ticket.status, ticket.message_type) == ("HIGH", "PENDING", "TICKET")
    assert ticket.assignee.display_name == "Clerk Corpus"
    assert [one.text for one in ticket.messages][-1] == "Known problem"
    assert ticket.messages[-1].internal
    assert ticket.messages[0].sender.display_name == "Outsider Corpus"
    assert {one.username for one in ticket.participants} == {"admin", "clerk", "outsider"}
    assert ticket.created.utcoffset() is not None


def test_a_list_gives_the_same_objects_from_every_version_but_for_uids_and_times() -> None:
    lists = [run("sync", day, "sync", version)["list"] for version in VERSIONS]
    bare = [
        [
            evolve(
                one,
                id=None,
                created=None,
                last_updated=None,
                last_message=None,
                last_sender=evolve(one.last_sender, id=None),
            )
            for one in rows
        ]
        for rows in lists
    ]
    assert bare[0] == bare[1] == bare[2]
    assert [one.extra for one in bare[0]] == [{}, {}, {}]
    assert lists[0][0].messages is None
    with pytest.raises(NotFetched, match="were not fetched"):
        _ = lists[0][0].participants
