"""What the server refuses, in its own words."""

from __future__ import annotations

from attrs import frozen

__all__ = ["REFUSALS", "Bare", "Container", "Refusal", "Refused", "Rejected"]


@frozen
class Refusal:
    """A status, the text, and the errorCode where the version gives one."""

    status: int
    text: str
    code: str | None = None


REFUSALS = {
    # who may do what
    "read": Refusal(403, "Not authorized to access this conversation.", "E1006"),
    "download": Refusal(403, "Not authorized to access this conversation.", "E1006"),
    "reply": Refusal(403, "Not authorized to send messages to this conversation.", "E1006"),
    "internal": Refusal(403, "Not authorized to send internal messages", "E1006"),
    "recipients": Refusal(403, "Not authorized to change recipients in this conversation.", "E1006"),
    "priority": Refusal(403, "Not authorized to change priority in this conversation.", "E1006"),
    "status": Refusal(403, "Not authorized to change status in this conversation.", "E1006"),
    "assign": Refusal(403, "Not authorized to assign a user to this conversation.", "E1006"),
    "unassign": Refusal(403, "Not authorized to remove the assigned user to this conversation.", "E1006"),
    "remove": Refusal(403, "Not authorized to remove assigned users to this conversation.", "E1006"),
    "mark": Refusal(403, "Not authorized to change read property of this conversation.", "E1006"),
    "followup": Refusal(403, "Not authorized to change followups in this conversation.", "E1006"),
    "unfollowup": Refusal(403, "Not authorized to change unfollowups in this conversation.", "E1006"),
    "modify": Refusal(403, "Not authorized to modify this object."),
    "modify_user": Refusal(403, "Not authorized to modify user: {}"),
    "read_type": Refusal(403, "You don't have the proper permissions to read objects of this type.", "E1006"),
    "create_type": Refusal(403, "You don't have the proper permissions to create this object.", "E1006"),
    "update_type": Refusal(403, "You don't have the proper permissions to update this object.", "E1006"),
    "delete_type": Refusal(403, "You don't have the proper permissions to delete objects of this type.", "E1006"),
    # whom and what is not there
    "no_recipients": Refusal(409, "No recipients selected.", "E1004"),
    "unknown_user": Refusal(409, "User does not exist: {}", "E1004"),
    "unknown_unit": Refusal(409, "Organisation Unit does not exist: {}", "E1004"),
    "no_object": Refusal(404, "{} with id {} could not be found.", "E1005"),
    "unknown_conversation": Refusal(404, "Message conversation does not exist: {}"),
    "recipients_of_unknown": Refusal(404, "Message conversation does not exist: {}"),
    "unknown_attachment": Refusal(409, "Attachment '{}' not found.", "E1004"),
    "used_attachment": Refusal(409, "Attachment '{}' is already used or not a valid attachment.", "E1004"),
    "unknown_attachment_of_reply": Refusal(409, "Attachment '{}' not found."),
    "used_attachment_of_reply": Refusal(409, "Attachment '{}' is already used or not a valid attachment."),
    "no_conversation_of_file": Refusal(404, "No message conversation with uid '{}'"),
    "no_message_of_file": Refusal(404, "No message with uid '{}' in messageConversation '{}"),
    "internal_file": Refusal(409, "Not authorized to access this message"),
    "no_file_of_message": Refusal(404, "No messageattachment found with id '{}'"),
    "no_feedback_group": Refusal(409, "Feedback message recipients user group not defined", "E6200"),
    "known_user": Refusal(409, "Username `{}` already taken", "E4054"),
    "missing": Refusal(409, "Missing required property `{}`.", "E4000"),
    # files
    "unknown_file": Refusal(404, "FileResource with id {} could not be found.", "E1005"),
    "other_domain": Refusal(
        403,
        "You don't have access to fileResource '{}' or this fileResource is not available from this endpoint",
        "E1006",
    ),
    "empty_file": Refusal(409, "Could not read file or file is empty.", "E1004"),
    "blocked_file": Refusal(409, "File type not allowed", "E6101"),
    "known_file": Refusal(409, "FileResource already exists: `{}`", "E1119"),
    "big_file": Refusal(409, "File size can't be bigger than {}, current file size {}"),
    "not_multipart": Refusal(500, "Current request is not a multipart request"),
    # what the database cannot keep
    "no_subject": Refusal(
        409,
        "not-null property references a null or transient value : org.hisp.dhis.message.MessageConversation.subject",
    ),
    "too_long": Refusal(409, "ERROR: value too long for type character varying(255)"),
    "nul": Refusal(
        409, 'ERROR: invalid byte sequence for encoding "UTF8": 0x00\n  Where: unnamed portal parameter ${}'
    ),
    # parameters
    "bad_enum": Refusal(400, "Value '{}' is not valid for parameter {}. Valid values are: [{}]"),
    "empty_enum": Refusal(400, "{} cannot be empty. Valid values are: [{}]"),
    "bad_type": Refusal(400, "Value '{}' is not valid for parameter {}. It should be of type {}"),
    "no_general_query": Refusal(
        400,
        "Unable to locate Attribute  with the the given name [code] on this ManagedType"
        " [org.hisp.dhis.message.MessageConversation]",
    ),
    "no_search": Refusal(409, "{}"),
}


class Refused(Exception):
    """The server says no; what it says is found under this name."""

    def __init__(self, name: str, *values: object) -> None:
        super().__init__(name, *values)
        self.name = name
        self.values = values


class Rejected(Exception):
    """The server says no in words that depend on the version or on what was sent."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Bare(Exception):
    """The server says only `{"message": …}`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Container(Exception):
    """The container answers with its own page, before the application does."""

    def __init__(self, status: int, message: str, cause: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.cause = cause
