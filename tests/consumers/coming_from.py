"""What docs/coming-from.md gives to each of its examples: its first one, and what it says of uids."""

from __future__ import annotations

from pathlib import Path

from dhis2_facade.v42 import Dhis2

__all__ = ["Dhis2", "Path", "clerk", "conversation", "dhis2", "file", "group", "message", "nurse", "ticket", "unit"]

dhis2 = Dhis2.from_env()
conversation = message = ticket = file = nurse = clerk = group = unit = "aBcDeFgHiJk"
