"""The calls that set priority, status and assignee of a conversation."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from .calls import Call
from .conversations import admitted
from .queries import ENUMS
from .refusals import Bare
from .state import Conversation

__all__ = ["assign", "set_priority", "set_status", "unassign"]


def _changed(call: Call, refusal: str) -> Conversation:
    """The conversation, for who may change it."""
    conversation = call.state.conversations.get(call.parameters["uid"])
    if conversation is None:
        raise Bare(404, "No MessageConversation found for the given ID.")
    admitted(call, conversation, refusal)
    return conversation


def _setting(name: str) -> Callable[[Call], Response]:
    type_, values = ENUMS[name]

    def handle(call: Call) -> Response:
        value = call.choice(f"m{type_[1:]}", type_, values)
        conversation = _changed(call, name)
        setattr(conversation, name, value)
        conversation.last_updated = call.state.now()
        return call.json({value: [conversation.uid]})

    return handle


set_priority = _setting("priority")
set_status = _setting("status")


def assign(call: Call) -> Response:
    """Give a conversation to somebody; a ticket only to who answers feedback."""
    conversation = _changed(call, "assign")
    user = call.state.users.get(call.given("userId") or "")
    if user is None:
        raise Bare(404, "Could not find user to assign")
    if conversation.message_type == "TICKET" and not call.state.in_feedback_group(user):
        raise Bare(409, "User provided is not a member of the system's feedback recipient group")
    conversation.assignee = user
    conversation.last_updated = call.state.now()
    return call.message(f"User {user.name} was assigned successfully")


def unassign(call: Call) -> Response:
    """Take a conversation away from whom it was given to."""
    conversation = _changed(call, "unassign")
    conversation.assignee = None
    conversation.last_updated = call.state.now()
    return call.message("Message is no longer assigned to user")
