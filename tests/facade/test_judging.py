"""What an answer means: its status first, then its content type, then its shape."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade import errors
from dhis2_facade.answers import (
    Answer,
    clean,
    error_of,
    location_uid,
    object_of,
    outcome,
    require_json,
)
from dhis2_facade.retry import Outcome

BASE, DEEP = "https://dhis2.test", "https://dhis2.test/dhis"
JSON = {"content-type": "application/json;charset=UTF-8"}
PAGE = {"content-type": "text/html;charset=utf-8"}
UID = "yKLCFDYCzPy"


def answer(status: int = 200, body: object = b"", headers: dict[str, str] | None = None, **more: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("GET", "/api/me", status, JSON if headers is None else headers, content, **more)


def to(location: str, status: int = 302) -> Answer:
    return answer(status, b"", {"location": location})


# -- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, errors.Redirected),
        (304, errors.Redirected),
        (400, errors.BadRequest),
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.HttpError),
        (409, errors.Conflict),
        (418, errors.HttpError),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
@pytest.mark.parametrize("headers", [JSON, PAGE, {}])
def test_the_status_is_judged_before_all_else(
    status: int, kind: type[errors.Dhis2Error], headers: dict[str, str]
) -> None:
    error = error_of(answer(status, {"id": UID, "message": "no"}, headers), BASE)
    assert type(error) is kind
    assert (error.method, error.path, error.status) == ("GET", "/api/me", status)
    assert str(error).startswith(f"GET /api/me: {status}")


def test_a_status_of_success_is_no_error_whatever_the_body() -> None:
    for body in (b"", b"<html>", {"message": "no"}):
        assert error_of(answer(200, body, PAGE), BASE) is None


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "Personal access token: Checksum validation failed", errors.Unauthenticated),
        (401, "You don't have access to fileResource yKLCFDYCzPy", errors.Forbidden),
        (409, "Checksum validation failed", errors.Conflict),
    ],
)
def test_a_status_that_the_server_uses_for_another_is_known_by_its_words(
    status: int, said: str, kind: type[errors.Dhis2Error]
) -> None:
    assert type(error_of(answer(status, {"message": said}), BASE)) is kind


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"broken": "reset"}, errors.ConnectionFailed, "the answer broke off (reset)"),
        (
            {"broken": "nothing within 1 s", "timed_out": True},
            errors.TimedOut,
            "the answer broke off (nothing within 1 s)",
        ),
        ({"broken": "too large", "oversized": True}, errors.TooLarge, "the answer broke off (too large)"),
        ({"broken": "refused", "status": 0}, errors.ConnectionFailed, f"no answer from {BASE} (refused)"),
        ({"broken": "slow", "status": 0, "timed_out": True}, errors.TimedOut, f"no answer from {BASE} (slow)"),
    ],
)
def test_an_answer_that_did_not_come_or_not_whole(
    more: dict[str, Any], kind: type[errors.Dhis2Error], said: str
) -> None:
    broken = answer(more.pop("status", 200), b"", **more)
    error = error_of(broken, BASE)
    assert type(error) is kind
    assert str(error) == f"GET /api/me: {said}."
    assert error.status == (broken.status or None)


# -- what the server said -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "said", "code"),
    [
        ({"message": "no", "errorCode": "E1006"}, JSON, "no", "E1006"),
        ({"message": "a\n\tb  c\x1b[31m", "errorCode": 5}, JSON, "a b c [31m", None),
        ({"error": "unauthorized"}, JSON, "unauthorized", None),
        ({"error": "x", "error_description": "why"}, JSON, "why", None),
        ({"message": {"deep": 1}}, JSON, None, None),
        ({"message": "&lt;a&gt; &amp;", "servlet": "dispatcher"}, JSON, "<a> &", None),
        ({"message": "&lt;a&gt;"}, JSON, "&lt;a&gt;", None),
        ({"message": "x" * 600}, JSON, "x" * 500 + "…", None),
        ([1], JSON, None, None),
        (b"{broken", JSON, None, None),
        (b"[" * 100_000, JSON, None, None),
        (b"{}", JSON, None, None),
        (b"<html><title>HTTP Status 400 \xe2\x80\x93 Bad</title><h1>x</h1>", PAGE, "HTTP Status 400 \u2013 Bad", None),
        (b"<H1>\n a &amp; b</H1>", PAGE, "a & b", None),
        (b"<title></title>", PAGE, None, None),
        (b"<p>nothing to see</p>", PAGE, None, None),
        (b"<r><message>in XML</message></r>", {"content-type": "application/xml"}, "in XML", None),
        (b"plain words\n", {"content-type": "text/plain"}, "plain words", None),
        (b"\xff\xfe", {"content-type": "text/plain"}, "\ufffd\ufffd", None),
        (b"bytes", {"content-type": "application/octet-stream"}, None, None),
        (b"", {}, None, None),
    ],
    ids=range(21),
)
def test_what_the_server_says_is_found_in_all_its_shapes(
    body: object, headers: dict[str, str], said: str | None, code: str | None
) -> None:
    error = error_of(answer(418, body, headers), BASE)
    assert error is not None
    assert (error.server_message, error.error_code) == (said, code)
    assert (said or "without a word") in str(error)


def test_a_page_of_any_size_is_judged_at_once() -> None:
    began = time.monotonic()
    for body in (b"<h1>" * 2_000_000, b"\n" * 8_000_000, json.dumps({"message": "\x00" * 2_000_000}).encode()):
        error_of(answer(500, body, PAGE), BASE)
        error_of(answer(500, body, {"content-type": "text/plain"}), BASE)
        error_of(answer(500, body, JSON), BASE)
    assert time.monotonic() - began < 5


@given(st.text(max_size=2000))
def test_what_is_shown_of_a_server_is_one_printable_line(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert len(shown) <= 501
    assert clean(shown.removesuffix("…")) == shown.removesuffix("…").strip()


@given(st.integers(300, 599), st.binary(max_size=60), st.sampled_from([JSON, PAGE, {}, {"location": "//[", **PAGE}]))
def test_any_answer_can_be_judged(status: int, body: bytes, headers: dict[str, str]) -> None:
    got = answer(status, body, headers)
    assert isinstance(error_of(got, BASE), errors.HttpError)
    assert outcome(got, BASE) in Outcome


# -- redirects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "location"),
    [
        (BASE, "https://dhis2.test/dhis-web-login/"),
        (BASE, "/dhis-web-login"),
        (BASE, "https://dhis2.test/index.html"),
        (BASE, "https://dhis2.test/dhis-web-commons/security/login.action"),
        (BASE, "http://dhis2.test:8080/login/"),  # what stands behind a proxy thinks that it is asked so
        (DEEP, "https://dhis2.test/dhis/dhis-web-login/"),
        (DEEP, "/dhis/login.action"),
    ],
)
def test_a_redirect_to_this_servers_login_page_is_a_refusal(base: str, location: str) -> None:
    assert outcome(to(location), base) is outcome(to(location), base, write=True) is Outcome.REFUSED
    error = error_of(to(location), base)
    assert type(error) is errors.Unauthenticated
    assert "the server asks to log in" in str(error)


@pytest.mark.parametrize(
    "location",
    [
        "https://sso.example.test/login",
        "https://sso.example.test/dhis-web-login/",
        "//sso.example.test/login",
        "https://dhis2.test.evil.test/login",
        "/login/elsewhere",
        "/portal?next=/login",
        "https://[/login",
        "",
    ],
)
def test_any_other_redirect_proves_nothing(location: str) -> None:
    assert outcome(to(location), BASE, write=True) is Outcome.UNKNOWN
    assert outcome(to(location), BASE) is Outcome.FAILED
    assert type(error_of(to(location), BASE)) is errors.Redirected


def test_a_login_page_of_a_server_below_a_path_is_not_that_of_its_neighbour() -> None:
    assert outcome(to("https://dhis2.test/other/login"), DEEP, write=True) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("base", "location", "right"),
    [
        ("http://dhis2.test", "https://dhis2.test/api/me", "https://dhis2.test,"),
        ("http://dhis2.test:8080/dhis", "https://dhis2.test/dhis/api/me", "https://dhis2.test/dhis,"),
        ("http://DHIS2.test", "https://dhis2.test:8443/api/me?token=hidden", "https://dhis2.test:8443,"),
    ],
)
def test_a_redirect_to_https_names_the_address_to_use(base: str, location: str, right: str) -> None:
    error = error_of(to(location, 301), base)
    assert f"this server answers at {right} use that as url" in str(error)
    assert "hidden" not in str(error)


@pytest.mark.parametrize("odd", ["\x9b", "\u202e", "\x7f"])
def test_a_redirect_shows_nothing_that_steers_a_terminal(odd: str) -> None:
    for location in (f"https://dhis2.example.test:1{odd}/x", f"https://other.example.test/{odd}"):
        error = error_of(to(location, 301), "http://dhis2.example.test")
        assert odd not in str(error)


def test_a_redirect_shows_no_credentials_and_no_query() -> None:
    error = error_of(to("https://clerk:hidden@other.example.test/a\x1b?token=hidden#hidden"), BASE)
    assert str(error).startswith("GET /api/me: 302. redirected to https://other.example.test/a")
    assert "hidden" not in str(error)
    assert "\x1b" not in str(error)


# -- content type, then shape ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/html", "text/html;charset=utf-8", "text/plain", "", "application/octet-stream"])
def test_what_is_not_said_to_be_json_is_somebody_elses(kind: str) -> None:
    with pytest.raises(errors.NotDhis2, match=r"instead of JSON\. Is there a proxy or a login page before the server"):
        object_of(answer(200, {"id": UID}, {"content-type": kind} if kind else {}))


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
def test_json_is_known_by_its_type(kind: str) -> None:
    require_json(answer(200, {}, {"content-type": kind}))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nope", b"[" * 100_000, b"1" * 5000])
def test_json_that_is_none_is_unreadable_and_not_shown_from_the_inside(body: bytes) -> None:
    with pytest.raises(
        errors.UnreadableAnswer, match=r"200, but it is no object in JSON that can be read\.$"
    ) as refused:
        object_of(answer(200, body))
    assert refused.value.__context__ is None


def test_json_that_broke_off_says_why() -> None:
    with pytest.raises(errors.UnreadableAnswer, match=r"200, but reset\.$"):
        object_of(answer(200, b'{"id"', broken="reset"))


@pytest.mark.parametrize("body", [[], "a", None, 5])
def test_what_is_no_object_is_unreadable(body: object) -> None:
    with pytest.raises(errors.UnreadableAnswer, match="it is no object in JSON"):
        object_of(answer(200, body))


def test_nothing_but_a_message_is_not_found_whatever_the_status() -> None:
    with pytest.raises(errors.NotFound, match="No MessageConversation found") as refused:
        object_of(answer(200, {"message": "No MessageConversation found\x1b"}))
    assert (refused.value.status, refused.value.method) == (200, "GET")
    assert object_of(answer(200, {"message": "a", "id": UID})) == {"message": "a", "id": UID}
    assert object_of(answer(200, {})) == {}


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        (PAGE, True),
        ({"content-type": "TEXT/HTML"}, True),
        ({**PAGE, "content-disposition": "attachment; filename=a.html"}, False),
        (JSON, False),
        ({}, False),
    ],
)
def test_a_page_is_told_from_a_file_that_is_one(headers: dict[str, str], page: bool) -> None:
    assert answer(200, b"", headers).is_page == page


# -- Location -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "uid"),
    [
        (f"https://dhis2.test/api/messageConversations/{UID}", UID),
        (f"http://203.0.113.7:8080/dhis/api/messageConversations/{UID}/", UID),
        (f"/messageConversations/{UID}", UID),
        (UID, UID),
        (f"https://evil.test/{UID}?a=b", None),
        ("https://dhis2.test/api/messageConversations/", None),
        ("https://dhis2.test/api/messageConversations/../../etc", None),
        (f"https://dhis2.test/{UID}x", None),
        ("", None),
    ],
)
def test_of_a_location_only_a_uid_at_its_end_is_believed(location: str, uid: str | None) -> None:
    assert location_uid(to(location, 201)) == uid


def test_an_answer_shows_neither_headers_nor_body() -> None:
    shown = repr(answer(200, b"hidden", {"set-cookie": "hidden"}))
    assert "hidden" not in shown
