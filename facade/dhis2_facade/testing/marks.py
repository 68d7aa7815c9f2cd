"""The calls that mark conversations, leave them, or say that they were deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from .calls import Call, split
from .conversations import admitted, other_property
from .refusals import Bare, Refused, Rejected
from .state import Conversation, User

__all__ = ["delete", "follow_up", "leave", "leave_one", "mark", "mark_one"]


def _whose(call: Call, parameter: str, *, unknown: str = "No user with uid: {}") -> User:
    """Oneself, or whom the parameter names."""
    uid = call.given(parameter)
    if uid is None:
        return call.user
    if uid not in call.state.users:
        raise Bare(404, unknown.format(uid))
    return call.state.users[uid]


def _may_act_for(call: Call, user: User) -> bool:
    """Whether one may mark and remove for this user (15d, 15f)."""
    return user is call.user or call.user.superuser or not call.behaviour.only_own_marks


def _known(call: Call, uids: Sequence[str], refusal: str, *, none: str) -> list[Conversation]:
    """Those of the conversations that there are, for who may act on all of them (15c)."""
    known = [call.state.conversations[uid] for uid in dict.fromkeys(uids) if uid in call.state.conversations]
    if not known:
        raise Bare(404, none)
    for conversation in known:
        admitted(call, conversation, refusal)
    return known


# -- marks -------------------------------------------------------------------------------------------------------------


def _mark(call: Call, uids: Sequence[str], whose: User, *, read: bool) -> Response:
    """Mark as read or unread; the answer names what has changed (15)."""
    if not _may_act_for(call, whose):
        raise Refused("modify")
    changed = []
    for conversation in _known(call, uids, "mark", none="No MessageConversations found for the given IDs."):
        own = conversation.of(whose)
        if own is not None and own.read is not read:
            own.read = read
            conversation.last_updated = call.state.now()
            changed.append(conversation.uid)
    return call.json({"markedRead" if read else "markedUnread": changed})


def mark(*, read: bool) -> Callable[[Call], Response]:
    """Several conversations at once."""

    def handle(call: Call) -> Response:
        words = call.words()
        return _mark(call, words, _whose(call, "user"), read=read)

    return handle


def mark_one(*, read: bool) -> Callable[[Call], Response]:
    """One conversation."""

    def handle(call: Call) -> Response:
        return _mark(call, [call.parameters["uid"]], _whose(call, "userUid"), read=read)

    return handle


def follow_up(*, marked: bool) -> Callable[[Call], Response]:
    """Mark for follow-up or no longer; the answer names all, changed or not (15b)."""
    refusal, key = ("followup", "markedFollowup") if marked else ("unfollowup", "unmarkedFollowup")

    def handle(call: Call) -> Response:
        words = call.words()
        whose = _whose(call, "user")
        if not _may_act_for(call, whose):
            raise Refused("modify")
        known = _known(call, words, refusal, none="No MessageConversations found for the given UIDs")
        for conversation in known:
            own = conversation.of(whose)
            if own is not None and own.follow_up is not marked:
                own.follow_up = marked
                conversation.last_updated = call.state.now()
        return call.json({key: [conversation.uid for conversation in known]})

    return handle


# -- leaving -----------------------------------------------------------------------------------------------------------


def _remove(call: Call, conversations: Sequence[Conversation], user: User) -> Response:
    removed = [one.uid for one in conversations if call.state.remove_participant(one, user)]
    return call.json({"removed": removed})


def leave(call: Call) -> Response:
    """Take somebody out of several conversations."""
    call.needed("mc", "List")
    uids = split(call.query.getlist("mc"))
    user = _whose(call, "user", unknown="User does not exist: {}")
    if not _may_act_for(call, user):
        raise Refused("modify_user", user.uid)
    known = _known(call, uids, "remove", none="No MessageConversations found for the given UIDs.")
    return _remove(call, known, user)


def leave_one(call: Call) -> Response:
    """Take somebody out of one conversation; a body of JSON belongs to another call (11)."""
    if call.media_type == "application/json":
        return other_property(call)
    uid, user_uid = call.parameters["uid"], call.parameters["property"]
    user = call.state.users.get(user_uid)
    if user is None:
        raise Bare(404, f"No user with uid: {user_uid}")
    if not _may_act_for(call, user):
        raise Refused("modify_user", user_uid)
    return _remove(call, _known(call, [uid], "remove", none=f"No messageConversation with uid: {uid}"), user)


def delete(call: Call) -> Response:
    """Say that a conversation was deleted; nothing is (13)."""
    uid = call.parameters["uid"]
    if not call.user.superuser:
        raise Rejected(403, call.behaviour.delete_denied)
    if uid not in call.state.conversations:
        values = ("MessageConversation", uid) if call.behaviour.delete_unknown == "no_object" else (uid,)
        raise Refused(call.behaviour.delete_unknown, *values)
    return call.web_message(200)
