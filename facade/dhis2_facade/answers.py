"""What an answer means: judged by its status, then its content type, then its shape."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from attrs import field, frozen

from dhis2_facade import errors
from dhis2_facade.errors import Dhis2Error, HttpError, NotDhis2, NotFound, Redirected, UnreadableAnswer
from dhis2_facade.retry import Outcome, outcome_of, written
from dhis2_facade.uid import is_uid

__all__ = [
    "Answer",
    "clean",
    "error_of",
    "json_of",
    "location_uid",
    "no_dhis2",
    "not_found",
    "object_of",
    "outcome",
    "require_json",
    "unreadable",
]

SHOWN = 500  # characters of what the server said
ERRORS: Mapping[int, type[HttpError]] = {
    400: errors.BadRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.TooManyRequests,
}
# What a status says, where the server says it with another one.
DISGUISED: tuple[tuple[int, str, type[HttpError]], ...] = (
    (400, "Checksum validation failed", errors.Unauthenticated),  # a malformed token, from 2.41 on (quirk 7c)
    (401, "You don't have access to fileResource", errors.Forbidden),  # 2.40, of a file of another domain
)
ADVICE: Mapping[type[HttpError], str] = {
    errors.BadRequest: "Correct what it names.",
    errors.Unauthenticated: "Check the token, or the username and password; tokens expire and can be revoked.",
    errors.Forbidden: "Ask as a user who takes part in it, or who has the authority.",
    errors.NotFound: "Check the uid; it may have been removed.",
    errors.Conflict: "Correct what it names; nothing was stored.",
    errors.TooManyRequests: "Wait, and ask less often.",
    errors.ServerError: "The server failed; its log says why.",
    errors.Redirected: "No redirect is followed; use the address that answers itself.",
}
# Where a server sends those who are not logged in, behind its own address (quirk 7).
LOGIN = re.compile(r"/(dhis-web-login|dhis-web-commons/security/login|login|index\.html|login\.action)(\.action)?/?")


@frozen
class Answer:
    """An answer whose head was read; `broken` says why its body was not, or not whole."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    broken: str | None = None

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people: what the server sends of files is named in a Content-Disposition."""
        return self.media_type == "text/html" and "content-disposition" not in self.headers


def outcome(answer: Answer, base: str, *, write: bool = False) -> Outcome:
    """Say what is known after this answer of the server at `base`; `write`: of a send, reply or feedback."""
    login = _is_login(answer, base)
    if write:
        return written(answer.status, login=login)
    return outcome_of(answer.status, login=login, broken=answer.broken is not None)


def _is_login(answer: Answer, base: str) -> bool:
    """Say whether it redirects to the login page of this server, not of any other."""
    if not 300 <= answer.status < 400:
        return False
    try:
        target, home = urlsplit(answer.headers.get("location", "")), urlsplit(base)
        same = not target.netloc or target.hostname == home.hostname
    except ValueError:
        return False
    return same and LOGIN.fullmatch(target.path.removeprefix(home.path)) is not None


def error_of(answer: Answer, base: str) -> Dhis2Error | None:
    """Give the error that an answer is, or None where its status is 2xx."""
    if 200 <= answer.status < 300:
        return None
    said, code = _said(answer)
    if 300 <= answer.status < 400:
        return _redirected(answer, base)
    kind = ERRORS.get(answer.status, errors.ServerError if answer.status >= 500 else HttpError)
    for status, words, other in DISGUISED:
        if answer.status == status and said and words in said:
            kind = other
    return _http_error(kind, answer, said, code)


def _http_error(kind: type[HttpError], answer: Answer, said: str | None, code: str | None = None) -> HttpError:
    words = [f"{answer.method} {answer.path}: {answer.status}", said or "without a word", ADVICE.get(kind, "")]
    message = ". ".join(word.rstrip(".") for word in words if word) + "."
    return kind(
        message, method=answer.method, path=answer.path, status=answer.status, error_code=code, server_message=said
    )


def _redirected(answer: Answer, base: str) -> HttpError:
    if _is_login(answer, base):
        return _http_error(errors.Unauthenticated, answer, "the server asks to log in")
    try:
        target, home = urlsplit(answer.headers.get("location", "")), urlsplit(base)
        secure = target.scheme == "https" and home.scheme == "http" and target.hostname == home.hostname
        where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}" if target.netloc else target.path
    except ValueError:
        secure, where = False, "what is no address"
    said = f"redirected to {clean(where)}"
    if secure:
        said += f"; this server answers at https://{home.netloc}{home.path}, use that as url"
    return _http_error(Redirected, answer, said)


def clean(text: str) -> str:
    """Give what a server said as one printable line of limited length."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line[:SHOWN] + "…" * (len(line) > SHOWN)


