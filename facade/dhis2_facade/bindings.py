"""What the facade needs of a version's bindings: the functions, as protocols that a pin's modules are checked against.

Answers are read by the facade's own models, so the protocols say only what is sent. What differs in type between the
versions (bodies, enums) is bound in one place, by `Writes`, so that the rest of the facade knows no version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from dhis2_facade.errors import InvalidInput
from dhis2_facade.inputs import Recipients
from dhis2_wire import UNSET, File, OpenEnum, Request, Unset

__all__ = ["Bindings", "Bodies", "Mark", "Writes"]

InfoT = TypeVar("InfoT")
RefT = TypeVar("RefT")
UploadT = TypeVar("UploadT")
DomainT = TypeVar("DomainT", bound=OpenEnum)
PriorityT = TypeVar("PriorityT", bound=OpenEnum)
StatusT = TypeVar("StatusT", bound=OpenEnum)
EnumT = TypeVar("EnumT", bound=OpenEnum)
Info_contra = TypeVar("Info_contra", contravariant=True)
Info_co = TypeVar("Info_co", covariant=True)
Ref_co = TypeVar("Ref_co", covariant=True)
Upload_contra = TypeVar("Upload_contra", contravariant=True)
Upload_co = TypeVar("Upload_co", covariant=True)
Domain_contra = TypeVar("Domain_contra", contravariant=True)
Priority_contra = TypeVar("Priority_contra", contravariant=True)
Status_contra = TypeVar("Status_contra", contravariant=True)


class MessageConversationApi(Protocol):
    """The calls of messageConversations whose arguments are plain."""

    def get(self, uid: str, *, fields: str | Unset = ...) -> Request[object]: ...

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
    ) -> Request[object]: ...

    def get_attachment(self, mc_uid: str, msg_uid: str, file_uid: str) -> Request[bytes]: ...

    def post_message_conversation_reply(
        self, uid: str, *, body: str, attachments: list[str] | Unset = ..., internal: bool | Unset = ...
    ) -> Request[object]: ...

    def post_message_conversation_feedback(self, *, body: str, subject: str) -> Request[object]: ...

    def mark_message_conversations_read(self, *, body: list[str], user: str | Unset = ...) -> Request[object]: ...

    def mark_message_conversations_unread(self, *, body: list[str], user: str | Unset = ...) -> Request[object]: ...

    def mark_message_conversation_followup(self, *, body: list[str], user: str | Unset = ...) -> Request[object]: ...

    def unmark_message_conversation_followup(self, *, body: list[str], user: str | Unset = ...) -> Request[object]: ...

    def remove_user_from_message_conversation(self, mc_uid: str, user_uid: str) -> Request[object]: ...

    def remove_user_from_message_conversations(self, *, mc: list[str], user: str | Unset = ...) -> Request[object]: ...

    def set_user_assigned(self, uid: str, *, user_id: str) -> Request[object]: ...

    def remove_user_assigned(self, uid: str) -> Request[object]: ...


class Mark(Protocol):
    """One of the four marks of conversations."""

    def __call__(self, *, body: list[str], user: str | Unset = ...) -> Request[object]:
        """Give the request for these uids."""
        ...


class FileResourceApi(Protocol):
    """The calls of fileResources whose arguments are plain."""

    def get_file_resource(self, uid: str) -> Request[object]: ...

    def get_file_resource_data(self, uid: str) -> Request[bytes]: ...


class UserLookupApi(Protocol):
    """The calls that find users without the right to list them."""

    def look_up_users(self, *, query: str) -> Request[object]: ...

    def look_up_feedback_recipients(self, *, query: str) -> Request[object]: ...


class SearchApi(Protocol):
    """A list of metadata that takes a query."""

    def list_(
        self,
        *,
        fields: str | Unset = ...,
        page: int | Unset = ...,
        page_size: int | Unset = ...,
        query: str | Unset = ...,
    ) -> Request[object]: ...


class MeApi(Protocol):
    """Who one is."""

    def get_current_user(self, *, fields: str | Unset = ...) -> Request[object]: ...


class SystemApi(Protocol):
    """What the server is."""

    def get_system_info(self) -> Request[object]: ...


class _Conversations(Protocol[Info_contra, Priority_contra, Status_contra]):
    def create(self, *, body: Info_contra) -> Request[object]: ...

    def add_recipients_to_message_conversation(self, uid: str, *, body: Info_contra) -> Request[object]: ...

    def set_message_priority(self, uid: str, *, message_conversation_priority: Priority_contra) -> Request[object]: ...

    def set_message_status(self, uid: str, *, message_conversation_status: Status_contra) -> Request[object]: ...


class _Files(Protocol[Upload_contra]):
    def save_file_resource(self, *, body: Upload_contra) -> Request[object]: ...


class _NewInfo(Protocol[Info_co, RefT]):
    def __call__(
        self,
        *,
        attachments: list[RefT] | Unset = ...,
        organisation_units: list[RefT] | Unset = ...,
        subject: str | Unset = ...,
        text: str | Unset = ...,
        user_groups: list[RefT] | Unset = ...,
        users: list[RefT] | Unset = ...,
    ) -> Info_co: ...


class _NewRef(Protocol[Ref_co]):
    def __call__(self, *, id: str | Unset = ...) -> Ref_co: ...  # noqa: A002 - the server's word


class _NewUpload(Protocol[Upload_co, Domain_contra]):
    def __call__(
        self, *, domain: Domain_contra | Unset = ..., file: File | Unset = ..., uid: str | Unset = ...
    ) -> Upload_co: ...


class Writes(Protocol):
    """The calls whose bodies and enums are a version's own."""

    def send(self, subject: str, text: str, to: Recipients, attachments: Sequence[str]) -> Request[object]:
        """Give `POST /api/messageConversations`."""
        ...

    def add_recipients(self, uid: str, to: Recipients) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/recipients`."""
        ...

    def set_priority(self, uid: str, priority: str) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/priority`; InvalidInput for a priority that is none."""
        ...

    def set_status(self, uid: str, status: str) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/status`; InvalidInput for a status that is none."""
        ...

    def upload(self, file: File, domain: str, uid: str | None) -> Request[object]:
        """Give `POST /api/fileResources`; InvalidInput for a domain that is none."""
        ...


