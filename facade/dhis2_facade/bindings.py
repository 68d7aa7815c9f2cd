"""What the facade needs of a version's bindings: the functions, as protocols that a pin's modules are checked against.

Answers are read by the facade's own models, so the protocols say only what is sent. What differs in type between the
versions, bodies and enums, is made by the pins, so that the rest of the facade knows no version.
"""

# The calls of a protocol have nothing but what they say.
# pyright: reportReturnType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from attrs import frozen

from dhis2_facade import errors, inputs
from dhis2_wire import File, OpenEnum, Request, Unset

EnumT = TypeVar("EnumT", bound=OpenEnum)


class MessageConversationApi(Protocol):
    """The calls of messageConversations whose arguments are plain."""

    def get(self, uid: str, *, fields: str | Unset = ...) -> Request[object]:
        """GET /api/messageConversations/{uid}"""

    def list_(
        self,
        *,
        fields: str | Unset = ...,
        filter_: list[str] | Unset = ...,
        order: list[str] | Unset = ...,
        page: int | Unset = ...,
        page_size: int | Unset = ...,
        query_operator: str | Unset = ...,
        query_string: str | Unset = ...,
    ) -> Request[object]:
        """GET a page of them"""

    def get_attachment(self, mc_uid: str, msg_uid: str, file_uid: str) -> Request[bytes]:
        """GET /api/messageConversations/{uid}/{message}/attachments/{file}"""

    def post_message_conversation_reply(
        self, uid: str, *, body: str, attachments: list[str] | Unset = ..., internal: bool | Unset = ...
    ) -> Request[object]:
        """POST /api/messageConversations/{uid}"""

    def post_message_conversation_feedback(self, *, body: str, subject: str) -> Request[object]:
        """POST /api/messageConversations/feedback"""

    def mark_message_conversations_read(self, *, body: list[str], user: str | Unset = ...) -> Request[object]:
        """POST /api/messageConversations/read"""

    def mark_message_conversations_unread(self, *, body: list[str], user: str | Unset = ...) -> Request[object]:
        """POST /api/messageConversations/unread"""

    def mark_message_conversation_followup(self, *, body: list[str], user: str | Unset = ...) -> Request[object]:
        """POST /api/messageConversations/followup"""

    def unmark_message_conversation_followup(self, *, body: list[str], user: str | Unset = ...) -> Request[object]:
        """POST /api/messageConversations/unfollowup"""

    def remove_user_from_message_conversation(self, mc_uid: str, user_uid: str) -> Request[object]:
        """DELETE /api/messageConversations/{uid}/{user}"""

    def remove_user_from_message_conversations(self, *, mc: list[str], user: str | Unset = ...) -> Request[object]:
        """DELETE /api/messageConversations?mc="""

    def set_user_assigned(self, uid: str, *, user_id: str) -> Request[object]:
        """POST /api/messageConversations/{uid}/assign"""

    def remove_user_assigned(self, uid: str) -> Request[object]:
        """DELETE /api/messageConversations/{uid}/assign"""


class FileResourceApi(Protocol):
    """The calls of fileResources whose arguments are plain."""

    def get_file_resource(self, uid: str) -> Request[object]:
        """GET /api/fileResources/{uid}"""

    def get_file_resource_data(self, uid: str) -> Request[bytes]:
        """GET /api/fileResources/{uid}/data"""


class UserLookupApi(Protocol):
    """The calls that find users without the right to list them."""

    def look_up_users(self, *, query: str) -> Request[object]:
        """GET /api/userLookup"""

    def look_up_feedback_recipients(self, *, query: str) -> Request[object]:
        """GET /api/userLookup/feedbackRecipients"""


class SearchApi(Protocol):
    """A list of metadata that takes a query."""

    def list_(
        self,
        *,
        fields: str | Unset = ...,
        page: int | Unset = ...,
        page_size: int | Unset = ...,
        query: str | Unset = ...,
    ) -> Request[object]:
        """GET a page of them"""


class MeApi(Protocol):
    """Who one is."""

    def get_current_user(self, *, fields: str | Unset = ...) -> Request[object]:
        """GET /api/me"""


class SystemApi(Protocol):
    """What the server is."""

    def get_system_info(self) -> Request[object]:
        """GET /api/system/info"""


class Writes(Protocol):
    """The calls whose bodies and enums are a version's own: its pin makes them."""

    def create(self, subject: str, text: str, to: inputs.Recipients, attachments: Sequence[str]) -> Request[object]:
        """POST /api/messageConversations"""

    def add_recipients(self, uid: str, to: inputs.Recipients) -> Request[object]:
        """POST /api/messageConversations/{uid}/recipients"""

    def set_priority(self, uid: str, priority: str) -> Request[object]:
        """POST /api/messageConversations/{uid}/priority"""

    def set_status(self, uid: str, status: str) -> Request[object]:
        """POST /api/messageConversations/{uid}/status"""

    def upload(self, file: File, domain: str, uid: str | None) -> Request[object]:
        """POST /api/fileResources"""


def member(name: str, value: object, kinds: type[EnumT]) -> EnumT:
    """Give the member of an enum, whatever its case; InvalidInput names those that there are."""
    known = {member.value: member for member in kinds}
    found = known.get(value.upper()) if isinstance(value, str) else None
    if found is None:
        raise errors.InvalidInput(f"{name}: expected one of {', '.join(known)}, got {str(value)[:60]!r}")
    return found


@frozen
class Bindings:
    """A version's bindings, as the facade uses them."""

    version: str  # such as "42"
    message_conversation: MessageConversationApi
    file_resource: FileResourceApi
    user_lookup: UserLookupApi
    user_group: SearchApi
    organisation_unit: SearchApi
    me: MeApi
    system: SystemApi
    writes: Writes
