"""What holds the quirks of docs/quirks.md that no single recorded answer shows by itself: what is never sent, and what
is made of several answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from dhis2_facade._async.watching import EARLY
from dhis2_facade.errors import Ambiguous, Conflict, NotFound
from dhis2_facade.models import Removed
from tests.facade.test_costs import TABLE, Counting, cost
from tests.support import stub
from tests.support.both import FLAVOURS, run
from tests.support.exchanges import VERSIONS, Exchange, exchanges
from tests.support.stub import answer, served

CONVERSATIONS = "/api/messageConversations"
LONG_AGO = '["2026-01-01T00:00:00+00:00", {}]'
LIST_PARAMETERS = {"fields", "filter", "order", "page", "pageSize", "queryOperator", "queryString"}
CONTENT_TYPES = {"application/json", "text/plain; charset=utf-8", "multipart/form-data"}
# Content types as the server takes them, by the last part of the path; all other bodies are JSON.
TEXTS = {"feedback", "C" * 11}

each_flavour = pytest.mark.parametrize("flavour", FLAVOURS)
each_version = pytest.mark.parametrize("version", VERSIONS)


def recorded(version: str, scenario: str, step: str) -> Exchange:
    return next(one for one in exchanges(version, scenario) if one.step == step)


class Steps:
    """A server that gives what it is told, one after the other, behind the first call and who one is."""

    def __init__(self, version: str, actor: str, *steps: httpx.Response | Exception | Exchange) -> None:
        self.version, self.actor, self.left = version, actor, list(steps)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == stub.INFO:
            return stub.info(self.version, self.actor, request)
        if request.url.path == stub.ME:
            return stub.me(self.version, self.actor)
        self.asked.append(request)
        step = self.left.pop(0)
        if isinstance(step, Exception):
            raise step
        return answer(step) if isinstance(step, Exchange) else step

    @property
    def lines(self) -> list[str]:
        return [f"{one.method} {one.url.path}" for one in self.asked]


# -- what is sent ---------------------------------------------------------------------------------------------------


class Keeping(Counting):
    """The server of the costs, which keeps what it is asked."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.kept: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.kept.append(request)
        return super().__call__(request)


def every_request(flavour: str, version: str) -> list[httpx.Request]:
    """What all the calls of the table of costs send."""

    async def ask() -> list[httpx.Request]:
        kept: list[httpx.Request] = []
        for one in TABLE:
            if version in one.versions and "message_conversation." not in one.call:
                server = Keeping(version)
                await cost(flavour, version, one.call, server)
                kept += server.kept
        return kept

    found: list[httpx.Request] = run(flavour, ask)
    assert len(found) > 100
    return found


def content_type(request: httpx.Request) -> str | None:
    return request.headers.get("content-type", "").partition("; boundary")[0] or None


@each_flavour
@each_version
def test_every_request_says_that_no_page_is_wanted(version: str, flavour: str) -> None:
    for request in every_request(flavour, version):
        assert request.headers["x-requested-with"] == "XMLHttpRequest"
        bytes_ = "/data" in request.url.path or "/attachments/" in request.url.path
        assert request.headers["accept"] == ("*/*" if bytes_ else "application/json")


@each_flavour
@each_version
def test_a_body_has_the_one_content_type_that_the_server_takes_and_no_body_has_none(version: str, flavour: str) -> None:
    seen = set()
    for request in every_request(flavour, version):
        kind, last = content_type(request), request.url.path.rpartition("/")[2]
        seen.add(kind)
        if request.method != "POST" or not request.content:
            assert kind is None, request.url
        elif last == "fileResources":
            assert kind == "multipart/form-data"
        else:
            assert kind == ("text/plain; charset=utf-8" if last in TEXTS else "application/json"), request.url
    assert seen == {*CONTENT_TYPES, None}


