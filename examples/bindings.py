"""A real server's recorded answers through the bindings.

The bindings build requests and read answers; here httpx sends them. Instead of a server, the cassettes of the tests
answer. Against your own server the same code needs `httpx.Client(base_url="https://…", auth=(user, password))`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

import httpx

from dhis2_bindings.v42.api import me, message_conversation, user_lookup
from dhis2_bindings.v42.models import MessageConversationPriority
from dhis2_wire import Request

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.replay import recorded

T = TypeVar("T")
FIELDS = (
    "id,subject,messageType,priority,status,read,followUp,messageCount,created,lastUpdated,lastMessage,"
    "lastSender[id,displayName],assignee[id,displayName]"
)


def send(client: httpx.Client, request: Request[T]) -> T:
    """Send any request of the bindings, and read its answer as its operation says."""
    answer = client.request(**request.arguments())
    answer.raise_for_status()
    return request.parse(answer.content)


def main() -> None:
    """Look around as the nurse of the recorded day."""
    with recorded("42", "journey", "nurse"), httpx.Client(base_url="https://dhis2.test") as client:
        myself = send(client, me.get_current_user(fields=["id", "username", "displayName", "authorities"]))
        print(f"I am {myself.display_name} ({myself.id}).")

        unread = send(client, message_conversation.list_(fields="id", filter_="read:eq:false", page=1, page_size=1))
        print(f"{unread.pager.total if unread.pager else 0} conversations are unread.")

        newest = send(
            client,
            message_conversation.list_(
                fields=FIELDS,
                order="lastMessage:desc",
                page=1,
                page_size=2,
            ),
        )
        for conversation in newest.message_conversations or []:
            sender = conversation.last_sender.display_name if conversation.last_sender else "nobody"
            urgent = " (urgent)" if conversation.priority == MessageConversationPriority.HIGH else ""
            print(f"{conversation.last_message:%d %b %H:%M}  {sender}: {conversation.subject}{urgent}")

    with recorded("42", "journey", "clerk"), httpx.Client(base_url="https://dhis2.test") as client:
        for user in send(client, user_lookup.look_up_users(query="corpus")).users or []:
            print(f"found {user.display_name}, {user.username}")


if __name__ == "__main__":
    main()
