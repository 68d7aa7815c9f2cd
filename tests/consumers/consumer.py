"""A user's program, for the type checkers of users: every public call, and what must be an error.

It is checked against the installed wheel for each version, its number changed in the imports and nowhere else. Lines
that end with `# error` must be found, all others be fine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from datetime import datetime
from pathlib import Path
from typing import assert_type

import httpx

from dhis2_bindings.v42.api import organisation_unit
from dhis2_bindings.v42.models import OrganisationUnitPage
from dhis2_facade.errors import Ambiguous, Conflict, Dhis2Error
from dhis2_facade.models import (
    Download,
    FileResource,
    Found,
    Marked,
    MessageConversation,
    NewMessage,
    Page,
    Removed,
    Sent,
    SystemInfo,
    User,
)
from dhis2_facade.testing import FakeDhis2
from dhis2_facade.v42 import VERSION, AsyncDhis2, Dhis2

units = organisation_unit.list_(fields="id,name", page_size=50)


def make() -> Dhis2:
    by_token = Dhis2("https://dhis2.example.org", token="d2pat_yours", timeout=5.0, settle=10.0)
    assert_type(by_token.url, str)
    Dhis2("https://dhis2.example.org", username="clerk", password="x", timeout=httpx.Timeout(5.0, connect=1.0))
    assert_type(Dhis2.from_env(deadline=60.0), Dhis2)
    assert_type(Dhis2.from_profile("work", file=Path("profiles.toml")), Dhis2)
    Dhis2("https://dhis2.example.org", tokn="d2pat_yours")  # error
    Dhis2.from_env(timeouts=5.0)  # error
    return by_token


def write(dhis2: Dhis2, nurse: User, sheet: Path) -> None:
    messaging = dhis2.messaging
    found = assert_type(dhis2.people.search("nurse"), Found)
    sent = assert_type(messaging.send("Count", "See the file.", to=found.everyone, attachments=[sheet]), Sent)
    messaging.send("Count", "x", users=[nurse, "aBcDeFgHiJk"], user_groups=found.user_groups, key="monday")
    messaging.send("Count", "x", organisation_units=found.organisation_units, attempted=False, fetch=False)
    assert_type(sent.id, str)
    assert_type(sent.conversation, MessageConversation | None)
    assert_type(messaging.reply(sent.id, "One more.", attachments=("a.txt", b"a"), internal=True), Sent)
    assert_type(messaging.feedback("Blank page", "It stays blank.", timeout=10.0), Sent)
    messaging.add_recipients(sent.id, users=nurse)
    messaging.set_status(sent.id, "SOLVED")
    messaging.set_priority(sent.id, "HIGH")
    messaging.assign(sent.id, nurse)
    messaging.unassign(sent.id)
    messaging.send(1)  # error
    messaging.send("Count", "x", recipients=nurse)  # error
    messaging.send("Count", "x", users=7)  # error
    messaging.reply(sent, "a Sent is no conversation")  # error
    messaging.set_status(sent.id, None)  # error


def read(dhis2: Dhis2) -> None:
    messaging = dhis2.messaging
    assert_type(messaging.list(unread=True, search="count", page_size=20), Generator[MessageConversation])
    for page in messaging.pages(follow_up=True):
        assert_type(page, Page[MessageConversation])
        assert_type(page.items, tuple[MessageConversation, ...])
    conversation = messaging.get("aBcDeFgHiJk", mark_read=True)
    assert_type(conversation.last_message, datetime | None)
    assert_type(conversation.participants, tuple[User, ...])
    assert_type(messaging.unread_count(), int)
    for message in conversation.messages or ():
        for file in message.attachments or ():
            assert_type(messaging.download_attachment(conversation, message, file, to=Path("in")), Download)
    for new in messaging.watch(interval=5.0, cursor=None):
        assert_type(new, NewMessage)
        assert_type(new.cursor, str)
    conversation.subjekt  # error
    len(conversation.subject)  # error
    conversation.subject = "frozen"  # error
    messaging.list(unred=True)  # error


def mark(dhis2: Dhis2, conversations: list[MessageConversation]) -> None:
    messaging = dhis2.messaging
    assert_type(messaging.mark_read(conversations), Marked)
    assert_type(messaging.mark_unread("aBcDeFgHiJk"), Marked)
    assert_type(messaging.follow_up(conversations, user="aBcDeFgHiJk"), Marked)
    assert_type(messaging.clear_follow_up(conversations), Marked)
    assert_type(messaging.leave(conversations), Removed)
    assert_type(messaging.delete_for_everyone(conversations[0]), tuple[str, ...])
    messaging.mark_read()  # error


def files(dhis2: Dhis2) -> None:
    uploaded = assert_type(dhis2.files.upload(Path("count.csv")), FileResource)
    assert_type(dhis2.files.upload(b"a", name="a.txt", progress=lambda done, size: None), FileResource)
    assert_type(dhis2.files.get(uploaded), FileResource)
    content = assert_type(dhis2.files.download(uploaded), Download).content
    assert_type(content, bytes | None)
    dhis2.files.upload(3)  # error


def everything_else(dhis2: Dhis2) -> None:
    version: str = VERSION
    assert version
    assert_type(dhis2.people.me(), User)
    assert_type(dhis2.people.feedback_recipients("clerk"), tuple[User, ...])
    assert_type(dhis2.system_info(), SystemInfo)
    assert_type(dhis2.call(units), OrganisationUnitPage)
    assert_type(dhis2.pages(units), Generator[OrganisationUnitPage])
    assert_type(dhis2.raw(units).status, int)
    dhis2.close()
    dhis2.call("GET /api/organisationUnits")  # error
    dhis2.aclose()  # error


def errors(dhis2: Dhis2, nurse: User) -> str | None:
    try:
        dhis2.messaging.send("Count", "x", users=nurse)
    except Ambiguous as error:
        return assert_type(error.key, str | None)
    except Conflict as error:
        assert_type(error.status, int | None)
        assert_type(error.spent, tuple[str, ...])
    except Dhis2Error as error:
        return error.server_message
    return None


async def asynchronous(nurse: User) -> None:
    async with AsyncDhis2("https://dhis2.example.org", token="d2pat_yours") as dhis2:
        messaging = dhis2.messaging
        sent = assert_type(await messaging.send("Count", "x", users=nurse), Sent)
        await messaging.reply(sent.id, "One more.")
        assert_type(await messaging.feedback("Blank page", "It stays blank."), Sent)
        assert_type(messaging.list(), AsyncGenerator[MessageConversation])
        async for page in messaging.pages():
            assert_type(page, Page[MessageConversation])
        conversation = assert_type(await messaging.get(sent.id), MessageConversation)
        assert_type(await messaging.unread_count(), int)
        assert_type(await messaging.download_attachment(conversation, "aBcDeFgHiJk", "aBcDeFgHiJl"), Download)
        async for new in messaging.watch():
            assert_type(new, NewMessage)
        await messaging.add_recipients(conversation, users=nurse)
        assert_type(await messaging.mark_read(conversation), Marked)
        assert_type(await messaging.mark_unread(conversation), Marked)
        assert_type(await messaging.follow_up(conversation), Marked)
        assert_type(await messaging.clear_follow_up(conversation), Marked)
        await messaging.set_status(conversation, "OPEN")
        await messaging.set_priority(conversation, "LOW")
        await messaging.assign(conversation, nurse)
        await messaging.unassign(conversation)
        assert_type(await messaging.leave(conversation), Removed)
        assert_type(await messaging.delete_for_everyone(conversation), tuple[str, ...])
        uploaded = assert_type(await dhis2.files.upload(Path("count.csv")), FileResource)
        assert_type(await dhis2.files.get(uploaded), FileResource)
        assert_type(await dhis2.files.download(uploaded), Download)
        assert_type(await dhis2.people.me(), User)
        assert_type(await dhis2.people.search("nurse"), Found)
        assert_type(await dhis2.people.feedback_recipients("clerk"), tuple[User, ...])
        assert_type(await dhis2.call(units), OrganisationUnitPage)
        assert_type(dhis2.pages(units), AsyncGenerator[OrganisationUnitPage])
        assert_type((await dhis2.raw(units)).status, int)
        assert_type(await dhis2.system_info(), SystemInfo)
        assert_type(dhis2.url, str)
        await dhis2.aclose()
        messaging.unread_count() + 1  # error
        dhis2.close()  # error
    assert_type(AsyncDhis2.from_env(), AsyncDhis2)
    assert_type(AsyncDhis2.from_profile("work"), AsyncDhis2)


def pretend() -> None:
    with FakeDhis2(version="42") as server:
        server.next(fail=503, times=2)
        assert_type(Dhis2(server.url, token=server.token("clerk")).messaging.unread_count(), int)
        server.next(fial=503)  # error
