"""Ten thousand answers that no server should give: each is one of our errors or a right value, nothing else."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import anyio
import httpx
import pytest
from attrs import define, field, frozen

from dhis2_facade import answers, models
from dhis2_facade.errors import Dhis2Error
from tests.support.both import collect, run
from tests.support.exchanges import Exchange, exchanges
from tests.support.stub import INFO, ME, api, info, me, served

ANSWERS = 10_000
SEED = 20261124
A_CLIENT = 40  # calls
UID, OTHER = "aBcDeFgHiJk", "kJiHgFeDcBa"
TEXT = "Please count."


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, which may break off."""

    def __init__(self, *pieces: bytes, breaks: bool) -> None:
        self.pieces, self.breaks = pieces, breaks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.breaks:
            raise httpx.ReadError("the connection broke")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


# -- what is changed in an answer --------------------------------------------------------------------------------------

HEADERS: dict[str, list[bytes]] = {
    "content-type": [b"", b"text/html", b"application/json; charset=none", b"text/plain", b"\xff", b"application/xml"],
    "content-encoding": [b"gzip", b"deflate", b"br", b"gzip, gzip", b"identity", b"none"],
    "content-length": [b"0", b"7", b"999999999999", b"seven", b"-1", b""],
    "content-disposition": [
        b"filename=../../etc/x",
        b"filename=",
        b"filename=\xff\xfe",
        b"attachment",
        b"filename=NUL",
    ],
    "location": [b"", b"//[", b"http://[::1", b"/elsewhere/" + UID.encode(), b"https://other.example/x", b"\xff\x80"],
    "retry-after": [b"0", b"-5", b"1e9", b"nan", b"inf", b"Fri, 99 Foo 2030 00:00:00 GMT", b"\xff", b"0, 0", b"()"],
    "set-cookie": [b"=", b"a=b; expires=never; domain=\xff", b";;;", b"JSESSIONID=x; Max-Age=1e99; Path=\x7f"],
    "transfer-encoding": [b"chunked", b"none"],
}
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 7.5, 1e308, 10**30, "", "x", UID, "yesterday", "2030-13-45T00:00:00.000", "\ud800"),
    *([], {}, [None], [[]], [{}], {"id": None}, {"id": 5}, {"message": "?"}, {"message": None}, "x" * 5000),
]
WHOLE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"[" * 100_000,
    b"9" * 5000,
    b"NaN",
    b"\xff\xfe\x00",
    b'{"message":1}',
    b"{",
]


def status(dice: random.Random, answer: Answer) -> None:
    answer.status = dice.choice([dice.randrange(101, 600), 200, 201, 202, 204, 206, 302, 304, 408, 429, 500, 503])


def header(dice: random.Random, answer: Answer) -> None:
    name = dice.choice(list(HEADERS))
    answer.headers[name] = dice.choice(HEADERS[name])


def missing_header(dice: random.Random, answer: Answer) -> None:
    answer.headers.pop(dice.choice(list(answer.headers)), None)


