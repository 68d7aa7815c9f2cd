"""The generated models to JSON."""

from __future__ import annotations

import datetime
import enum
import functools
from typing import Any

from attrs import AttrsInstance, fields, has

from dhis2_wire.values import UNSET

UNKNOWN = "unknown_"  # the attribute that keeps the keys which the document does not know


def encode(value: object) -> Any:
    """Turn models, enums and dates into what `json.dumps` takes; only what is set is written.

    Raises ValueError for what is no JSON.
    """
    if isinstance(value, enum.Enum) and value is not UNSET:
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items() if item is not UNSET}
    if isinstance(value, datetime.date):
        return encode_time(value)
    cls: type = type(value)
    if has(cls):
        written = {
            key: encode(item) for name, key in wire_names(cls).items() if (item := getattr(value, name)) is not UNSET
        }
        return written | encode(getattr(value, UNKNOWN, None) or {})
    raise ValueError(f"{'UNSET' if value is UNSET else cls.__name__} cannot be written as JSON")


def encode_time(value: datetime.date) -> str:
    """Write a date, or a date with its time in the server's zone and its milliseconds, as the server does."""
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime.datetime) else value.isoformat()


@functools.cache
def wire_names(cls: type[AttrsInstance]) -> dict[str, str]:
    """Give attribute → key in JSON; generated models write down only the keys that camel case does not give."""
    odd = getattr(cls, "__wire__", {})
    return {a.name: odd[a.name] if a.name in odd else _camel(a.name) for a in fields(cls) if a.name != UNKNOWN}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
