"""The first write of a command shown instead of sent; reads go through, since what is written may depend on them."""

from __future__ import annotations

import json
from typing import Any, TypedDict

__all__ = ["NotSent", "Shown", "stop_at_writes"]

READS = ("GET", "HEAD", "OPTIONS")
SECRET = ("authorization", "cookie", "proxy-authorization")
LONGEST = 64 * 1024  # bytes of a body that are shown


class Shown(TypedDict):
    """A request as it would have been sent, without credentials."""

    method: str
    url: str
    headers: dict[str, str]
    body: object


class NotSent(BaseException):
    """Carries the request past everything that would repeat, look for or explain it."""

    def __init__(self, request: Shown) -> None:
        super().__init__("not sent")
        self.request = request


async def stop_at_writes(request: Any) -> None:
    """Stop before a write; a hook of httpx."""
    if request.method in READS:
        return
    kind = request.headers.get("content-type", "")
    headers = {name: value for name, value in request.headers.items() if name.lower() not in SECRET}
    body: object = f"({kind.partition(';')[0]}, streamed from the file)" if "multipart" in kind else None
    if body is None:
        content = await request.aread()
        body = content[:LONGEST].decode("utf-8", "replace") if content else None
        if content and "json" in kind:
            body = json.loads(content)
    raise NotSent({"method": request.method, "url": str(request.url), "headers": headers, "body": body})
