"""Every other call of the server: `call`, `pages` and `raw`, and what their answers are."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from dhis2_facade._async.session import REMEMBERED
from dhis2_facade._async.watching import Cursor
from dhis2_facade.errors import (
    Ambiguous,
    ConnectionFailed,
    Forbidden,
    InvalidInput,
    NotDhis2,
    NotFound,
    ServerError,
    TimedOut,
    TooManyRequests,
    UnreadableAnswer,
)
from dhis2_wire import Request
from tests.support.both import FLAVOURS, client, collect, run
from tests.support.exchanges import HOST, VERSIONS

UID, OTHER = "yKLCFDYCzPy", "aBcDeFgHiJk"
EACH = pytest.mark.parametrize(("flavour", "version"), list(zip(FLAVOURS, VERSIONS, strict=True)))
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between attempts."""
    monkeypatch.setattr("random.random", lambda: 0.0)


def serving(flavour: str, version: str, handler: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Any:
    """A client whose calls, the first one apart, this function answers."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/system/info":
            told = {"version": f"2.{version}.0", "userAgent": request.headers["user-agent"]}
            return httpx.Response(200, json=told)
        return handler(request)

    return client(flavour, version, HOST, token="t", transport=httpx.MockTransport(handle), **settings)


def units(version: str) -> Any:
    return importlib.import_module(f"dhis2_bindings.v{version}.api.organisation_unit")


def given(result: str, accept: str = "application/json", method: str = "GET") -> Request[Any]:
    return Request[Any](method, "/api/things", result, "dhis2_bindings.v42.models", accept=accept)


# -- call -----------------------------------------------------------------------------------------------------------


@EACH
def test_a_call_gives_what_its_function_says(flavour: str, version: str) -> None:
    async def scenario() -> None:
        def handler(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"organisationUnits": [{"id": UID}], "pager": {"page": 1}})

        async with serving(flavour, version, handler) as dhis2:
            page = await dhis2.call(units(version).list_(fields="id"))
            assert [one.id for one in page.organisation_units] == [UID]
            assert type(page).__name__ == "OrganisationUnitPage"

    run(flavour, scenario)


@EACH
@pytest.mark.parametrize(
    ("request_", "body", "headers", "kind", "said"),
    [
        (given("dict[str, Any]"), b"<html>", {"content-type": "text/html"}, NotDhis2, "text/html instead of JSON"),
        (given("str", "text/plain"), b"<html>", {"content-type": "text/html"}, NotDhis2, "instead of text/plain"),
        (given("OrganisationUnit"), b"[]", JSON, UnreadableAnswer, "200, but "),
        (given("OrganisationUnit"), b'{"message": "No such unit"}', JSON, NotFound, "No such unit"),
        (given("OrganisationUnit"), b"{", JSON, UnreadableAnswer, "200, but "),
    ],
)
def test_an_answer_that_is_not_what_was_promised_is_an_error(
    flavour: str, version: str, request_: Request[Any], body: bytes, headers: dict[str, str], kind: Any, said: str
) -> None:
    async def scenario() -> None:
        async with serving(flavour, version, lambda _: httpx.Response(200, content=body, headers=headers)) as dhis2:
            with pytest.raises(kind, match=said):
                await dhis2.call(request_)

    run(flavour, scenario)


@EACH
def test_texts_bytes_and_nothing_are_given_as_they_come(flavour: str, version: str) -> None:
    async def scenario() -> None:
        def handler(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content="\u00fc".encode(), headers={"content-type": "text/html"})

        async with serving(flavour, version, handler) as dhis2:
            assert await dhis2.call(given("str", "text/html")) == "\u00fc"
            assert await dhis2.call(given("bytes", "text/html")) == "\u00fc".encode()
            assert await dhis2.call(given("None")) is None

    run(flavour, scenario)


@EACH
@pytest.mark.parametrize(("method", "asked"), [("GET", 4), ("POST", 1), ("DELETE", 1), ("HEAD", 4)])
def test_only_reads_are_repeated(flavour: str, version: str, method: str, asked: int) -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(503)

    async def scenario() -> None:
        async with serving(flavour, version, handler) as dhis2:
            with pytest.raises(ServerError) as failed:
                await dhis2.call(given("None", method=method))
            assert ("Whether the server did it is not known" in str(failed.value)) == (method in ("POST", "DELETE"))
            assert failed.value.repeated == (asked > 1)

    run(flavour, scenario)
    assert len(requests) == asked


@EACH
def test_a_write_whose_answer_broke_off_is_done_where_it_says_created(flavour: str, version: str) -> None:
    class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Any:
            raise httpx.ReadError("gone")

        async def __aiter__(self) -> Any:
            for _ in self:
                yield b""

    async def scenario() -> None:
        def handler(_: httpx.Request) -> httpx.Response:
            return httpx.Response(201, stream=Breaking(), headers=JSON)

        async with serving(flavour, version, handler) as dhis2:
            with pytest.raises(UnreadableAnswer, match=r"its body broke off \(ReadError: gone\)"):
                await dhis2.call(given("None", method="POST"))
            with pytest.raises(ConnectionFailed, match=r"the answer broke off \(ReadError: gone\)"):
                await dhis2.raw(given("None", method="POST"))

    run(flavour, scenario)


@EACH
def test_raw_gives_any_answer_as_it_came(flavour: str, version: str) -> None:
    async def scenario() -> None:
        requests: list[httpx.Request] = []

        def handler(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(503, content=b"<html>", headers={"X-Own": "a"})

        async with serving(flavour, version, handler) as dhis2:
            answer = await dhis2.raw(given("dict[str, Any]"))
            assert (answer.status, answer.body, answer.headers["x-own"], len(requests)) == (503, b"<html>", "a", 1)

    run(flavour, scenario)


@EACH
def test_raw_fails_where_no_answer_came(flavour: str, version: str) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    async def scenario() -> None:
        async with serving(flavour, version, handler) as dhis2:
            with pytest.raises(TimedOut, match="no answer from"):
                await dhis2.raw(given("None"))

    run(flavour, scenario)


# -- pages ----------------------------------------------------------------------------------------------------------


def paged(version: str, asked: list[str], **pager: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Three pages of one unit; behind them what each version gives (quirk 9b), or as `pager` says."""

    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        asked.append(str(request.url.params))
        said = {"page": min(page, 3), **(pager or {"pageCount": 3})}
        if pager and page < 3:
            said["nextPage"] = "https://dhis2.test/next"
        return httpx.Response(200, json={"organisationUnits": [{"id": f"u{min(page, 3):010}"}], "pager": said})

    return handler


@EACH
@pytest.mark.parametrize("pager", [{}, {"pageSize": 1}])
@pytest.mark.parametrize(("first", "pages"), [(None, 3), (2, 2), (3, 1), (5, 0)])
def test_pages_come_from_the_one_that_is_named_to_the_last(
    flavour: str, version: str, pager: dict[str, Any], first: int | None, pages: int
) -> None:
    asked: list[str] = []

    async def scenario() -> None:
        async with serving(flavour, version, paged(version, asked, **pager)) as dhis2:
            named = {} if first is None else {"page": first}
            found = await collect(dhis2.pages(units(version).list_(fields="id", filter_=["a:eq:b", "c:eq:d"], **named)))
            assert [page.organisation_units[0].id for page in found] == [f"u{n:010}" for n in (1, 2, 3)][3 - pages :]

    run(flavour, scenario)
    assert len(asked) == max(pages, 1)
    assert all(query.startswith("fields=id&filter=a%3Aeq%3Ab&filter=c%3Aeq%3Ad&page=") for query in asked)


# -- what a lost answer leaves open ---------------------------------------------------------------------------------


def left_once(version: str) -> Callable[[httpx.Request], httpx.Response]:
    """A server whose first answer to a DELETE gets lost, and that says of the second that one may not (quirk 15e)."""
    tried: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method != "DELETE":
            everyone = [{"user": {"id": UID}}, {"user": {"id": OTHER}}]
            return httpx.Response(200, json={"id": UID, "userMessages": everyone})
        tried.append(str(request.url))
        if len(tried) == 1:
            raise httpx.ReadError("gone")
        return httpx.Response(403, json={"message": "Not authorized to remove user"})

    return handler


@EACH
def test_leaving_whose_answer_was_lost_was_done(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with serving(flavour, version, left_once(version)) as dhis2:
            found = await dhis2.messaging.leave(OTHER)
            assert (found.removed, found.unchanged) == ((OTHER,), ())
            with pytest.raises(Forbidden, match="Not authorized to remove user"):
                await dhis2.messaging.leave(OTHER)

    run(flavour, scenario)


@EACH
def test_taking_out_another_whose_answer_was_lost_is_ambiguous(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with serving(flavour, version, left_once(version)) as dhis2:
            with pytest.raises(
                Ambiguous, match=r"may have been done before its answer was lost: .* messaging\.get\(\)"
            ):
                await dhis2.messaging.leave(UID, user=OTHER)

    run(flavour, scenario)


@EACH
def test_a_delete_for_everyone_that_is_refused_says_who_is_left(flavour: str, version: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(403, json={"message": "Not authorized"})
        return httpx.Response(200, json={"id": UID, "userMessages": [{"user": {"id": UID}}, {"user": {"id": OTHER}}]})

    async def scenario() -> None:
        async with serving(flavour, version, handler) as dhis2:
            with pytest.raises(Forbidden, match=f"Still taking part: {OTHER}, {UID}."):
                await dhis2.messaging.delete_for_everyone(UID)

    run(flavour, scenario)


# -- small memories -------------------------------------------------------------------------------------------------


@EACH
def test_a_list_without_its_pager_is_unreadable(flavour: str, version: str) -> None:
    async def scenario() -> None:
        pagers: list[Any] = [None, [], {"page": 1}, {"page": 1, "pageSize": 50, "pageCount": 1, "total": "5"}]
        answers = iter([httpx.Response(200, json={"messageConversations": [], "pager": pager}) for pager in pagers])
        async with serving(flavour, version, lambda _: next(answers)) as dhis2:
            for _ in pagers:
                with pytest.raises(UnreadableAnswer, match=r"^pager: expected page, pageSize, pageCount and total$"):
                    await dhis2.messaging.unread_count()

    run(flavour, scenario)


@EACH
def test_a_server_without_a_version_is_no_dhis2(flavour: str, version: str) -> None:
    async def scenario() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"version": "next"}))
        async with client(flavour, version, HOST, token="t", transport=transport) as dhis2:
            with pytest.raises(NotDhis2, match=r"its /api/system/info has no version\. Is it a DHIS2"):
                await dhis2.people.me()

    run(flavour, scenario)


@EACH
def test_the_memory_of_keys_is_bounded_and_forgets_the_oldest(flavour: str, version: str) -> None:
    made = client(flavour, version, HOST, token="t")
    session = (made.inner if flavour == "sync" else made)._session
    for number in range(REMEMBERED + 5):
        session.remember(str(number))
        session.remember("kept")
    assert len(session.attempted) == REMEMBERED
    assert {"kept", str(REMEMBERED + 4)} < set(session.attempted)
    assert "0" not in session.attempted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '["2026-11-23T10:00:00+00:00"]',
        '["2026-11-23T10:00:00", {}]',
        "[" * 100000,
        5,
        None,
        '["2026-11-23T10:00:00+00:00", {"a": "2026-11-23T10:00:00"}]',
        '["2026-11-23T10:00:00+00:00", []]',
    ],
    ids=range(11),
)
def test_a_cursor_that_is_none_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^cursor: expected one that watch\(\) gave, or a datetime with its zone$"):
        Cursor.read(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    text = json.dumps(["2026-11-23T10:00:00+01:00", {UID: "2026-11-23T10:00:01+01:00"}])
    assert Cursor.read(text).write() == text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pin_has_nothing_but_what_it_says(version: str) -> None:
    pin = cast("Any", importlib.import_module(f"dhis2_facade.v{version}"))
    with pytest.raises(AttributeError, match=f"module 'dhis2_facade.v{version}' has no attribute 'Other'"):
        _ = pin.Other
    assert pin.AsyncDhis2 is pin.AsyncDhis2
    assert (pin.AsyncDhis2.__module__, pin.AsyncDhis2.__doc__ is not None) == (f"dhis2_facade.v{version}", True)


@EACH
@pytest.mark.parametrize("wrong", ["false", 2, [], "x"])
def test_what_is_neither_true_nor_false_is_refused_before_anything_is_sent(
    flavour: str, version: str, wrong: Any
) -> None:
    def unasked(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"nothing is sent, not even {request.url}")

    async def scenario() -> None:
        async with client(flavour, version, HOST, token="t", transport=httpx.MockTransport(unasked)) as dhis2:
            for flag in ("unread", "follow_up"):
                with pytest.raises(InvalidInput, match=r"^unread, follow_up: expected True or False$"):
                    dhis2.messaging.list(**{flag: wrong})
            with pytest.raises(InvalidInput, match=r"^internal: expected True or False$"):
                await dhis2.messaging.reply(UID, "Text", internal=wrong)

    run(flavour, scenario)


@EACH
def test_the_oldest_message_with_the_token_is_the_one_that_was_stored(flavour: str, version: str) -> None:
    agents: list[str] = []

    def message(uid: str, created: str, sender: str) -> dict[str, Any]:
        told = f"User-agent: {agents[0]}"
        return {"id": uid, "created": created, "metaData": told, "sender": {"id": sender}}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            agents.append(request.headers["user-agent"])
            return httpx.Response(201, json={}, headers={"location": f"{HOST}/api/messageConversations/{UID}"})
        copy = message("m0000000001", "2026-11-23T10:00:01.000", OTHER)
        mine = message("m0000000002", "2026-11-23T10:00:00.000", UID)
        undated = {**mine, "id": "m0000000000", "created": None}
        return httpx.Response(200, json={"id": UID, "messages": [copy, undated, mine]})

    async def scenario() -> None:
        async with serving(flavour, version, answer) as dhis2:
            sent = await dhis2.messaging.reply(UID, "Text")
            assert (sent.message.id, sent.read_error) == ("m0000000002", None)

    run(flavour, scenario)


@EACH
def test_a_path_may_have_a_query_already(flavour: str, version: str) -> None:
    seen: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={}, headers=JSON)

    async def scenario() -> None:
        async with serving(flavour, version, handle) as dhis2:
            for path in ("/api/things", "/api/things?fields=id"):
                query = [("filter", "name:eq:a + b"), ("order", "")]
                await dhis2.raw(Request[Any]("GET", path, "bytes", "", query=query))

    run(flavour, scenario)
    sent = b"filter=name:eq:a+%2B+b&order="
    assert seen == [b"/api/things?" + sent, b"/api/things?fields=id&" + sent]


