# Derived from _async/watching.py by `make sync`. Do not edit.
"""New messages as they come, from a cursor that says which were handed over."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator
from datetime import MAXYEAR, UTC, datetime, timedelta

from attrs import field, frozen

from dhis2_facade import errors
from dhis2_facade._sync.backend import sleep
from dhis2_facade._sync.messaging import Messaging
from dhis2_facade._sync.session import Session
from dhis2_facade.models import Message, MessageConversation, NewMessage

EARLY = timedelta(seconds=1)  # lastMessage is some milliseconds before the time of its message (recorded: 1 to 6)
AROUND = timedelta(hours=3)  # a clock that is set back is noticed in these hours before and after


@frozen
class Cursor:
    """Everything before `floor` was handed over, and of what came since, the messages in `seen`."""

    floor: datetime
    seen: dict[str, datetime] = field(factory=dict)

    @classmethod
    def read(cls, text: object) -> Cursor:
        """Read a cursor's text, or a moment as one. Raises InvalidInput."""
        if isinstance(text, datetime):
            text = json.dumps([text.isoformat(), {}])
        with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
            floor, seen = json.loads(str(text))
            found = cls(datetime.fromisoformat(floor), {uid: datetime.fromisoformat(at) for uid, at in seen.items()})
            if 1 < found.floor.year < MAXYEAR and all(
                at.tzinfo is not None for at in (found.floor, *found.seen.values())
            ):
                return found
        raise errors.InvalidInput("cursor: expected one that watch() gave, or a datetime with its zone")

    def write(self) -> str:
        """Give it as text."""
        return json.dumps([self.floor.isoformat(), {uid: at.isoformat() for uid, at in self.seen.items()}])

    def behind(self, uid: str, created: datetime, overlap: timedelta) -> Cursor:
        """Give the cursor behind a message. What may still be stored with an earlier time stays within `overlap`."""
        floor = max(self.floor, earliest(created) - overlap)
        seen = {**self.seen, uid: created}
        return Cursor(floor, {one: at for one, at in seen.items() if at >= floor})


def earliest(moment: datetime) -> datetime:
    """Give the earliest time that may be written behind this moment: where clocks are set back, times come twice."""
    shift = ((moment - AROUND).utcoffset() or timedelta()) - ((moment + AROUND).utcoffset() or timedelta())
    return moment - max(shift, timedelta())


def watch(
    session: Session,
    messaging: Messaging,
    cursor: Cursor | None,
    *,
    interval: float,
    own: bool,
    timeout: float | None,
) -> Generator[NewMessage]:
    """Look, hand over, wait, for ever."""
    start = cursor.floor if cursor else (session.info(session.deadline(timeout))).server_date or datetime.now(UTC)
    cursor = cursor or Cursor(earliest(start) - timedelta(seconds=session.settle))
    while True:
        began, me = time.monotonic(), (session.me(session.deadline(timeout))).id
        found = _new(session, messaging, cursor, timeout)
        # What was stored while it looked may be in a thread that it had passed by.
        overlap = timedelta(seconds=session.settle + time.monotonic() - began)
        for conversation, message, uid, created in found:
            cursor = cursor.behind(uid, created, overlap)
            if created < start or (not own and message.sender is not None and message.sender.id == me):
                continue
            yield NewMessage(conversation=conversation, message=message, cursor=cursor.write())
        start = cursor.floor  # what the first look did not see yet is new, also with a time before it
        sleep(interval)


def _new(
    session: Session, messaging: Messaging, cursor: Cursor, timeout: float | None
) -> list[tuple[MessageConversation, Message, str, datetime]]:
    """Give what is new, oldest first. Threads are read one by one: in a list all see internal notes (25)."""
    since = (cursor.floor.astimezone(session.zone) - EARLY).replace(tzinfo=None, microsecond=0)
    found = []
    for row in messaging.list(filters=f"lastMessage:ge:{since.isoformat()}", fields="id,lastMessage", timeout=timeout):
        try:
            conversation = messaging.get(str(row.id), timeout=timeout)
        except (errors.NotFound, errors.Forbidden):  # left since
            continue
        for message in conversation.messages or ():
            uid, created = message.id or "", message.created
            if created is not None and created >= cursor.floor and uid not in cursor.seen:
                found.append((conversation, message, uid, created))
    return sorted(found, key=lambda one: (one[3], one[2]))
