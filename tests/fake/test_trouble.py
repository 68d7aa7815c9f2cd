"""Whatever goes wrong on demand, and what is stored all the same."""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dhis2_facade.testing import KINDS, FakeDhis2
from dhis2_facade.testing.trouble import BOMB

SEND = "/api/messageConversations"


def body(server: FakeDhis2, text: str = "b") -> dict[str, Any]:
    return {"subject": "a", "text": text, "users": [{"id": server.user("nurse").uid}]}


def send(client: httpx.Client, server: FakeDhis2, text: str = "b") -> httpx.Response:
    return client.post(SEND, json=body(server, text))


def answered(status: int) -> Callable[[httpx.Response], bool]:
    return lambda response: response.status_code == status


def html(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.headers["content-type"].startswith("text/html")


def broken_json(response: httpx.Response) -> bool:
    return response.status_code == 201 and not response.content.endswith(b"}")


BROKEN = (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)
EXPECTED: dict[str, tuple[Any, int]] = {
    # what the client gets, and how many messages are stored
    "status": (answered(503), 0),
    "slow": (answered(201), 1),
    "hang": (httpx.ReadTimeout, 0),
    "hang up": (httpx.RemoteProtocolError, 0),
    "reset": (httpx.ReadError, 0),
    "reset before body": (BROKEN, 0),
    "reset in body": (BROKEN, 0),
    "cut header": (httpx.RemoteProtocolError, 1),
    "cut body": (httpx.RemoteProtocolError, 1),
    "wrong length": (httpx.RemoteProtocolError, 1),
    "short length": (broken_json, 1),
    "bad chunk": (httpx.RemoteProtocolError, 1),
    "garbage": (httpx.RemoteProtocolError, 0),
    "truncated gzip": (broken_json, 1),
    "gzip bomb": (lambda response: len(response.content) == BOMB, 0),
    "drip": (answered(201), 1),
    "informational": (answered(201), 1),
    "huge header": (httpx.RemoteProtocolError, 1),
    "login redirect": (answered(302), 0),
    "redirect": (answered(302), 0),
    "login page": (html, 0),
}
STORED_TOO = ("status", "hang", "hang up", "reset", "garbage", "login redirect", "redirect", "login page")


def met(expected: Any, client: httpx.Client, server: FakeDhis2) -> None:
    if isinstance(expected, (type, tuple)):
        with pytest.raises(expected):
            send(client, server)
    else:
        assert expected(send(client, server))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_does_what_it_says_once(kind: str, server: FakeDhis2, clerk: httpx.Client) -> None:
    expected, stored = EXPECTED[kind]
    clerk.get("/api/me")
    clerk.timeout = httpx.Timeout(10, read=0.2 if kind == "hang" else 10)
    server.next(kind, delay=0.1 if kind == "slow" else 0.0005)
    met(expected, clerk, server)
    assert len(server.messages) == stored
    assert send(clerk, server).status_code == 201
    assert len(server.messages) == stored + 1


@pytest.mark.parametrize("kind", STORED_TOO)
def test_a_request_may_be_carried_out_before_it_goes_wrong(kind: str, server: FakeDhis2, clerk: httpx.Client) -> None:
    clerk.timeout = httpx.Timeout(10, read=0.2 if kind == "hang" else 10)
    server.next(kind, stored=True)
    met(EXPECTED[kind][0], clerk, server)
    assert [message.text for message in server.messages] == ["b"]
    server.wait()
    assert [one.stored for one in server.requests] == [1]


def test_a_slow_answer_takes_its_time(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next("slow", delay=0.2)
    begun = time.monotonic()
    send(clerk, server)
    assert time.monotonic() - begun >= 0.2


def test_trouble_can_be_aimed(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next(fail=502, times=2, method="POST", path=r"/messageConversations$")
    assert clerk.get("/api/system/info").status_code == 200
    assert clerk.get(SEND).status_code == 200
    assert [send(clerk, server).status_code for _ in range(3)] == [502, 502, 201]


def test_an_answer_can_have_headers_and_a_body_of_its_own(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next(fail=429, headers={"Retry-After": "7", "Content-Type": "application/json"}, body='{"a": 1}')
    answer = clerk.get("/api/me")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "7", {"a": 1})


def test_a_redirect_goes_where_it_is_told(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next("redirect", fail=307, location="http://127.0.0.1:9/x")
    answer = clerk.get("/api/me")
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:9/x")


def test_the_login_redirect_leads_to_a_page(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next("login redirect")
    assert clerk.get("/api/me").headers["location"].startswith(f"{server.url}/dhis-web-")
    server.next("login redirect")
    assert html(clerk.get("/api/me", follow_redirects=True))


def test_trouble_can_be_called_off(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next(fail=503, times=9)
    assert clerk.get("/api/me").status_code == 503
    server.calm()
    assert clerk.get("/api/me").status_code == 200


def test_one_can_wait_for_what_is_under_way(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next("hang")
    clerk.timeout = httpx.Timeout(5, read=0.2)
    with pytest.raises(httpx.ReadTimeout):
        clerk.get("/api/me")
    server.wait()
    assert [one.status for one in server.requests] == [None]
    server.next("hang")
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connected:
        connected.sendall(raw_request(server))
        time.sleep(0.05)
        with pytest.raises(TimeoutError, match="under way"):
            server.wait(timeout=0.05)


@pytest.mark.parametrize(
    ("given", "error", "complaint"),
    [
        ({"kind": "flood"}, ValueError, "no trouble 'flood', only status, "),
        ({"fail": "503"}, TypeError, "fail must be a status from 200 to 599, not '503'"),
        ({"fail": 99}, ValueError, "fail must be a status from 200 to 599, not 99"),
        ({"fail": 600}, ValueError, "not 600"),
        ({"times": 0}, ValueError, "times must be a number from 1 on, not 0"),
        ({"times": 1.5}, TypeError, "not 1.5"),
        ({"times": None}, TypeError, "not None"),
        ({"kind": "slow", "delay": "x"}, TypeError, "delay must be a number of seconds, not 'x'"),
        ({"kind": "slow", "delay": -1}, ValueError, "not -1"),
        ({"kind": "slow", "delay": math.nan}, ValueError, "not nan"),
        ({"kind": "slow", "delay": math.inf}, ValueError, "not inf"),
        ({"commit_delay": "x"}, TypeError, "commit_delay must be a number of seconds, not 'x'"),
        ({"method": ["POST"]}, TypeError, "method must be text"),
        ({"path": b"/me"}, TypeError, "path must be a regular expression as text"),
        ({"path": "(["}, re.error, "unterminated"),
        ({"body": {"a": 1}}, TypeError, "body must be text"),
        ({"headers": {"Retry-After": 7}}, TypeError, "headers must be names and values, all of them text"),
        ({"headers": "Retry-After: 7"}, TypeError, "headers must be names and values"),
        ({"kind": "redirect", "location": 1}, TypeError, "location must be text"),
        ({"kind": "redirect", "fail": 503}, ValueError, "from 300 to 399 where it is a redirect, not 503"),
        ({"kind": "slow", "fail": 503}, ValueError, "fail is for 'status' and 'redirect', not for 'slow'"),
        ({"kind": "hang up", "body": "x"}, ValueError, "body is for 'status', not for 'hang up'"),
        ({"kind": "reset in body", "stored": True}, ValueError, "nothing can be stored with 'reset in body'"),
    ],
    ids=str,
)
def test_what_cannot_go_wrong_so_is_refused(
    server: FakeDhis2, clerk: httpx.Client, given: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=re.escape(complaint)):
        server.next(**given)
    assert clerk.get("/api/me").status_code == 200


def test_what_holds_for_all_requests_is_checked_too(server: FakeDhis2) -> None:
    with pytest.raises(TypeError, match="commit_delay must be a number of seconds, not None"):
        server.commit_delay = None  # type: ignore[assignment]
    with pytest.raises(TypeError, match="agent must be text, not 7"):
        server.agent = 7  # type: ignore[assignment]
    assert (server.commit_delay, server.agent) == (0, None)


@pytest.mark.parametrize("status", [200, 204, 299, 304, 418, 520, 599])
def test_any_status_can_be_had(server: FakeDhis2, clerk: httpx.Client, status: int) -> None:
    server.next(fail=status, body="what came")
    answer = clerk.get("/api/me")
    assert (answer.status_code, answer.text) == (status, "" if status in (204, 304) else "what came")
    assert [one.status for one in server.requests] == [status]


# -- the client goes away ----------------------------------------------------------------------------------------------


def raw_request(server: FakeDhis2) -> bytes:
    content = json.dumps(body(server)).encode()
    head = (
        f"POST {SEND} HTTP/1.1\r\nHost: x\r\nAuthorization: ApiToken {server.token('clerk')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def cut(server: FakeDhis2, sent: bytes, *, reset: bool) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connected:
        connected.sendall(sent)
        if reset:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def messages_within(server: FakeDhis2, seconds: float) -> int:
    """How many messages there are as soon as there is one, or after this time."""
    until = time.monotonic() + seconds
    while not server.messages and time.monotonic() < until:
        time.sleep(0.01)
    return len(server.messages)


@pytest.mark.parametrize("reset", [False, True])
def test_a_message_is_stored_once_its_request_was_sent_whole(server: FakeDhis2, reset: bool) -> None:
    cut(server, raw_request(server), reset=reset)
    assert messages_within(server, 2) == 1


@pytest.mark.parametrize("reset", [False, True])
def test_half_a_request_stores_nothing(server: FakeDhis2, reset: bool) -> None:
    sent = raw_request(server)
    cut(server, sent[:-20], reset=reset)
    assert messages_within(server, 0.1) == 0


# -- late commits ------------------------------------------------------------------------------------------------------


def test_a_late_commit_is_seen_late(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.next("reset", stored=True, commit_delay=0.2)
    with pytest.raises(httpx.ReadError):
        send(clerk, server, "late")
    search = {"filter": "messages.text:eq:late", "fields": "id"}
    assert clerk.get(SEND, params=search).json()["messageConversations"] == []
    assert server.messages == []
    assert messages_within(server, 2) == 1
    assert len(clerk.get(SEND, params=search).json()["messageConversations"]) == 1


def test_all_commits_may_be_late(server: FakeDhis2, clerk: httpx.Client) -> None:
    made = send(clerk, server)
    server.commit_delay = 0.2
    uid = made.headers["location"].rpartition("/")[2]
    assert clerk.post(f"{SEND}/{uid}", content="again").status_code == 201
    assert len(server.messages) == 1
    server.commit_delay = 0
    time.sleep(0.25)
    assert [message.text for message in server.messages] == ["b", "again"]


# -- User-Agent --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "echoed", "kept"),
    [
        (None, "mine/1", "User-agent: mine/1"),
        ("proxy/2", "proxy/2", "User-agent: proxy/2"),
        ("", None, "User-agent: null"),
    ],
)
def test_a_proxy_may_take_or_change_the_user_agent(
    server: FakeDhis2, clerk: httpx.Client, seen: str | None, echoed: str | None, kept: str
) -> None:
    server.agent = seen
    clerk.headers["User-Agent"] = "mine/1"
    assert clerk.get("/api/system/info").json().get("userAgent") == echoed
    send(clerk, server)
    assert [message.metadata for message in server.messages] == [kept]


# -- connections -------------------------------------------------------------------------------------------------------


def test_idle_connections_can_be_dropped(server: FakeDhis2) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connected:
        connected.settimeout(5)
        connected.sendall(b"GET /api/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connected.recv(65536).startswith(b"HTTP/1.1 ")
        server.drop_connections()
        assert connected.recv(65536) == b""


def test_nobody_answers_where_a_server_was(server: FakeDhis2, clerk: httpx.Client) -> None:
    clerk.get("/api/me")
    server.stop()
    with pytest.raises(httpx.ConnectError):
        clerk.get("/api/me")


@pytest.mark.parametrize("kind", ["hang", "slow", "drip"])
def test_stopping_breaks_off_what_is_under_way(server: FakeDhis2, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    server.next(kind, delay=30)
    cut_off = raw_request(server)
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connected:
        connected.settimeout(5)
        connected.sendall(cut_off)
        time.sleep(0.05)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 0.5
        with suppress(ConnectionResetError):
            assert connected.recv(10) in {b"", b"H"}
    assert caplog.records == []
