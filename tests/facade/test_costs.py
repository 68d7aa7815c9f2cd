"""How many requests each call costs, as a table; the first call of a client costs one more."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from attrs import frozen

from dhis2_facade.models import MessageConversation, OrganisationUnit, User, UserGroup
from tests.support import stub
from tests.support.both import FLAVOURS, collect, run
from tests.support.exchanges import HOST, VERSIONS
from tests.support.stub import served

ME, ANN, BEN, UID, MESSAGE, FILE = (letter * 11 for letter in "MABCDF")
REPEATED = re.compile(r"([A-Z])\1{10}")  # a uid of this server
SENT = re.compile(r"key=[0-9a-f.]+")
USER = {"id": ME, "username": "clerk", "displayName": "Clerk", "authorities": []}
PAGES = 3


@frozen
class Cost:
    """A call, in Python, and the requests that it makes: each a line with the uids left out."""

    call: str
    requests: str
    versions: tuple[str, ...] = VERSIONS

    @property
    def expected(self) -> list[str]:
        return [line.strip() for line in self.requests.split(";") if line.strip()]


NEW = ("41", "42")
CONVERSATIONS = "GET messageConversations"
THREAD = "GET messageConversations/C"
INFO = "GET system/info"

TABLE = [
    # Who and what
    Cost("system_info()", INFO),
    Cost("people.me()", "GET me"),
    Cost("[await people.me(), await people.me()]", "GET me"),
    Cost("people.search('a')", "GET userLookup; GET userGroups; GET organisationUnits"),
    Cost("people.feedback_recipients('a')", "GET userLookup/feedbackRecipients"),
    # Reading
    Cost("messaging.list()", f"{CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}"),
    Cost("messaging.list(page=2)", CONVERSATIONS),
    Cost("messaging.pages()", f"{CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}"),
    Cost("messaging.unread_count()", CONVERSATIONS),
    Cost("messaging.get(UID)", THREAD),
    Cost("messaging.get(UID, mark_read=True)", f"{THREAD}; POST messageConversations/read"),
    Cost("messaging.download_attachment(UID, MESSAGE, FILE)", "GET messageConversations/C/D/attachments/F"),
    # Writing: one to store it, one to read it back
    Cost("messaging.send('s', 't', users=ANN)", f"POST messageConversations; {THREAD}"),
    Cost("messaging.send('s', 't', users=ANN, fetch=False)", "POST messageConversations"),
    Cost("messaging.send('s', 't', to=[user, group, unit], attachments=FILE)", f"POST messageConversations; {THREAD}"),
    Cost(
        "messaging.send('s', 't', users=ANN, attachments=[('a.txt', b'a'), ('b.txt', b'b')])",
        f"POST fileResources; POST fileResources; POST messageConversations; {THREAD}",
    ),
    Cost("messaging.reply(UID, 't')", f"POST messageConversations/C; {THREAD}"),
    Cost("messaging.reply(UID, 't', fetch=False)", "POST messageConversations/C"),
    Cost("messaging.feedback('s', 't')", f"POST messageConversations/feedback; {CONVERSATIONS}", ("40",)),  # quirk 17
    Cost("messaging.feedback('s', 't')", f"POST messageConversations/feedback; {THREAD}", NEW),
    Cost("messaging.feedback('s', 't', fetch=False)", "POST messageConversations/feedback"),
    # The same with a key: a look before it; who one is tells one's own messages from those with copied tokens
    Cost(
        "messaging.send('s', 't', users=ANN, key='k')",
        f"GET me; {CONVERSATIONS}; POST messageConversations; {THREAD}",
    ),
    Cost(
        "messaging.send('s', 't', users=ANN, key='k', attempted=False)",
        f"POST messageConversations; {THREAD}; GET me",
    ),
    Cost("messaging.send('s', 't', users=ANN, key='k', attempted=False, fetch=False)", "POST messageConversations"),
    Cost("messaging.reply(UID, 't', key='k')", f"GET me; {THREAD}; POST messageConversations/C; {THREAD}"),
    Cost(
        "messaging.feedback('s', 't', key='k', fetch=False)",
        f"GET me; {CONVERSATIONS}; POST messageConversations/feedback",
    ),
    # Recipients, marks, tickets: one each, however many
    Cost(
        "messaging.add_recipients(UID, users=[ANN, BEN], user_groups=[group])", "POST messageConversations/C/recipients"
    ),
    Cost("messaging.mark_read([UID, ANN, BEN])", "POST messageConversations/read"),
    Cost("messaging.mark_unread(UID)", "POST messageConversations/unread"),
    Cost("messaging.follow_up([conversation])", "POST messageConversations/followup"),
    Cost("messaging.clear_follow_up(conversation)", "POST messageConversations/unfollowup"),
    Cost("messaging.mark_read([])", ""),
    Cost("messaging.set_status(UID, 'OPEN')", "POST messageConversations/C/status"),
    Cost("messaging.set_priority(UID, 'HIGH')", "POST messageConversations/C/priority"),
    Cost("messaging.assign(UID, ANN)", "POST messageConversations/C/assign"),
    Cost("messaging.unassign(UID)", "DELETE messageConversations/C/assign"),
    # Leaving: one; who one is is asked once
    Cost("messaging.leave(UID)", "GET me; DELETE messageConversations/C/M"),
    Cost(
        "[await messaging.leave(UID), await messaging.leave(UID)]",
        "GET me; DELETE messageConversations/C/M; DELETE messageConversations/C/M",
    ),
    Cost("messaging.leave(UID, user=ANN)", "DELETE messageConversations/C/A"),
    Cost("messaging.leave([UID, BEN])", "DELETE messageConversations"),
    Cost("messaging.leave([])", ""),
    # A read, who one is, and one for each participant, oneself last (quirk 13)
    Cost(
        "messaging.delete_for_everyone(UID)",
        f"{THREAD}; GET me; DELETE messageConversations/C/B; DELETE messageConversations/C/A; DELETE messageConversations/C/M",
    ),
    # Files
    Cost("files.upload(('a.txt', b'a'))", "POST fileResources"),
    Cost("files.upload(('there.txt', b'a'), uid=FILE)", "POST fileResources; GET fileResources/F"),  # there already
    Cost("files.get(FILE)", "GET fileResources/F"),
    Cost("files.download(FILE)", "GET fileResources/F/data"),
    # New messages: a list of what changed, and each thread that did; who one is once, and the server's time first
    Cost(
        "await first(messaging.watch(own=True, cursor=cursor))",
        f"GET me; {CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}; {THREAD}",
    ),
    Cost(
        "await first(messaging.watch(cursor=cursor))",
        f"GET me; {CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}; {THREAD}",
    ),
    Cost(
        "await first(messaging.watch())", f"{INFO}; GET me; {CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}; {THREAD}"
    ),
    # The bindings
    Cost("call(message_conversation.get(UID))", THREAD),
    Cost("raw(message_conversation.get(UID))", THREAD),
    Cost("pages(message_conversation.list_(page_size=50))", f"{CONVERSATIONS}; {CONVERSATIONS}; {CONVERSATIONS}"),
]


class Counting:
    """A server with one conversation of three participants, on three pages of a list, and one file."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.asked: list[str] = []
        self.agent = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = REPEATED.sub(r"\1", request.url.path.removeprefix("/api/"))
        line = f"{request.method} {path}"
        self.asked.append(line)
        if path == "system/info":
            return stub.info(self.version, "clerk", request)
        if SENT.search(request.headers["user-agent"]):
            self.agent = request.headers["user-agent"]
        answers: Mapping[str, Callable[[httpx.Request], httpx.Response]] = {
            "GET me": lambda _: httpx.Response(200, json=USER),
            "GET messageConversations": self._list,
            THREAD: lambda _: httpx.Response(200, json=self._thread()),
            "POST messageConversations": lambda _: self._stored(),
            "POST messageConversations/C": lambda _: self._stored(),
            "POST messageConversations/feedback": lambda _: self._stored(feedback=True),
            "POST messageConversations/C/recipients": lambda _: httpx.Response(204),
            "POST fileResources": self._upload,
            "GET fileResources/F": lambda _: httpx.Response(200, json=self._file()),
            "GET fileResources/F/data": lambda _: httpx.Response(
                200, content=b"a", headers={"content-type": "text/plain"}
            ),
            "GET messageConversations/C/D/attachments/F": lambda _: httpx.Response(200, content=b"a"),
        }
        if line in answers:
            return answers[line](request)
        if "marked" in (key := self._marked(line)):
            return httpx.Response(200, json={key: []})
        return httpx.Response(200, json={"removed": [UID], "users": [], "userGroups": [], "organisationUnits": []})

    @staticmethod
    def _marked(line: str) -> str:
        return {
            "POST messageConversations/read": "markedRead",
            "POST messageConversations/unread": "markedUnread",
            "POST messageConversations/followup": "markedFollowup",
            "POST messageConversations/unfollowup": "unmarkedFollowup",
        }.get(line, "")

    def _stored(self, *, feedback: bool = False) -> httpx.Response:
        location = {} if feedback and self.version == "40" else {"location": f"{HOST}/api/messageConversations/{UID}"}
        return httpx.Response(201, json={"status": "OK"}, headers=location)

    def _list(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        searched = any(text.startswith("messages.metaData") for text in asked.get_list("filter"))
        found = not searched or bool(self.agent)
        page, count = int(asked.get("page", "1")), 1 if searched or asked.get("pageSize") == "1" else PAGES
        rows = [self._thread() if searched else {"id": UID}] if found and page == count else []
        rows = rows or ([{"id": str(page) * 11}] if not searched else [])
        pager = {"page": page, "pageSize": 1, "pageCount": count, "total": count}
        return httpx.Response(200, json={"pager": pager, "messageConversations": rows if page == count else []})

    def _thread(self) -> dict[str, Any]:
        message = {
            "id": MESSAGE,
            "created": "2030-01-01T00:00:00.000",
            "text": "t",
            "metaData": f"User-agent: {self.agent}",
        }
        people = [{"user": {"id": uid}} for uid in (ME, BEN, ANN)]
        return {"id": UID, "messages": [{**message, "sender": {"id": ANN}}], "userMessages": people}

    def _upload(self, request: httpx.Request) -> httpx.Response:
        if b"there.txt" in request.content:
            return httpx.Response(409, json={"message": "FileResource already exists", "errorCode": "E1119"})
        return httpx.Response(202, json={"response": {"fileResource": self._file()}})

    @staticmethod
    def _file() -> dict[str, Any]:
        return {"id": FILE, "contentLength": 1, "contentMd5": "0cc175b9c0f1b6a831c399e269772661"}


async def first(iterator: Any) -> Any:
    async for one in iterator:
        await iterator.aclose()
        return one
    raise AssertionError("nothing came")


async def cost(flavour: str, version: str, call: str, server: Counting | None = None) -> list[str]:
    server = server or Counting(version)
    async with served(flavour, version, server, settle=0) as dhis2:
        known = {
            **{
                name: getattr(dhis2, name)
                for name in ("call", "files", "messaging", "pages", "people", "raw", "system_info")
            },
            "UID": UID,
            "ANN": ANN,
            "BEN": BEN,
            "MESSAGE": MESSAGE,
            "FILE": FILE,
            "first": first,
            "conversation": MessageConversation(id=UID),
            "cursor": '["2026-01-01T00:00:00+00:00", {}]',
            "group": UserGroup(id="G" * 11),
            "message_conversation": stub.api(version, "message_conversation"),
            "unit": OrganisationUnit(id="O" * 11),
            "user": User(id=ANN),
        }
        result = eval(compile(call, "call", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), known)
        if inspect.isawaitable(result):
            await result
        else:
            await collect(result)
    return server.asked


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_call_costs_what_the_table_says(version: str, flavour: str) -> None:
    async def all_calls() -> dict[str, list[str]]:
        return {one.call: await cost(flavour, version, one.call) for one in TABLE if version in one.versions}

    costs = run(flavour, all_calls)
    for one in TABLE:
        if version in one.versions:
            ahead = [] if not one.expected or one.expected[0] == INFO else [INFO]
            assert costs[one.call] == ahead + one.expected, one.call
