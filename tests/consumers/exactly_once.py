"""What docs/exactly-once.md leaves to its reader: a client, a recipient, an outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from dhis2_facade.errors import Ambiguous
from dhis2_facade.v42 import Dhis2

__all__ = ["Ambiguous", "dhis2", "nurse", "outbox"]


class Letter(Protocol):
    key: str
    text: str
    attempted: datetime | Literal[False] | None
    conversation: str | None

    def save(self) -> None: ...


dhis2: Dhis2
nurse: str
outbox: list[Letter]
