"""A published document: fetched or read, checked, and reduced to a canonical form that diffs well."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from attrs import frozen

from scripts.regen.errors import RegenError

Json: TypeAlias = Any
STEP = "document"
TIMEOUT = 300.0  # seconds; versions 40 and 41 build the document anew for each call
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PLACES = ("/api/openapi.json", "/api/openapi/openapi.json")
PROSE = frozenset({"description", "summary", "example", "examples", "externalDocs"})
# Below these the keys are names that the server chose, not words of OpenAPI.
MAPS = frozenset(
    {
        "callbacks", "content", "definitions", "$defs", "encoding", "headers", "links", "mapping", "parameters",
        "paths", "patternProperties", "properties", "requestBodies", "responses", "schemas", "scopes",
        "securitySchemes", "variables",
    }
)  # fmt: skip
DATA = frozenset({"const", "default"})
# Handlers that own the plain path where several share it.
PLAIN = ("getObjectList", "getObject", "postJsonObject", "putJsonObject", "patchObject", "deleteObject")
DAMAGED = "the document is damaged; fetch it again"
# The order of these means nothing, and two starts of one server give two orders.
UNORDERED = frozenset({"enum", "required", "oneOf", "anyOf", "parameters", "tags", "security"})


@frozen
class Published:
    """A document in canonical form and where it came from."""

    document: dict[str, Json]
    origin: str
    raw_sha256: str


def read(path: Path) -> Published:
    """Read a document from a file, raw or canonical."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RegenError(STEP, str(path), error.strerror or "cannot be read", "name a file with SPEC=") from None
    return Published(canonical(parse(raw, path.name), path.name), f"file {path.name}", hashlib.sha256(raw).hexdigest())


def fetch(url: str, version: str, environment: Mapping[str, str]) -> Published:
    """Fetch the document from a server that says of itself that it is this version."""
    headers, auth = _credentials(environment)
    base = re.sub(r"(/api(/\d+)?)?/*$", "", url)
    _check_address(base)
    with _client(headers, auth) as client:
        info = _json(_get(client, f"{base}/api/system/info"), "/api/system/info")
        number = str(info.get("version", "")) if isinstance(info, dict) else ""
        match = re.match(r"(?:2\.)?(\d{2,})\b", number)
        if not match:
            raise RegenError(
                STEP, "/api/system/info", f"no version of DHIS2 ({number[:40]!r})", "is this a DHIS2 server?"
            )
        if match[1] != version:
            raise RegenError(
                STEP,
                "/api/system/info",
                f"the server is {number}, not {version}",
                f"use VERSION={match[1]} or another URL",
            )
        answer = _get(client, base + PLACES[0])
        if answer.status_code == httpx.codes.NOT_FOUND:
            answer = _get(client, base + PLACES[1])
        if answer.status_code != httpx.codes.OK:
            raise RegenError(STEP, PLACES[0], f"status {answer.status_code}", "may this user read the document?")
    revision = str(info.get("revision", ""))[:12]
    origin = f"server {number}" + (f", revision {revision}" if revision.isalnum() else "")
    raw = answer.content
    return Published(canonical(parse(raw, PLACES[0]), PLACES[0]), origin, hashlib.sha256(raw).hexdigest())


def _client(headers: dict[str, str], auth: tuple[str, str] | None) -> httpx.Client:
    sent = {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest", **headers}
    try:
        return httpx.Client(headers=sent, auth=auth, timeout=TIMEOUT)
    except (ImportError, ValueError) as error:
        raise RegenError(STEP, "proxy", f"cannot be used ({error})", "check HTTPS_PROXY and ALL_PROXY") from None


def _credentials(environment: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, str] | None]:
    if token := environment.get("DHIS2_TOKEN", "").strip():
        if not re.fullmatch(r"[!-~]+", token):  # it is not shown, what is wrong with it may be all of it
            raise RegenError(STEP, "DHIS2_TOKEN", "has characters that no token has", "copy the token again")
        return {"Authorization": f"ApiToken {token}"}, None
    username, password = environment.get("DHIS2_USERNAME"), environment.get("DHIS2_PASSWORD")
    if username and password:
        return {}, (username, password)
    raise RegenError(
        STEP, "credentials", "none are set", "set DHIS2_TOKEN, or DHIS2_USERNAME and DHIS2_PASSWORD, in the environment"
    )


