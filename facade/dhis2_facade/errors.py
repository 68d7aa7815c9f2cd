"""What can go wrong, as one tree."""

from __future__ import annotations

__all__ = [
    "Ambiguous",
    "BadRequest",
    "Conflict",
    "ConnectionFailed",
    "Dhis2Error",
    "Forbidden",
    "HttpError",
    "InvalidInput",
    "KeyReused",
    "ListMoved",
    "NotDhis2",
    "NotFetched",
    "NotFound",
    "Redirected",
    "ServerError",
    "TimedOut",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "UnreadableAnswer",
    "VersionMismatch",
    "WrongUse",
]


class Dhis2Error(Exception):
    """All that this library raises on purpose, with what is known; what is not is None or empty.

    An error says where it happened (`method`, `path`, `status`) and what the server said (`server_message`,
    `error_code`), never a credential or what was sent. All survive pickle.
    """

    method: str | None = None
    path: str | None = None  # without its query, which may hold a subject
    status: int | None = None
    error_code: str | None = None  # the server's, such as E1006
    server_message: str | None = None
    key: str | None = None  # of a send, reply or feedback: what to pass as `key=` to go on
    spent: tuple[str, ...] = ()  # uids of uploaded files that cannot, or may not, be used again
    unspent: tuple[str, ...] = ()  # uids of uploaded files that can still be attached
    repeated: bool = False  # whether an earlier attempt of the same call had gone out, and its answer was lost

    def __init__(self, message: str, **details: str | int | tuple[str, ...] | None) -> None:
        super().__init__(message)
        self.__dict__.update(details)  # BaseException pickles its arguments and its __dict__


class InvalidInput(Dhis2Error, ValueError):
    """What was passed cannot be right; nothing was sent."""


class WrongUse(Dhis2Error, RuntimeError):
    """The client is closed, or used in another process or event loop than the one that it belongs to."""


class NotFetched(Dhis2Error):
    """What is asked of an object was not part of the answer that it was read from."""


class ConnectionFailed(Dhis2Error):
    """No answer, or not all of it: the server was not reached, or the connection broke.

    Of a call that changes something its message says whether the server may have done it.
    """


class TimedOut(ConnectionFailed):
    """No answer in the time that was given."""


class NotDhis2(Dhis2Error):
    """The answer is not DHIS2's: a proxy's page, a login page, another server."""


class UnreadableAnswer(Dhis2Error):
    """The answer is JSON or a file, but not what the call promises; the message says where."""


class TooLarge(Dhis2Error):
    """The answer is larger than the limit, counted after decompression."""


class VersionMismatch(Dhis2Error):
    """The server is of another version than the pin that was imported."""


class ListMoved(Dhis2Error):
    """The list changed each time that it was read, so that nobody can say that it was read whole."""


class Ambiguous(Dhis2Error):
    """A message may or may not have been stored: make the same call with `key=error.key` to find out and go on.

    Also raised, without a key, where another user may or may not have been taken out of a conversation.
    """


class KeyReused(Dhis2Error):
    """The key was used before, by the same user, with another text, subject, recipients or files."""


class HttpError(Dhis2Error):
    """The server, or a proxy before it, answered with a `status` that is an error; those below are the usual ones."""


class Redirected(HttpError):
    """3xx: the answer is elsewhere; no redirect is followed."""


class BadRequest(HttpError):
    """400: the request cannot be understood."""


class Unauthenticated(HttpError):
    """401, or a redirect to the login page: the credentials are missing, wrong or expired."""


class Forbidden(HttpError):
    """403: the user may not."""


class NotFound(HttpError):
    """404, or 200 with nothing but a message: no such object, or none that the user may know of."""


class Conflict(HttpError):
    """409: refused for what it says, such as an unknown recipient or a used attachment."""


class TooManyRequests(HttpError):
    """429: the server, or a proxy before it, wants a pause."""


class ServerError(HttpError):
    """5xx: the server, or a proxy before it, failed."""
