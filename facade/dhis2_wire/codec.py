"""JSON to the generated models: an answer is read, or the place is named that cannot be."""

from __future__ import annotations

import json
from typing import Any

from dhis2_wire.locate import DecodeError, locate
from dhis2_wire.readers import WRONG, space_of


def decode(result: str, models: str, content: bytes | str) -> Any:
    """Read JSON text as the type that `result` names in the package `models`; DecodeError names what does not fit."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DecodeError("", "JSON", str(error)) from None
    return from_json(result, models, value)


def from_json(result: str, models: str, value: object) -> Any:
    """Read parsed JSON as the type that `result` names in the package `models`."""
    space = space_of(models)
    try:
        return space.root(result)(value)
    except WRONG:
        raise locate(space, space.evaluate(result), value) from None
