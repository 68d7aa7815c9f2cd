"""DHIS2's uids: what is one, and how one is made from a key."""

from __future__ import annotations

import re
import string

__all__ = ["derive", "is_uid"]

LETTERS = string.ascii_letters
SIGNS = string.ascii_letters + string.digits
LENGTH = 11
_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")


def is_uid(text: object) -> bool:
    """Say whether this is a uid: a letter and ten letters or digits."""
    return isinstance(text, str) and _UID.fullmatch(text) is not None


def derive(seed: bytes) -> str:
    """Make the uid that belongs to a seed of at least eleven bytes."""
    return LETTERS[seed[0] % len(LETTERS)] + "".join(SIGNS[byte % len(SIGNS)] for byte in seed[1:LENGTH])
