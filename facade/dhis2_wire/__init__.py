"""What the generated bindings stand on: requests, the JSON codec, their vocabulary. Internal; only attrs, no I/O."""

from __future__ import annotations

from dhis2_wire.codec import decode, from_json
from dhis2_wire.encoding import encode
from dhis2_wire.locate import DecodeError
from dhis2_wire.request import Request, comma, rest, segment
from dhis2_wire.values import UNSET, File, OpenEnum, Text, Unset

__all__ = [
    "UNSET",
    "DecodeError",
    "File",
    "OpenEnum",
    "Request",
    "Text",
    "Unset",
    "comma",
    "decode",
    "encode",
    "from_json",
    "rest",
    "segment",
]
