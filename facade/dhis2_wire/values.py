"""The vocabulary of generated code: what was not set, enums that servers may extend, files to upload."""

from __future__ import annotations

import enum
from typing import IO, Final, Literal, TypeAlias

from attrs import field, frozen


class Unset(enum.Enum):
    """The type of `UNSET`: a key that is absent, as opposed to one that is null (`None`)."""

    UNSET = enum.auto()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
Text: TypeAlias = str | list[str]
"""Text, or several texts: a query parameter that the server takes as a list."""


class OpenEnum(enum.StrEnum):
    """A text enum that takes values which the server learned after the bindings were generated.

    An unknown value becomes a member that equals its text. It is made anew each time, so that a server's
    answers cannot fill the memory: compare with `==`, not with `is`.
    """

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


@frozen
class File:
    """A file to upload: its content (bytes, or a binary file that is read when the request is sent), name and type."""

    content: bytes | IO[bytes] = field(repr=False)
    name: str
    content_type: str = "application/octet-stream"
