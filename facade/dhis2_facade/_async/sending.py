"""A send, reply or feedback, stored at most once: the token, the look-up by it, and what is said afterwards.

1. With a caller's key the message is looked for first. A "no" is believed only once the server had the settle time to
   store what an earlier attempt may have sent.
2. It is sent. 201: stored. Any other 4xx than 408, or a redirect to the login page: not stored. Where no byte of the
   body went out, or the server says 429, it is sent again.
3. After anything else it is looked for until the settle time is over. Found: stored. Not found: `Ambiguous`.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import evolve, field, frozen

from dhis2_facade._async.backend import call_in_thread, sleep
from dhis2_facade._async.files import AsyncFiles
from dhis2_facade._async.session import REMEMBERED, AsyncSession
from dhis2_facade._async.transport import Lost
from dhis2_facade.answers import Answer, location_uid, object_of
from dhis2_facade.errors import (
    Ambiguous,
    Conflict,
    Dhis2Error,
    Forbidden,
    InvalidInput,
    KeyReused,
    NotFound,
    UnreadableAnswer,
)
from dhis2_facade.keys import Token, draw_key, file_uid, first_hit, own_hits
from dhis2_facade.models import MessageConversation, Sent, read_list, read_object
from dhis2_facade.retry import Deadline, Meaning, Outcome, lookup_pause, pause
from dhis2_facade.sources import Source
from dhis2_wire import Request

__all__ = ["AsyncSender", "Draft"]

log = logging.getLogger("dhis2_facade.sending")

SUMMARY = (
    "id,subject,messageType,priority,status,read,followUp,messageCount,created,lastUpdated,lastMessage,"
    "lastSender[id,displayName],assignee[id,displayName]"
)
THREAD = (
    ",userMessages[read,followUp,user[id,username,displayName]],"
    "messages[id,created,text,internal,sender[id,username,displayName],"
    "attachments[id,name,contentType,contentLength]"
)
CONVERSATION = SUMMARY + THREAD + "]"
READ_BACK = SUMMARY + THREAD + ",metaData]"
LOOK_UP = "id,messages[id,metaData,sender[id,username]]"
LOOK_UP_SECONDS = 10.0  # of one look-up
LOOK_UP_PAGES = 20  # of 50 conversations that hold a token: only who copies tokens makes more than one
ROUNDS = 3  # sets of uids for the attachments of one key: each refused send spends one (quirk 6)
ATTACHMENT = re.compile(r"Attachment '(\w+)'")
USED = "is already used"
BY_DATABASE = ("value too long", "invalid byte sequence", "not-null property")


@frozen(kw_only=True)
class Draft:
    """What is to be stored."""

    operation: str  # send, reply, feedback
    content: list[object]  # what the same key must not be used for twice
    request: Callable[[Sequence[str]], Request[object]]  # made of the uids of its attachments
    conversation: str | None = None  # uid, of a reply
    attachments: Sequence[str | Source] = ()


@frozen(kw_only=True)
class Attempt:
    """A draft on its way, with what it is known by."""

    draft: Draft
    key: str
    token: Token
    deadline: Deadline
    uids: Sequence[str] = ()
    request: Request[object] | None = None


@frozen(kw_only=True)
class _Stored:
    """Where a message was stored."""

    uid: str | None
    found: bool = False
    copies: int = field(default=1)


class AsyncSender:
    """Stores drafts."""

    def __init__(self, session: AsyncSession, files: AsyncFiles) -> None:
        self._session, self._files = session, files

    async def store(
        self, draft: Draft, *, key: str | None, attempted: datetime | bool | None, fetch: bool, timeout: float | None
    ) -> Sent:
        """Store a draft and say what became of it; see the top of this module."""
        doubt = self._doubt(attempted)
        if key is not None and not str(key):
            raise InvalidInput("key: expected some text")
        session, given = self._session, key is not None
        deadline = session.deadline(timeout)
        key = draw_key() if key is None else key
        try:
            await session.start(deadline)
            if given and session.no_trust:
                raise InvalidInput(f"key: no key can be kept, since {session.no_trust}")
            prints = await self._prints(draft) if given else []
            token = self._token(draft, key, prints)
            attempt = Attempt(draft=draft, key=key, token=token, deadline=deadline)
            stored = await self._look_first(attempt, doubt) if given and attempted is not False else None
            for round_ in range(ROUNDS):
                if stored is None:
                    attempt = await self._upload(attempt, prints, round_, given=given)
                    stored = await self._send(attempt, given=given, last=round_ == ROUNDS - 1)
            if stored is None:
                raise AssertionError("the last round stores or raises")
            return await self._sent(attempt, stored, fetch=fetch)
        except Dhis2Error as error:
            error.key = error.key or key
            raise
        except Exception:
            raise
        except BaseException as interruption:
            interruption.add_note(
                f"the {draft.operation} may or may not have been stored; with key={key!r} and the same content "
                "it is found out, and stored at most once"
            )
            raise

    # -- what it is known by --------------------------------------------------------------------------------------

    async def _prints(self, draft: Draft) -> list[str]:
        """Give uid or MD5 of each attachment, as the key's owner passes it."""
        prints = []
        for one in draft.attachments:
            if isinstance(one, Source) and not one.again:
                raise InvalidInput(f"key: {one.name} can be read only once, so not sent again; pass its bytes")
            prints.append(await call_in_thread(one.md5) if isinstance(one, Source) else one)
        return prints

    def _token(self, draft: Draft, key: str, prints: Sequence[str]) -> Token:
        files = [
            [one.name, print_] if isinstance(one, Source) else one
            for one, print_ in zip(draft.attachments, prints or draft.attachments, strict=True)
            if prints or not isinstance(one, Source)
        ]
        return Token.of(key, draft.operation, draft.conversation, [*draft.content, files])

    def _doubt(self, attempted: datetime | bool | None) -> float:
        """Give the moment (monotonic) at which an attempt may last have been made, as far as the caller knows."""
        if attempted is None or attempted is False:
            return self._session.settings.started
        if not isinstance(attempted, datetime) or attempted.tzinfo is None:
            raise InvalidInput("attempted: expected a datetime with its zone, False (never) or None (perhaps now)")
        ago = (datetime.now(UTC) - attempted).total_seconds()
        return time.monotonic() - max(0.0, ago)

    # -- looking --------------------------------------------------------------------------------------------------

    async def _look_first(self, attempt: Attempt, doubt: float) -> _Stored | None:
        doubt = max(doubt, self._session.attempted.get(attempt.token.hash, doubt))
        end = doubt + self._session.settings.settle
        count = 1
        while True:
            now = time.monotonic()
            try:
                stored = await self._look(attempt, attempt.deadline)
            except Forbidden as error:
                raise self._ambiguous(attempt, f"it may not be looked for: {error}") from None
            if stored is not None or now >= end:
                return stored
            wait = min(lookup_pause(count, random.random()), end - now)  # noqa: S311 - jitter
            if wait >= attempt.deadline.left(now):
                raise self._ambiguous(attempt, "an earlier attempt may still be on its way, and the time is over")
            await sleep(wait)
            count += 1

    async def _look_after(self, attempt: Attempt, why: str) -> _Stored | None:
        """Look for what may have been stored until the settle time is over. Raises Ambiguous where nobody can look."""
        session = self._session
        if session.no_trust:
            raise self._ambiguous(attempt, f"{why} It cannot be looked for, since {session.no_trust}")
        end = time.monotonic() + session.settings.settle
        count = 1
        while True:
            now = time.monotonic()
            left = attempt.deadline.left(now)
            if left <= 0:
                raise self._ambiguous(attempt, why)
            try:
                stored = await self._look(attempt, Deadline(min(left, LOOK_UP_SECONDS), now))
            except Forbidden as error:
                raise self._ambiguous(attempt, f"{why} It may not be looked for: {error}") from None
            except KeyReused:
                raise
            except Dhis2Error as error:
                log.debug("look-up: %s", error)
                stored = None
            if stored is not None or now >= end:
                return stored
            await sleep(min(lookup_pause(count, random.random()), max(0.0, end - now), left))  # noqa: S311 - jitter
            count += 1

    async def _look(self, attempt: Attempt, deadline: Deadline) -> _Stored | None:
        """Look for the token once: a reply in its thread, all else among one's own conversations."""
        me = await self._session.me(deadline)
        hits: list[tuple[str | None, str]] = []
        for conversation in await self._candidates(attempt, deadline):
            found = own_hits(conversation.messages, attempt.token, me.id or "")
            hits += [(conversation.id, digest) for _, digest in found]
        if not hits:
            return None
        if any(digest != attempt.token.digest for _, digest in hits):
            raise KeyReused(
                f"the key was used before for another {attempt.draft.operation}; use a key for one content only",
                key=attempt.key,
            )
        if len(hits) > 1:
            log.warning("stored %d times: something between client and server repeats requests", len(hits))
        return _Stored(uid=hits[0][0], found=True, copies=len(hits))

    async def _candidates(self, attempt: Attempt, deadline: Deadline) -> Sequence[MessageConversation]:
        session, calls = self._session, self._session.bindings.message_conversation
        if attempt.draft.conversation is not None:
            try:
                request = calls.get(attempt.draft.conversation, fields=LOOK_UP)
                answer = (await session.run(request, Meaning.READ, deadline)).answer
                return [read_object(MessageConversation, object_of(answer), session.zone)]
            except NotFound:
                return []
        return await self._search(attempt.token, LOOK_UP, deadline)

    async def _search(self, token: Token, fields: str, deadline: Deadline) -> Sequence[MessageConversation]:
        """Give one's own conversations with a message that was sent with the token."""
        session = self._session
        found: list[MessageConversation] = []
        for page in range(1, LOOK_UP_PAGES + 1):
            request = session.bindings.message_conversation.list_(
                fields=fields,
                filter_=[f"messages.metaData:like:{token.hash}"],
                order=["lastMessage:desc"],
                page=page,
                page_size=50,
            )
            value = object_of((await session.run(request, Meaning.READ, deadline)).answer)
            rows = value.get("messageConversations")
            found += read_list(MessageConversation, rows, session.zone, "messageConversations")
            pager = value.get("pager")
            count = pager.get("pageCount") if isinstance(pager, dict) else None
            if not isinstance(count, int) or page >= count:
                return found
        raise UnreadableAnswer("more conversations than can be hold this token; somebody copies it", key=None)

    # -- sending --------------------------------------------------------------------------------------------------

    async def _upload(self, attempt: Attempt, prints: Sequence[str], round_: int, *, given: bool) -> Attempt:
        """Upload what is not on the server yet, with uids that the key gives where the caller has one."""
        uids: list[str] = []
        done: list[str] = []
        files: list[str] = []
        for place, one in enumerate(attempt.draft.attachments):
            if not isinstance(one, Source):
                uids.append(one)
                files.append(one)
                continue
            uid = file_uid(attempt.key, place, prints[place], round_) if given else None
            try:
                stored = await self._files.store(one, uid=uid, deadline=attempt.deadline)
            except Dhis2Error as error:
                error.unspent = tuple(done)
                raise
            uids.append(str(stored.id))
            done.append(str(stored.id))
            files.append(stored.content_md5 or "")
        token = attempt.token if given else self._token(attempt.draft, attempt.key, files)
        return evolve(attempt, uids=uids, token=token, request=attempt.draft.request(uids))

    async def _send(self, attempt: Attempt, *, given: bool, last: bool) -> _Stored | None:
        """Send until it is stored or refused. None where its files were spent by an earlier, refused attempt."""
        session, request = self._session, attempt.request
        if request is None:
            raise AssertionError("uploads come first")
        count = 1
        while True:
            now = time.monotonic()
            left = attempt.deadline.left(now)
            # Of the time that is left, enough is kept for looking where no answer comes.
            share = left if session.no_trust else max(left / 2, left - session.settings.settle)
            self._remember(attempt.token)
            agent = attempt.token.in_agent(session.settings.agent)
            result = await session.attempt(request, Deadline(share, now), agent=agent)
            happened = session.outcome(result, write=True)
            if isinstance(result, Answer) and happened is Outcome.DONE:
                session.attempted.pop(attempt.token.hash, None)
                return _Stored(uid=attempt.draft.conversation or location_uid(result))
            if happened is Outcome.UNKNOWN:
                error = session.error(request, result) if _is_error(result) else None
                why = str(error) if error else f"{request.method} {request.path}: an answer that does not say."
                stored = await self._look_after(attempt, why)
                if stored is None:
                    raise self._ambiguous(attempt, why)
                return stored
            session.attempted.pop(attempt.token.hash, None)
            wait = pause(count, happened, Meaning.ONCE, random.random(), session.wanted(result))  # noqa: S311 - jitter
            if wait is None or wait >= attempt.deadline.left(time.monotonic()):
                return await self._refused(attempt, session.error(request, result), given=given, last=last)
            await sleep(wait)
            count += 1

    async def _refused(self, attempt: Attempt, error: Dhis2Error, *, given: bool, last: bool) -> _Stored | None:
        """Say what a refusal left behind; or, for files that the key gave, whether they were used by this very send."""
        said = error.server_message or ""
        derived = {
            uid for uid, one in zip(attempt.uids, attempt.draft.attachments, strict=True) if isinstance(one, Source)
        }
        named = ATTACHMENT.search(said)
        if given and not last and isinstance(error, Conflict) and USED in said and named and named[1] in derived:
            return await self._look_after(attempt, str(error))
        spent = _spent(error, attempt.uids)
        error.spent, error.unspent = spent, tuple(uid for uid in attempt.uids if uid not in spent)
        if spent:
            error.args = (f"{error.args[0]} These files cannot be attached again: {', '.join(spent)}.",)
        raise error

    def _remember(self, token: Token) -> None:
        remembered = self._session.attempted
        remembered[token.hash] = time.monotonic()
        remembered.move_to_end(token.hash)
        while len(remembered) > REMEMBERED:
            remembered.popitem(last=False)

    def _ambiguous(self, attempt: Attempt, why: str) -> Ambiguous:
        request = attempt.request
        return Ambiguous(
            f"the {attempt.draft.operation} may or may not have been stored: {why} "
            f"To find out and go on, make the same call with key={attempt.key!r}.",
            key=attempt.key,
            method=request.method if request else None,
            path=request.path if request else None,
            spent=tuple(attempt.uids),
        )

    # -- what became of it ----------------------------------------------------------------------------------------

    async def _sent(self, attempt: Attempt, stored: _Stored, *, fetch: bool) -> Sent:
        """Read back what was stored. Nothing raises any more: it is stored."""
        sent = Sent(key=attempt.key, uid=stored.uid, found=stored.found, copies=stored.copies)
        if not fetch:
            return sent
        session, deadline = self._session, attempt.deadline
        try:
            if stored.uid is None:  # feedback on 2.40 (quirk 17)
                found = [(c, first_hit(c.messages, attempt.token)) for c in await self._own(attempt, deadline)]
                conversation, message = next(((c, m) for c, m in found if m is not None), (None, None))
            else:
                request = session.bindings.message_conversation.get(stored.uid, fields=READ_BACK)
                answer = (await session.run(request, Meaning.READ, deadline)).answer
                conversation = read_object(MessageConversation, object_of(answer), session.zone)
                message = first_hit(conversation.messages, attempt.token)
        except Dhis2Error as error:
            return evolve(sent, read_error=str(error))
        missing = "the message was not found by its key" + (f": {session.no_trust}" if session.no_trust else "")
        return evolve(
            sent,
            conversation=conversation,
            message=message,
            uid=stored.uid or (conversation.id if conversation else None),
            read_error=None if message else missing,
        )

    async def _own(self, attempt: Attempt, deadline: Deadline) -> Sequence[MessageConversation]:
        return await self._search(attempt.token, READ_BACK, deadline)


def _is_error(result: Answer | Lost) -> bool:
    return isinstance(result, Lost) or not 200 <= result.status < 300 or result.broken is not None


def _spent(error: Dhis2Error, uids: Sequence[str]) -> tuple[str, ...]:
    """Give the attachments that a refused send used up, as far as its answer says (quirk 6)."""
    said = error.server_message or ""
    if not isinstance(error, Conflict):
        return ()
    named = ATTACHMENT.search(said)
    if named and named[1] in uids:
        place = list(uids).index(named[1])
        return tuple(uids[: place + (USED in said)])
    return tuple(uids) if any(words in said for words in BY_DATABASE) else ()
