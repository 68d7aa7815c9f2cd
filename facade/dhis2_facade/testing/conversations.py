"""The calls of message conversations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from starlette.responses import Response

from .calls import Call, split
from .fields import render, writer
from .jackson import CONVERSATION
from .queries import ENUMS, PAGE_SIZE, QueryError, search
from .refusals import Refused, Rejected
from .schema import Viewer
from .state import Conversation, User

__all__ = [
    "add_recipients",
    "assign",
    "create",
    "delete",
    "download",
    "feedback",
    "follow_up",
    "gist",
    "leave",
    "listed",
    "mark",
    "mark_one",
    "one",
    "one_property",
    "other_property",
    "reply",
    "set_priority",
    "set_status",
    "unassign",
]

KIND = "messageConversation"
PLURAL = "messageConversations"
UID = re.compile(r"[A-Za-z0-9]{11}")
XML = ("application/xml", "text/xml")
_CONTROLLER = (
    "public org.hisp.dhis.dxf2.webmessage.WebMessage org.hisp.dhis.webapi.controller.MessageConversationController."
)
_FEEDBACK = "postMessageConversationFeedback(java.lang.String,java.lang.String,{}.http.HttpServletRequest)"
_REPLYING = "postMessageConversationReply(java.lang.String,java.lang.String,boolean,java.util.Set<java.lang.String>,"


# -- reading -----------------------------------------------------------------------------------------------------------


def listed(call: Call) -> Response:
    """One's own conversations."""
    if "query" in call.query:
        raise Refused("no_general_query")
    found = _own(call)
    text = call.given("queryString")
    if text is not None:
        operator = call.given("queryOperator") or "token"
        viewer = Viewer(call.state, call.user, call.root, listing=True, filtering=True)
        try:
            test = search(call.version, KIND, text, operator)
        except QueryError:
            raise Refused("no_operator", operator) from None
        found = [one for one in found if test(one, viewer)]
    write = writer(call.version, KIND, call.fields("displayName,id"))
    viewer = call.viewer(listing=True)
    body: dict[str, Any] = {}
    page: Sequence[Any] = found
    if call.paged:
        body["pager"], page = call.page(found)
    if call.junction == "OR" and not call.behaviour.or_with_own:
        page = []  # the page is taken by a query without filters, and "any of none" is nothing (23)
    body[PLURAL] = [write(one, viewer) for one in page]
    return call.uncached(body)


def _own(call: Call) -> list[Conversation]:
    """One's own; with OR, "one's own" is in some versions only one more filter (23)."""
    if not (call.junction == "OR" and call.behaviour.or_with_own):
        return call.selected(KIND, call.state.mail_of(call.user), default_order=["id"])
    every = list(call.state.conversations.values())
    return call.selected(
        KIND, every, default_order=["id"], also=[lambda one, viewer: viewer.user.uid in one.participants]
    )


def one(call: Call) -> Response:
    """One conversation."""
    uid = call.parameters["uid"]
    if call.behaviour.uid_checked and not UID.fullmatch(uid):
        raise Rejected(405, call.behaviour.method_refused.format(call.method))
    conversation = _readable(call, uid)
    if conversation is None:
        return call.message(f"No MessageConversation found with UID: {uid}")
    written = render(call.version, KIND, call.fields("*"), conversation, call.viewer())
    own = conversation.of(call.user)
    if call.behaviour.mark_read_on_get and own is not None and call.says("markRead", default="false") == "true":
        own.read = True
    return call.uncached(written)


def one_property(call: Call) -> Response:
    """One property of a conversation."""
    conversation = _readable(call, call.parameters["uid"])
    if conversation is None:
        return call.message(f"No MessageConversation found with UID: {call.parameters['uid']}")
    fields = f"{call.parameters['property']}[{call.fields(':all')}]"
    return call.uncached(render(call.version, KIND, fields, conversation, call.viewer()))


def _readable(call: Call, uid: str) -> Conversation | None:
    conversation = call.state.conversations.get(uid)
    if conversation is not None and not conversation.admits(call.user):
        raise Refused("read")
    return conversation


GIST = ("id", "subject", "messageCount", "lastUpdated", "created", "lastMessage", "messageType", "priority", "status")


