"""How answers are written: objects, web messages, bare messages, and the pages of the container."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import Response

from .behaviour import Behaviour
from .refusals import REFUSALS, Container, Refused

__all__ = ["LOGIN_PAGE", "THROWN", "container", "json_answer", "message", "refused", "web_message"]

UNCACHED = {"Cache-Control": "no-cache, private"}
LOGIN_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>DHIS 2</title></head>'
    '<body><div id="dhis2-app-root"><form method="post"><input name="username"><input name="password" type="password">'
    "</form></div></body></html>"
)
THROWN = {**UNCACHED, "Content-Type": "application/json"}
"""The headers of an error that the framework writes: it names no charset in any version."""
RETURNED = frozenset({"unknown_conversation", "unknown_attachment_of_reply", "used_attachment_of_reply"})
"""Refusals that the calls write themselves."""
_NAMESPACE = "http://dhis2.org/schema/dxf/2.0"


def json_answer(
    behaviour: Behaviour, body: Any, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """An object or a list."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, status, {"Content-Type": behaviour.json_type, **(headers or {})})


def message(behaviour: Behaviour, text: str, status: int = 200) -> Response:
    """Only `{"message": …}`."""
    return json_answer(behaviour, {"message": text}, status)


def web_message(
    behaviour: Behaviour,
    status: int,
    text: str | None = None,
    *,
    code: str | None = None,
    response: Any = None,
    headers: Mapping[str, str] | None = None,
    accept: str = "",
) -> Response:
    """A WebMessage: JSON, or XML for who accepts only that."""
    phrase = HTTPStatus(status).phrase
    outcome = "OK" if status < HTTPStatus.BAD_REQUEST else "ERROR"
    if "xml" in accept and "json" not in accept and "*/*" not in accept:
        inner = "" if text is None else f"<message>{escape(text)}</message>"
        content = (
            f'<webMessage xmlns="{_NAMESPACE}" httpStatus="{phrase}" httpStatusCode="{status}" status="{outcome}">'
            f"{inner}</webMessage>"
        )
        charset = "UTF-8" if behaviour.tomcat else "utf-8"
        headers = {**(headers or {}), "Content-Type": f"application/xml;charset={charset}"}
        return Response(content.encode("utf-8", "replace"), status, headers)
    body: dict[str, Any] = {"httpStatus": phrase, "httpStatusCode": status, "status": outcome}
    if text is not None:
        body["message"] = text
    if code is not None:
        body["errorCode"] = code
    if response is not None:
        body["response"] = response
    return json_answer(behaviour, body, status, headers=headers)


def refused(behaviour: Behaviour, error: Refused, *, accept: str = "") -> Response:
    """A refusal in the server's words."""
    refusal = REFUSALS[error.name]
    code = None if error.name in behaviour.uncoded else refusal.code
    text = refusal.text.format(*error.values)
    status = behaviour.statuses.get(error.name, refusal.status)
    headers = UNCACHED if error.name in RETURNED else THROWN
    return web_message(behaviour, status, text, code=code, headers=headers, accept=accept)


def container(behaviour: Behaviour, error: Container, *, path: str, method: str) -> Response:
    """The container's own answer: Tomcat's page, or what Jetty says as JSON and leaves out after other methods."""
    if behaviour.tomcat:
        title = f"HTTP Status {error.status} – {HTTPStatus(error.status).phrase}"  # noqa: RUF001 - the dash is Tomcat's
        page = (
            f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
            f'<hr class="line" /><p><b>Type</b> Status Report</p><p><b>Message</b> {html.escape(error.message)}</p>'
            '<hr class="line" /><h3>Apache Tomcat</h3></body></html>'
        )
        return Response(page, error.status, {"Content-Type": "text/html;charset=utf-8"})
    headers = {"Cache-Control": "must-revalidate,no-cache,no-store"}
    if method not in {"GET", "POST", "HEAD"} or error.status == HTTPStatus.NOT_ACCEPTABLE or not error.message:
        return Response(b"", error.status, headers)
    said = {"servlet": "dispatcher", "cause0": error.cause, "message": error.message, "url": path}
    lines = [f'"{name}":{json.dumps(html.escape(value))}' for name, value in said.items() if value]
    content = "{\n" + ",\n".join([*lines, f'"status":"{error.status}"']) + "\n}"
    return Response(content, error.status, {**headers, "Content-Type": "application/json"})
