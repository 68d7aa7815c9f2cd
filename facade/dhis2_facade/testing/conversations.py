"""The calls that read and write message conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from starlette.responses import Response

from .calls import Call, split
from .fields import render, writer
from .jackson import CONVERSATION, ITEMS, word
from .listing import check_uid
from .queries import PAGE_SIZE, QueryError, search
from .refusals import Refused, Rejected
from .schema import Viewer, class_name
from .state import Conversation, User

__all__ = [
    "add_recipients",
    "admitted",
    "create",
    "download",
    "feedback",
    "file_answer",
    "gist",
    "listed",
    "one",
    "one_property",
    "other_property",
    "reply",
]

KIND = "messageConversation"
PLURAL = "messageConversations"
XML = ("application/xml", "text/xml")
_CONTROLLER = (
    "public org.hisp.dhis.dxf2.webmessage.WebMessage org.hisp.dhis.webapi.controller.MessageConversationController."
)
_FEEDBACK = "postMessageConversationFeedback(java.lang.String,java.lang.String,{}.http.HttpServletRequest)"
_REPLYING = "postMessageConversationReply(java.lang.String,java.lang.String,boolean,java.util.Set<java.lang.String>,"


# -- reading -----------------------------------------------------------------------------------------------------------


def listed(call: Call) -> Response:
    """One's own conversations."""
    if call.given("query") or ("query" in call.query and not call.behaviour.page_checked):
        raise Refused("no_general_query")
    found = _own(call)
    text = call.given("queryString")
    if text is not None:
        operator = call.given("queryOperator") or "token"
        viewer = Viewer(call.state, call.user, call.root, listing=True, filtering=True)
        try:
            test = search(call.version, KIND, text, operator)
        except QueryError as error:
            raise Refused("no_search", error) from None
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
    check_uid(call)
    conversation = _readable(call, uid)
    if conversation is None:
        return call.message(f"No MessageConversation found with UID: {uid}")
    written = render(call.version, KIND, call.fields("*"), conversation, call.viewer())
    own = conversation.of(call.user)
    if call.behaviour.mark_read_on_get and own is not None and call.flag("markRead"):
        own.read = True
    return call.uncached(written)


def one_property(call: Call) -> Response:
    """One property of a conversation, for whoever asks."""
    uid = call.parameters["uid"]
    check_uid(call)
    if uid not in call.state.conversations:
        raise Refused("no_object", class_name(KIND), uid)
    conversation = call.state.conversations[uid]
    fields = f"{call.parameters['property']}[{','.join(call.fields(':all'))}]"
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
    # A blank at the end is no part of a header's value: no client sees it, and h11 refuses to write it.
    answer.raw_headers.append((b"content-disposition", b"filename=" + name.encode().rstrip()))
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
        subject or None,
        text or None,
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
    return [word(one.get("id")) or "null" for one in asked.get(name) or ()]


def _needed_text(call: Call, method: str) -> str:
    text = call.text()
    if not text:
        where = method.format(call.behaviour.servlet)
        raise Rejected(call.behaviour.body_missing, f"Required request body is missing: {_CONTROLLER}{where}")
    return text


def _asked(call: Call, refusal: str) -> Conversation:
    uid = call.parameters["uid"]
    if uid not in call.state.conversations:
        raise Refused(refusal, uid)
    return call.state.conversations[uid]


def admitted(call: Call, conversation: Conversation, refusal: str) -> None:
    """Only who takes part may act, where the version asks (16)."""
    if not (call.behaviour.strangers_act or conversation.admits(call.user)):
        raise Refused(refusal)


def reply(call: Call) -> Response:
    """Add a message: the body is its text, whatever it says it is (3)."""
    text = _needed_text(call, _REPLYING + call.behaviour.reply_throws)
    conversation = _asked(call, "unknown_conversation")
    admitted(call, conversation, "reply")
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
    conversation = _asked(call, "recipients_of_unknown")
    admitted(call, conversation, "recipients")
    call.state.add_participants(conversation, _people(call, asked))
    return Response(status_code=204)


def other_property(call: Call) -> Response:
    """There is nothing to add to any other property; what would be added comes as JSON."""
    call.expect("application/json", *(XML if call.behaviour.xml_accepted else ()))
    uid, name = call.parameters["uid"], call.parameters["property"]
    if uid not in call.state.conversations:
        raise Refused("no_object", class_name(KIND), uid)
    if call.media_type == "application/json":
        call.object(ITEMS)
    return call.web_message(404, f"Property {name} does not exist on MessageConversation")