@each_flavour
@each_version
def test_lists_of_conversations_are_asked_only_for_what_means_the_same_on_every_version(
    version: str, flavour: str
) -> None:
    requests = [one for one in every_request(flavour, version) if one.method == "GET"]
    lists = [one for one in requests if one.url.path == CONVERSATIONS]
    assert len(lists) > 10
    for request in lists:
        assert set(request.url.params) <= LIST_PARAMETERS
        assert {"fields", "page", "pageSize"} <= set(request.url.params)
    assert not [one.url for one in requests if "gist" in one.url.path or "range" in one.headers]
    assert not [one.url for one in requests if "markRead" in one.url.params]


@each_flavour
@each_version
def test_paths_are_bare_and_the_servers_own_delete_is_not_called(version: str, flavour: str) -> None:
    paths = Counter((one.method, one.url.path) for one in every_request(flavour, version))
    assert not [path for _, path in paths if path.endswith("/") or "." in path or not path.startswith("/api/")]
    deletes = {path.removeprefix(CONVERSATIONS) for method, path in paths if method == "DELETE"}
    assert {len(path.split("/")) for path in deletes} == {1, 3}  # several, or one of one participant; never /{uid}


# -- sessions (quirk 34) --------------------------------------------------------------------------------------------


@each_flavour
@each_version
def test_one_session_is_kept_for_all_calls(version: str, flavour: str) -> None:
    opened = recorded(version, "sessions", "basic opens a session")
    assert "JSESSIONID" in opened.headers["set-cookie"]
    assert "set-cookie" not in recorded(version, "sessions", "go on with the cookie and basic").headers
    cookies: list[str | None] = []

    def answering(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("cookie"))
        found = stub.info(version, "clerk", request) if request.url.path == stub.INFO else stub.me(version, "clerk")
        if cookies == [None]:
            found.headers["set-cookie"] = opened.headers["set-cookie"]
        return found

    async def ask() -> None:
        async with served(flavour, version, answering) as dhis2:
            await dhis2.people.me()
            await dhis2.system_info()

    run(flavour, ask)
    assert cookies == [None, "JSESSIONID=<secret>", "JSESSIONID=<secret>"]


# -- refused with attachments (quirk 6) -----------------------------------------------------------------------------


@each_flavour
@each_version
@pytest.mark.parametrize(
    ("scenario", "step", "spent"),
    [
        ("send_recipients", "subject of 256 letters", True),
        ("send_recipients", "a NUL in the text", True),
        ("send_recipients", "no subject", True),
        ("user_agent", "reply with a long agent", True),
        ("send_recipients", "unknown user", False),
        ("send_recipients", "no recipients", False),
        ("reply", "reply to an unknown conversation", False),
    ],
)
def test_a_refusal_says_which_files_are_spent(
    scenario: str, step: str, spent: bool, version: str, flavour: str
) -> None:
    files, user = ("FileAaaaaa1", "FileAaaaaa2"), "UserAaaaaa1"
    server = Steps(version, "clerk", recorded(version, scenario, step))

    async def send() -> Any:
        async with served(flavour, version, server) as dhis2:
            with pytest.raises((Conflict, NotFound)) as refused:
                await dhis2.messaging.send("s", "t", users=user, attachments=files)
            return refused.value

    error = run(flavour, send)
    assert (error.spent, error.unspent) == ((files, ()) if spent else ((), files))
    assert ("cannot be attached again" in str(error)) is spent


# -- leaving again (quirk 15e) --------------------------------------------------------------------------------------


@each_flavour
@each_version
def test_leaving_whose_answer_was_lost_is_known_by_the_answer_to_the_repeat(version: str, flavour: str) -> None:
    again = recorded(version, "removal", "leave twice")
    uid = again.path.split("/")[3]

    async def leave(user: str | None) -> Any:
        server = Steps(version, "nurse", httpx.ReadError("reset"), again)
        async with served(flavour, version, server, username="nurse") as dhis2:
            return await dhis2.messaging.leave(uid, user=user)

    assert run(flavour, leave, None) == Removed(removed=(uid,))
    if version == "40":
        assert run(flavour, leave, "UserAaaaaa1") == Removed(removed=(uid,))
    else:  # who is taken out by others may be one whom one may not take out
        with pytest.raises(Ambiguous, match="may have been done before its answer was lost"):
            run(flavour, leave, "UserAaaaaa1")