def gist(call: Call) -> Response:
    """A short form, which shows the conversations of others too (23b)."""
    found = call.selected(KIND, list(call.state.conversations.values()), default_order=[])
    size = max(call.number("pageSize", PAGE_SIZE), 1)
    page = max(call.number("page", 1), 1)
    pager: dict[str, Any] = {"page": page, "pageSize": size}
    root = call.behaviour.gist_root
    if page * size < len(found):
        query = "".join(f"{name}={value}&" for name, value in call.query.multi_items() if name != "page")
        host = "" if root is None else call.root
        pager["nextPage"] = f"{host}/{PLURAL}/gist?{query}page={page + 1}"
    chosen = split(call.query.getlist("fields"))
    shown = found[(page - 1) * size : page * size]
    return call.uncached({"pager": pager, PLURAL: [_gist(call, one, chosen, root or "") for one in shown]})


def _gist(call: Call, conversation: Conversation, chosen: Sequence[str], root: str) -> dict[str, Any]:
    plain = [name for name in (chosen or GIST) if name not in {"lastSender", "messages"}]
    written = render(call.version, KIND, ",".join(plain), conversation, call.viewer(listing=True))
    found = {name: written[name] for name in plain if name in written}
    links = {}
    if not chosen or "lastSender" in chosen:
        found["lastSender"] = conversation.last_sender.uid
        links["lastSender"] = f"{root}/users/{conversation.last_sender.uid}/gist"
    if not chosen or "messages" in chosen:
        found["messages"] = len(conversation.messages)
        links["messages"] = f"{root}/{PLURAL}/{conversation.uid}/messages/gist"
    return {**found, "apiEndpoints": links} if links else found


def download(call: Call) -> Response:
    """The bytes of an attachment."""
    uid, message_uid, file_uid = (call.parameters[name] for name in ("uid", "message", "file"))
    conversation = call.state.conversations.get(uid)
    if conversation is None:
        raise Refused("no_conversation_of_file", uid)
    if not conversation.admits(call.user):
        raise Refused("download")
    message = next((one for one in conversation.messages if one.uid == message_uid), None)
    if message is None:
        raise Refused("no_message_of_file", message_uid, uid)
    if message.internal and not call.state.in_feedback_group(call.user):
        raise Refused("internal_file")
    attachment = next((one for one in message.attachments if one.uid == file_uid), None)
    if attachment is None:
        raise Refused("no_file_of_message", file_uid)
    return file_answer(call, attachment.name, attachment.content_type, attachment.content)


def file_answer(call: Call, name: str, content_type: str, content: bytes) -> Response:
    """The bytes of a file, its name as it is: neither quoted nor encoded (27), whole whatever is asked (28)."""
    charset = "UTF-8" if call.behaviour.tomcat else "utf-8"
    answer = Response(content, headers={"Content-Type": f"{content_type};charset={charset}"})
    answer.raw_headers.append((b"content-disposition", b"filename=" + name.encode()))
    return answer


# -- writing -----------------------------------------------------------------------------------------------------------


def create(call: Call) -> Response:
    """Start a conversation."""
    accepted = ("application/json", *(XML if call.behaviour.xml_accepted else ()))
    call.expect(*accepted)
    asked = _from_xml(call.text()) if call.media_type in XML else call.object(CONVERSATION)
    recipients = _people(call, asked)
    if not recipients:
        raise Refused("no_recipients")
    attachments = call.state.spend(_uids(asked, "attachments"))
    subject, text = asked.get("subject"), asked.get("text")
    conversation = call.state.send(
        call.user,
        str(subject) if subject else None,
        str(text) if text else None,
        call.agent,
        recipients=recipients,
        attachments=attachments,
    )
    return call.web_message(201, "Message conversation created", location=f"{PLURAL}/{conversation.uid}")


def _from_xml(text: str) -> dict[str, Any]:
    try:
        root = ET.fromstring(text)  # noqa: S314 - what a test sends to its own server
    except ET.ParseError as error:
        raise Rejected(409, str(error)) from None
    found: dict[str, Any] = {}
    for child in root:
        name = child.tag.rpartition("}")[2]
        found[name] = [dict(one.attrib) for one in child] if name in CONVERSATION.sets else child.text
    return found


