"""What a command says when it cannot do what was asked: an exit status and a word for each kind of error."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from dhis2_facade import errors
from dhis2_facade.errors import Dhis2Error

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:  # pydantic, which makes the schemas for agents, cannot read the older ones
    from typing_extensions import TypedDict

__all__ = [
    "BROKEN_PIPE",
    "INTERRUPTED",
    "RECIPIENTS",
    "STATUSES",
    "USAGE",
    "WORDS",
    "Failure",
    "Problem",
    "problem_of",
    "spoken",
    "status_of",
]

OTHER = 1
USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell says of a program that wrote to nobody

# Exit status → its word in JSON, and what it means.
STATUSES: Mapping[int, tuple[str, str]] = {
    0: ("ok", "it is done"),
    OTHER: ("other", "anything else, also a question that was answered with no"),
    USAGE: ("usage", "what was passed cannot be right; nothing was sent"),
    3: ("authentication", "the credentials are missing, wrong or expired"),
    4: ("not_found", "no such object, or none that the user may know of"),
    5: ("conflict", "the server refused it for what it says; nothing was stored"),
    6: ("network", "no answer: the server was not reached, or the connection broke"),
    7: ("version", "the server is of another version than was said"),
    8: ("ambiguous", "a message may or may not have been stored; the key to go on with is named"),
    9: ("forbidden", "the user may not"),
    10: ("not_dhis2", "the answer is not DHIS2's, or not what the call promises"),
    11: ("server", "the server failed, or wants a pause"),
    INTERRUPTED: ("interrupted", "interrupted from the keyboard"),
    BROKEN_PIPE: ("unread", "nobody read standard output to its end, as where `head` has enough"),
}
# The nearest class of an error decides.
EXITS: Mapping[type[Dhis2Error], int] = {
    Dhis2Error: OTHER,
    errors.InvalidInput: USAGE,
    errors.WrongUse: OTHER,
    errors.Unauthenticated: 3,
    errors.NotFound: 4,
    errors.BadRequest: 5,
    errors.Conflict: 5,
    errors.KeyReused: 5,
    errors.ConnectionFailed: 6,
    errors.VersionMismatch: 7,
    errors.Ambiguous: 8,
    errors.Forbidden: 9,
    errors.NotDhis2: 10,
    errors.Redirected: 10,
    errors.TooLarge: 10,
    errors.UnreadableAnswer: 10,
    errors.ServerError: 11,
    errors.TooManyRequests: 11,
}


RECIPIENTS = "users=, user_groups=, organisation_units= or to="
# What the library says of its arguments, and what is said here.
WORDS: Mapping[str, str] = {
    RECIPIENTS: "--user, --user-group or --org-unit",
    r"\ballow_http=True": "--allow-http to `dhis2 profile add`",
    r"; open it, and pass the open file$": "",
    r"(\(a letter, ten letters or digits\)) or an? \w+": r"\1",
    r"pass username= and password=": "say --username",
    r"username= and password= come together, both text": "a username and a password come together",
    r", or DHIS2_PROFILE$": ", or DHIS2_PROFILE, or say: dhis2 profile add default --url URL",
    r"import from dhis2_facade\.v\d+ .* at your own risk": (
        "leave the version out (--server-version, DHIS2_VERSION, the profile's), and the server is asked"
    ),
}


class Problem(TypedDict):
    """An error as `--json` and the tools for agents show it."""

    kind: str
    exit: int
    message: str
    status: int | None
    error_code: str | None
    server_message: str | None
    method: str | None
    path: str | None
    key: str | None
    spent: list[str]
    unspent: list[str]


class Failure(Exception):
    """A command cannot go on, for a reason that is not the server's."""

    def __init__(self, message: str, status: int = USAGE) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: Dhis2Error) -> int:
    """Give the exit status of an error."""
    return next(EXITS[cls] for cls in type(error).__mro__ if cls in EXITS)


def spoken(message: str, words: Mapping[str, str] = WORDS) -> str:
    """Say in the words of the command line, or in others, what the library says in its own."""
    for theirs, ours in words.items():
        message = re.sub(theirs, ours, message)
    return message


def problem_of(error: Dhis2Error | Failure | str, status: int = OTHER) -> Problem:
    """Give an error, or one that has only words, as data."""
    if isinstance(error, Dhis2Error):
        status = status_of(error)
    elif isinstance(error, Failure):
        status = error.status
    details = error if isinstance(error, Dhis2Error) else Dhis2Error("")
    return {
        "kind": STATUSES.get(status, STATUSES[OTHER])[0],
        "exit": status,
        "message": str(error),
        "status": details.status,
        "error_code": details.error_code,
        "server_message": details.server_message,
        "method": details.method,
        "path": details.path,
        "key": details.key,
        "spent": list(details.spent),
        "unspent": list(details.unspent),
    }