def _check_address(base: str) -> None:
    try:
        address = httpx.URL(base)
    except httpx.InvalidURL as error:
        raise RegenError(STEP, "URL", str(error), "write it as https://server.example.org") from None
    if address.scheme not in ("http", "https") or not address.host or address.userinfo:
        raise RegenError(
            STEP,
            "URL",
            "not the address of a server",
            "write https://server.example.org, credentials in the environment",
        )
    if address.scheme == "http" and not _loopback(address.host):
        raise RegenError(STEP, "URL", "http would send the credentials in the clear", "use https")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _get(client: httpx.Client, url: str) -> httpx.Response:
    place = httpx.URL(url).path
    try:
        answer = client.get(url)
    except httpx.TimeoutException:
        raise RegenError(
            STEP, place, f"no answer in {TIMEOUT:.0f} s", "try again, or save the document for SPEC="
        ) from None
    except httpx.DecodingError:
        raise RegenError(STEP, place, "an answer that cannot be unpacked", "is there a proxy on the way?") from None
    except httpx.NetworkError as error:
        raise RegenError(STEP, place, f"the server cannot be reached ({error})", "check URL and network") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # their texts may show what was sent
        problem = f"the server cannot be asked ({type(error).__name__})"
        raise RegenError(STEP, place, problem, "check URL, network and proxies") from None
    if answer.status_code == httpx.codes.UNAUTHORIZED or "login" in answer.headers.get("location", ""):
        raise RegenError(STEP, place, "the server did not take the credentials", "check DHIS2_TOKEN or DHIS2_USERNAME")
    if answer.is_redirect:
        raise RegenError(
            STEP,
            place,
            f"redirected to {answer.headers.get('location', '')[:200]}",
            "give the address that answers itself",
        )
    return answer


def _json(answer: httpx.Response, place: str) -> Json:
    if answer.status_code != httpx.codes.OK:
        raise RegenError(STEP, place, f"status {answer.status_code}", "is this the address of a DHIS2 server?")
    return _loads(answer.content, place)


def _loads(raw: bytes, place: str) -> Json:
    head = raw.lstrip()[:9].lower()
    if head.startswith((b"<!doctype", b"<html")):
        raise RegenError(STEP, place, "an HTML page, perhaps of the login", "log in and save /api/openapi.json itself")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        line = f"not JSON, or cut off: {error}"
        raise RegenError(STEP, place, line, "fetch /api/openapi.json again and compare its size") from None


def parse(raw: bytes, place: str) -> dict[str, Json]:
    """Read an OpenAPI 3 document, or say what else it is."""
    found = _loads(raw, place)
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RegenError(STEP, place, "a text with half a surrogate pair", "fetch the document again") from None
    if isinstance(found, dict) and "swagger" in found:
        raise RegenError(
            STEP, place, f"Swagger {found['swagger']}", "regen reads OpenAPI 3, as /api/openapi.json gives it"
        )
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise RegenError(STEP, place, "JSON, but no OpenAPI 3 document", "use what /api/openapi.json answers")
    paths = found.get("paths")
    if not isinstance(paths, dict) or not any(isinstance(item, dict) and item for item in paths.values()):
        raise RegenError(
            STEP, f"{place}: $.paths", "no operations", "the document may be of one path only; fetch it whole"
        )
    for key, kind in (("components", dict), ("servers", list)):
        if not isinstance(found.get(key, kind()), kind):
            raise RegenError(STEP, f"{place}: $.{key}", f"no {kind.__name__}", DAMAGED)
    return found


