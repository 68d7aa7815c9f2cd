"""One cell of the table of faults: one kind of trouble, one kind of call, one client, one server of its own."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import anyio
import httpx
from attrs import evolve, field, frozen

from dhis2_facade.errors import Ambiguous, Dhis2Error
from dhis2_facade.models import Marked, Sent
from dhis2_facade.testing import FakeDhis2
from dhis2_facade.testing.trouble import _bomb
from tests.support.both import FLAVOURS, client, run
from tests.support.exchanges import VERSIONS

TABLE = Path(__file__).parent / "table.md"
SETTLE = 0.3  # seconds
TIMEOUT = 2.0  # seconds, of each wait for the network: none but a silent server needs so long, on a busy machine too
DEADLINE = 6.0  # seconds, of a whole call
SLACK = 1.5  # seconds that a busy machine may take longer
TEXT = "Please count what is there."
HEAVY = threading.Lock()  # for what keeps a processor busy, so that nothing else times out beside it
VERIFY = ssl.create_default_context()  # made once: nothing here is HTTPS


@frozen(kw_only=True)
class Trouble:
    """What goes wrong: once with the call itself, unless said otherwise."""

    kind: str = ""  # of the fake server's trouble; empty for none
    times: int = 1
    options: dict[str, Any] = field(factory=dict)  # of the fake server's trouble
    away: int | None = None  # attempts that find nobody listening
    agent: str | None = None  # what the server sees as User-Agent
    stale: bool = False  # the server has closed the connection that the client keeps
    everywhere: bool = False  # every request of the call meets it, look-ups too
    settle: float = SETTLE  # seconds
    timeout: float = TIMEOUT  # seconds
    deadline: float = DEADLINE  # seconds

    @property
    def late(self) -> float:
        """Seconds until what was stored can be seen."""
        return float(self.options.get("commit_delay", 0.0))


def _kind(kind: str, **options: Any) -> Trouble:
    return Trouble(kind=kind, options=options)


def _status(status: int, *, stored: bool = False, headers: dict[str, str] | None = None) -> Trouble:
    return Trouble(kind="status", options={"fail": status, "stored": stored, "headers": headers or {}})


def _late(share: float, settle: float = SETTLE) -> Trouble:
    return Trouble(kind="reset", options={"stored": True, "commit_delay": share * settle}, settle=settle)


ALWAYS = 1000
# The first column of the table → what goes wrong.
TROUBLES: dict[str, Trouble] = {
    "none": Trouble(),
    "refused, then there": Trouble(away=1),
    "refused for ever": Trouble(away=ALWAYS),
    "stale keep-alive": Trouble(stale=True),
    "accepted, and silence": _kind("hang"),
    "stored, and silence": _kind("hang", stored=True),
    # A second attempt begins, and its time-out ends with the deadline.
    "silence for ever": Trouble(kind="hang", times=ALWAYS, everywhere=True, deadline=3.9),
    "reset before the body": _kind("reset before body"),
    "reset in the body": _kind("reset in body"),
    "reset after the body, not stored": _kind("reset"),
    "reset after the body, stored": _kind("reset", stored=True),
    "hung up, not stored": _kind("hang up"),
    "hung up, stored": _kind("hang up", stored=True),
    "answer cut in its header": _kind("cut header"),
    "answer cut in its body": _kind("cut body"),
    "answer shorter than it says": _kind("wrong length"),
    "bad chunk": _kind("bad chunk"),
    "garbage, not stored": _kind("garbage"),
    "garbage, stored": _kind("garbage", stored=True),
    "truncated gzip": _kind("truncated gzip"),
    "gzip bomb, not stored": _kind("gzip bomb"),
    "gzip bomb, stored": _kind("gzip bomb", stored=True),
    # No wait for the next byte ends it, only the deadline, or that share of it behind which a message is looked for.
    "slow drip": Trouble(kind="drip", options={"delay": 0.2}, timeout=4.0, deadline=4.0),
    "102 and 103 before the answer": _kind("informational"),
    "huge header": _kind("huge header"),
    "redirect to the login page": _kind("login redirect"),
    "redirect elsewhere, not stored": _kind("redirect"),
    "redirect elsewhere, stored": _kind("redirect", stored=True),
    "200 and a login page, not stored": _kind("login page"),
    "200 and a login page, stored": _kind("login page", stored=True),
    "400": _status(400),
    "403": _status(403),
    "408, stored": _status(408, stored=True),
    "409": _status(409),
    "429 with Retry-After": _status(429, headers={"Retry-After": "0"}),
    "500, not stored": _status(500),
    "500, stored": _status(500, stored=True),
    "502, not stored": _status(502),
    "502, stored": _status(502, stored=True),
    "502 for ever": Trouble(kind="status", times=ALWAYS, options={"fail": 502}, everywhere=True),
    "503, not stored": _status(503),
    "504, stored": _status(504, stored=True),
    "`User-Agent` stripped": Trouble(agent=""),
    "`User-Agent` stripped, and reset, stored": Trouble(kind="reset", options={"stored": True}, agent=""),
    "stored late: 0.5 settle times": _late(0.5),
    "stored late: 0.9 settle times": _late(0.9),
    "stored late: 2 settle times": _late(2.0, settle=1.5),
}


@frozen(kw_only=True)
class Call:
    """A kind of call, and the request that it is made of."""

    act: Callable[[Any, Case], Awaitable[object]]
    method: str
    path: str
    stores: bool = False  # a message
    keyed: bool = False  # with a caller's key


@frozen
class Case:
    """What a call needs to know."""

    conversation: str
    nurse: str
    key: str | None
    timeout: float  # seconds: a transfer has a longer deadline of its own


def _write(act: Callable[[Any, Case, dict[str, Any]], Awaitable[object]], path: str, *, keyed: bool) -> Call:
    def acting(dhis2: Any, case: Case) -> Awaitable[object]:
        return act(dhis2.messaging, case, {"fetch": False, "key": case.key})

    return Call(act=acting, method="POST", path=path, stores=True, keyed=keyed)


def _send(messaging: Any, case: Case, how: dict[str, Any]) -> Any:
    return messaging.send("Stock count", TEXT, users=[case.nurse], **how)


def _reply(messaging: Any, case: Case, how: dict[str, Any]) -> Any:
    return messaging.reply(case.conversation, TEXT, **how)


def _feedback(messaging: Any, _case: Case, how: dict[str, Any]) -> Any:
    return messaging.feedback("Stock count", TEXT, **how)


MAIL = "/api/messageConversations"
ONE = f"{MAIL}/[A-Za-z0-9]{{11}}"
# The first row of the table → the call.
CALLS: dict[str, Call] = {
    "read": Call(act=lambda d, case: d.messaging.get(case.conversation), method="GET", path=f"^{ONE}$"),
    "mark": Call(act=lambda d, case: d.messaging.mark_read(case.conversation), method="POST", path=f"^{MAIL}/read$"),
    "status": Call(
        act=lambda d, case: d.messaging.set_status(case.conversation, "OPEN"), method="POST", path=f"^{ONE}/status$"
    ),
    "add": Call(
        act=lambda d, case: d.messaging.add_recipients(case.conversation, users=[case.nurse]),
        method="POST",
        path=f"^{ONE}/recipients$",
    ),
    "leave": Call(act=lambda d, case: d.messaging.leave(case.conversation), method="DELETE", path=f"^{ONE}/"),
    "upload": Call(
        act=lambda d, case: d.files.upload(("count.csv", b"a,b\n1,2\n"), timeout=case.timeout),
        method="POST",
        path="^/api/fileResources$",
    ),
    "send": _write(_send, f"^{MAIL}$", keyed=False),
    "send, key": _write(_send, f"^{MAIL}$", keyed=True),
    "reply": _write(_reply, f"^{ONE}$", keyed=False),
    "reply, key": _write(_reply, f"^{ONE}$", keyed=True),
    "feedback": _write(_feedback, f"^{MAIL}/feedback$", keyed=False),
    "feedback, key": _write(_feedback, f"^{MAIL}/feedback$", keyed=True),
}


@frozen
class Result:
    """What was seen in a cell."""

    value: object
    requests: int  # those of the call itself, without look-ups
    stored: int  # messages
    took: float  # seconds
    then: int | None  # messages, after the caller went on with the key of an Ambiguous

    @property
    def succeeded(self) -> bool:
        """Whether the caller was told that it is done."""
        return not isinstance(self.value, Dhis2Error)

    @property
    def refused(self) -> bool:
        """Whether the caller was told that it was not done."""
        return not self.succeeded and not isinstance(self.value, Ambiguous)

    def cell(self, call: Call) -> str:
        """Give it as the table says it: outcome, requests, and messages that were stored."""
        return f"{_said(self.value)} {self.requests}" + (f"·{self.stored}" if call.stores else "")


def try_out(trouble: Trouble, call: Call, version: str, flavour: str) -> Result:
    """Let it go wrong once, and say what came of it."""
    if "bomb" not in trouble.kind:
        return _try_out(trouble, call, version, flavour)
    with HEAVY:
        _bomb()  # is made once, and not while a client waits for it
        return _try_out(trouble, call, version, flavour)


def _try_out(trouble: Trouble, call: Call, version: str, flavour: str) -> Result:
    server = FakeDhis2(version=version)
    clerk, nurse = server.user("clerk"), server.user("nurse")
    case = Case(
        server.state.send(nurse, "Before", "Before", "", recipients=[clerk]).uid,
        nurse.uid,
        "a key of the caller's" if call.keyed else None,
        trouble.deadline,
    )
    server.start()
    try:
        result: Result = run(flavour, _cell, flavour, server, trouble, call, case)
        return result
    finally:
        server.stop()


async def _cell(flavour: str, server: FakeDhis2, trouble: Trouble, call: Call, case: Case) -> Result:
    server.agent = trouble.agent
    tries: list[httpx.Request] = []

    def come_back(request: httpx.Request) -> None:
        tries.append(request)
        if len(tries) - 1 == trouble.away and server._thread is None:
            server.start()

    async def come_back_async(request: httpx.Request) -> None:
        come_back(request)

    hooks = [come_back if flavour == "sync" else come_back_async]
    async with _client(flavour, server, trouble, hooks) as dhis2:
        await dhis2.people.me()  # the first call, before anything goes wrong
        before = len(server.requests)
        tries.clear()
        if trouble.away is not None:
            server.stop()
        if trouble.stale:
            server.drop_connections()
        if trouble.kind:
            where: dict[str, Any] = {} if trouble.everywhere else {"method": call.method, "path": call.path}
            server.next(trouble.kind, times=trouble.times, **where, **trouble.options)
        began = time.monotonic()
        try:
            value: object = await call.act(dhis2, case)
        except Dhis2Error as error:
            value = error
        took = time.monotonic() - began
    await anyio.sleep(trouble.late * call.stores)
    await _quiet(server)
    requests = sum(
        one.method == call.method and bool(re.search(call.path, one.path)) for one in server.requests[before:]
    )
    stored = _stored(server)
    then = await _go_on(flavour, server, trouble, call, evolve(case, key=value.key)) if _may_go_on(value) else None
    return Result(value, requests, stored, took, then)


def _client(flavour: str, server: FakeDhis2, trouble: Trouble, hooks: Sequence[object] = ()) -> Any:
    return client(
        flavour,
        server.version,
        server.url,
        token=server.token("clerk"),
        settle=trouble.settle,
        deadline=trouble.deadline,
        timeout=trouble.timeout,
        verify=VERIFY,
        event_hooks={"request": hooks},
    )


async def _quiet(server: FakeDhis2) -> None:
    """Wait until no request is under way: a server notices later than its client that the other is gone."""
    with anyio.fail_after(30.0):
        while server._connections.tasks:
            await anyio.sleep(0.01)


def _may_go_on(value: object) -> TypeGuard[Ambiguous]:
    return isinstance(value, Ambiguous) and "rewrites" not in str(value)


async def _go_on(flavour: str, server: FakeDhis2, trouble: Trouble, call: Call, case: Case) -> int:
    """Do what the error advises, in a new client and without trouble; give how many messages there are then."""
    server.stop()
    server.calm()
    server.start()
    async with _client(flavour, server, trouble) as dhis2:
        await call.act(dhis2, case)
    return _stored(server)


def _stored(server: FakeDhis2) -> int:
    return sum(message.text == TEXT for message in server.messages)


def _said(value: object) -> str:
    if isinstance(value, Dhis2Error):
        return type(value).__name__
    if isinstance(value, Marked) and value.changed is None:
        return "done?"
    return "found" if isinstance(value, Sent) and value.found else "done"


def combinations(row: int) -> list[tuple[str, str]]:
    """Give version and client of the cells of a row: each of both once, in every row in another pairing."""
    return [(version, FLAVOURS[(row + place) % len(FLAVOURS)]) for place, version in enumerate(VERSIONS)]


def expected() -> dict[str, dict[str, str]]:
    """Read the table: trouble → call → cell."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    head, body = rows[0], rows[1:]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}
