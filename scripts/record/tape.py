"""A transport that passes requests on and keeps each exchange, in the shape of vcrpy's cassettes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import httpx
from attrs import define, field

Interaction: TypeAlias = dict[str, Any]
PATIENCE = 60.0  # seconds for one call
KEPT_BODY = 20_000  # bytes of a request; of a longer one only the length is kept
CONNECTION = {"host", "connection", "accept-encoding"}
ANSWERED = {
    "allow",
    "cache-control",
    "content-disposition",
    "content-length",
    "content-security-policy",
    "content-type",
    "etag",
    "location",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-content-type-options",
}
"""Headers of an answer that say something of the server, and nothing of what stands before it."""


@define
class Tape(httpx.BaseTransport):
    """What was asked and answered; `actor` and `step` say by whom, and what was tried."""

    actor: str = ""
    step: str = ""
    interactions: list[Interaction] = field(factory=list)
    left_out: Collection[str] = ()  # headers of requests
    _network: httpx.HTTPTransport = field(factory=httpx.HTTPTransport)

    def of(self, actor: str, *left_out: str) -> Tape:
        """Give one for another actor, which keeps on the same tape, and never these headers."""
        return Tape(actor, "", self.interactions, left_out)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on, and keep it."""
        body = request.read()
        response = self._network.handle_request(request)
        response.read()
        self.interactions.append(
            {
                "step": self.step,
                "actor": self.actor,
                "request": {
                    "method": request.method,
                    "uri": str(request.url),
                    "headers": _headers(request.headers, self._asked),
                    "body": body if len(body) <= KEPT_BODY else b"(%d bytes, not kept)" % len(body),
                },
                "response": {
                    "status": {"code": response.status_code, "message": response.reason_phrase},
                    "headers": _headers(response.headers, ANSWERED.__contains__),
                    "body": {"string": response.content},
                },
            }
        )
        return response

    def close(self) -> None:
        """Close the connections."""
        self._network.close()

    def _asked(self, name: str) -> bool:
        return name not in CONNECTION and name not in self.left_out


def _headers(headers: httpx.Headers, kept: Callable[[str], bool]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for raw, value in headers.raw:
        name = raw.decode("latin-1").lower()
        if kept(name):
            found.setdefault(name, []).append(value.decode("utf-8", "replace"))  # names of files (quirk 27)
    return found
