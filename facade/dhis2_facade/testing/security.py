"""Who asks: sessions, passwords and tokens, and what those get who are nobody."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from attrs import frozen
from starlette.datastructures import Headers
from starlette.responses import Response

from .answers import UNCACHED, json_answer, web_message
from .behaviour import Behaviour
from .state import State, User, well_formed

__all__ = ["COOKIE", "Found", "authenticate", "log_in", "session_cookie"]

COOKIE = "JSESSIONID"
BEARER_ERROR = {"error": "invalid_token", "error_description": "Invalid access token"}


@frozen
class Found:
    """A user, or the answer to nobody; `known` says that a session cookie was good."""

    user: User | None = None
    answer: Response | None = None
    known: bool = False


def session_cookie(behaviour: Behaviour, session: str) -> str:
    """The header that sets a session's cookie."""
    return f"{COOKIE}={session}; Path=/" + ("; HttpOnly; SameSite=Lax" if behaviour.tomcat else "")


def authenticate(
    behaviour: Behaviour, state: State, headers: Headers, cookies: Mapping[str, str], *, host: str, path: str
) -> Found:
    """Find out who asks; credentials come before a session."""
    accept = headers.get("accept", "")
    owner = state.sessions.get(cookies.get(COOKIE, ""))
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    way = WAYS.get(scheme.lower())
    if way is not None:
        found = way(behaviour, state, credentials.strip(), accept)
        return Found(found.user, found.answer, known=owner is not None and owner is found.user)
    if owner is not None:
        return Found(owner, known=True)
    if scheme or headers.get("x-requested-with") == "XMLHttpRequest":
        return Found(answer=_unauthorized(behaviour, accept))
    login = behaviour.login_html if "text/html" in accept else behaviour.login
    return Found(
        answer=Response(status_code=302, headers={"Location": host + (behaviour.login_root if path == "/" else login)})
    )


def _unauthorized(behaviour: Behaviour, accept: str) -> Response:
    return web_message(behaviour, 401, "Unauthorized", accept=accept)


def _basic(behaviour: Behaviour, state: State, credentials: str, accept: str) -> Found:
    try:
        username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return Found(answer=_unauthorized(behaviour, accept))
    user = state.user_named(username)
    if user is None or user.password != password:
        return Found(answer=_unauthorized(behaviour, accept))
    return Found(user)


def _api_token(behaviour: Behaviour, state: State, credentials: str, _accept: str) -> Found:
    token = state.tokens.get(credentials)
    if token is not None and (behaviour.revoked_tokens_work or not token.revoked):
        return Found(token.owner)
    headers = {**UNCACHED, "WWW-Authenticate": "ApiToken"}
    if behaviour.keys_checked and not well_formed(credentials):
        return Found(answer=web_message(behaviour, 400, "Checksum validation failed", headers=headers))
    return Found(answer=web_message(behaviour, 401, behaviour.no_such_key, headers=headers))


def _bearer(behaviour: Behaviour, _state: State, _credentials: str, accept: str) -> Found:
    if not behaviour.bearer_challenge:
        return Found(answer=_unauthorized(behaviour, accept))
    challenge = 'Bearer realm="oauth", error="invalid_token", error_description="Invalid access token"'
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    return Found(answer=json_answer(behaviour, BEARER_ERROR, 401, headers=headers))


WAYS = {"basic": _basic, "apitoken": _api_token, "bearer": _bearer}


def log_in(behaviour: Behaviour, state: State, body: bytes) -> Response:
    """Open a session with a user name and a password."""
    try:
        given = json.loads(body)
        user = state.user_named(given["username"])
        fits = user is not None and user.password == given["password"]
    except (ValueError, LookupError, TypeError):
        user, fits = None, False
    if user is None or not fits:
        return web_message(behaviour, 401, "Bad credentials")
    answer = json_answer(behaviour, {"loginStatus": "SUCCESS", "redirectUrl": behaviour.login_redirect})
    answer.headers["set-cookie"] = session_cookie(behaviour, state.open_session(user))
    return answer
