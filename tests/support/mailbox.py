"""A server that holds one user's conversations in memory, lists them as DHIS2 does, and changes while it is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from attrs import define, field

from tests.support import stub

BEGAN = datetime(2026, 11, 23, 3, 0)  # the server's own time, which has no zone
TICK = timedelta(milliseconds=1)
ME, OTHER = "M" * 11, "O" * 11


@define
class Message:
    """A message; it can be read from `visible` on, by the clock of the mailbox."""

    uid: str
    created: datetime
    sender: str = OTHER
    visible: datetime = BEGAN


@define
class Conversation:
    """A conversation of the mailbox."""

    uid: str
    messages: list[Message] = field(factory=list)
    unread: bool = True

    def seen(self, now: datetime) -> list[Message]:
        return [one for one in self.messages if one.visible <= now]

    def last(self, now: datetime) -> datetime | None:
        return max((one.created for one in self.seen(now)), default=None)


@define
class Mailbox:
    """The server. `before` runs before each page of a list is read, `reading` before each thread."""

    version: str
    now: datetime = BEGAN
    conversations: dict[str, Conversation] = field(factory=dict)
    before: Callable[[], None] = lambda: None
    reading: Callable[[], None] = lambda: None
    early: timedelta = timedelta()  # by which lastMessage is before the message's own time
    lists: int = 0  # how many pages were asked for
    _count: int = 0

    def uid(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count:010d}"

    def begin(self) -> Conversation:
        """Begin a conversation, which can be read once it has a message that can."""
        new = Conversation(self.uid("C"))
        self.conversations[new.uid] = new
        return new

    def arrive(self) -> Conversation:
        """A message begins a conversation."""
        new = self.begin()
        self.write(new)
        return new

    def write(self, conversation: Conversation, *, sender: str = OTHER, late: timedelta = timedelta()) -> Message:
        """A message comes, and with it the conversation to the top; `late`: after which it can be read."""
        self.now += TICK
        message = Message(self.uid("A"), self.now, sender, self.now + late)
        conversation.messages.append(message)
        return message

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == stub.INFO:
            info = stub.info(self.version, "clerk", request).json()
            return httpx.Response(200, json={**info, "serverDate": written(self.now)})
        if path == stub.ME:
            return httpx.Response(200, json={"id": ME, "username": "clerk"})
        if path == "/api/messageConversations":
            return self._list(request)
        return self._thread(path.rpartition("/")[2])

    def _list(self, request: httpx.Request) -> httpx.Response:
        self.before()
        self.lists += 1
        asked = request.url.params
        rows = [one for one in self.conversations.values() if self._matches(one, asked.get_list("filter"))]
        rows.sort(key=lambda one: (self._last(one), one.uid), reverse=True)
        if asked["order"] == "id:asc":
            rows.sort(key=lambda one: one.uid)
        size, total = int(asked["pageSize"]), len(rows)
        count = -(-total // size)
        wanted = int(asked["page"])
        page = max(1, min(wanted, count))
        # A page behind the last is the last again, and from 2.42 on empty (quirk 9b).
        given = [] if wanted > page and self.version == "42" else rows[(page - 1) * size : page * size]
        pager = {"page": page, "pageSize": size, "pageCount": count, "total": total}
        return httpx.Response(200, json={"pager": pager, "messageConversations": [self._row(one) for one in given]})

    def _last(self, one: Conversation) -> datetime | None:
        last = one.last(self.now)
        return None if last is None else last - self.early

    def _matches(self, one: Conversation, filters: list[str]) -> bool:
        last = self._last(one)
        if last is None:
            return False
        for text in filters:
            name, _, value = text.split(":", 2)
            if name == "read" and one.unread != (value == "false"):
                return False
            if name == "lastMessage" and last < datetime.fromisoformat(value):
                return False
        return True

    def _row(self, one: Conversation) -> dict[str, Any]:
        last = self._last(one)
        return {"id": one.uid, "read": not one.unread, "lastMessage": written(last) if last else None}

    def _thread(self, uid: str) -> httpx.Response:
        self.reading()
        one = self.conversations.get(uid)
        if one is None:
            return httpx.Response(200, json={"message": f"No MessageConversation found with UID: {uid}"})
        messages = [
            {"id": m.uid, "created": written(m.created), "text": m.uid, "sender": {"id": m.sender}}
            for m in one.seen(self.now)
        ]
        return httpx.Response(200, json={**self._row(one), "messages": messages, "userMessages": []})


def written(moment: datetime) -> str:
    """Write a time as the server does: milliseconds, no zone."""
    return moment.isoformat(timespec="milliseconds")
