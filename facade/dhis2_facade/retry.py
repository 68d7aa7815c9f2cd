"""When a call may be sent again, and after how long: pure functions of what happened, chance and the clock."""

from __future__ import annotations

import contextlib
import enum
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 4  # of one call, the first included
BASE = 0.25  # seconds: the longest first pause; it doubles each time
LONGEST = 8.0  # seconds
LOOKUP_FIRST, LOOKUP_LONGEST = 0.1, 2.0  # seconds: real servers showed a message 0.1 to 0.4 s after a cut


class Meaning(enum.Enum):
    """What a call means for the server's state, which says whether it may be repeated."""

    READ = "read"
    SET = "set"  # marks, status, priority, assignee, recipients, leaving: done twice is done once
    UPLOAD = "upload"  # twice leaves a file that nobody uses, and that the server clears away
    ONCE = "once"  # send, reply, feedback, and what only the caller knows: done twice is done twice


class Outcome(enum.Enum):
    """What is known after an attempt."""

    DONE = "done"  # 2xx
    REFUSED = "refused"  # the server said no: nothing was stored
    WAIT = "wait"  # 429: nothing was stored, try later
    UNSENT = "unsent"  # no byte of the body went out
    UNKNOWN = "unknown"  # no answer, or one that does not say
    FAILED = "failed"  # a status that says that the server failed, and will again


# Which outcome may be followed by another attempt, by meaning.
REPEATABLE = {
    Meaning.READ: {Outcome.WAIT, Outcome.UNSENT, Outcome.UNKNOWN},
    Meaning.SET: {Outcome.WAIT, Outcome.UNSENT, Outcome.UNKNOWN},
    Meaning.UPLOAD: {Outcome.WAIT, Outcome.UNSENT, Outcome.UNKNOWN},
    Meaning.ONCE: {Outcome.WAIT, Outcome.UNSENT},
}


def outcome_of(status: int, *, login: bool, broken: bool) -> Outcome:
    """Say what an answer means: its status, whether it redirects to the login page, whether its body broke off."""
    if status == 201 or (200 <= status < 300 and not broken):
        return Outcome.DONE
    if status == 429:
        return Outcome.WAIT
    if login or (400 <= status < 500 and status != 408 and not broken):
        return Outcome.REFUSED
    if status in (408, 502, 503, 504) or broken:  # of a server or proxy that is on its way up or down
        return Outcome.UNKNOWN
    return Outcome.FAILED


def pause(attempt: int, outcome: Outcome, meaning: Meaning, chance: float, wanted: float | None = None) -> float | None:
    """Give the seconds to wait before the next attempt (`attempt` counts from 1), or None where there is none.

    Full jitter: a random part (`chance`, 0 to 1) of a span that doubles; a server's `Retry-After` (`wanted`) comes on
    top.
    """
    if attempt >= ATTEMPTS or outcome not in REPEATABLE[meaning]:
        return None
    return (wanted or 0.0) + chance * min(LONGEST, math.ldexp(BASE, attempt - 1))


def lookup_pause(attempt: int, chance: float) -> float:
    """Give the seconds between two look-ups of a token: they grow, and differ a little between clients."""
    return min(LOOKUP_LONGEST, math.ldexp(LOOKUP_FIRST, attempt - 1)) * (0.75 + chance / 2)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read a `Retry-After`, seconds or a date, as seconds from `now` (aware); None where there is none to read."""
    seconds = math.nan
    with contextlib.suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(header or "")
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    with contextlib.suppress(ValueError):
        seconds = float(header or "")
    return max(0.0, seconds) if math.isfinite(seconds) else None
