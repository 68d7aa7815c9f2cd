"""Every recorded answer that is an error, as the error that it becomes."""

from __future__ import annotations

import copy
import html
import pickle
import re
from collections.abc import Iterator

import httpx
import pytest
from attrs import evolve

from dhis2_facade import errors
from dhis2_facade.answers import ADVICE, SHOWN, Answer, error_of
from dhis2_facade.errors import (
    BadRequest,
    Conflict,
    Dhis2Error,
    Forbidden,
    HttpError,
    InvalidInput,
    NotDhis2,
    NotFound,
    Redirected,
    ServerError,
    TooManyRequests,
    Unauthenticated,
    WrongUse,
)
from dhis2_wire import Request
from tests.support import stub
from tests.support.bindings import lookup
from tests.support.both import FLAVOURS, run
from tests.support.exchanges import HOST, VERSIONS, Exchange, exchanges
from tests.support.stub import served

WEB_MESSAGE = "WebMessage"
MESSAGE = "message alone"
JETTY = "Jetty's JSON"
TOMCAT = "Tomcat's page"
OAUTH = "OAuth's JSON"
XML = "XML"
EMPTY = "empty"

ALL, OLD, NEW = ("40", "41", "42"), ("40", "41"), ("42",)
# Status and shape → error, and on which versions it was recorded.
SHAPES: dict[tuple[int, str], tuple[type[HttpError], tuple[str, ...]]] = {
    (200, MESSAGE): (NotFound, ALL),  # quirk 8
    (302, EMPTY): (Unauthenticated, ALL),  # quirk 7: all recorded ones go to the login page
    (400, WEB_MESSAGE): (BadRequest, ALL),
    (400, JETTY): (BadRequest, OLD),  # quirk 18
    (400, TOMCAT): (BadRequest, NEW),
    (400, EMPTY): (BadRequest, OLD),
    (401, WEB_MESSAGE): (Unauthenticated, ALL),
    (401, XML): (Unauthenticated, ALL),
    (401, OAUTH): (Unauthenticated, OLD),
    (403, WEB_MESSAGE): (Forbidden, ALL),
    (404, WEB_MESSAGE): (NotFound, ALL),
    (404, MESSAGE): (NotFound, ALL),
    (404, JETTY): (NotFound, OLD),
    (404, TOMCAT): (NotFound, NEW),
    (405, WEB_MESSAGE): (HttpError, ALL),
    (406, EMPTY): (HttpError, OLD),  # quirk 33
    (406, TOMCAT): (HttpError, NEW),
    (409, WEB_MESSAGE): (Conflict, ALL),
    (409, MESSAGE): (Conflict, ALL),
    (415, WEB_MESSAGE): (HttpError, ALL),
    (500, WEB_MESSAGE): (ServerError, ALL),
    (500, JETTY): (ServerError, OLD),
    (500, TOMCAT): (ServerError, NEW),
    (500, EMPTY): (ServerError, OLD),
}
# What the server says with another status than what it means: status, words → error, and on which versions.
DISGUISED: dict[tuple[int, str], tuple[type[HttpError], tuple[str, ...]]] = {
    (400, "Checksum validation failed"): (Unauthenticated, ("41", "42")),  # quirk 7c
    (401, "You don't have access to fileResource"): (Forbidden, ("40",)),
}


def shape(exchange: Exchange) -> str:
    if not exchange.body:
        return EMPTY
    if exchange.media_type == "application/xml":
        return XML
    if exchange.media_type == "text/html":
        return TOMCAT
    keys = set(exchange.json())
    if "servlet" in keys:
        return JETTY
    return WEB_MESSAGE if "httpStatus" in keys else OAUTH if "error" in keys else MESSAGE


def said(exchange: Exchange) -> str | None:
    """What the server said, read in another way than the facade does."""
    if exchange.status == 302:
        return "the server asks to log in"
    text = exchange.body.decode()
    kind = shape(exchange)
    if kind == EMPTY:
        return None
    if kind in (XML, TOMCAT):
        begin, end = ("<message>", "</message>") if kind == XML else ("<b>Message</b> ", "</p>")
        return html.unescape(text.partition(begin)[2].partition(end)[0])
    value = exchange.json()
    found = value.get("message") or value["error_description"]
    line = re.sub(r"\s+", " ", html.unescape(found) if kind == JETTY else found).strip()
    return line if len(line) <= SHOWN else line[:SHOWN] + "…"


def recorded_errors(version: str) -> Iterator[Exchange]:
    for one in exchanges(version):
        found = one.status >= 300
        if one.status == 200 and one.media_type == "application/json" and one.method == "GET" and one.body:
            found = set(one.json()) == {"message"}
        if found:
            yield one


def expected(exchange: Exchange) -> type[HttpError]:
    for (status, words), (kind, versions) in DISGUISED.items():
        if exchange.status == status and words in (said(exchange) or "") and exchange.version in versions:
            return kind
    return SHAPES[exchange.status, shape(exchange)][0]


