"""The operations that the facade uses, and the first version that has each. Made by `make docs`."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["OPERATIONS"]

OPERATIONS: Mapping[str, tuple[str, int]] = {
    "file_resource.get_file_resource": ("GET /api/fileResources/{}", 40),
    "file_resource.get_file_resource_data": ("GET /api/fileResources/{}/data", 40),
    "file_resource.save_file_resource": ("POST /api/fileResources", 40),
    "me.get_current_user": ("GET /api/me", 40),
    "message_conversation.add_recipients_to_message_conversation": ("POST /api/messageConversations/{}/recipients", 40),
    "message_conversation.create": ("POST /api/messageConversations", 40),
    "message_conversation.get": ("GET /api/messageConversations/{}", 40),
    "message_conversation.get_attachment": ("GET /api/messageConversations/{}/{}/attachments/{}", 40),
    "message_conversation.list_": ("GET /api/messageConversations", 40),
    "message_conversation.mark_message_conversation_followup": ("POST /api/messageConversations/followup", 40),
    "message_conversation.mark_message_conversations_read": ("POST /api/messageConversations/read", 40),
    "message_conversation.mark_message_conversations_unread": ("POST /api/messageConversations/unread", 40),
    "message_conversation.post_message_conversation_feedback": ("POST /api/messageConversations/feedback", 40),
    "message_conversation.post_message_conversation_reply": ("POST /api/messageConversations/{}", 40),
    "message_conversation.remove_user_assigned": ("DELETE /api/messageConversations/{}/assign", 40),
    "message_conversation.remove_user_from_message_conversation": ("DELETE /api/messageConversations/{}/{}", 40),
    "message_conversation.remove_user_from_message_conversations": ("DELETE /api/messageConversations", 40),
    "message_conversation.set_message_priority": ("POST /api/messageConversations/{}/priority", 40),
    "message_conversation.set_message_status": ("POST /api/messageConversations/{}/status", 40),
    "message_conversation.set_user_assigned": ("POST /api/messageConversations/{}/assign", 40),
    "message_conversation.unmark_message_conversation_followup": ("POST /api/messageConversations/unfollowup", 40),
    "organisation_unit.list_": ("GET /api/organisationUnits", 40),
    "system.get_system_info": ("GET /api/system/info", 40),
    "user_group.list_": ("GET /api/userGroups", 40),
    "user_lookup.look_up_feedback_recipients": ("GET /api/userLookup/feedbackRecipients", 40),
    "user_lookup.look_up_users": ("GET /api/userLookup", 40),
}
