"""New messages as they come, from a cursor that says which were handed over."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from dhis2_facade._async.backend import sleep
from dhis2_facade._async.session import AsyncSession
from dhis2_facade.errors import Forbidden, InvalidInput, NotFound
from dhis2_facade.inputs import seconds_of
from dhis2_facade.models import Message, MessageConversation, NewMessage

if TYPE_CHECKING:
    from dhis2_facade._async.messaging import AsyncMessaging

__all__ = ["AsyncWatcher"]

AROUND = timedelta(hours=3)  # a clock that is set back is noticed in these hours before and after


@frozen
class Cursor:
    """Everything before `floor` was handed over, and of what came since, the messages in `seen`."""

    floor: datetime
    seen: dict[str, datetime] = field(factory=dict)

    @classmethod
    def read(cls, text: object) -> Cursor:
        """Read a cursor's text. Raises InvalidInput."""
        try:
            floor, seen = json.loads(str(text))
            found = cls(datetime.fromisoformat(floor), {uid: datetime.fromisoformat(at) for uid, at in seen.items()})
            if all(at.tzinfo is not None for at in (found.floor, *found.seen.values())):
                return found
        except (ValueError, TypeError, AttributeError, RecursionError):
            pass
        raise InvalidInput("cursor: expected one that watch() gave")

    def write(self) -> str:
        """Give it as text."""
        return json.dumps([self.floor.isoformat(), {uid: at.isoformat() for uid, at in self.seen.items()}])

    def behind(self, uid: str, created: datetime, overlap: timedelta) -> Cursor:
        """Give the cursor behind a message. What may still be stored with an earlier time stays within `overlap`."""
        # Where the server's clock is set back, its times without a zone come twice: then the window is longer by that.
        shift = ((created - AROUND).utcoffset() or timedelta()) - ((created + AROUND).utcoffset() or timedelta())
        floor = max(self.floor, created - overlap - max(shift, timedelta()))
        seen = {**self.seen, uid: created}
        return Cursor(floor, {one: at for one, at in seen.items() if at >= floor})


class AsyncWatcher:
    """Looks for new messages."""

    def __init__(
        self, session: AsyncSession, messaging: AsyncMessaging, *, interval: float, own: bool, timeout: float | None
    ) -> None:
        self._session, self._messaging = session, messaging
        self._interval, self._own, self._timeout = seconds_of("interval", interval), own, timeout

    async def watch(self, cursor: Cursor | None) -> AsyncIterator[NewMessage]:
        """Look, hand over, wait, for ever."""
        state = cursor or await self._now()
        overlap = timedelta(seconds=self._session.settings.settle)
        while True:
            for conversation, message, uid, created in await self._new(state):
                state = state.behind(uid, created, overlap)
                yield NewMessage(conversation=conversation, message=message, cursor=state.write())
            await sleep(self._interval)

    async def _now(self) -> Cursor:
        deadline = self._session.deadline(self._timeout)
        await self._session.start(deadline)
        info = await self._session.ask_info(deadline)
        if info.server_date is None:
            raise NotFound("the server does not say its time; pass a cursor")
        return Cursor(info.server_date.replace(tzinfo=self._session.zone))

    async def _new(self, state: Cursor) -> list[tuple[MessageConversation, Message, str, datetime]]:
        """Give what is new, oldest first. Threads are read one by one: in a list all see internal notes (25)."""
        await self._session.start(self._session.deadline(self._timeout))
        since = state.floor.astimezone(self._session.zone).replace(tzinfo=None, microsecond=0)
        changed = self._messaging.list(
            filters=f"lastMessage:ge:{since.isoformat()}", fields="id", timeout=self._timeout
        )
        me = None if self._own else (await self._session.me(self._session.deadline(self._timeout))).id
        found = []
        async for row in changed:
            try:
                conversation = await self._messaging.get(str(row.id), timeout=self._timeout)
            except (NotFound, Forbidden):  # left since
                continue
            for message in conversation.messages or ():
                sender = message.sender.id if message.sender else None
                if message.id is None or message.created is None or (me is not None and sender == me):
                    continue
                if message.created >= state.floor and message.id not in state.seen:
                    found.append((conversation, message, message.id, message.created))
        return sorted(found, key=lambda one: (one[3], one[2]))
