"""A server that is a function: a client whose transport answers without any network."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import httpx

from tests.support.both import client
from tests.support.exchanges import HOST, Exchange, exchanges, parts

Handler: TypeAlias = Callable[[httpx.Request], httpx.Response]
INFO = "/api/system/info"
ME = "/api/me"


def served(flavour: str, version: str, handler: Handler, **settings: Any) -> Any:
    """Make a client whose every request this function answers."""
    settings.setdefault("username", "clerk")
    settings.setdefault("password", "x")
    return client(flavour, version, HOST, transport=httpx.MockTransport(handler), **settings)


def api(version: str, module: str) -> Any:
    """Give a module of a version's bindings."""
    return importlib.import_module(f"dhis2_bindings.v{version}.api.{module}")


def answer(exchange: Exchange) -> httpx.Response:
    """Give the recorded answer; a header is bytes on the wire, which the server writes in UTF-8 (quirk 27)."""
    headers = [(name.encode(), value.encode()) for name, value in exchange.headers.items() if name != "set-cookie"]
    kept = [(name, value) for name, value in headers if name not in (b"content-length", b"transfer-encoding")]
    return httpx.Response(exchange.status, headers=kept, content=exchange.body)


def info(version: str, actor: str, request: httpx.Request) -> httpx.Response:
    """Answer the first call as the server does: with the User-Agent that came."""
    steps = {"admin": "system info"}
    step = steps.get(actor, "system info as a plain user")
    found = next(one for one in exchanges(version, "system") if one.step == step)
    return httpx.Response(200, json={**found.json(), "userAgent": request.headers["user-agent"]})


def me(version: str, actor: str) -> httpx.Response:
    """Answer who one is, as the server did on the recorded day."""
    return answer(next(one for one in exchanges(version, "journey") if (one.actor, one.path) == (actor, ME)))


def differences(sent: httpx.Request, recorded: Exchange) -> set[str]:
    """Say in what a request is another one: method, path, body, content-type, or names of its query."""
    path = sent.url.raw_path.partition(b"?")[0].decode()
    found = {
        name
        for name, one, other in (("method", sent.method, recorded.method), ("path", path, recorded.path))
        if one != other
    }
    pairs = [sent.url.params.multi_items(), recorded.query]
    mine, theirs = ({name: [v for n, v in one if n == name] for name, _ in one} for one in pairs)
    found |= {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
    kinds = [_kind(sent.headers.get("content-type", "")), _kind(recorded.request_headers.get("content-type", ""))]
    if kinds[0] != kinds[1]:
        found.add("content-type")
    if _body(sent.headers.get("content-type", ""), sent.content) != _body(
        recorded.request_headers.get("content-type", ""), recorded.request_body
    ):
        found.add("body")
    return found


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip()


def _body(content_type: str, body: bytes) -> Any:
    """JSON as values, a form as its parts whatever their order, no body like an empty one."""
    if content_type.startswith("multipart/"):
        return sorted(
            (part.name, part.file_name or "", part.content_type or "", part.content)
            for part in parts(content_type, body)
        )
    try:
        return json.loads(body) if body and "json" in content_type else body
    except ValueError:
        return body