async def error_made_of(flavour: str, exchange: Exchange) -> Dhis2Error:
    """Have the bindings ask anything, and the server answer this."""
    began = False

    def answering(request: httpx.Request) -> httpx.Response:
        nonlocal began
        first, began = not began, True
        return stub.info(exchange.version, "clerk", request) if first else stub.answer(exchange)

    request: Request[object] = lookup(exchange.version, "message_conversation.get").request
    asked = evolve(request, method=exchange.method, path=exchange.path)
    async with served(flavour, exchange.version, answering) as dhis2:
        with pytest.raises(Dhis2Error) as caught:
            await dhis2.call(asked)
    return caught.value


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_hold_exactly_what_was_recorded(version: str) -> None:
    found = {(one.status, shape(one)) for one in recorded_errors(version)}
    assert found == {which for which, (_, versions) in SHAPES.items() if version in versions}
    disguised = {
        (status, words)
        for one in recorded_errors(version)
        for status, words in DISGUISED
        if one.status == status and words in (said(one) or "")
    }
    assert disguised == {which for which, (_, versions) in DISGUISED.items() if version in versions}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_recorded_error_becomes_its_class_and_says_what_is_known(version: str, flavour: str) -> None:
    async def all_errors() -> int:
        count = 0
        for exchange in recorded_errors(version):
            error = await error_made_of(flavour, exchange)
            code = exchange.json().get("errorCode") if shape(exchange) == WEB_MESSAGE else None
            assert type(error) is expected(exchange), exchange.name
            known = (error.method, error.path, error.status, error.error_code, error.server_message)
            assert known == (exchange.method, exchange.path, exchange.status, code, said(exchange)), exchange.name
            assert error.key is None
            # What happened, what the server said, what to do.
            words = (said(exchange) or "without a word").rstrip(".")
            happened = f"{exchange.method} {exchange.path}: {exchange.status}"
            assert str(error).startswith(f"{happened}. {words}"), exchange.name
            assert str(error).endswith(ADVICE[type(error)]), exchange.name
            for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
                assert (type(twin), twin.args, vars(twin)) == (type(error), error.args, vars(error))
            count += 1
        return count

    assert run(flavour, all_errors) >= 150


def test_every_error_of_a_status_says_what_to_do() -> None:
    assert {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HttpError)
    } == ADVICE.keys()
    assert all(ADVICE.values())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, TooManyRequests),
        (402, HttpError),
        (410, HttpError),
        (502, ServerError),
        (503, ServerError),
        (599, ServerError),
    ],
)
def test_a_status_that_was_not_recorded_has_a_class_too(status: int, kind: type[HttpError]) -> None:
    error = error_of(Answer("GET", "/api/me", status, {"content-type": "text/plain"}, b"no\x00thing\ntoday"), HOST)
    assert type(error) is kind
    assert error.server_message == "no thing today"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://elsewhere.test/dhis-web-login/", "redirected to https://elsewhere.test/dhis-web-login/"),
        ("https://user:secret@elsewhere.example.test/x?token=secret", "redirected to https://elsewhere.example.test/x"),
        ("/api/other", "redirected to /api/other"),
        ("https://[broken", "redirected to what is no address"),
        ("", "redirected to no address"),
    ],
)
def test_a_redirect_that_is_not_to_the_login_page_is_its_own_error_and_shows_no_secret(
    location: str, said: str
) -> None:
    error = error_of(Answer("GET", "/api/me", 302, {"location": location}, b""), HOST)
    assert type(error) is Redirected
    assert error.server_message == said
    assert "secret" not in str(error)


def test_a_server_that_moved_to_https_is_named() -> None:
    moved = Answer("GET", "/api/me", 301, {"location": "https://dhis2.test/api/me"}, b"")
    assert "this server answers at https://dhis2.test, use that as url" in str(error_of(moved, "http://dhis2.test"))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_page_where_json_was_asked_for_is_not_dhis2(flavour: str) -> None:
    page = Exchange(
        "42", "", "", "clerk", "GET", f"{HOST}/api/me", {}, b"", 200, {"content-type": "text/html"}, b"<h1>Welcome</h1>"
    )
    error = run(flavour, error_made_of, flavour, page)
    assert type(error) is NotDhis2
    assert (error.method, error.status, error.server_message) == ("GET", 200, None)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_pickle_and_copy_with_all_that_it_knows(name: str) -> None:
    kind: type[Dhis2Error] = getattr(errors, name)
    error = kind(
        "what happened",
        method="POST",
        path="/api/messageConversations",
        status=409,
        error_code="E1004",
        server_message="no",
        key="k",
        spent=("aBcDeFgHiJk",),
        unspent=("bBcDeFgHiJk",),
    )
    error.repeated = True
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(twin), twin.args, vars(twin)) == (kind, error.args, vars(error))
        assert (twin.key, twin.spent, twin.unspent, twin.repeated) == ("k", ("aBcDeFgHiJk",), ("bBcDeFgHiJk",), True)


def test_what_is_not_known_of_an_error_is_none_or_empty() -> None:
    error = Dhis2Error("what happened")
    known = (error.method, error.path, error.status, error.error_code, error.server_message, error.key)
    assert known == (None,) * 6
    assert (error.spent, error.unspent, error.repeated) == ((), (), False)


def test_errors_of_the_caller_are_also_those_that_python_has_for_them() -> None:
    assert issubclass(InvalidInput, ValueError)
    assert issubclass(WrongUse, RuntimeError)
