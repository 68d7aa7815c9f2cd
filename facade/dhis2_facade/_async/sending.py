"""A send, reply or feedback, stored at most once: the token, the look-up by it, and what is said afterwards.

1. With a caller's key the message is looked for first. A "no" is believed only once the server had the settle time to
   store what an earlier attempt may have sent.
2. It is sent. 201: stored. Any other 4xx than 408, or a redirect to the login page: not stored. Where no byte of the
   body went out, or the server says 429, it is sent again.
3. After anything else it is looked for until the settle time is over. Found: stored. Not found: `Ambiguous`.
"""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import evolve

from dhis2_facade import answers, errors, inputs, keys, retry, sources
from dhis2_facade._async.backend import call_in_thread, sleep
from dhis2_facade._async.files import AsyncFiles
from dhis2_facade._async.session import AsyncSession
from dhis2_facade.models import MessageConversation, Sent
from dhis2_wire import Request

log = logging.getLogger("dhis2_facade.sending")

SUMMARY = (
    "id,subject,messageType,priority,status,read,followUp,messageCount,created,lastUpdated,lastMessage,"
    "lastSender[id,displayName],assignee[id,displayName]"
)
CONVERSATION = (
    f"{SUMMARY},userMessages[read,followUp,user[id,username,displayName]],"
    "messages[id,created,text,internal,sender[id,username,displayName],"
    "attachments[id,name,contentType,contentLength]]"
)
READ_BACK = CONVERSATION.removesuffix("]") + ",metaData]"
LOOK_UP = "id,messages[id,metaData,sender[id,username]]"
LOOK_UP_SECONDS = 10.0  # of one look-up
LOOK_UP_MOST = 1000  # conversations that hold a token: only who copies tokens makes more than one
LAST_LOOK = 2.0  # seconds that are kept for it beyond the settle time
EARLIER = "an earlier attempt may have stored it."
ROUNDS = 3  # sets of uids for the attachments of one key: each refused send spends one (quirk 6)
USED = "is already used"
BY_DATABASE = ("value too long", "invalid byte sequence", "not-null property")


