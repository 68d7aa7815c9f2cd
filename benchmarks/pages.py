"""Pages of conversations like those that servers answered, as many as one wants."""

from __future__ import annotations

import json
import random
from typing import Any

FIRST = ["Amina", "Grace", "John", "Lars", "Tomas"]
LAST = ["Banda", "Corpus", "Kamara", "Olsen", "Traore"]
WORDS = ["approval", "before", "check", "clinic", "count", "data", "district", "figures", "month", "report", "stock"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def uid(self) -> str:
        letters = self.random.choices(LETTERS + "0123456789", k=10)
        return self.random.choice(LETTERS) + "".join(letters)

    def time(self) -> str:
        r = self.random.randint
        return f"2026-{r(1, 12):02}-{r(1, 28):02}T{r(0, 23):02}:{r(0, 59):02}:{r(0, 59):02}.{r(0, 999):03}"

    def text(self, words: int) -> str:
        return " ".join(self.random.choices(WORDS, k=words))

    def user(self) -> dict[str, Any]:
        first, last = self.random.choice(FIRST), self.random.choice(LAST)
        name = f"{first} {last}"
        return {
            "id": self.uid(),
            "code": None,
            "name": name,
            "displayName": name,
            "username": first.lower(),
        }

    def file(self) -> dict[str, Any]:
        return {
            "id": self.uid(),
            "name": "count.csv",
            "displayName": "count.csv",
            "created": self.time(),
            "lastUpdated": self.time(),
            "contentType": "text/csv",
            "contentLength": self.random.randint(100, 9_000_000),
            "contentMd5": "".join(self.random.choices("0123456789abcdef", k=32)),
            "domain": "MESSAGE_ATTACHMENT",
            "storageStatus": "STORED",
            "hasMultipleStorageFiles": False,
            "assigned": True,
            "createdBy": self.user(),
            "favorite": False,
            "favorites": [],
        }

    def message(self, *, attached: bool) -> dict[str, Any]:
        return {
            "id": self.uid(),
            "created": self.time(),
            "lastUpdated": self.time(),
            "name": self.text(3),
            "displayName": self.text(3),
            "text": self.text(self.random.randint(5, 60)),
            "internal": False,
            "metaData": "User-agent: python-httpx/0.28.1",
            "sender": self.user(),
            "favorite": False,
            "favorites": [],
            "translations": [],
            "attachments": [self.file()] if attached else [],
        }

    def conversation(self) -> dict[str, Any]:
        """28 objects: itself, access 2, sharing, 4 users, 4 messages with a sender each, 2 files
        with a user each, 4 participants with a user each.
        """
        subject = self.text(5)
        return {
            "id": self.uid(),
            "created": self.time(),
            "lastUpdated": self.time(),
            "lastMessage": self.time(),
            "name": subject,
            "displayName": subject,
            "subject": subject,
            "messageType": self.random.choice(["PRIVATE", "TICKET", "SYSTEM"]),
            "priority": self.random.choice(["NONE", "LOW", "MEDIUM", "HIGH"]),
            "status": self.random.choice(["NONE", "OPEN", "PENDING", "SOLVED"]),
            "messageCount": 4,
            "read": self.random.random() < 0.5,
            "followUp": False,
            "userFirstname": "Amina",
            "userSurname": "Kamara",
            "lastSenderFirstname": "John",
            "lastSenderSurname": "Banda",
            "createdBy": self.user(),
            "user": self.user(),
            "lastSender": self.user(),
            "assignee": self.user(),
            "access": {
                "manage": True,
                "externalize": False,
                "write": True,
                "read": True,
                "update": True,
                "delete": True,
                "data": {"write": True, "read": True},
            },
            "sharing": {
                "owner": self.uid(),
                "external": False,
                "users": None,
                "userGroups": None,
                "public": "rw------",
            },
            "favorite": False,
            "favorites": [],
            "translations": [],
            "attributeValues": [],
            "messages": [self.message(attached=number < 2) for number in range(4)],
            "userMessages": [
                {"key": self.uid(), "read": self.random.random() < 0.5, "followUp": False, "user": self.user()}
                for _ in range(4)
            ],
        }


def page(size: int, seed: int = 42) -> bytes:
    """Give a page of conversations as a server would send it."""
    maker = _Maker(seed)
    pager = {"page": 1, "total": size, "pageSize": size, "pageCount": 1}
    return json.dumps(
        {"pager": pager, "messageConversations": [maker.conversation() for _ in range(size)]}, separators=(",", ":")
    ).encode()