# -- internal notes (quirk 25) --------------------------------------------------------------------------------------


@each_flavour
@each_version
def test_watching_shows_no_internal_note_to_the_sender_of_a_ticket(version: str, flavour: str) -> None:
    listed = recorded(version, "feedback", "the list as its sender, with messages")
    thread = recorded(version, "feedback", "the thread as its sender")
    assert "only for us" in listed.body.decode()

    def answering(request: httpx.Request) -> httpx.Response:
        known: dict[str, Callable[[], httpx.Response]] = {
            stub.INFO: lambda: stub.info(version, "outsider", request),
            stub.ME: lambda: httpx.Response(200, json=thread.json()["messages"][0]["sender"]),
            CONVERSATIONS: lambda: answer(listed),
        }
        return known.get(request.url.path, lambda: answer(thread))()

    async def watch() -> list[str]:
        async with served(flavour, version, answering, username="outsider") as dhis2:
            watching = dhis2.messaging.watch(cursor=LONG_AGO, own=True, interval=0.01)
            found = [(await anext(watching)).message.text for _ in range(2)]
            await watching.aclose()
            return found

    assert run(flavour, watch) == ["Página en blanco ✓", "We are on it."]


# -- files (quirks 27 and 28) ---------------------------------------------------------------------------------------


@each_flavour
@each_version
def test_a_download_that_broke_off_is_begun_again_and_not_gone_on_with(version: str, flavour: str) -> None:
    whole = recorded(version, "attachments", "a byte range")
    assert (whole.request_headers["range"], whole.status) == ("bytes=0-9", 200)
    uid = whole.path.split("/")[3]

    class Broken(httpx.AsyncByteStream, httpx.SyncByteStream):
        """The first half, and then nothing."""

        def __iter__(self) -> Any:
            yield whole.body[:10]
            raise httpx.ReadError("reset")

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

    half = httpx.Response(200, headers={"content-type": "image/png"}, stream=Broken())
    server = Steps(version, "clerk", half, whole)

    async def download() -> bytes:
        async with served(flavour, version, server) as dhis2:
            content: bytes = (await dhis2.files.download(uid)).content
            return content

    assert run(flavour, download) == whole.body
    assert [one.headers.get("range") for one in server.asked] == [None, None]


# -- who takes part (quirks 30 and 47) ------------------------------------------------------------------------------


@each_flavour
@each_version
def test_a_participant_comes_with_names_whatever_is_asked_and_in_a_list_only_oneself(
    version: str, flavour: str
) -> None:
    row = recorded(version, "listing", "nested messages in a list")
    asked = dict(row.query)["fields"]
    assert "user[id]" in asked
    server = Steps(version, "nurse", row)

    async def look() -> Any:
        async with served(flavour, version, server, username="nurse") as dhis2:
            return [one async for one in dhis2.messaging.list(fields=asked, page=1)]

    first = run(flavour, look)[0]
    (oneself,) = first.participants
    assert (oneself.username, oneself.display_name) == ("nurse", "Nurse Corpus")
    assert oneself.extra.keys() == {"code", "name"}


# -- what the server remembers (quirks 35 to 38) --------------------------------------------------------------------


def stored(version: str, request: httpx.Request, uid: str, sender: str) -> dict[str, Any]:
    """A conversation with a message that came with this request, as a look-up shows it."""
    kept = {"id": "MessageAaa1", "metaData": f"User-agent: {request.headers['user-agent']}", "sender": {"id": sender}}
    return {"id": uid, "messages": [kept]}


