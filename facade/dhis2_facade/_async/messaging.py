"""Message conversations: everything that the server offers for them."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from attrs import evolve

from dhis2_facade import answers, errors, inputs, models, retry, sources
from dhis2_facade._async import backend, files, sending, session
from dhis2_facade.inputs import OneOrMany, uid_of
from dhis2_facade.models import (
    Download,
    FileResource,
    Marked,
    Message,
    MessageConversation,
    NewMessage,
    OrganisationUnit,
    Page,
    Removed,
    Sent,
    User,
    UserGroup,
)
from dhis2_wire import UNSET, Request, Unset

Conversation: TypeAlias = "str | MessageConversation"
Attempted: TypeAlias = "datetime | bool | None"
NEWEST = "lastMessage:desc"
PAGE_SIZE = 50  # conversations
MOST = 300  # uids in an address: servers take 8 kB of it
RESTARTS = 5  # of a list that moved, without finding anything new


class AsyncMessaging:
    """The message conversations of the user as whom the client logs in.

    Conversations, users, groups, units and files are passed by uid (a letter, ten letters or digits) or as the objects
    that other calls give; where many may be passed, one alone will do. Each call takes `timeout=`, the seconds that it
    may take in all, with every repeat and wait. Every call may raise ConnectionFailed or TimedOut, Unauthenticated,
    Forbidden, ServerError and, before anything is sent, InvalidInput; what else it may raise is said there.
    """

    def __init__(self, session: session.AsyncSession, files: files.AsyncFiles) -> None:
        self._session, self._files = session, files
        self._calls, self._writes = session.bindings.message_conversation, session.bindings.writes

    # -- reading --------------------------------------------------------------------------------------------------

    def list(
        self,
        *,
        unread: bool | None = None,
        follow_up: bool | None = None,
        message_type: str | None = None,
        status: str | None = None,
        priority: str | None = None,
        assignee: str | User | None = None,
        search: str | None = None,
        search_operator: str = "ilike",
        filters: OneOrMany[str] = (),
        order: OneOrMany[str] = NEWEST,
        fields: OneOrMany[str] | None = None,
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        timeout: float | None = None,
    ) -> AsyncGenerator[MessageConversation]:
        """Give one's conversations, newest first: `GET /api/messageConversations`, a request a page.

        Given are those that match all of what is passed: `unread` and `follow_up` are True or False, `message_type` is
        such as "PRIVATE" or "TICKET", `status` and `priority` as in `set_status` and `set_priority`, `search` is a text
        in the subject, a message or a sender's name (`search_operator` how it is compared: ilike, eq, like, token …),
        and `filters` are the server's own, such as "subject:ilike:stock". `order` is such as "created:asc". `fields`
        are the server's; what is not asked for is None. A row has no messages and no participants: `get` fetches them.
        `page=n` (from 1) gives that page alone. `timeout` is that of each page.

        Nothing is given twice, and nothing is lost that matched all the time: where the list moves while it is read, it
        is read again from its beginning, without what was given before. Raises ListMoved where that does not end. One
        move nobody can see: that between two pages as many left the list as came back into its rest, or, in an order
        other than the newest first, as many as came.
        """
        return self._all(
            self._lister(
                (unread, follow_up),
                (message_type, status, priority),
                assignee,
                filters,
                (search, search_operator),
                order,
                fields,
                (page, page_size),
            ),
            page,
            timeout,
            newest=order == NEWEST,
        )

    async def _all(
        self, request: Callable[..., Request[object]], page: int | None, timeout: float | None, *, newest: bool
    ) -> AsyncGenerator[MessageConversation]:
        """Give the rows of all pages, or of this page alone."""
        known: set[str | None] = set()
        restarts = 0
        while restarts <= RESTARTS:
            number, count, total, moved = page or 1, page or 1, None, False
            given: set[str | None] = set()
            last: datetime | None = None  # of the messages that the rows so far name as their newest
            while number <= count and not moved:
                got = await self._page(request(page=number), number, timeout)
                # Pages that a server only promises would never end.
                restarts += number > 1 and not page and not got.items
                moved = (
                    total not in (None, got.total)
                    or any(one.id in given for one in got.items)
                    or restarts > RESTARTS
                    # What came or was written to since stands first; behind older ones it says how far all moved.
                    or any(newest and last and one.last_message and one.last_message > last for one in got.items[:1])
                )
                last = got.items[-1].last_message if got.items else last
                total, count, number = got.total, page or got.page_count, number + 1
                for one in got.items:
                    given.add(one.id)
                    if one.id not in known:
                        known.add(one.id)
                        restarts = 0
                        yield one
            if not moved:
                return
            restarts += 1
        raise errors.ListMoved(f"the list changed each time that it was read, {RESTARTS} times without anything new")

    def pages(
        self,
        *,
        unread: bool | None = None,
        follow_up: bool | None = None,
        message_type: str | None = None,
        status: str | None = None,
        priority: str | None = None,
        assignee: str | User | None = None,
        search: str | None = None,
        search_operator: str = "ilike",
        filters: OneOrMany[str] = (),
        order: OneOrMany[str] = NEWEST,
        fields: OneOrMany[str] | None = None,
        page_size: int = PAGE_SIZE,
        timeout: float | None = None,
    ) -> AsyncGenerator[Page[MessageConversation]]:
        """Give the pages of `list`, each with the totals, as they are when the page is asked for.

        What moves to another page in the meantime comes twice or not at all; `list` takes care of that.
        """
        return self._pages(
            self._lister(
                (unread, follow_up),
                (message_type, status, priority),
                assignee,
                filters,
                (search, search_operator),
                order,
                fields,
                (None, page_size),
            ),
            timeout,
        )

    async def _pages(
        self, request: Callable[..., Request[object]], timeout: float | None
    ) -> AsyncGenerator[Page[MessageConversation]]:
        number, count = 1, 1
        while number <= count:
            got = await self._page(request(page=number), number, timeout)
            yield got
            number, count = number + 1, got.page_count

    def _lister(
        self,
        flags: Sequence[bool | None],
        words: Sequence[str | None],
        assignee: object,
        filters: OneOrMany[str],
        search: tuple[str | None, str],
        order: OneOrMany[str],
        fields: OneOrMany[str] | None,
        page: tuple[int | None, int],
    ) -> Callable[..., Request[object]]:
        """Check what `list` was given, and give what makes the request of a page."""
        inputs.page_of(*page)
        unread, follow_up = flags
        inputs.require(all(flag in (True, False, None) for flag in flags), "unread, follow_up: expected True or False")
        marks = {"read": None if unread is None else not unread, "followUp": follow_up}
        named = zip(("messageType", "status", "priority"), words, strict=True)
        found = [f"{name}:eq:{str(bool(mark)).lower()}" for name, mark in marks.items() if mark is not None]
        found += [f"{name}:eq:{inputs.text_of(name, word).upper()}" for name, word in named if word is not None]
        found += [f"assignee.id:eq:{uid_of('assignee', one, User)}" for one in inputs.several(assignee)]
        text, operator = search
        return functools.partial(
            self._calls.list_,
            fields=inputs.fields_of(fields, sending.SUMMARY),
            filter_=inputs.filters_of([*found, *inputs.several(filters)]),
            order=[inputs.text_of("order", one) for one in inputs.several(order)],
            query_string=UNSET if text is None else inputs.text_of("search", text),
            query_operator=UNSET if text is None else inputs.text_of("search_operator", operator),
            page_size=page[1],
        )

    async def _page(self, request: Request[object], page: int, timeout: float | None) -> Page[MessageConversation]:
        value = await self._session.fetch(request, self._session.deadline(timeout))
        pager = value.get("pager")
        numbers = [
            pager.get(key) if isinstance(pager, dict) else None for key in ("page", "pageSize", "pageCount", "total")
        ]
        got, size, count, total = (number if isinstance(number, int) else -1 for number in numbers)
        if min(got, size, count, total) < 0:
            raise errors.UnreadableAnswer("pager: expected page, pageSize, pageCount and total")
        items = models.read_list(MessageConversation, value, "messageConversations", self._session.zone)
        return Page(
            items=items if page == got <= max(count, 1) else (),
            page=page,
            page_size=size,
            page_count=count,
            total=total,
        )

    async def get(
        self,
        uid: Conversation,
        *,
        mark_read: bool = False,
        fields: OneOrMany[str] | None = None,
        timeout: float | None = None,
    ) -> MessageConversation:
        """Give a conversation with its messages and participants: `GET /api/messageConversations/{uid}`.

        With `mark_read=True` it is then marked as read, by a second request. `fields` are the server's; what is not
        asked for is None. Raises NotFound (also where the server says that with 200), Forbidden where one takes no part
        in it.
        """
        uid = uid_of("uid", uid, MessageConversation)
        deadline = self._session.deadline(timeout)
        conversation = await self._session.conversation(uid, inputs.fields_of(fields, sending.CONVERSATION), deadline)
        if mark_read:  # the server's own markRead does nothing on 2.40 and 2.41 (quirk 14)
            await self._session.run(
                self._calls.mark_message_conversations_read(body=[uid]), retry.Meaning.SET, deadline
            )
            return evolve(conversation, read=True)
        return conversation

    async def unread_count(self, *, timeout: float | None = None) -> int:
        """Count one's unread conversations: `GET /api/messageConversations?filter=read:eq:false&pageSize=1`."""
        unread = self._calls.list_(fields="id", filter_=["read:eq:false"], page=1, page_size=1)
        return (await self._page(unread, 1, timeout)).total

    async def download_attachment(
        self,
        conversation: Conversation,
        message: str | Message,
        file: str | FileResource,
        *,
        to: sources.Place | None = None,
        progress: sources.Progress | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch an attachment: `GET /api/messageConversations/{uid}/{message}/attachments/{file}`.

        `to`, `progress`, `limit` and errors are those of `files.download`.
        """
        return await self._files.fetch(
            self._calls.get_attachment(
                uid_of("conversation", conversation, MessageConversation),
                uid_of("message", message, Message),
                uid_of("file", file, FileResource),
            ),
            to=to,
            progress=progress,
            limit=limit,
            timeout=timeout,
        )

    def watch(
        self,
        *,
        interval: float = 30.0,
        cursor: str | datetime | None = None,
        own: bool = False,
        timeout: float | None = None,
    ) -> AsyncGenerator[NewMessage]:
        """Give new messages of others (with `own=True` also one's own) as they come, without end.

        It looks every `interval` seconds: one list, and each thread with a message of the last `settle` seconds before
        the newest. Without a `cursor` it gives what comes after its first look; with the `cursor` of a message that was
        given, what came behind it, also days later and in another process; with an aware datetime (of the server's
        clock: `system_info().server_date`) what came since. None is missed and none given twice, as long as the server
        stores a message within the client's `settle` seconds of the time that it writes on it. What was written in a
        conversation before one was added to it is not new: `get` has it. An error ends the iterator; go on from the
        last cursor. Raises InvalidInput for a cursor that is none.
        """
        from dhis2_facade._async import watching  # few programs watch

        return watching.watch(
            self._session,
            self,
            None if cursor is None else watching.Cursor.read(cursor),
            interval=inputs.seconds_of("interval", interval),
            own=own,
            timeout=timeout,
        )

    # -- writing --------------------------------------------------------------------------------------------------

    async def send(
        self,
        subject: str,
        text: str,
        *,
        users: OneOrMany[str | User] = (),
        user_groups: OneOrMany[str | UserGroup] = (),
        organisation_units: OneOrMany[str | OrganisationUnit] = (),
        to: OneOrMany[User | UserGroup | OrganisationUnit] = (),
        attachments: OneOrMany[sources.Attachment] = (),
        key: str | None = None,
        attempted: Attempted = None,
        fetch: bool = True,
        timeout: float | None = None,
    ) -> Sent:
        """Begin a conversation: `POST /api/messageConversations`, and a read of it unless `fetch=False`.

        `to` takes users, groups and units that a search gave, mixed. Attachments (paths, files opened with mode "rb",
        (name, bytes), uids, FileResources) are uploaded first. Given is what became of it, with the conversation and
        the message as they were stored; with `fetch=False` only the uid.

        The message is stored at most once: where the answer is lost, it is looked for. With `key=` (any text of yours
        that stands for this message) that holds over several calls and processes too: call again with the same key and
        content, and it is found or sent. `attempted` says when it may last have been tried: a moment by which that was
        over (a datetime with its zone), False for never, None for perhaps just before this client was made. Only when
        `settle` seconds have passed since then is it believed not to be there, and sent.

        Raises InvalidInput before anything is sent; Conflict, NotFound or Forbidden where it was not stored (`spent` of
        the error names the files that cannot be attached again, `unspent` those that can); KeyReused where the key was
        used for another content; Ambiguous, with the `key` to go on, where nobody can know whether it was stored.
        """
        recipients = inputs.recipients_of(users, user_groups, organisation_units, to)
        subject, text = inputs.subject_of(subject), inputs.text_of("text", text)
        return await sending.AsyncSender(
            self._session,
            self._files,
            "send",
            lambda uids: self._writes.create(subject, text, recipients, uids),
            content=[subject, text, recipients.content()],
            attachments=await self._attachments(attachments),
            key=key,
            timeout=timeout,
        ).store(attempted, fetch=fetch)

    async def reply(
        self,
        uid: Conversation,
        text: str,
        *,
        attachments: OneOrMany[sources.Attachment] = (),
        internal: bool = False,
        key: str | None = None,
        attempted: Attempted = None,
        fetch: bool = True,
        timeout: float | None = None,
    ) -> Sent:
        """Reply to a conversation: `POST /api/messageConversations/{uid}`. All else is as in `send`.

        With `internal=True` it is a note that only those see who get feedback (quirk 25); others may not write one:
        Forbidden.
        """
        uid, text = uid_of("uid", uid, MessageConversation), inputs.text_of("text", text)
        inputs.require(isinstance(internal, bool), "internal: expected True or False")
        return await sending.AsyncSender(
            self._session,
            self._files,
            "reply",
            lambda uids: self._calls.post_message_conversation_reply(
                uid, body=text, attachments=[*uids] or UNSET, internal=internal or UNSET
            ),
            conversation=uid,
            content=[text, internal],
            attachments=await self._attachments(attachments),
            key=key,
            timeout=timeout,
        ).store(attempted, fetch=fetch)

    async def feedback(
        self,
        subject: str,
        text: str,
        *,
        key: str | None = None,
        attempted: Attempted = None,
        fetch: bool = True,
        timeout: float | None = None,
    ) -> Sent:
        """Write a ticket to those who get feedback: `POST /api/messageConversations/feedback`.

        The server's settings say who they are. It takes no attachments; all else is as in `send`.
        """
        subject, text = inputs.subject_of(subject), inputs.text_of("text", text)
        return await sending.AsyncSender(
            self._session,
            self._files,
            "feedback",
            lambda _: self._calls.post_message_conversation_feedback(subject=subject, body=text),
            content=[subject, text],
            key=key,
            timeout=timeout,
        ).store(attempted, fetch=fetch)

    async def _attachments(self, attachments: OneOrMany[sources.Attachment]) -> Sequence[str | sources.Source]:
        pair = (
            isinstance(attachments, tuple) and len(attachments) == 2 and isinstance(attachments[1], bytes | bytearray)
        )
        single = pair or hasattr(attachments, "read") or not isinstance(attachments, Iterable)
        chosen: Iterable[object] = [attachments] if single else inputs.several(attachments)
        return [await backend.call_in_thread(sources.attachment_of, one) for one in chosen]

    async def add_recipients(
        self,
        uid: Conversation,
        *,
        users: OneOrMany[str | User] = (),
        user_groups: OneOrMany[str | UserGroup] = (),
        organisation_units: OneOrMany[str | OrganisationUnit] = (),
        to: OneOrMany[User | UserGroup | OrganisationUnit] = (),
        timeout: float | None = None,
    ) -> None:
        """Let others take part: `POST /api/messageConversations/{uid}/recipients`.

        Who takes part already stays so. Raises NotFound for an unknown conversation or group, Conflict for an unknown
        user or unit.
        """
        recipients = inputs.recipients_of(users, user_groups, organisation_units, to)
        await self._set(self._writes.add_recipients(uid_of("uid", uid, MessageConversation), recipients), timeout)

    # -- marks ----------------------------------------------------------------------------------------------------

    async def mark_read(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many conversations as read: `POST /api/messageConversations/read`, one request for all.

        The marks are one's own, or those of `user`. Those that are not there are in `unchanged`; raises NotFound where
        none is there, Forbidden where one takes no part in one of them (from 2.41 on; nothing is marked then) or may
        not set the marks of `user`.
        """
        return await self._mark(self._calls.mark_message_conversations_read, "markedRead", conversations, user, timeout)

    async def mark_unread(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many conversations as unread: `POST /api/messageConversations/unread`; else as `mark_read`."""
        return await self._mark(
            self._calls.mark_message_conversations_unread, "markedUnread", conversations, user, timeout
        )

    async def follow_up(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many conversations for follow-up: `POST /api/messageConversations/followup`; else as `mark_read`.

        The server names in `accepted` all that are marked now, whether they were before or not.
        """
        return await self._mark(
            self._calls.mark_message_conversation_followup, "markedFollowup", conversations, user, timeout
        )

    async def clear_follow_up(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Take the follow-up mark away: `POST /api/messageConversations/unfollowup`; else as `follow_up`."""
        return await self._mark(
            self._calls.unmark_message_conversation_followup, "unmarkedFollowup", conversations, user, timeout
        )

    async def _mark(
        self,
        mark: Callable[..., Request[object]],
        key: str,
        conversations: OneOrMany[Conversation],
        user: str | User | None,
        timeout: float | None,
    ) -> Marked:
        uids = inputs.uids_of("conversations", conversations, MessageConversation)
        if not uids:
            return Marked(changed=(), unchanged=(), accepted=())
        answer = await self._set(mark(body=uids, user=_user(user)), timeout)
        named = models.read_uids(answers.object_of(answer), key)
        if answer.repeated or key in ("markedFollowup", "unmarkedFollowup"):  # all, changed or not (quirk 15b)
            return Marked(accepted=named)
        return Marked(changed=named, unchanged=tuple(uid for uid in uids if uid not in named))

    # -- leaving --------------------------------------------------------------------------------------------------

    async def leave(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Removed:
        """Leave one or many conversations, or take `user` out of them. The others keep them.

        `DELETE /api/messageConversations/{uid}/{user}`, or `DELETE /api/messageConversations?mc=…` for several. Raises
        NotFound where none is there, Forbidden where one has left already (from 2.41 on) or may not take `user` out.
        """
        uids = inputs.uids_of("conversations", conversations, MessageConversation)
        inputs.require(len(uids) <= MOST, f"conversations: at most {MOST} at once, since the address holds them")
        deadline, whose = self._session.deadline(timeout), _user(user)
        if not uids:
            return Removed(removed=())
        if len(uids) > 1:
            request = self._calls.remove_user_from_message_conversations(mc=uids, user=whose)
        else:
            request = self._calls.remove_user_from_message_conversation(
                uids[0], whose or str((await self._session.me(deadline)).id)
            )
        return await self._remove(request, uids, user, deadline)

    async def _remove(self, request: Request[object], uids: Sequence[str], user: object, deadline: float) -> Removed:
        try:
            answer = await self._session.run(request, retry.Meaning.SET, deadline)
        except errors.Forbidden as error:
            if not error.repeated:
                raise
            if user is not None:
                raise errors.Ambiguous(
                    f"the removal may have been done before its answer was lost: {error} messaging.get() shows it",
                    method=error.method,
                    path=error.path,
                ) from None
            # What one has left one may not leave again: the attempt whose answer was lost did it (quirk 15e).
            return Removed(removed=tuple(uids))
        removed = models.read_uids(answers.object_of(answer), "removed")
        removed = tuple(uids) if answer.repeated else removed
        return Removed(removed=removed, unchanged=tuple(uid for uid in uids if uid not in removed))

    async def delete_for_everyone(self, uid: Conversation, *, timeout: float | None = None) -> tuple[str, ...]:
        """Take every participant out, oneself last, and give their uids. Then only a superuser can read it.

        The server's own delete removes nothing (quirk 13), so this is a read, and a request for each participant. On
        2.40 superusers may do it, later every participant. Where one request fails, those before it are done. Raises
        NotFound, and Forbidden, saying who still takes part.
        """
        uid = uid_of("uid", uid, MessageConversation)
        deadline = self._session.deadline(timeout)
        conversation = await self._session.conversation(uid, sending.CONVERSATION, deadline)
        me = (await self._session.me(deadline)).id
        everyone = sorted((str(one.id) for one in conversation.participants), key=lambda one: one == me)
        for place, one in enumerate(everyone):
            try:
                await self._remove(
                    self._calls.remove_user_from_message_conversation(uid, one),
                    [uid],
                    None if one == me else one,
                    deadline,
                )
            except errors.Forbidden as error:
                error.args = (f"{error.args[0]} Still taking part: {', '.join(everyone[place:])}.",)
                raise
        return tuple(everyone)

    # -- tickets --------------------------------------------------------------------------------------------------

    async def set_status(self, uid: Conversation, status: str, *, timeout: float | None = None) -> None:
        """Set the status, of any conversation: `POST /api/messageConversations/{uid}/status`.

        `status` is NONE, OPEN, PENDING, INVALID or SOLVED, in any case. Raises NotFound, Forbidden.
        """
        await self._set(self._writes.set_status(uid_of("uid", uid, MessageConversation), status), timeout)

    async def set_priority(self, uid: Conversation, priority: str, *, timeout: float | None = None) -> None:
        """Set the priority, of any conversation: `POST /api/messageConversations/{uid}/priority`.

        `priority` is NONE, LOW, MEDIUM or HIGH, in any case. Raises NotFound, Forbidden.
        """
        await self._set(self._writes.set_priority(uid_of("uid", uid, MessageConversation), priority), timeout)

    async def assign(self, uid: Conversation, user: str | User, *, timeout: float | None = None) -> None:
        """Assign a conversation to a user: `POST /api/messageConversations/{uid}/assign`.

        A ticket can be assigned to who gets feedback (`people.feedback_recipients` finds them): raises Conflict for
        others, NotFound for an unknown conversation or user.
        """
        await self._set(
            self._calls.set_user_assigned(uid_of("uid", uid, MessageConversation), user_id=uid_of("user", user, User)),
            timeout,
        )

    async def unassign(self, uid: Conversation, *, timeout: float | None = None) -> None:
        """Assign a conversation to nobody: `DELETE /api/messageConversations/{uid}/assign`. Raises NotFound."""
        await self._set(self._calls.remove_user_assigned(uid_of("uid", uid, MessageConversation)), timeout)

    async def _set(self, request: Request[object], timeout: float | None) -> answers.Answer:
        answer = await self._session.run(request, retry.Meaning.SET, self._session.deadline(timeout))
        if answer.status != 204:  # a login page with 200 has set nothing
            answers.require_json(answer)
        return answer


def _user(user: str | User | None) -> str | Unset:
    return UNSET if user is None else uid_of("user", user, User)