def _people(call: Call, asked: dict[str, Any]) -> list[User]:
    """All who are named, alone, by a unit or by a group, each once."""
    state, found = call.state, dict[str, User]()
    for uid in _uids(asked, "organisationUnits"):
        if uid not in state.units:
            raise Refused("unknown_unit", uid)
        found.update((user.uid, user) for user in state.users_of(state.units[uid]))
    for uid in _uids(asked, "users"):
        if uid not in state.users:
            raise Refused("unknown_user", uid)
        found[uid] = state.users[uid]
    for uid in _uids(asked, "userGroups"):
        if uid not in state.groups:
            raise Refused("no_object", "UserGroup", uid)
        found.update((user.uid, user) for user in state.groups[uid].users)
    return list(found.values())


def _uids(asked: dict[str, Any], name: str) -> list[str]:
    return [one.get("id") or "null" for one in asked.get(name) or ()]


def _needed_text(call: Call, method: str) -> str:
    text = call.text()
    if not text:
        where = method.format(call.behaviour.servlet)
        raise Rejected(call.behaviour.body_missing, f"Required request body is missing: {_CONTROLLER}{where}")
    return text


def _answered(call: Call) -> Conversation:
    uid = call.parameters["uid"]
    conversation = call.state.conversations.get(uid)
    if conversation is None:
        raise Refused("unknown_conversation", uid)
    return conversation


def _admitted(call: Call, conversation: Conversation, refusal: str) -> None:
    """Only who takes part may act, where the version asks (16)."""
    if not (call.behaviour.strangers_act or conversation.admits(call.user)):
        raise Refused(refusal)


def reply(call: Call) -> Response:
    """Add a message: the body is its text, whatever it says it is (3)."""
    text = _needed_text(call, _REPLYING + call.behaviour.reply_throws)
    conversation = _answered(call)
    _admitted(call, conversation, "reply")
    internal = call.flag("internal")
    if internal and not call.state.answers_feedback(call.user):
        raise Refused("internal")
    attachments = call.state.spend(split(call.query.getlist("attachments")), of="_of_reply")
    call.state.reply(conversation, call.user, text, call.agent, internal=internal, attachments=attachments)
    return call.web_message(201, "Message conversation created", location=f"{PLURAL}/{conversation.uid}")


def feedback(call: Call) -> Response:
    """Open a ticket with who answers feedback."""
    subject = call.needed("subject")
    text = _needed_text(call, _FEEDBACK)
    group = call.state.feedback_group
    ticket = call.state.send(
        call.user,
        subject,
        text,
        call.agent,
        recipients=() if group is None else group.users,
        message_type="TICKET",
    )
    location = f"{PLURAL}/{ticket.uid}" if call.behaviour.feedback_location else None
    return call.web_message(201, "Feedback created", location=location)


def add_recipients(call: Call) -> Response:
    """Let more people take part."""
    call.expect("application/json")
    asked = call.object(CONVERSATION, in_body=True)
    conversation = _answered(call)
    _admitted(call, conversation, "recipients")
    call.state.add_participants(conversation, _people(call, asked))
    return Response(status_code=204)


def other_property(call: Call) -> Response:
    """There is nothing to add to any other property; what would be added comes as JSON."""
    call.expect("application/json", *XML)
    name = call.parameters["property"]
    return call.web_message(404, f"Property {name} does not exist on MessageConversation")


# -- tickets -----------------------------------------------------------------------------------------------------------


def _set(call: Call, name: str, conversation: Conversation, value: str) -> Response:
    setattr(conversation, name, value)
    conversation.last_updated = call.state.now()
    return call.json({value: [conversation.uid]})


def _setting(name: str) -> Callable[[Call], Response]:
    type_, values = ENUMS[name]

    def handle(call: Call) -> Response:
        value = call.choice(f"m{type_[1:]}", type_, values)
        conversation = call.state.conversations.get(call.parameters["uid"])
        if conversation is None:
            return call.message("No MessageConversation found for the given ID.", 404)
        _admitted(call, conversation, name)
        return _set(call, name, conversation, value)

    return handle


set_priority = _setting("priority")
set_status = _setting("status")


def assign(call: Call) -> Response:
    """Give a conversation to somebody; a ticket only to who answers feedback."""
    conversation = call.state.conversations.get(call.parameters["uid"])
    if conversation is None:
        return call.message("No MessageConversation found for the given ID.", 404)
    _admitted(call, conversation, "assign")
    user = call.state.users.get(call.given("userId") or "")
    if user is None:
        return call.message("Could not find user to assign", 404)
    if conversation.message_type == "TICKET" and not call.state.in_feedback_group(user):
        return call.message("User provided is not a member of the system's feedback recipient group", 409)
    conversation.assignee = user
    conversation.last_updated = call.state.now()
    return call.message(f"User {user.name} was assigned successfully")


