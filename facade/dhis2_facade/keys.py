"""The token that a send, reply or feedback carries in its User-Agent, and how a stored one is known again.

The server keeps the User-Agent of each message as its metaData, shows it to every participant and can search it. So
the token holds hashes only: one of what makes the write unique (operation, conversation, key), which is searched, and
one of what was written, by which the same key with another content is known.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from dhis2_facade import inputs, models, uid

VERSION = "0.1.0"
AGENT = f"dhis2-facade/{VERSION}"
HASH, DIGEST = 32, 16  # hexadecimal digits
LONGEST_AGENT = 200  # characters in all: with its prefix the server refuses more than 255 (quirk 20)
_TOKEN = rf"key=([0-9a-f]{{{HASH}}})\.([0-9a-f]{{{DIGEST}}})(?![0-9a-f])"


@frozen
class Token:
    """What a write is known by: the hash of operation, conversation and key, and the digest of its content."""

    hash: str
    digest: str

    @classmethod
    def of(cls, key: str, operation: str, conversation: str | None, content: object) -> Token:
        """Make the token of a write; `content` is what JSON can write."""
        return cls(_hash([operation, conversation, key])[:HASH], _hash(content)[:DIGEST])

    def in_agent(self, agent: str) -> str:
        """Give the User-Agent that carries the token."""
        return f"{agent} key={self.hash}.{self.digest}"


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def agent_of(prefix: object) -> str:
    """Give the client's User-Agent behind the user's own prefix. Raises InvalidInput where the token has no room."""
    room = LONGEST_AGENT - HASH - DIGEST - len(" key=.") - len(AGENT) - 1
    # A blank at its beginning is none of a header's value: every call would fail.
    inputs.require(
        not prefix
        or (
            isinstance(prefix, str)
            and len(prefix) <= room
            and prefix.isascii()
            and prefix.isprintable()
            and prefix == prefix.strip()
        ),
        f"user_agent: at most {room} printable ASCII characters, no blank at its ends, so that the server keeps it",
    )
    return f"{prefix} {AGENT}" if prefix else AGENT


def hits(
    messages: Iterable[models.Message] | None, token: Token, user: str | None = None
) -> list[tuple[Token, models.Message]]:
    """Give the messages whose token has this one's hash, with their tokens; of one user, or of all.

    Participants can read tokens and copy them, so another sender's message proves nothing.
    """
    return [
        (Token(hash_, digest), message)
        for message in messages or ()
        if user is None or (message.sender is not None and message.sender.id == user)
        for hash_, digest in re.findall(_TOKEN, message.meta_data or "")
        if hash_ == token.hash
    ]


def file_uid(write: Sequence[str | None], place: int, md5: str, round_: int) -> str:
    """Give the uid of an attachment of a write with a caller's key, the same at each attempt of a round.

    `write` is what makes it unique: key, operation, conversation and user. The same file with the same key in another
    conversation has another uid, since a file can be attached once.
    """
    return uid.derive(hashlib.sha256(json.dumps([write, place, md5, round_]).encode()).digest())