@EACH
def test_no_call_goes_to_another_server(flavour: str, version: str) -> None:
    def unasked(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"not even {request.url} is asked")

    async def scenario() -> None:
        async with serving(flavour, version, unasked) as dhis2:
            for path in ("http://elsewhere.test/x", "x", ""):
                request = Request[Any]("GET", path, "bytes", "dhis2_bindings.v42.models")
                for call in (dhis2.call, dhis2.raw):
                    with pytest.raises(InvalidInput, match=r"a path begins with /, and is the server's own"):
                        await call(request)

    run(flavour, scenario)


@EACH
def test_an_open_file_is_a_body_and_is_not_sent_twice(flavour: str, version: str) -> None:
    bodies: list[bytes] = []
    statuses = [200, 429]

    async def answer_later(request: httpx.Request) -> httpx.Response:
        bodies.append(await request.aread())
        return httpx.Response(statuses.pop(0), json={"message": "told"}, headers={"retry-after": "0"})

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(statuses.pop(0), json={"message": "told"}, headers={"retry-after": "0"})

    def request() -> Request[Any]:
        body = io.BytesIO(b"text")
        return Request[Any](
            "POST", "/api/x", "bytes", "dhis2_bindings.v42.models", body=body, content_type="text/plain"
        )

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/system/info":
            return httpx.Response(200, json={"version": f"2.{version}.0", "userAgent": request.headers["user-agent"]})
        return await answer_later(request)

    async def scenario() -> None:
        made = (
            serving(flavour, version, answer)
            if flavour == "sync"
            else client(flavour, version, HOST, token="t", transport=httpx.MockTransport(handle))
        )
        async with made as dhis2:
            assert json.loads(await dhis2.call(request())) == {"message": "told"}
            with pytest.raises(TooManyRequests):
                await dhis2.call(request())
        assert bodies == [b"text", b"text"]

    run(flavour, scenario)