def canonical(document: dict[str, Json], place: str) -> dict[str, Json]:
    """Take out prose, sort what has no order, and let every path begin with /api and end without a slash.

    A server writes the prefix either in `servers` or in each path, and slashes that cost it time. Applied twice it
    changes nothing.
    """
    try:
        reduced: dict[str, Json] = _reduce(document, names=False)
    except RecursionError:
        raise RegenError(STEP, place, "nested too deep", DAMAGED) from None
    paths = {path: item for path, item in reduced["paths"].items() if not path.startswith("x-")}
    prefixed = sum(path == "/api" or path.startswith("/api/") for path in paths)
    bare = prefixed < len(paths) / 2
    reduced["paths"] = {}
    for name, item in sorted(paths.items()):
        path = name if name.startswith("/") else f"/{name}"
        full = "/api" + path if bare and path != "/api" else path
        base, fragment, handler = full.partition("#")
        short = (base.rstrip("/") or "/") + fragment + handler
        free = next(key for key in (short, full, f"{short}/") if key not in reduced["paths"])
        reduced["paths"][free] = item
    reduced["servers"] = [{"url": "/"}]
    for path, item in reduced["paths"].items():
        if not isinstance(item, dict):
            raise RegenError(STEP, f"{place}: $.paths[{path!r}]", "not an object", DAMAGED)
        for method in METHODS:
            operation = item.get(method)
            if operation is not None and not isinstance(operation, dict):
                raise RegenError(
                    STEP,
                    f"{place}: $.paths[{path!r}].{method}",
                    "not an object",
                    DAMAGED,
                )
            if operation and isinstance(operation.get("operationId"), str):
                controller, dot, handlers = operation["operationId"].partition(".")
                operation["operationId"] = controller + dot + "+".join(sorted(handlers.split("+")))
    reduced["paths"] = _settle(reduced["paths"])
    if count(reduced) != count(document) or not count(reduced):
        problem = f"{count(document)} operations, of which {count(reduced)} can be told apart"
        raise RegenError(STEP, place, problem, "fetch the document whole; look for paths that differ in a slash")
    return reduced


def _settle(paths: dict[str, Json]) -> dict[str, Json]:
    """Give the plain path always to the same handler of those that share it, so that overlays find it there.

    Which of them has it, and which stand behind a fragment, is by chance at each start of a server.
    """
    settled: dict[str, Json] = {}
    shared: dict[str, list[Json]] = {}
    for path, item in paths.items():
        shared.setdefault(path.partition("#")[0], []).append((path, item))
    for base, entries in shared.items():
        if len(entries) == 1:
            settled[entries[0][0]] = entries[0][1]
            continue
        for method in METHODS:
            rest = {key: value for _, item in entries for key, value in item.items() if key not in METHODS}
            handlers = [item[method] for _, item in entries if method in item]
            for place, operation in enumerate(sorted(handlers, key=_claim)):
                name = str(operation.get("operationId", place)).rpartition(".")[2]
                settled.setdefault(f"{base}#{name}" if place else base, dict(rest))[method] = operation
    return settled


def _claim(operation: Json) -> tuple[int, str]:
    """How good a handler's claim to the plain path is: those of every collection come first, then by the alphabet."""
    name = str(operation.get("operationId", "")).rpartition(".")[2]
    firsts = [place for place, idiom in enumerate(PLAIN) if idiom in name.split("+")]
    return (min(firsts, default=len(PLAIN)), name)


def _reduce(node: Json, *, names: bool) -> Json:
    if isinstance(node, list):
        return [_reduce(item, names=False) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if names:
            kept[key] = _reduce(value, names=False)
        elif key in PROSE:
            continue
        elif key in DATA:
            kept[key] = value
        elif key in UNORDERED and isinstance(value, list):
            kept[key] = sorted((_reduce(item, names=False) for item in value), key=_order)
        else:
            kept[key] = _reduce(value, names=key in MAPS and isinstance(value, dict))
    return kept


def _order(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def count(document: dict[str, Json]) -> int:
    """How many operations there are, of whatever method."""
    beside = ("parameters", "servers")
    paths = document["paths"].items()
    items = [item for path, item in paths if isinstance(item, dict) and not path.startswith("x-")]
    return sum(key not in beside and key not in PROSE and not key.startswith("x-") for item in items for key in item)


def dump(document: dict[str, Json]) -> str:
    """Write the canonical form: keys sorted, one item a line."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def digest(dumped: str) -> str:
    """Give the SHA-256 of the canonical form as `dump` writes it, in hexadecimal."""
    return hashlib.sha256(dumped.encode()).hexdigest()
