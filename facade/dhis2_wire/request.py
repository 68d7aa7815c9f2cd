"""A call of the server as a value: what to send and how to read the answer, without any I/O."""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, cast
from urllib.parse import quote

from attrs import field, frozen, has

from dhis2_wire.codec import decode
from dhis2_wire.encoding import encode, encode_time, wire_names
from dhis2_wire.values import UNSET, File

T_co = TypeVar("T_co", covariant=True)  # what a request gives, it never takes
Pairs: TypeAlias = tuple[tuple[str, str], ...]


def segment(name: str, value: object) -> str:
    """Quote a path variable so that it stays one segment of the path; ValueError where it cannot."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{name}: a path takes text, not {_kind(value)}")
    text = str(value)
    if text in ("", ".", ".."):  # clients and proxies resolve these, so that another resource would be meant
        raise ValueError(f"{name}: {text!r} cannot stand in a path")
    return quote(_checked(name, text), safe="")


def rest(name: str, value: str) -> str:
    """Quote the rest of a path, whose segments the caller divides by slashes."""
    return "/".join(segment(name, part) for part in value.split("/"))


class _Joined(list[object]):
    """A list that the server takes as one text with commas."""


def comma(value: object) -> object:
    """Mark a list as one that is joined with commas instead of repeated; text stays as it is."""
    return _Joined(value) if isinstance(value, list | tuple) else value


def pairs(query: Mapping[str, object] | Iterable[tuple[str, str]]) -> Pairs:
    """Give what is set of a query as pairs of texts; lists repeat their name, or are joined."""
    items = cast("Mapping[str, object]", query).items() if isinstance(query, Mapping) else query
    return tuple((name, text) for name, value in items if value is not UNSET for text in _texts(name, value))


def _texts(name: str, value: object) -> list[str]:
    several = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    texts = [_checked(name, _query_text(name, item)) for item in several]
    return [",".join(texts)] if isinstance(value, _Joined) and texts else texts


def _query_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, datetime.date):
        return encode_time(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{name}: a query takes text, numbers, dates and lists of them, not {_kind(value)}; leave it out?")


def _checked(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: {text!r} has half a surrogate pair, which no server can be sent") from None
    return text


def _kind(value: object) -> str:
    return "nothing (UNSET)" if value is UNSET else "None" if value is None else type(value).__name__


@frozen
class Request(Generic[T_co]):
    """One call of the server: made by a generated function, sent by a client, its answer read by `parse`.

    `result` is the Python type of the answer as text and `models` the package that its names come from, so that
    making a request imports no model.
    """

    method: str
    path: str
    result: str
    models: str
    query: Pairs = field(default=(), converter=pairs)
    headers: Pairs = field(default=(), converter=pairs)
    body: object = field(default=UNSET, repr=False)
    content_type: str | None = None
    accept: str = "application/json"

    def arguments(self) -> dict[str, Any]:
        """Give the keyword arguments of `httpx.Client.request`, `stream` and `build_request` that send this.

        A large answer in bytes is better had with `stream` than with `request` and `parse`. Raises ValueError where
        the body cannot be written. No body has no `Content-Type`: with one the server answers 500 to a DELETE.
        """
        headers = {"Accept": self.accept, **dict(self.headers)}
        sent: dict[str, Any] = {"method": self.method, "url": self.path, "headers": headers}
        if self.query:
            sent["params"] = list(self.query)
        if self.body is UNSET:
            return sent
        kind = self.content_type or "application/json"
        if kind == "multipart/form-data":
            sent["files"] = [_part(name, value) for name, value in _form(self.body)]
            return sent
        headers["Content-Type"] = kind
        sent["content"] = _json(self.body) if "json" in kind else _raw(self.body)
        return sent

    def parse(self, content: bytes) -> T_co:
        """Read the body of a successful answer.

        Raises `DecodeError`, naming the place, where it is not what `result` says.
        """
        if self.result == "bytes":
            return cast("T_co", content)
        if self.result == "None":
            return cast("T_co", None)
        if self.result == "str":
            return cast("T_co", content.decode("utf-8", "replace"))
        return cast("T_co", decode(self.result, self.models, content))


def _json(body: object) -> bytes:
    try:
        return json.dumps(encode(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("body: a text in it has half a surrogate pair, which no server can be sent") from None
    except RecursionError:
        raise ValueError("body: it is nested too deep, or stands within itself") from None


def _raw(body: object) -> object:
    if isinstance(body, str):
        return _checked("body", body).encode()
    if isinstance(body, bytes) or hasattr(body, "read"):
        return body
    raise ValueError(f"body: text, bytes or an open file is sent here, not {_kind(body)}")


def _form(body: object) -> Iterable[tuple[str, object]]:
    cls: type = type(body)
    if not has(cls):
        raise ValueError(f"body: a form takes an object, not {_kind(body)}")
    values = ((key, getattr(body, name)) for name, key in wire_names(cls).items())
    fields = [
        (key, item)
        for key, value in values
        if value is not UNSET
        for item in (value if isinstance(value, list | tuple) else (value,))
    ]
    # Files last: a server that reads the parts as a stream knows the fields before the content comes.
    return sorted(fields, key=lambda field: isinstance(field[1], File))


def _part(name: str, value: object) -> tuple[str, tuple[Any, ...]]:
    if isinstance(value, File):
        return name, (value.name, value.content, value.content_type)
    if isinstance(value, dict) or has(type(value)):
        return name, (None, _json(value), "application/json")
    return name, (None, _checked(name, _query_text(name, value)))
