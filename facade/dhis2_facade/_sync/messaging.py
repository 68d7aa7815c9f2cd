# Derived from _async/messaging.py by `make sync`. Do not edit.
"""Message conversations: everything that the server offers for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, TypeAlias

from attrs import evolve

from dhis2_facade import answers, bindings, errors, retry, sources
from dhis2_facade._sync.backend import call_in_thread
from dhis2_facade._sync.files import Files
from dhis2_facade._sync.sending import CONVERSATION, SUMMARY, Sender
from dhis2_facade._sync.session import Session
from dhis2_facade._sync.watching import Cursor, Watcher
from dhis2_facade.inputs import (
    OneOrMany,
    fields_of,
    filters_of,
    page_of,
    recipients_of,
    several,
    subject_of,
    text_of,
    uid_of,
    uids_of,
)
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
    read_list,
    read_uids,
)
from dhis2_wire import UNSET, Request, Unset

Conversation: TypeAlias = "str | MessageConversation"
Attempted: TypeAlias = "datetime | bool | None"
NEWEST = "lastMessage:desc"
PAGE_SIZE = 50  # conversations
LIST_ALL = ("markedFollowup", "unmarkedFollowup")  # changed or not (quirk 15b)
RESTARTS = 5  # of a list that moved, without finding anything new


class Messaging:
    """The messages of the user that the client is.

    Conversations, users and files are given by uid or as the objects that other calls give. Each call takes `timeout=`,
    the seconds that it may take in all, with every repeat and wait.
    """

    def __init__(self, session: Session, files: Files) -> None:
        self._session, self._files, self._calls = session, files, session.bindings.message_conversation

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
    ) -> Iterator[MessageConversation]:
        """Give one's conversations, newest first: `GET /api/messageConversations`, a request a page.

        Only those that are unread, marked for follow-up, of a type, status, priority or assignee, or whose subject,
        texts or senders hold `search` (`search_operator`: ilike, eq, like, token …). `filters` are the server's own,
        such as "subject:ilike:stock"; all must hold. `page=n` gives that page alone. `timeout` is that of each page.

        Nothing is given twice, and nothing lost that matched all the time: where the list moves while it is read, it is
        read again from its beginning without what was given. Raises ListMoved where that does not end.
        """
        page_of(page, page_size)
        flags, words = (unread, follow_up), (message_type, status, priority)
        chosen = self._filters(flags, words, assignee, filters)
        request = self._lister(chosen, search, search_operator, order, fields, page_size)
        return self._all(request, timeout) if page is None else self._only(request, page, timeout)

    def _only(
        self, request: Callable[[int], Request[object]], page: int, timeout: float | None
    ) -> Iterator[MessageConversation]:
        for one in (self._page(request(page), page, timeout)).items:
            yield one

    def _all(self, request: Callable[[int], Request[object]], timeout: float | None) -> Iterator[MessageConversation]:
        known: set[str | None] = set()
        restarts = 0
        while restarts <= RESTARTS:
            number, count, total, moved = 1, 1, None, False
            given: set[str | None] = set()
            while number <= count and not moved:
                got = self._page(request(number), number, timeout)
                moved = total not in (None, got.total) or any(one.id in given for one in got.items)
                total, count, number = got.total, got.page_count, number + 1
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
    ) -> Iterator[Page[MessageConversation]]:
        """Give the pages of `list`, each with the totals, as they are when it is asked for.

        A list that moves while it is read shows in them twice or not at all; `list` takes care of that.
        """
        page_of(None, page_size)
        flags, words = (unread, follow_up), (message_type, status, priority)
        chosen = self._filters(flags, words, assignee, filters)
        return self._pages(self._lister(chosen, search, search_operator, order, fields, page_size), timeout)

    def _pages(
        self, request: Callable[[int], Request[object]], timeout: float | None
    ) -> Iterator[Page[MessageConversation]]:
        number, count = 1, 1
        while number <= count:
            got = self._page(request(number), number, timeout)
            yield got
            number, count = number + 1, got.page_count

    def _filters(
        self, flags: Sequence[bool | None], words: Sequence[str | None], assignee: object, filters: OneOrMany[str]
    ) -> Sequence[str]:
        unread, follow_up = flags
        marks = {"read": None if unread is None else not unread, "followUp": follow_up}
        named = zip(("messageType", "status", "priority"), words, strict=True)
        found = [f"{name}:eq:{str(bool(mark)).lower()}" for name, mark in marks.items() if mark is not None]
        found += [f"{name}:eq:{text_of(name, word).upper()}" for name, word in named if word is not None]
        found += [f"assignee.id:eq:{uid_of('assignee', one, User)}" for one in several(assignee)]
        return filters_of([*found, *several(filters)])

    def _lister(
        self,
        filters: Sequence[str],
        search: str | None,
        operator: str,
        order: OneOrMany[str],
        fields: OneOrMany[str] | None,
        page_size: int,
    ) -> Callable[[int], Request[object]]:
        chosen, orders = fields_of(fields, SUMMARY), [text_of("order", one) for one in several(order)]
        text = UNSET if search is None else text_of("search", search)
        how = UNSET if search is None else text_of("search_operator", operator)

        def request(page: int) -> Request[object]:
            return self._calls.list_(
                fields=chosen,
                filter_=[*filters],
                order=orders,
                query_string=text,
                query_operator=how,
                page=page,
                page_size=page_size,
            )

        return request

    def _page(self, request: Request[object], page: int, timeout: float | None) -> Page[MessageConversation]:
        value = self._session.fetch(request, self._session.deadline(timeout))
        pager = value.get("pager")
        given = pager if isinstance(pager, dict) else {}
        numbers = [given.get(key) for key in ("page", "pageSize", "pageCount", "total")]
        got, size, count, total = (number if isinstance(number, int) else -1 for number in numbers)
        if min(got, size, count, total) < 0:
            raise errors.UnreadableAnswer("pager: expected page, pageSize, pageCount and total")
        items = read_list(MessageConversation, value, "messageConversations", self._session.zone)
        if page > max(count, 1) or got != page:  # a page behind the last: 2.40 and 2.41 give the last again (quirk 9b)
            items = ()
        return Page(items=items, page=page, page_size=size, page_count=count, total=total)

    def get(
        self,
        uid: Conversation,
        *,
        mark_read: bool = False,
        fields: OneOrMany[str] | None = None,
        timeout: float | None = None,
    ) -> MessageConversation:
        """Give a whole thread: `GET /api/messageConversations/{uid}`, and with `mark_read` a mark behind it.

        Raises NotFound (also where the server says 200), Forbidden for one in which one takes no part.
        """
        uid = uid_of("uid", uid, MessageConversation)
        deadline = self._session.deadline(timeout)
        request = self._calls.get(uid, fields=fields_of(fields, CONVERSATION))
        conversation = self._session.read(MessageConversation, request, deadline)
        if mark_read:  # the server's own markRead does nothing on 2.40 and 2.41 (quirk 14)
            self._session.run(self._calls.mark_message_conversations_read(body=[uid]), retry.Meaning.SET, deadline)
            conversation = evolve(conversation, read=True)
        return conversation

    def unread_count(self, *, timeout: float | None = None) -> int:
        """Count one's unread conversations: `GET /api/messageConversations?filter=read:eq:false&pageSize=1`."""
        request = self._calls.list_(fields="id", filter_=["read:eq:false"], page=1, page_size=1)
        return (self._page(request, 1, timeout)).total

    def download_attachment(
        self,
        conversation: Conversation,
        message: str | Message,
        file: str | FileResource,
        *,
        to: str | os.PathLike[str] | BinaryIO | None = None,
        progress: sources.Progress | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch an attachment: `GET /api/messageConversations/{uid}/{message}/attachments/{file}`.

        `to`, `limit` and errors are those of `files.download`.
        """
        request = self._calls.get_attachment(
            uid_of("conversation", conversation, MessageConversation),
            uid_of("message", message, Message),
            uid_of("file", file, FileResource),
        )
        return self._files.fetch(request, to=to, progress=progress, limit=limit, timeout=timeout)

    def watch(
        self, *, interval: float = 30.0, cursor: str | None = None, own: bool = False, timeout: float | None = None
    ) -> Iterator[NewMessage]:
        """Give new messages of others (with `own=True` also one's own) as they come, looking every `interval` seconds.

        Without a `cursor` from now on; with that of a message that was given, from behind it, also days later and in
        another process. None is missed and none given twice, as long as the server stores a message within the settle
        time of the moment that it writes into it. An error ends the iterator; go on from the last cursor.
        """
        watcher = Watcher(self._session, self, interval=interval, own=own, timeout=timeout)
        return watcher.watch(None if cursor is None else Cursor.read(cursor))

    # -- writing --------------------------------------------------------------------------------------------------

    def send(
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

        `to` takes what a search gives, mixed. Attachments (paths, open files, (name, bytes), uids, FileResources) are
        uploaded first. The message is stored at most once: with `key=` (any text of yours that stands for this message)
        also over several calls and processes; `attempted` says when one of them may last have been made: False, never;
        a moment; None, perhaps just now.

        Raises InvalidInput before anything is sent; Conflict, NotFound or Forbidden where it was not stored (`spent`
        names the files that cannot be attached again); Ambiguous, with the key to go on, where nobody can know.
        """
        recipients = recipients_of(users, user_groups, organisation_units, to)
        subject, text = subject_of(subject), text_of("text", text)
        create = self._session.bindings.writes.create
        sender = Sender(
            self._session,
            self._files,
            "send",
            lambda uids: create(subject, text, recipients, uids),
            content=[subject, text, recipients.content()],
            attachments=self._attachments(attachments),
            key=key,
            timeout=timeout,
        )
        return sender.store(attempted, fetch=fetch)

    def reply(
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
        """Reply: `POST /api/messageConversations/{uid}` with the text as it is; all else as in `send`.

        `internal` is a note that only those see who get feedback; the server takes it in tickets only.
        """
        uid, text = uid_of("uid", uid, MessageConversation), text_of("text", text)

        def request(uids: Sequence[str]) -> Request[object]:
            return self._calls.post_message_conversation_reply(
                uid, body=text, attachments=[*uids] or UNSET, internal=internal or UNSET
            )

        sender = Sender(
            self._session,
            self._files,
            "reply",
            request,
            conversation=uid,
            content=[text, bool(internal)],
            attachments=self._attachments(attachments),
            key=key,
            timeout=timeout,
        )
        return sender.store(attempted, fetch=fetch)

    def feedback(
        self,
        subject: str,
        text: str,
        *,
        key: str | None = None,
        attempted: Attempted = None,
        fetch: bool = True,
        timeout: float | None = None,
    ) -> Sent:
        """Write a ticket to those who get feedback: `POST /api/messageConversations/feedback`; else as in `send`."""
        subject, text = subject_of(subject), text_of("text", text)
        sender = Sender(
            self._session,
            self._files,
            "feedback",
            lambda _: self._calls.post_message_conversation_feedback(subject=subject, body=text),
            content=[subject, text],
            key=key,
            timeout=timeout,
        )
        return sender.store(attempted, fetch=fetch)

    def _attachments(self, attachments: OneOrMany[sources.Attachment]) -> Sequence[str | sources.Source]:
        pair = isinstance(attachments, tuple) and len(attachments) == 2 and isinstance(attachments[1], bytes)
        single = pair or hasattr(attachments, "read") or not isinstance(attachments, Iterable)
        chosen: Iterable[object] = [attachments] if single else several(attachments)
        return [call_in_thread(sources.attachment_of, one) for one in chosen]

    def add_recipients(
        self,
        uid: Conversation,
        *,
        users: OneOrMany[str | User] = (),
        user_groups: OneOrMany[str | UserGroup] = (),
        organisation_units: OneOrMany[str | OrganisationUnit] = (),
        to: OneOrMany[User | UserGroup | OrganisationUnit] = (),
        timeout: float | None = None,
    ) -> None:
        """Let others take part: `POST /api/messageConversations/{uid}/recipients`. Raises as `send`."""
        uid = uid_of("uid", uid, MessageConversation)
        recipients = recipients_of(users, user_groups, organisation_units, to)
        self._set(self._session.bindings.writes.add_recipients(uid, recipients), timeout)

    # -- marks ----------------------------------------------------------------------------------------------------

    def mark_read(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many as read, `user`: for another user: `POST /api/messageConversations/read`, one request.

        Raises NotFound where there is none of them, Forbidden where one is not one's own (2.41 and later; nothing is
        marked then) or another's marks are not one's to set.
        """
        return self._mark(self._calls.mark_message_conversations_read, "markedRead", conversations, user, timeout)

    def mark_unread(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many as unread: `POST /api/messageConversations/unread`; else as `mark_read`."""
        return self._mark(self._calls.mark_message_conversations_unread, "markedUnread", conversations, user, timeout)

    def follow_up(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Mark one or many for follow-up: `POST /api/messageConversations/followup`; else as `mark_read`."""
        return self._mark(
            self._calls.mark_message_conversation_followup, "markedFollowup", conversations, user, timeout
        )

    def clear_follow_up(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Marked:
        """Take the follow-up mark away: `POST /api/messageConversations/unfollowup`; else as `mark_read`."""
        return self._mark(
            self._calls.unmark_message_conversation_followup, "unmarkedFollowup", conversations, user, timeout
        )

    def _mark(
        self,
        mark: bindings.Mark,
        key: str,
        conversations: OneOrMany[Conversation],
        user: str | User | None,
        timeout: float | None,
    ) -> Marked:
        uids = uids_of("conversations", conversations, MessageConversation)
        if not uids:
            return Marked(changed=(), unchanged=(), accepted=())
        answer = self._set(mark(body=uids, user=_user(user)), timeout)
        named = read_uids(answers.object_of(answer), key)
        if answer.repeated or key in LIST_ALL:
            return Marked(accepted=tuple(uids) if answer.repeated else named)
        return Marked(changed=named, unchanged=tuple(uid for uid in uids if uid not in named))

    # -- leaving --------------------------------------------------------------------------------------------------

    def leave(
        self, conversations: OneOrMany[Conversation], *, user: str | User | None = None, timeout: float | None = None
    ) -> Removed:
        """Leave one or many conversations, `user`: take another user out of them.

        `DELETE /api/messageConversations/{uid}/{user}`, or `DELETE /api/messageConversations?mc=…` for several. Others
        keep them. Raises Forbidden for those that one has left already (2.41 and later) or may not take others out of.
        """
        uids = uids_of("conversations", conversations, MessageConversation)
        deadline, whose = self._session.deadline(timeout), _user(user)
        if not uids:
            return Removed(removed=())
        if len(uids) > 1:
            request = self._calls.remove_user_from_message_conversations(mc=uids, user=whose)
        else:
            who = whose or str((self._session.me(deadline)).id)
            request = self._calls.remove_user_from_message_conversation(uids[0], who)
        return self._remove(request, uids, user, deadline)

    def _remove(self, request: Request[object], uids: Sequence[str], user: object, deadline: retry.Deadline) -> Removed:
        try:
            answer = self._session.run(request, retry.Meaning.SET, deadline)
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
        removed = tuple(uids) if answer.repeated else read_uids(answers.object_of(answer), "removed")
        return Removed(removed=removed, unchanged=tuple(uid for uid in uids if uid not in removed))

    def delete_for_everyone(self, uid: Conversation, *, timeout: float | None = None) -> tuple[str, ...]:
        """Take every participant out, oneself last, and give their uids; then only a superuser can read it.

        The server's own delete removes nothing (quirk 13), so this is a read, and a request for each participant. On
        2.40 superusers may do it, later every participant. Raises Forbidden, saying who is left.
        """
        uid = uid_of("uid", uid, MessageConversation)
        deadline = self._session.deadline(timeout)
        request = self._calls.get(uid, fields=CONVERSATION)
        conversation = self._session.read(MessageConversation, request, deadline)
        me = (self._session.me(deadline)).id
        everyone = sorted((str(one.id) for one in conversation.participants), key=lambda one: one == me)
        for place, one in enumerate(everyone):
            request = self._calls.remove_user_from_message_conversation(uid, one)
            try:
                self._remove(request, [uid], None if one == me else one, deadline)
            except errors.Forbidden as error:
                error.args = (f"{error.args[0]} Still taking part: {', '.join(everyone[place:])}.",)
                raise
        return tuple(everyone)

    # -- tickets --------------------------------------------------------------------------------------------------

    def set_status(self, uid: Conversation, status: str, *, timeout: float | None = None) -> None:
        """Set the status, NONE, OPEN, PENDING, INVALID or SOLVED: `POST /api/messageConversations/{uid}/status`."""
        uid = uid_of("uid", uid, MessageConversation)
        self._set(self._session.bindings.writes.set_status(uid, status), timeout)

    def set_priority(self, uid: Conversation, priority: str, *, timeout: float | None = None) -> None:
        """Set the priority, NONE, LOW, MEDIUM or HIGH: `POST /api/messageConversations/{uid}/priority`."""
        uid = uid_of("uid", uid, MessageConversation)
        self._set(self._session.bindings.writes.set_priority(uid, priority), timeout)

    def assign(self, uid: Conversation, user: str | User, *, timeout: float | None = None) -> None:
        """Assign a ticket to one who gets feedback: `POST /api/messageConversations/{uid}/assign`.

        Raises Conflict where the user gets no feedback, NotFound for an unknown one.
        """
        uid, who = uid_of("uid", uid, MessageConversation), uid_of("user", user, User)
        self._set(self._calls.set_user_assigned(uid, user_id=who), timeout)

    def unassign(self, uid: Conversation, *, timeout: float | None = None) -> None:
        """Assign a ticket to nobody: `DELETE /api/messageConversations/{uid}/assign`."""
        uid = uid_of("uid", uid, MessageConversation)
        self._set(self._calls.remove_user_assigned(uid), timeout)

    def _set(self, request: Request[object], timeout: float | None) -> answers.Answer:
        return self._session.run(request, retry.Meaning.SET, self._session.deadline(timeout))


def _user(user: str | User | None) -> str | Unset:
    return UNSET if user is None else uid_of("user", user, User)
