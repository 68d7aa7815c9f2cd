"""Recorded exchanges of real servers, as the tests need them."""

from __future__ import annotations

import functools
import json
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


def scenarios(version: str) -> list[str]:
    return sorted(path.stem for path in (CASSETTES / f"v{version}").glob("*.yaml") if path.stem != "ids")


@functools.cache
def cassette(version: str, scenario: str) -> dict[str, Any]:
    """The cassette as vcrpy reads it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (CASSETTES / f"v{version}" / f"{scenario}.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.load(text, Loader=loader)
    return read


def exchanges(version: str, *names: str) -> Iterator[Exchange]:
    """All exchanges of these scenarios, or of all."""
    for scenario in names or scenarios(version):
        for one in cassette(version, scenario)["interactions"]:
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