def noise(dice: random.Random, answer: Answer) -> None:
    body = bytearray(answer.body)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(body) + 1)
        body[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    answer.body = bytes(body)


def cut(dice: random.Random, answer: Answer) -> None:
    answer.body = answer.body[: dice.randrange(len(answer.body) + 1)]
    answer.breaks = dice.random() < 0.3


def whole(dice: random.Random, answer: Answer) -> None:
    answer.body = dice.choice(WHOLE)


def value(dice: random.Random, answer: Answer) -> None:
    """Put another value in one place of the JSON, take a key away, or rename it."""
    try:
        read = json.loads(answer.body)
    except (ValueError, RecursionError):
        return noise(dice, answer)
    places = [
        (holder, key) for holder in walk(read) for key in (holder if isinstance(holder, dict) else range(len(holder)))
    ]
    for holder, key in dice.sample(places, min(len(places), dice.randrange(1, 4))):
        if isinstance(holder, dict) and key in holder and dice.random() < 0.3:
            kept = holder.pop(key)
            if dice.random() < 0.5:
                holder[f"{key}s"] = kept
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = dice.choice(VALUES)
    answer.body = json.dumps(read).encode()
    return None


def walk(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from walk(child)


CHANGES = (status, header, missing_header, noise, cut, whole, value, value, value)


@define
class Answer:
    """A recorded answer, on its way to become another one."""

    status: int
    headers: dict[str, bytes]
    body: bytes
    breaks: bool = False

    @classmethod
    def of(cls, exchange: Exchange) -> Answer:
        return cls(exchange.status, {n: v.encode() for n, v in exchange.headers.items()}, exchange.body)

    def response(self) -> httpx.Response:
        half = len(self.body) // 2
        headers = [(name.encode(), value) for name, value in self.headers.items()]
        return httpx.Response(
            self.status, headers=headers, stream=Body(self.body[:half], self.body[half:], breaks=self.breaks)
        )


# -- what is asked -----------------------------------------------------------------------------------------------------


@frozen
class Call:
    """A call, what it may give, and the path of answers that are recorded for it."""

    act: Callable[[Any, str], Awaitable[object]]
    gives: type | tuple[type, ...]
    path: str  # a pattern


NONE = type(None)
MAIL = "/api/messageConversations"
ONE = f"{MAIL}/[A-Za-z0-9]{{11}}"
CALLS: dict[str, Call] = {
    "list": Call(lambda d, _: collect(d.messaging.list()), list, f"{MAIL}$"),
    "one page": Call(lambda d, _: collect(d.messaging.list(page=1)), list, f"{MAIL}$"),
    "unread_count": Call(lambda d, _: d.messaging.unread_count(), int, f"{MAIL}$"),
    "get": Call(lambda d, _: d.messaging.get(UID, mark_read=True), models.MessageConversation, f"{ONE}$|/read$"),
    "mark_read": Call(lambda d, _: d.messaging.mark_read([UID, OTHER]), models.Marked, "/read$"),
    "follow_up": Call(lambda d, _: d.messaging.follow_up(UID), models.Marked, "/followup$"),
    "leave": Call(lambda d, _: d.messaging.leave(UID), models.Removed, f"{ONE}/"),
    "leave several": Call(lambda d, _: d.messaging.leave([UID, OTHER]), models.Removed, f"{MAIL}$"),
    "delete_for_everyone": Call(lambda d, _: d.messaging.delete_for_everyone(UID), tuple, f"{ONE}"),
    "set_status": Call(lambda d, _: d.messaging.set_status(UID, "OPEN"), NONE, "/status$"),
    "assign": Call(lambda d, _: d.messaging.assign(UID, OTHER), NONE, "/assign$"),
    "add_recipients": Call(lambda d, _: d.messaging.add_recipients(UID, users=[OTHER]), NONE, "/recipients$"),
    "send": Call(lambda d, _: d.messaging.send("Stock", TEXT, users=[OTHER]), models.Sent, f"{MAIL}$"),
    "send with a file": Call(
        lambda d, _: d.messaging.send("Stock", TEXT, users=[OTHER], attachments=[("a.csv", b"1")], fetch=False),
        models.Sent,
        f"{MAIL}$|/fileResources$",
    ),
    "send with a key": Call(
        lambda d, _: d.messaging.send("Stock", TEXT, users=[OTHER], key="k", fetch=False), models.Sent, f"{MAIL}$"
    ),
    "reply": Call(lambda d, _: d.messaging.reply(UID, TEXT), models.Sent, f"{ONE}$"),
    "feedback": Call(lambda d, _: d.messaging.feedback("Stock", TEXT), models.Sent, "/feedback$"),
    "upload": Call(lambda d, _: d.files.upload(("a.csv", b"1"), uid=UID), models.FileResource, "/fileResources"),
    "files.get": Call(lambda d, _: d.files.get(UID), models.FileResource, "/fileResources/[A-Za-z0-9]+$"),
    "download": Call(lambda d, _: d.files.download(UID), models.Download, "/data$"),
    "search": Call(lambda d, _: d.people.search("x"), models.Found, "/userLookup|/userGroups|/organisationUnits"),
    "me": Call(lambda d, _: d.people.me(), models.User, "/api/me$"),
    "system_info": Call(lambda d, _: d.system_info(), models.SystemInfo, "/system/info$"),
    "raw": Call(lambda d, v: d.raw(api(v, "message_conversation").get(UID)), answers.Answer, f"{ONE}$"),
    "call": Call(lambda d, v: d.call(api(v, "message_conversation").get(UID)), object, f"{ONE}$"),
    "call of a list": Call(lambda d, v: d.call(api(v, "message_conversation").list_()), object, f"{MAIL}$"),
    "call of oneself": Call(lambda d, v: d.call(api(v, "me").get_current_user()), object, "/api/me$"),
}
Recorded: TypeAlias = dict[str, list[Exchange]]


def recorded(version: str) -> Recorded:
    """Give what was recorded for each call, success and refusal."""
    everything = list(exchanges(version))
    return {name: [one for one in everything if re.search(call.path, one.path)] for name, call in CALLS.items()}


@define
class Mangler:
    """A server that answers with what it was told, and right for the first call and who one is (mostly)."""

    version: str
    dice: random.Random
    chosen: list[Exchange]
    calm: bool = True  # the first call and who one is are right
    given: list[tuple[str, Answer]] = field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if self.calm and path == INFO:
            return info(self.version, "clerk", request)
        if self.calm and path == ME:
            return me(self.version, "clerk")
        answer = Answer.of(self.dice.choice(self.chosen))
        for _ in range(self.dice.randrange(1, 4)):
            self.dice.choice(CHANGES)(self.dice, answer)
        self.given.append((request.method, answer))
        return answer.response()


async def ask(flavour: str, version: str, dice: random.Random, count: int) -> dict[str, int]:
    """Make calls, and count what came of them."""
    known, seen = recorded(version), dict[str, int]()
    for start in range(0, count, A_CLIENT):
        mangler = Mangler(version, dice, [])
        async with served(flavour, version, mangler, settle=0.0, deadline=5.0) as dhis2:
            for number in range(start, min(count, start + A_CLIENT)):
                name = dice.choice(list(CALLS))
                mangler.chosen, mangler.given, mangler.calm = known[name], [], number % 10 > 0
                came = await outcome(dhis2, version, name, mangler)
                seen[came] = seen.get(came, 0) + 1
    return seen


async def outcome(dhis2: Any, version: str, name: str, mangler: Mangler) -> str:
    call = CALLS[name]
    try:
        got = await call.act(dhis2, version)
    except Dhis2Error as error:
        return type(error).__name__
    except BaseException as error:
        raise AssertionError(f"{name} on {version}: {error!r} of {mangler.given}") from error
    assert isinstance(got, call.gives), f"{name}: {got!r}"
    if isinstance(got, models.Sent):
        assert any(method == "POST" and answer.status == 201 for method, answer in mangler.given), mangler.given
    elif mangler.given and not isinstance(got, answers.Answer | models.Removed):  # 403 may say that one has left
        assert mangler.given[-1][1].status // 100 == 2, mangler.given
    return "a value"


@pytest.mark.slow
@pytest.mark.parametrize(("version", "flavour"), [("40", "sync"), ("41", "asyncio"), ("42", "sync")])
def test_every_malformed_answer_is_an_error_of_ours_or_a_value(
    version: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("session", "sending"):  # nobody waits for a server that is a function
        monkeypatch.setattr(f"dhis2_facade._sync.{module}.sleep", lambda _: None)
        monkeypatch.setattr(f"dhis2_facade._async.{module}.sleep", lambda _: anyio.sleep(0))
    count = ANSWERS // 3 + 1
    seen = run(flavour, ask, flavour, version, random.Random(f"{SEED} {version}"), count)
    assert sum(seen.values()) == count
    assert seen["a value"] > count / 50
    wanted = {"UnreadableAnswer", "NotDhis2", "NotFound", "Conflict", "ServerError", "Ambiguous", "ConnectionFailed"}
    assert wanted <= seen.keys()
