"""Recorded exchanges of real servers, as the tests need them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from attrs import frozen

CASSETTES = Path(__file__).parents[1] / "cassettes"
VERSIONS = ("40", "41", "42")
HOST = "https://dhis2.test"


@frozen
class Part:
    """A part of a form."""

    name: str
    file_name: str | None
    content_type: str | None
    content: bytes


@frozen
class Exchange:
    """A request and its answer; `step` says what was tried and `actor` who asked."""

    version: str
    scenario: str
    step: str
    actor: str
    method: str
    uri: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        return f"v{self.version}/{self.scenario}: {self.step}"

    @property
    def path(self) -> str:
        return urlsplit(self.uri).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.uri).query, keep_blank_values=True)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def json(self) -> Any:
        return json.loads(self.body)


ORDER = [
    "journey",
    "system",
    "authentication",
    "tokens",
    "send",
    "send_recipients",
    "reply",
    "attachments",
    "feedback",
    "marks",
    "listing",
    "recipients",
    "removal",
    "unknown",
    "user_agent",
    "sessions",
    "lookups",
]
"""The scenarios as they were recorded, each on what those before it left."""


def scenarios(version: str, folder: Path = CASSETTES) -> list[str]:
    return sorted(path.stem for path in (folder / f"v{version}").glob("*.yaml") if path.stem != "ids")


@functools.cache
def cassette(version: str, scenario: str, folder: Path = CASSETTES) -> dict[str, Any]:
    """The cassette as vcrpy reads it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (folder / f"v{version}" / f"{scenario}.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.load(text, Loader=loader)
    return read


def ids(version: str, folder: Path = CASSETTES) -> dict[str, str]:
    """The uids of the actors, of the group of clerk and nurse, of the unit and of the feedback group."""
    read: dict[str, str] = yaml.safe_load((folder / f"v{version}" / "ids.yaml").read_text(encoding="utf-8"))
    return read


def exchanges(version: str, *names: str, folder: Path = CASSETTES) -> Iterator[Exchange]:
    """All exchanges of these scenarios, or of all."""
    for scenario in names or scenarios(version, folder):
        for one in cassette(version, scenario, folder)["interactions"]:
            request, response = one["request"], one["response"]
            yield Exchange(
                version,
                scenario,
                one["step"],
                one["actor"],
                request["method"],
                request["uri"],
                _headers(request["headers"]),
                _bytes(request["body"]),
                response["status"]["code"],
                _headers(response["headers"]),
                _bytes(response["body"]["string"]),
            )


def _headers(recorded: dict[str, list[str]]) -> dict[str, str]:
    return {name.lower(): ", ".join(values) for name, values in recorded.items()}


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


NOT_KEPT = re.compile(rb"\((\d+) bytes, not kept\)")


def whole(exchange: Exchange, kind: str) -> bytes:
    """The request's body; where it was too long to be kept, one of the same length."""
    found = NOT_KEPT.fullmatch(exchange.request_body)
    if not found:
        return exchange.request_body
    length = int(found[1])
    if kind.startswith("multipart/"):
        boundary = kind.partition("boundary=")[2].encode()
        first = b'--%b\r\nContent-Disposition: form-data; name="domain"\r\n\r\nMESSAGE_ATTACHMENT\r\n--%b\r\n' % (
            boundary,
            boundary,
        )
        first += b'Content-Disposition: form-data; name="file"; filename="big.txt"\r\nContent-Type: text/plain\r\n\r\n'
        last = b"\r\n--%b--\r\n" % boundary
        return first + bytes(length - len(first) - len(last)) + last
    empty = json.dumps({"subject": "long", "text": "", "users": [{"id": ids(exchange.version)["nurse"]}]})
    return empty.replace('"text": "', '"text": "' + "t" * (length - len(empty))).encode()


def parts(content_type: str, body: bytes) -> list[Part]:
    """Split a form into its parts."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = []
    for part in message.iter_parts():
        content: Any = part.get_payload(decode=True)
        kind = part.get_content_type() if part["content-type"] else None
        name = str(part.get_param("name", header="content-disposition"))
        found.append(Part(name, part.get_filename(), kind, content))
    return found
