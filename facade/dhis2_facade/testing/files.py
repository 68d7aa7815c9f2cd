"""The calls of file resources."""

from __future__ import annotations

import ntpath
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from .calls import Call
from .conversations import file_answer
from .fields import render
from .listing import listed as listed_kind
from .refusals import Container, Refused
from .schema import uploaded
from .state import FileResource

__all__ = ["data", "listed", "one", "upload"]

MAX_SIZE = 10_000_000  # bytes
DOMAINS = (
    "DATA_VALUE",
    "PUSH_ANALYSIS",
    "DOCUMENT",
    "MESSAGE_ATTACHMENT",
    "USER_AVATAR",
    "ORG_UNIT",
    "ICON",
    "JOB_DATA",
)
ELSEWHERE = frozenset({"DATA_VALUE", "PUSH_ANALYSIS"})
"""Domains whose files are not given out here."""
BLOCKED_EXTENSIONS = frozenset(
    [
        "bat",
        "bin",
        "csh",
        "css",
        "deb",
        "exe",
        "htm",
        "html",
        "jar",
        "js",
        "jsp",
        "mjs",
        "mpkg",
        "msi",
        "otf",
        "php",
        "rpm",
        "sh",
        "swf",
        "xul",
    ]
)
BLOCKED_TYPES = frozenset(
    [
        "application/java-archive",
        "application/vnd.apple.installer+xml",
        "application/vnd.debian.binary-package",
        "application/vnd.microsoft.portable-executable",
        "application/vnd.mozilla.xul+xml",
        "application/x-csh",
        "application/x-httpd-php",
        "application/x-ms-dos-executable",
        "application/x-rpm",
        "application/x-sh",
        "application/x-shockwave-flash",
        "font/otf",
        "text/css",
        "text/html",
        "text/javascript",
    ]
)


def upload(call: Call) -> Response:
    """Keep a file."""
    if call.form is None:
        raise Refused("not_multipart")
    part = call.form.get("file")
    if not isinstance(part, UploadFile) or not part.filename:
        kind = "part" if call.behaviour.tomcat else "request part"
        raise Container(400, f"Required {kind} 'file' is not present" + ("." if call.behaviour.tomcat else ""))
    domain = _parameter(call, "domain")
    domain = call.choice("domain", "FileResourceDomain", DOMAINS, given=domain) if domain else "DATA_VALUE"
    uid = _parameter(call, "uid")
    name = ntpath.basename(part.filename)
    content_type = (part.content_type or "application/octet-stream").partition(";")[0].strip().lower()
    content = part.file.read()
    if not content:
        raise Refused("empty_file")
    if len(content) > MAX_SIZE:
        raise Refused("big_file", MAX_SIZE, len(content))
    if content_type in BLOCKED_TYPES or name.rpartition(".")[2].lower() in BLOCKED_EXTENSIONS:
        raise Refused("blocked_file")
    if uid is not None and uid in call.state.files:
        raise Refused("known_file", uid)
    kept = call.state.add_file(call.user, name, content_type, content, domain=domain, uid=uid or None)
    response = {"responseType": "FileResource", "fileResource": _written(call, kept, fresh=True)}
    return call.web_message(202, response=response)


def _parameter(call: Call, name: str) -> str | None:
    """From the form or from the query."""
    found = call.form.get(name) if call.form is not None else None
    return found if isinstance(found, str) else call.given(name)


def _written(call: Call, one: FileResource, *, fresh: bool = False) -> dict[str, Any]:
    written = render(call.version, "fileResource", "*,!href,!access", one, call.viewer())
    return {**written, **uploaded(one, call.version, fresh=fresh)}


def _found(call: Call) -> FileResource:
    uid = call.parameters["uid"]
    if uid not in call.state.files:
        raise Refused("unknown_file", uid)
    return call.state.files[uid]


def one(call: Call) -> Response:
    """What is known of a file."""
    found = _found(call)
    if call.behaviour.file_list and "fields" in call.query:
        return call.uncached(render(call.version, "fileResource", call.fields("*"), found, call.viewer()))
    return call.json(_written(call, found))


def data(call: Call) -> Response:
    """The bytes of a file, unless its domain gives them elsewhere."""
    found = _found(call)
    if found.domain in ELSEWHERE or (found.domain == "USER_AVATAR" and not call.user.superuser):
        raise Refused("other_domain", found.uid)
    return file_answer(call, found.name, found.content_type, found.content)


def listed(call: Call) -> Response:
    """All files, where the version lists them (26)."""
    return listed_kind(call, "fileResource", list(call.state.files.values()), default_order=["name:iasc", "id"])
