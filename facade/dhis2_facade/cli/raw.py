"""Any call of the server, as it is: `dhis2 api`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, cast
from urllib.parse import parse_qsl, urlsplit

from dhis2_facade.cli.exits import Failure
from dhis2_wire import UNSET, Request

if TYPE_CHECKING:
    from dhis2_facade.answers import Answer

__all__ = ["Raw", "raw_of", "request_of"]

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
ACCEPT = "application/json, */*;q=0.5"


class Raw(TypedDict):
    """An answer as it came: the body as JSON or text, or in base64 where it is neither."""

    status: int
    headers: dict[str, str]
    body: object
    base64: bool


def request_of(
    method: str, path: str, query: Sequence[str], data: bytes | None, content_type: str | None
) -> Request[object]:
    """Make the request; a path may come with or without /api, and with a query."""
    verb = method.upper()
    if verb not in METHODS:
        raise Failure(f"METHOD: expected one of {', '.join(METHODS)}, got {method!r}")
    parts = urlsplit(path)
    segments = parts.path.strip("/").split("/")
    if parts.scheme or parts.netloc or parts.fragment or not re.fullmatch(r"[!-~]+", path):
        raise Failure("PATH: expected one such as /api/organisationUnits?fields=id,name, without the server's address")
    if {"", ".", ".."} & {segment.replace("%2e", ".").replace("%2E", ".") for segment in segments}:
        raise Failure("PATH: it has empty segments, . or ..")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    for one in query:
        name, found, value = one.partition("=")
        if not found:
            raise Failure(f"--query: expected name=value, got {one!r}")
        pairs.append((name, value))
    kind = content_type or "application/json"
    body: object = UNSET if data is None else data
    if data is not None and "json" in kind:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Failure(f"--data: this is no JSON: {error}; else say --content-type") from None
    bare = "/".join(segments)
    try:
        return Request(
            verb,
            f"/{bare}" if segments[0] == "api" else f"/api/{bare}",
            "bytes",
            "",
            query=pairs,
            body=body,
            content_type=None if data is None else kind,
            accept=ACCEPT,
        )
    except ValueError as error:
        raise Failure(f"--query: {error}") from None


def raw_of(answer: Answer) -> Raw:
    """Give an answer as data, without cookies."""
    kind = answer.headers.get("content-type", "")
    headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
    body: object = None
    encoded = False
    try:
        text = answer.body.decode()
        body = cast("object", json.loads(text)) if "json" in kind and text else text
    except ValueError:
        body, encoded = base64.b64encode(answer.body).decode(), True
    return {"status": answer.status, "headers": headers, "body": body, "base64": encoded}