def _said(answer: Answer) -> tuple[str | None, str | None]:
    """Give what the server says of an error, and its code: a WebMessage, a bare message, or a page of its container."""
    text = answer.body.decode("utf-8", "replace")
    if answer.media_type.endswith("json"):
        value = _parsed(text)
        if isinstance(value, dict):
            said = value.get("message") or value.get("error_description") or value.get("error")
            said = said if isinstance(said, str) else None
            if said and "servlet" in value:  # a page of Jetty, whose text is HTML
                said = html.unescape(said)
            code = value.get("errorCode")
            return (clean(said) if said else None), (code if isinstance(code, str) else None)
    title = re.search(r"<(title|h1|message)>(.*?)</\1>", text, re.DOTALL | re.IGNORECASE)
    if title:
        return clean(html.unescape(title[2])) or None, None
    return (clean(text) or None) if answer.media_type.startswith("text/plain") else None, None


def _parsed(text: str | bytes) -> object:
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return None


def no_dhis2(answer: Answer, expected: str) -> NotDhis2:
    """Give the error for an answer that must be somebody else's."""
    kind = clean(answer.media_type) or "no content type"
    return NotDhis2(
        f"{answer.method} {answer.path}: {answer.status} with {kind} instead of {expected}. Is there a proxy or a "
        "login page before the server? Check the url.",
        method=answer.method,
        path=answer.path,
        status=answer.status,
    )


def unreadable(answer: Answer, problem: str) -> UnreadableAnswer:
    """Give the error for an answer that is DHIS2's, but not what the call promises."""
    return UnreadableAnswer(
        f"{answer.method} {answer.path}: {answer.status}, but {problem}.",
        method=answer.method,
        path=answer.path,
        status=answer.status,
    )


def not_found(answer: Answer, said: object) -> NotFound:
    """Give the error for 200 with nothing but a message, which is how the server says 404 (quirk 8)."""
    found = _http_error(NotFound, answer, clean(str(said)))
    return cast("NotFound", found)


def json_of(answer: Answer) -> object:
    """Give the JSON of a successful answer. Raises NotDhis2 for a page, UnreadableAnswer for JSON that is none."""
    require_json(answer)
    try:
        return cast("object", json.loads(answer.body))
    except (ValueError, RecursionError):
        pass
    raise unreadable(answer, answer.broken or "its JSON cannot be read")


def require_json(answer: Answer) -> None:
    """Raise NotDhis2 for an answer that is not said to be JSON."""
    if not answer.media_type.endswith("json"):
        raise no_dhis2(answer, "JSON")


def object_of(answer: Answer) -> dict[str, object]:
    """Give the JSON object of an answer that is one. Raises NotFound where the server says that with 200 (quirk 8)."""
    value = json_of(answer)
    if not isinstance(value, dict):
        raise unreadable(answer, f"expected an object, got {type(value).__name__}")
    if value.keys() == {"message"}:
        raise not_found(answer, value["message"])
    return value


def location_uid(answer: Answer) -> str | None:
    """Give the uid that a `Location` ends in; nothing else of it is believed (quirk 29)."""
    last = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return last if is_uid(last) else None
