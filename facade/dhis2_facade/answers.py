"""What an answer means: judged by its status, then its content type, then its shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeVar, cast
from urllib.parse import urlsplit

from attrs import field, frozen

from dhis2_facade import errors, retry, uid

E = TypeVar("E", bound=errors.Dhis2Error)

SHOWN = 500  # characters of what the server said
LOOKED_AT = 10_000  # characters of a page, which may be as large as a file and hold no end of what it begins
ERRORS: Mapping[int, type[errors.HttpError]] = {
    400: errors.BadRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.TooManyRequests,
}
# What a status says, where the server says it with another one.
DISGUISED: tuple[tuple[int, str, type[errors.HttpError]], ...] = (
    (400, "Checksum validation failed", errors.Unauthenticated),  # a malformed token, from 2.41 on (quirk 7c)
    (401, "You don't have access to fileResource", errors.Forbidden),  # 2.40, of another domain's (quirk 41)
)
ADVICE: Mapping[type[errors.Dhis2Error], str] = {
    errors.HttpError: "The server, or a proxy before it, does not take this call as it is.",
    errors.BadRequest: "Correct what it names.",
    errors.Unauthenticated: "Check the token, or the username and password; tokens expire and can be revoked.",
    errors.Forbidden: "Ask as a user who takes part in it, or who has the authority.",
    errors.NotFound: "Check the uid; it may have been removed.",
    errors.Conflict: "Correct what it names.",
    errors.TooManyRequests: "Wait, and ask less often.",
    errors.ServerError: "The server failed; its log says why.",
    errors.Redirected: "No redirect is followed; use the address that answers itself.",
}
# Where a page says what is wrong: Tomcat's own line (quirks 18 and 33), DHIS2's XML, any title.
SAID = (
    r"(?s)<b>Message</b>(.*?)</p>",
    r"(?s)<message>(.*?)</message>",
    r"(?si)<title>(.*?)</title>",
    r"(?si)<h1>(.*?)</h1>",
)
# Where a server sends those who are not logged in, behind its own address (quirk 7).
LOGIN = r"/(dhis-web-login|dhis-web-commons/security/login|login|index\.html|login\.action)(\.action)?/?"


@frozen
class Answer:
    """What is known after an attempt. Without an answer `status` is 0, and `broken` says why there is none."""

    method: str
    path: str
    status: int = 0
    headers: Mapping[str, str] = field(factory=dict, repr=False)  # names in lower case
    body: bytes = field(default=b"", repr=False)
    broken: str | None = None  # why the answer, or its body, did not come whole
    timed_out: bool = False
    oversized: bool = False  # broken off here, since it is too large
    repeated: bool = False  # an earlier attempt of the call had gone out, and its answer was lost
    unsent: bool = False  # proven that no byte of the request's body went out

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people: what the server sends of files is named in a Content-Disposition."""
        return self.media_type == "text/html" and "content-disposition" not in self.headers


def outcome(answer: Answer, base: str, *, write: bool = False) -> retry.Outcome:
    """Say what is known after this answer of the server at `base`.

    Of a `write`, a send, reply or feedback, 201 alone says that it is stored, and a 4xx that it is not, since the
    server stores it in one transaction. Anything else may be a proxy's word, or have come after it was stored.
    """
    if not answer.status:
        return retry.Outcome.UNSENT if answer.unsent else retry.Outcome.UNKNOWN
    found = retry.outcome_of(
        answer.status,
        login=answer.status // 100 == 3 and _redirect(answer, base)[0],
        broken=answer.broken is not None and not answer.oversized and not write,  # else what it says is asked again
    )
    vague = found is retry.Outcome.FAILED or (found is retry.Outcome.DONE and answer.status != 201)
    return retry.Outcome.UNKNOWN if write and vague else found


def _redirect(answer: Answer, base: str) -> tuple[bool, str]:
    """Say of a 3xx whether it leads to the login page of this server (not of any other), and where it leads."""
    try:
        target, home = urlsplit(answer.headers.get("location", "")), urlsplit(base)
        target = target._replace(netloc=target.netloc.rpartition("@")[2])
        same = not target.netloc or target.hostname == home.hostname
    except ValueError:
        return False, "redirected to what is no address"
    login = same and re.fullmatch(LOGIN, target.path.removeprefix(home.path)) is not None
    host = f"{target.scheme}://{target.netloc}" if target.netloc else ""
    secure = same and target.scheme == "https" and home.scheme == "http"
    advice = f"; this server answers at https://{clean(target.netloc)}{home.path}, use that as url" * secure
    return login, f"redirected to {clean(host + target.path) or 'no address'}{advice}"


