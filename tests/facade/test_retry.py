"""When a call may be sent again: tables of what happened, and how long is waited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.answers import Answer, outcome
from dhis2_facade.retry import (
    ATTEMPTS,
    BASE,
    LONGEST,
    LOOKUP_LONGEST,
    Meaning,
    Outcome,
    lookup_pause,
    outcome_of,
    pause,
    retry_after,
)


def written(status: int, *, login: bool) -> Outcome:
    """What is known of a send, reply or feedback."""
    location = {"location": "/dhis-web-login"} if login else {}
    return outcome(Answer("POST", "/api/messageConversations", status, location), "https://dhis2.test", write=True)


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
D, R, W, U, F = Outcome.DONE, Outcome.REFUSED, Outcome.WAIT, Outcome.UNKNOWN, Outcome.FAILED
# status: what is known, whole, broken off, and of a send, reply or feedback
TABLE = {
    200: (D, U, U),
    201: (D, D, D),
    202: (D, U, U),
    204: (D, U, U),
    301: (F, U, U),
    302: (F, U, U),
    304: (F, U, U),
    400: (R, U, R),
    401: (R, U, R),
    403: (R, U, R),
    404: (R, U, R),
    405: (R, U, R),
    408: (U, U, U),
    409: (R, U, R),
    413: (R, U, R),
    415: (R, U, R),
    429: (W, W, W),
    500: (F, U, U),
    502: (U, U, U),
    503: (U, U, U),
    504: (U, U, U),
    599: (F, U, U),
}


@pytest.mark.parametrize("status", TABLE)
def test_what_a_status_says(status: int) -> None:
    found = (
        outcome_of(status, login=False, broken=False),
        outcome_of(status, login=False, broken=True),
        written(status, login=False),
    )
    assert found == TABLE[status]


def test_a_redirect_to_the_login_page_refuses() -> None:
    assert outcome_of(302, login=True, broken=False) is Outcome.REFUSED
    assert outcome_of(302, login=True, broken=True) is Outcome.REFUSED
    assert written(302, login=True) is Outcome.REFUSED


@given(st.integers(100, 599), st.booleans())
def test_of_a_write_201_alone_is_believed_to_have_stored(status: int, login: bool) -> None:
    assert (written(status, login=login) is Outcome.DONE) == (status == 201)


AGAIN = {
    (Meaning.READ, Outcome.WAIT),
    (Meaning.READ, Outcome.UNSENT),
    (Meaning.READ, Outcome.UNKNOWN),
    (Meaning.SET, Outcome.WAIT),
    (Meaning.SET, Outcome.UNSENT),
    (Meaning.SET, Outcome.UNKNOWN),
    (Meaning.UPLOAD, Outcome.WAIT),
    (Meaning.UPLOAD, Outcome.UNSENT),
    (Meaning.UPLOAD, Outcome.UNKNOWN),
    (Meaning.ONCE, Outcome.WAIT),
    (Meaning.ONCE, Outcome.UNSENT),
}


@pytest.mark.parametrize("meaning", Meaning)
@pytest.mark.parametrize("happened", Outcome)
def test_what_may_be_sent_again(meaning: Meaning, happened: Outcome) -> None:
    assert (pause(1, happened, meaning, 0.5) is not None) == ((meaning, happened) in AGAIN)


@given(st.integers(1, 10), st.floats(0, 1), st.none() | st.floats(0, 1e6))
def test_a_pause_is_a_part_of_a_doubling_span_on_top_of_what_the_server_wants(
    attempt: int, chance: float, wanted: float | None
) -> None:
    seconds = pause(attempt, Outcome.WAIT, Meaning.READ, chance, wanted)
    assert (seconds is None) == (attempt >= ATTEMPTS)
    if seconds is not None:
        span = min(LONGEST, BASE * 2 ** (attempt - 1))
        assert (wanted or 0) <= seconds <= (wanted or 0) + span
        assert pause(attempt, Outcome.WAIT, Meaning.READ, 0, wanted) == (wanted or 0)


def test_the_pauses_are_those_that_the_client_promises() -> None:
    longest = [pause(attempt, Outcome.UNKNOWN, Meaning.READ, 1.0) for attempt in range(1, 6)]
    assert longest == [0.25, 0.5, 1.0, None, None]


@given(st.integers(1, 60), st.floats(0, 1))
def test_look_ups_come_slower_and_slower_but_never_stop(attempt: int, chance: float) -> None:
    assert 0.075 <= lookup_pause(attempt, chance) <= lookup_pause(attempt + 1, chance) <= LOOKUP_LONGEST * 1.25


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("3", 3.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 14:00:30 +0200", 30.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30.0),  # which email reads without a zone
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 99999999999999999999 11:00:00 GMT", None),
        ("Mon, 23 Nov 2026 99:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:30 +9999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_garbage_as_nothing(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.timedeltas(timedelta(0), timedelta(days=9)))
def test_any_date_ahead_is_read_as_the_seconds_until_then(span: timedelta) -> None:
    moment = (NOW + span).replace(microsecond=0)
    assert retry_after(format_datetime(moment), NOW) == (moment - NOW).total_seconds()


@given(
    st.text(max_size=80) | st.from_regex(r"(Mon, )?\d{1,30} (Jan|Feb|Zzz) \d{1,30} [\d:]{0,30}( GMT| [+-]\d{1,30})?")
)
def test_no_header_of_a_server_makes_a_client_fail(header: str) -> None:
    found = retry_after(header, NOW)
    assert found is None or found >= 0