@frozen
class Bodies(Generic[InfoT, RefT, UploadT, DomainT, PriorityT, StatusT]):
    """`Writes` of one version, made of its functions and models."""

    conversations: _Conversations[InfoT, PriorityT, StatusT]
    files: _Files[UploadT]
    new_info: _NewInfo[InfoT, RefT]
    new_ref: _NewRef[RefT]
    new_upload: _NewUpload[UploadT, DomainT]
    domains: type[DomainT]
    priorities: type[PriorityT]
    statuses: type[StatusT]

    def send(self, subject: str, text: str, to: Recipients, attachments: Sequence[str]) -> Request[object]:
        """Give `POST /api/messageConversations`; attachments are objects there (quirk 5)."""
        files = self._refs(attachments)
        return self.conversations.create(body=self._info(to, subject=subject, text=text, attachments=files))

    def add_recipients(self, uid: str, to: Recipients) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/recipients`."""
        return self.conversations.add_recipients_to_message_conversation(uid, body=self._info(to))

    def set_priority(self, uid: str, priority: str) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/priority`."""
        value = _member("priority", priority, self.priorities)
        return self.conversations.set_message_priority(uid, message_conversation_priority=value)

    def set_status(self, uid: str, status: str) -> Request[object]:
        """Give `POST /api/messageConversations/{uid}/status`."""
        value = _member("status", status, self.statuses)
        return self.conversations.set_message_status(uid, message_conversation_status=value)

    def upload(self, file: File, domain: str, uid: str | None) -> Request[object]:
        """Give `POST /api/fileResources`."""
        kind = _member("domain", domain, self.domains)
        return self.files.save_file_resource(body=self.new_upload(domain=kind, file=file, uid=uid or UNSET))

    def _info(
        self,
        to: Recipients,
        *,
        subject: str | Unset = UNSET,
        text: str | Unset = UNSET,
        attachments: list[RefT] | Unset = UNSET,
    ) -> InfoT:
        return self.new_info(
            subject=subject,
            text=text,
            users=self._refs(to.users),
            user_groups=self._refs(to.user_groups),
            organisation_units=self._refs(to.organisation_units),
            attachments=attachments,
        )

    def _refs(self, uids: Sequence[str]) -> list[RefT] | Unset:
        return [self.new_ref(id=uid) for uid in uids] or UNSET


def _member(name: str, value: object, kinds: type[EnumT]) -> EnumT:
    """Give the member of an enum, whatever its case; InvalidInput names those that there are."""
    known = {member.value: member for member in kinds}
    found = known.get(value.upper()) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(f"{name}: expected one of {', '.join(known)}, got {str(value)[:60]!r}")
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