class Forgetful:
    """A server that stores what is sent, and breaks the connection instead of saying so."""

    def __init__(self, version: str, actor: str, uid: str) -> None:
        self.version, self.actor, self.uid = version, actor, uid
        self.sent: list[httpx.Request] = []
        self.looked: list[httpx.Request] = []
        self.me = stub.me(version, actor).json()["id"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == stub.INFO:
            return stub.info(self.version, self.actor, request)
        if request.url.path == stub.ME:
            return stub.me(self.version, self.actor)
        if request.method == "POST":
            self.sent.append(request)
            raise httpx.ReadError("reset")
        self.looked.append(request)
        found = stored(self.version, self.sent[0], self.uid, self.me)
        if request.url.path != CONVERSATIONS:
            return httpx.Response(200, json=found)
        rows = [found] if self.actor != "admin" else []  # who takes no part does not list it (quirk 38)
        pager = {"page": 1, "pageSize": 50, "pageCount": len(rows), "total": len(rows)}
        return httpx.Response(200, json={"pager": pager, "messageConversations": rows})


@each_flavour
@each_version
def test_a_send_whose_answer_was_lost_is_found_by_the_user_agent_that_the_server_keeps(
    version: str, flavour: str
) -> None:
    for step in ("as the sender", "as the recipient"):
        kept = recorded(version, "user_agent", step).json()["messages"]
        assert {one["metaData"][:12] for one in kept} == {"User-agent: "}
    assert len(recorded(version, "user_agent", "filter by it").json()["messageConversations"]) == 1
    uid = "Conversatio"
    server = Forgetful(version, "clerk", uid)

    async def send() -> Any:
        async with served(flavour, version, server) as dhis2:
            return await dhis2.messaging.send("s", "t", users="UserAaaaaa1", fetch=False)

    sent = run(flavour, send)
    assert (sent.id, sent.found, len(server.sent)) == (uid, True, 1)
    (looked,) = server.looked
    hash_ = looked.url.params["filter"].removeprefix("messages.metaData:like:")
    assert f"key={hash_}." in server.sent[0].headers["user-agent"]


@each_flavour
@each_version
def test_a_reply_of_one_who_takes_no_part_is_looked_for_in_its_thread(version: str, flavour: str) -> None:
    assert recorded(version, "reply", "reply as a superuser who takes no part").status == 201
    assert recorded(version, "listing", "superuser lists only own").json()["messageConversations"] == []
    uid = "Conversatio"
    server = Forgetful(version, "admin", uid)

    async def reply() -> Any:
        async with served(flavour, version, server, username="admin") as dhis2:
            return await dhis2.messaging.reply(uid, "t", fetch=False)

    sent = run(flavour, reply)
    assert (sent.id, sent.found, len(server.sent)) == (uid, True, 1)
    assert [one.url.path for one in server.looked] == [f"{CONVERSATIONS}/{uid}"]


@each_flavour
@each_version
def test_where_the_server_sees_another_user_agent_a_lost_answer_stays_ambiguous(version: str, flavour: str) -> None:
    echoed = recorded(version, "system", "system info as a plain user")
    assert echoed.json()["userAgent"] == "python-httpx/0.28.1"  # what the recording was made with

    def answering(request: httpx.Request) -> httpx.Response:
        if request.url.path == stub.INFO:
            return httpx.Response(200, json={**echoed.json(), "userAgent": "a proxy's"})
        raise httpx.ReadError("reset")

    async def send() -> None:
        async with served(flavour, version, answering) as dhis2:
            await dhis2.messaging.send("s", "t", users="UserAaaaaa1")

    with pytest.raises(Ambiguous, match="does not receive this client's User-Agent") as unknown:
        run(flavour, send)
    assert unknown.value.key


@each_version
def test_the_same_twice_is_stored_twice(version: str) -> None:
    first, second = (
        recorded(version, "user_agent", step).headers["location"]
        for step in ("send with an agent", "send the same twice")
    )
    assert first != second


# -- times (quirk 54) -----------------------------------------------------------------------------------------------


@each_version
def test_the_last_message_of_a_conversation_is_said_to_be_earlier_than_it_was(version: str) -> None:
    read = recorded(version, "send", "read it back as sender").json()
    last = max(datetime.fromisoformat(one["created"]) for one in read["messages"])
    early = last - datetime.fromisoformat(read["lastMessage"])
    assert timedelta() < early < EARLY