def unassign(call: Call) -> Response:
    """Take a conversation away from whom it was given to."""
    conversation = call.state.conversations.get(call.parameters["uid"])
    if conversation is None:
        return call.message("No MessageConversation found for the given ID.", 404)
    _admitted(call, conversation, "remove")
    conversation.assignee = None
    conversation.last_updated = call.state.now()
    return call.message("Message is no longer assigned to user")


# -- marks and leaving -------------------------------------------------------------------------------------------------


def _whose(call: Call, parameter: str, *, unknown: str = "No user with uid: {}") -> User | Response:
    """Oneself, or whom the parameter names."""
    uid = call.given(parameter)
    if uid is None:
        return call.user
    return call.state.users.get(uid) or call.message(unknown.format(uid), 404)


def _may_act_for(call: Call, user: User) -> bool:
    return user is call.user or call.user.superuser or not call.behaviour.only_own_marks


def _known(call: Call, uids: Sequence[str]) -> list[Conversation]:
    return [call.state.conversations[uid] for uid in dict.fromkeys(uids) if uid in call.state.conversations]


def _mark(call: Call, uids: Sequence[str], whose: User | Response, *, read: bool) -> Response:
    """Mark as read or unread; the answer names what has changed (15)."""
    if isinstance(whose, Response):
        return whose
    if not _may_act_for(call, whose):
        raise Refused("modify")
    conversations = _known(call, uids)
    if not conversations:
        return call.message("No MessageConversations found for the given IDs.", 404)
    for conversation in conversations:
        _admitted(call, conversation, "mark")
    changed = []
    for conversation in conversations:
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
        if isinstance(whose, Response):
            return whose
        if not _may_act_for(call, whose):
            raise Refused("modify")
        conversations = _known(call, words)
        if not conversations:
            return call.message("No MessageConversations found for the given UIDs", 404)
        for conversation in conversations:
            _admitted(call, conversation, refusal)
        for conversation in conversations:
            own = conversation.of(whose)
            if own is not None and own.follow_up is not marked:
                own.follow_up = marked
                conversation.last_updated = call.state.now()
        return call.json({key: [conversation.uid for conversation in conversations]})

    return handle


def _remove(call: Call, conversations: Sequence[Conversation], user: User) -> Response:
    for conversation in conversations:
        _admitted(call, conversation, "remove")
    removed = [one.uid for one in conversations if call.state.remove_participant(one, user)]
    return call.json({"removed": removed})


def leave(call: Call) -> Response:
    """Take somebody out of several conversations."""
    call.needed("mc", "List")
    uids = split(call.query.getlist("mc"))
    user = _whose(call, "user", unknown="User does not exist: {}")
    if isinstance(user, Response):
        return user
    if not _may_act_for(call, user):
        raise Refused("modify_user", user.uid)
    conversations = _known(call, uids)
    if not conversations:
        return call.message("No MessageConversations found for the given UIDs.", 404)
    return _remove(call, conversations, user)


def leave_one(call: Call) -> Response:
    """Take somebody out of one conversation; a body of JSON belongs to another call (11)."""
    if call.media_type == "application/json":
        call.object(CONVERSATION)
    uid, user_uid = call.parameters["uid"], call.parameters["property"]
    user = call.state.users.get(user_uid)
    if user is None:
        return call.message(f"No user with uid: {user_uid}", 404)
    if not _may_act_for(call, user):
        raise Refused("modify_user", user_uid)
    conversation = call.state.conversations.get(uid)
    if conversation is None:
        return call.message(f"No messageConversation with uid: {uid}", 404)
    return _remove(call, [conversation], user)


def delete(call: Call) -> Response:
    """Say that a conversation was deleted; nothing is (13)."""
    uid = call.parameters["uid"]
    if not call.user.superuser:
        raise Rejected(403, call.behaviour.delete_denied)
    if uid not in call.state.conversations:
        values = ("MessageConversation", uid) if call.behaviour.delete_unknown == "no_object" else (uid,)
        raise Refused(call.behaviour.delete_unknown, *values)
    return call.web_message(200)
