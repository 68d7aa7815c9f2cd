"""A working day of four people through the facade, in the order in which it was recorded."""

from __future__ import annotations

import base64
import importlib
from typing import Any

import pytest
from attrs import define, field

from dhis2_facade.errors import Conflict, Forbidden, NotFetched, NotFound
from dhis2_facade.models import Marked, Removed
from tests.support.both import collect

UNKNOWN = "aBcDeFgHiJk"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SHEET = b"item,count\nbandage,12\n"
QUIET: dict[str, Any] = {"fetch": False}  # as it was recorded: nothing is read back


@define
class Day:
    """A server's version, who plays with which client, the uids of ids.yaml, and the word that finds them."""

    version: str
    word: str
    ids: dict[str, str]
    admin: Any
    clerk: Any
    nurse: Any
    outsider: Any
    seen: dict[str, Any] = field(factory=dict)

    async def play(self) -> dict[str, Any]:
        """Play all of it; gives what they saw."""
        await self.look_around()
        uid = await self.correspond()
        second, third = await self.lists(uid)
        await self.marks(second, third)
        await self.leave(uid, second, third)
        ticket = await self.ticket()
        await self.delete(ticket)
        await self.refusals(third)
        return self.seen

    async def look_around(self) -> None:
        self.seen["me"] = await self.clerk.people.me()
        assert not self.seen["me"].is_superuser
        await self.nurse.people.me()
        found = self.seen["found"] = await self.clerk.people.search(self.word)
        assert {one.id for one in found.users} == {self.ids[one] for one in ("clerk", "nurse", "outsider")}
        assert {one.id for one in found.user_groups} == {self.ids["group"], self.ids["feedback"]}
        assert [one.id for one in found.organisation_units] == [self.ids["unit"]]
        answering = await self.clerk.people.feedback_recipients(self.word)
        assert [one.id for one in answering] == [self.ids["clerk"]]

    async def correspond(self) -> str:
        clerk, nurse = self.clerk, self.nurse
        photo = await clerk.files.upload(("photo.png", PNG))
        sheet = await clerk.files.upload(SHEET, name="count.csv")
        assert (await clerk.files.get(photo)).content_length == len(PNG)
        sent = await clerk.messaging.send(
            "Stock count",
            "Count of today: see the files. \u2713",
            users=[self.ids["nurse"]],
            to=[one for one in self.seen["found"].user_groups if one.id == self.ids["group"]],
            attachments=[photo, sheet.id],
            **QUIET,
        )
        assert (sent.conversation, sent.message, sent.read_error) == (None, None, None)
        self.seen["photo"] = photo
        thread = self.seen["thread"] = await nurse.messaging.get(sent.id)
        message = next(one for one in thread.messages if one.attachments)
        fetched = await nurse.messaging.download_attachment(sent.id, message, photo)
        assert (fetched.content, fetched.name, fetched.content_type) == (PNG, "photo.png", "image/png")
        assert (await clerk.files.download(sheet)).content == SHEET
        assert await nurse.messaging.unread_count() == 1
        marked = await nurse.messaging.get(sent.id, mark_read=True)
        assert (thread.unread, marked.unread) == (True, False)
        await nurse.messaging.reply(sent.id, "Received: \u00fc \u5728\u5eab.\nThanks!", **QUIET)
        files = [("extra.txt", b"one more\n"), ("last.txt", b"the last\n")]
        assert (await nurse.messaging.reply(sent.id, "Two files more", attachments=files, **QUIET)).id == sent.id
        return str(sent.id)

    async def lists(self, uid: str) -> tuple[str, str]:
        messaging = self.nurse.messaging
        second = (await self.clerk.messaging.send("Second", "another", users=self.ids["nurse"], **QUIET)).id
        units = self.seen["found"].organisation_units
        third = (await self.clerk.messaging.send("Third", "a third", to=units, **QUIET)).id
        self.seen["list"] = await collect(messaging.list(page_size=2))
        assert {one.id for one in self.seen["list"]} == {third, second, uid}
        assert {one.id for one in await collect(messaging.list(unread=True))} == {second, third}
        assert [one.id for one in await collect(messaging.list(search="Stock"))] == [uid]
        return second, third

    async def marks(self, second: str, third: str) -> None:
        messaging, both = self.nurse.messaging, (second, third)
        assert await messaging.mark_read(both) == Marked(changed=both, unchanged=())
        assert await messaging.mark_unread(both) == Marked(changed=both, unchanged=())
        assert await messaging.follow_up(both) == Marked(accepted=both)
        assert await messaging.clear_follow_up(both) == Marked(accepted=both)
        one_unknown = await messaging.mark_read([second, UNKNOWN])
        assert one_unknown == Marked(changed=(second,), unchanged=(UNKNOWN,))
        with pytest.raises(NotFound, match="No MessageConversations found"):
            await messaging.mark_read(UNKNOWN)
        for_another = await self.admin.messaging.mark_read(third, user=self.ids["nurse"])
        assert for_another == Marked(changed=(third,), unchanged=())

    async def leave(self, uid: str, second: str, third: str) -> None:
        ids, messaging = self.ids, self.nurse.messaging
        await self.clerk.messaging.add_recipients(second, users=[ids["outsider"]], user_groups=[ids["feedback"]])
        assert await messaging.leave(second) == Removed(removed=(second,))
        assert await messaging.leave([uid, third]) == Removed(removed=(uid, third))
        assert await self.admin.messaging.leave(third, user=ids["clerk"]) == Removed(removed=(third,))

    async def ticket(self) -> str:
        ticket = await self.feedback()
        messaging = self.clerk.messaging
        assert (await messaging.reply(ticket, "Known problem", internal=True, **QUIET)).id == ticket
        await messaging.set_priority(ticket, "high")
        await messaging.set_status(ticket, "PENDING")
        await messaging.assign(ticket, self.seen["me"])
        self.seen["ticket"] = await messaging.get(ticket)
        await messaging.unassign(ticket)
        await messaging.set_status(ticket, "SOLVED")
        return ticket

    async def feedback(self) -> str:
        sent = await self.outsider.messaging.feedback("Blank page", "The page stays blank \u2713", **QUIET)
        if self.version != "40":
            return str(sent.id)
        with pytest.raises(NotFetched, match="fetch=True finds it by its key"):
            _ = sent.id
        conversations = importlib.import_module("dhis2_bindings.v40.api.message_conversation")
        page = await self.outsider.call(
            conversations.list_(
                fields="id,messages[id,metaData]",
                filter_="messageType:eq:TICKET",
                order="created:desc",
                page=1,
                page_size=10,
            )
        )
        return str(page.message_conversations[0].id)

    async def delete(self, ticket: str) -> None:
        gone = await self.admin.messaging.delete_for_everyone(ticket)
        assert set(gone) == {self.ids[one] for one in ("admin", "clerk", "outsider")}
        assert gone[-1] == self.ids["admin"]
        with pytest.raises(Forbidden, match="Not authorized to access this conversation"):
            await self.clerk.messaging.get(ticket)

    async def refusals(self, third: str) -> None:
        messaging, photo = self.clerk.messaging, self.seen["photo"]
        with pytest.raises(Conflict, match=f"User does not exist: {UNKNOWN}") as refused:
            await messaging.send("Unknown", "user", users=UNKNOWN)
        assert (refused.value.status, refused.value.error_code) == (409, "E1004")
        with pytest.raises(Conflict, match="already used") as used:
            await messaging.send("Used", "file", users=self.ids["nurse"], attachments=photo)
        assert used.value.spent == (photo.id,)
        with pytest.raises(NotFound, match="Message conversation does not exist"):
            await messaging.reply(UNKNOWN, "hello?")
        if self.version == "40":  # there a stranger may reply (quirk 16)
            assert (await self.outsider.messaging.reply(third, "hello?", **QUIET)).id == third
        else:
            with pytest.raises(Forbidden, match="Not authorized to send messages"):
                await self.outsider.messaging.reply(third, "hello?", **QUIET)