def error_of(answer: Answer, base: str) -> errors.Dhis2Error | None:
    """Give the error that an answer is, or None where it is 2xx and whole."""
    if answer.status // 100 == 3:
        login, where = _redirect(answer, base)
        moved = errors.Unauthenticated if login else errors.Redirected
        return _http_error(moved, answer, "the server asks to log in" if login else where)
    if answer.status >= 400 or 0 < answer.status < 200:  # 101 ends an exchange, and is nothing that was asked for
        said, code = _said(answer)
        usual = ERRORS.get(answer.status, errors.ServerError if answer.status >= 500 else errors.HttpError)
        kind = next((k for s, words, k in DISGUISED if s == answer.status and words in (said or "")), usual)
        return _http_error(kind, answer, said, code)
    if answer.broken is None:
        return None
    lost = errors.TimedOut if answer.timed_out else errors.ConnectionFailed
    broken = f"the answer broke off ({answer.broken})" if answer.status else f"no answer from {base} ({answer.broken})"
    return _error(errors.TooLarge if answer.oversized else lost, answer, f"{broken}.")


def _error(kind: type[E], answer: Answer, problem: str, **said: str | None) -> E:
    """Make an error that says where it came from."""
    return kind(
        f"{answer.method} {answer.path}: {problem}",
        method=answer.method,
        path=answer.path,
        status=answer.status or None,
        **said,
    )


def _http_error(kind: type[E], answer: Answer, said: str | None, code: str | None = None) -> E:
    advice = (
        "Check the url: the server may have a path."
        if kind is errors.NotFound and answer.path == "/api/system/info"  # which every server has
        else ADVICE[kind]
    )
    problem = ". ".join(word.rstrip(".") for word in (str(answer.status), said or "without a word", advice))
    return _error(kind, answer, f"{problem}.", error_code=code, server_message=said)


def clean(text: str) -> str:
    """Give what a server said as one printable line of limited length."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[:LOOKED_AT]).split())
    return line[:SHOWN] + "…" * (len(line) > SHOWN)


def _said(answer: Answer) -> tuple[str | None, str | None]:
    """Give what the server says of an error, and its code: a WebMessage, a bare message, or a page of its container."""
    import html  # few answers are errors

    text = answer.body.decode("utf-8", "replace")
    value = _parsed(answer)
    if isinstance(value, dict):
        texts = [value.get(key) for key in ("message", "error_description", "error")]
        said = next((text for text in texts if text and isinstance(text, str)), "")
        # A page of Jetty comes as JSON, with its text in HTML.
        text = html.unescape(said) if "servlet" in value else said
        code = value.get("errorCode")
        return clean(text) or None, code if isinstance(code, str) else None
    found = next((found[1] for where in SAID if (found := re.search(where, text[:LOOKED_AT]))), None)
    text = html.unescape(found) if found else text * answer.media_type.startswith("text/plain")
    return clean(text) or None, None


def _parsed(answer: Answer) -> object:
    """Give its JSON, or None where it has none."""
    try:
        return cast("object", json.loads(answer.body)) if answer.media_type.endswith("json") else None
    except (ValueError, RecursionError):
        return None


def no_dhis2(answer: Answer, expected: str) -> errors.NotDhis2:
    """Give the error for an answer that must be somebody else's."""
    kind = clean(answer.media_type) or "no content type"
    return _error(
        errors.NotDhis2,
        answer,
        f"{answer.status} with {kind} instead of {expected}. Is there a proxy or a login page before the server? "
        "Check the url.",
    )


def unreadable(answer: Answer, problem: str) -> errors.UnreadableAnswer:
    """Give the error for an answer that is DHIS2's, but not what the call promises."""
    return _error(errors.UnreadableAnswer, answer, f"{answer.status}, but {problem}.")


def not_found(answer: Answer, said: object) -> errors.NotFound:
    """Give the error for 200 with nothing but a message, which is how the server says 404 (quirk 8)."""
    return _http_error(errors.NotFound, answer, clean(str(said)))


def require_json(answer: Answer) -> None:
    """Raise NotDhis2 for an answer that is not said to be JSON."""
    if not answer.media_type.endswith("json"):
        raise no_dhis2(answer, "JSON")


def object_of(answer: Answer) -> dict[str, object]:
    """Give the JSON object of an answer that is one. Raises NotFound where the server says that with 200 (quirk 8)."""
    require_json(answer)
    value = _parsed(answer)
    if not isinstance(value, dict):
        raise unreadable(answer, answer.broken or "it is no object in JSON that can be read")
    if value.keys() == {"message"}:
        raise not_found(answer, value["message"])
    return value


def location_uid(answer: Answer) -> str | None:
    """Give the uid that a `Location` ends in; nothing else of it is believed (quirk 29)."""
    last = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return last if uid.is_uid(last) else None
