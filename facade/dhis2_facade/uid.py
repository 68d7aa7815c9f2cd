"""DHIS2's uids: what is one, and how one is made from a key."""

from __future__ import annotations

import re
import string


def is_uid(text: object) -> bool:
    """Say whether this is a uid: a letter and ten letters or digits."""
    return isinstance(text, str) and re.fullmatch("[A-Za-z][A-Za-z0-9]{10}", text) is not None


def derive(seed: bytes) -> str:
    """Make the uid that belongs to a seed of at least eleven bytes."""
    return string.ascii_letters[seed[0] % 52] + "".join(
        (string.ascii_letters + string.digits)[byte % 62] for byte in seed[1:11]
    )