class AsyncSender:
    """One message on its way: `operation` is send, reply or feedback, `conversation` the uid that a reply goes to.

    `request` makes the call of the uids of its attachments; `content` is what its key must not be used for twice.
    """

    def __init__(
        self,
        session: AsyncSession,
        files: AsyncFiles,
        operation: str,
        request: Callable[[Sequence[str]], Request[object]],
        *,
        content: list[object],
        conversation: str | None = None,
        attachments: Sequence[str | sources.Source] = (),
        key: str | None,
        timeout: float | None,
    ) -> None:
        self._session, self._files, self._operation, self._request = session, files, operation, request
        self._content, self._conversation, self._attachments = content, conversation, attachments
        # Never a random that was passed in: processes that were forked would share it.
        self._given, self._key = key is not None, inputs.text_of("key", os.urandom(16).hex() if key is None else key)
        self._deadline, self._token = session.deadline(timeout), keys.Token("", "")
        self._uids: Sequence[str] = ()  # of the attachments
        self._went = False  # whether an attempt may have gone out

    async def store(self, attempted: datetime | bool | None, *, fetch: bool) -> Sent:
        """Store it and say what became of it; see the top of this module."""
        doubt, earlier, sent, round_ = self._doubt(attempted), self._given and attempted is not False, None, 0
        try:
            try:
                await self._session.start(self._deadline)
            except (errors.ConnectionFailed, errors.ServerError, errors.TooManyRequests) as error:
                if earlier:
                    raise self._ambiguous(f"{EARLIER} It cannot be looked for: {error}") from None
                raise
            inputs.require(
                not (self._given and self._session.no_trust), f"key: no key can be kept, since {self._session.no_trust}"
            )
            prints = [await self._print(one) for one in self._attachments]
            self._token = self._token_of(prints)
            if earlier or self._token.hash in self._session.attempted:
                doubt = max(doubt, self._session.attempted.get(self._token.hash, doubt))
                sent = await self._find(doubt, EARLIER)
            while sent is None:
                await self._upload(prints, round_)
                round_ += 1
                sent = await self._send(again=self._given and round_ < ROUNDS)
            return await self._read_back(sent) if fetch else sent
        except errors.Dhis2Error as error:
            error.key = self._key
            raise
        except BaseException as interruption:
            doubted = earlier or self._token.hash in self._session.attempted
            known = "was stored" if sent else "may or may not have been stored" if doubted else "was not stored"
            interruption.add_note(
                f"the {self._operation} {known}; with key={self._key!r} and the same content it is found, or stored "
                "at most once"
            )
            raise

    # -- what it is known by --------------------------------------------------------------------------------------

    async def _print(self, one: str | sources.Source) -> list[str]:
        """Give the uid of an attachment, or its name and MD5; no MD5 where that could not be read a second time."""
        if isinstance(one, str):
            return [one]
        inputs.require(
            one.again or not self._given, f"key: {one.name} can be read only once, so not sent again; pass its bytes"
        )
        return [one.name, await call_in_thread(one.md5) if one.again else ""]

    def _token_of(self, prints: Sequence[Sequence[str]]) -> keys.Token:
        return keys.Token.of(self._key, self._operation, self._conversation, [*self._content, prints])

    def _doubt(self, attempted: datetime | bool | None) -> float:
        """Give the moment (monotonic) at which an attempt may last have been made, as far as the caller knows."""
        if isinstance(attempted, datetime) and attempted.tzinfo:
            return time.monotonic() - max(0.0, (datetime.now(UTC) - attempted).total_seconds())
        inputs.require(
            attempted in (None, False),
            "attempted: expected a datetime with its zone, False (never) or None (perhaps now)",
        )
        return self._session.started

    # -- looking --------------------------------------------------------------------------------------------------

    async def _find(self, doubt: float, why: str) -> Sent | None:
        """Look until it must have settled; a "no" before that is none. Raises Ambiguous where nobody can know."""
        count, end = 0, doubt + self._session.settle
        while True:
            if self._session.no_trust:  # it may be found out meanwhile
                raise self._ambiguous(f"{why} It cannot be looked for, since {self._session.no_trust}.")
            now, failure = time.monotonic(), None
            left = self._deadline - now
            if left <= 0:
                raise self._ambiguous(why)
            try:
                sent = await self._look(now + min(left, LOOK_UP_SECONDS))
            except errors.KeyReused:
                raise
            except errors.Dhis2Error as error:
                sent, failure = None, error
            if sent is not None or (failure is None and now >= end):
                return sent
            if now >= end or isinstance(failure, errors.Forbidden):
                raise self._ambiguous(f"{why} Looking for it failed: {failure}")
            count += 1
            pause = min(retry.lookup_pause(count, random.random()), end - now)  # noqa: S311 - jitter
            await sleep(max(0.0, min(pause, self._deadline - time.monotonic())))  # what the look has left of it

    async def _look(self, deadline: float) -> Sent | None:
        """Look for the token once: a reply in its thread, all else among one's own conversations."""
        me = await self._session.me(deadline)
        try:
            places = await self._places(self._conversation, LOOK_UP, deadline)
        except errors.NotFound as error:
            if self._conversation is None or error.status != 200:  # 404: of a server that is not up yet (quirk 8)
                raise
            places = []
        if any(place.messages is None for place in places):
            raise errors.UnreadableAnswer("looking for the message: the answer has no messages")
        hits = [(place.id, token) for place in places for token, _ in keys.hits(place.messages, self._token, me.id)]
        ours = [uid for uid, token in hits if token == self._token]
        if hits and not ours and not self._went:  # else ours may be on its way
            raise errors.KeyReused(
                f"the key was used for another {self._operation} before; use a key for one content only"
            )
        if len(ours) > 1:
            log.warning("stored %d times: something between client and server repeats requests", len(ours))
        return Sent(key=self._key, uid=ours[0], found=True, copies=len(ours)) if ours else None

    async def _places(self, uid: str | None, fields: str, deadline: float) -> Sequence[MessageConversation]:
        """Give where the message may be: its conversation, or those of one's own with a message that has the token."""
        if uid is not None:  # all but a send that is looked for, and feedback on 2.40 (quirk 17)
            return [await self._session.conversation(uid, fields, deadline)]
        request = self._session.bindings.message_conversation.list_(
            fields=fields,
            filter_=[f"messages.metaData:like:{self._token.hash}"],
            order=["lastMessage:desc"],
            page=1,
            page_size=LOOK_UP_MOST,
        )
        found = await self._session.rows(MessageConversation, "messageConversations", request, deadline)
        if len(found) < LOOK_UP_MOST:
            return found
        raise errors.UnreadableAnswer(f"{len(found)} conversations hold its key; somebody copies keys")

    # -- sending --------------------------------------------------------------------------------------------------

    async def _upload(self, prints: Sequence[list[str]], round_: int) -> None:
        """Upload what is not on the server yet, with uids that the key gives where the caller has one."""
        uids: list[str] = []
        # Others may use the same key.
        me = (await self._session.me(self._deadline)).id if self._given and self._attachments else None
        write = [self._key, self._operation, self._conversation, me]
        for place, one in enumerate(self._attachments):
            if isinstance(one, str):
                uids.append(one)
            else:
                uid = keys.file_uid(write, place, prints[place][-1], round_) if self._given else None
                try:
                    stored = await self._files.store(one, uid=uid, deadline=self._deadline)
                except errors.Dhis2Error as error:
                    error.unspent = tuple(uids)
                    raise
                uids.append(str(stored.id))
                prints[place][-1] = prints[place][-1] or stored.content_md5 or ""  # of what could be read only once
        self._uids, self._token = uids, self._token_of(prints)

    async def _send(self, *, again: bool) -> Sent | None:
        """Send until it is stored or refused. None where an earlier, refused attempt spent its files (`again`)."""
        session, request, count = self._session, self._request(self._uids), 0
        while True:
            now = time.monotonic()
            left = self._deadline - now
            # Of the time that is left, enough is kept for looking where no answer comes.
            share = left if session.no_trust else max(left / 2, left - session.settle - LAST_LOOK)
            try:
                answer = await session.attempt(request, now + share, agent=self._token.in_agent(session.agent))
            finally:  # cancelled or not: the server may store what it received last
                session.remember(self._token.hash)
            count, happened = count + 1, answers.outcome(answer, session.base, write=True)
            error = answers.error_of(answer, session.base)
            if happened is retry.Outcome.UNKNOWN:
                self._went = True
                why = str(error or f"{request.method} {request.path}: {answer.status}, which does not say.")
                sent = await self._find(time.monotonic(), why)
                if sent is None:
                    raise self._ambiguous(why)
                return sent
            if happened is retry.Outcome.DONE or error is None:
                return Sent(key=self._key, uid=self._conversation or answers.location_uid(answer))
            session.attempted.pop(self._token.hash, None)
            wait = session.pause(count, happened, retry.Meaning.ONCE, answer)
            if wait is None or wait >= self._deadline - time.monotonic():
                return await self._refused(error, again=again)
            await sleep(wait)

    async def _refused(self, error: errors.Dhis2Error, *, again: bool) -> Sent | None:
        """Say what a refusal left behind; or, for files that the key gave, whether they were used by this very send."""
        said = error.server_message or ""
        named = re.search(r"Attachment '(\w+)'", said)
        place = list(self._uids).index(named[1]) if named and named[1] in self._uids else None
        if place is not None and USED in said and not isinstance(self._attachments[place], str):
            # By an earlier attempt; or by this one, which something on the way sent twice.
            sent = await self._find(time.monotonic(), str(error)) if self._given or not self._session.no_trust else None
            if again or sent is not None:
                return sent
        error.spent = tuple(self._uids[: place + (USED in said)]) if place is not None else ()
        if isinstance(error, errors.Conflict) and any(words in said for words in BY_DATABASE):
            error.spent = tuple(self._uids)
        error.unspent = tuple(uid for uid in self._uids if uid not in error.spent)
        if error.spent:
            error.args = (f"{error.args[0]} These files cannot be attached again: {', '.join(error.spent)}.",)
        raise error

    def _ambiguous(self, why: str) -> errors.Ambiguous:
        return errors.Ambiguous(
            f"the {self._operation} may or may not have been stored: {why} "
            f"To find out and go on, make the same call with key={self._key!r}.",
            spent=tuple(self._uids),
        )

    # -- what became of it ----------------------------------------------------------------------------------------

    async def _read_back(self, sent: Sent) -> Sent:
        """Read what was stored. Nothing raises any more: it is stored."""
        try:
            places = await self._places(sent.uid, READ_BACK, self._deadline)
            # Without a caller's key nobody can have copied the token before; with one, others may use the same.
            me = (await self._session.me(self._deadline)).id if self._given else None
            hits = [
                (place, message)
                for place in places
                for token, message in keys.hits(place.messages, self._token, me)
                if token == self._token and message.created
            ]
        except errors.Dhis2Error as error:
            return evolve(sent, read_error=str(error))
        # Oldest first: what was just stored nobody can have copied before.
        for place, message in sorted(hits, key=lambda hit: (hit[1].created, hit[1].id)):
            return evolve(sent, uid=place.id, conversation=place, message=message)
        why = self._session.no_trust or "it may show a little later"
        return evolve(
            sent,
            conversation=places[0] if places and sent.uid else None,
            read_error=f"the message was not found by its key: {why}",
        )
