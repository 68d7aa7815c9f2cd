"""New messages while they come: none missed, none given twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_facade._async.watching import Cursor
from dhis2_facade.errors import InvalidInput
from tests.support.both import FLAVOURS, run
from tests.support.exchanges import VERSIONS
from tests.support.mailbox import BEGAN, ME, OTHER, TICK, Mailbox, Message
from tests.support.stub import INFO, served

SETTLE = 10.0  # seconds: the longest that a message takes to be seen after the moment that it names
INTERVAL = 0.0001  # seconds: the mailboxes have clocks of their own


class AllLooked(Exception):
    """Ends a watch, which would go on for ever."""


@define(frozen=True)
class Write:
    """A message that will be written."""

    after: int  # milliseconds after the one before
    place: int  # of the conversation; one that is not there is begun
    late: int  # milliseconds until it can be read
    own: bool
    look: bool  # whether the watcher looks before the next one


WRITES = st.builds(
    Write,
    after=st.integers(0, 15_000),
    place=st.integers(0, 4),
    late=st.integers(0, int(SETTLE * 1000)) | st.sampled_from([0, int(SETTLE * 1000)]),
    own=st.booleans(),
    look=st.booleans(),
)


@define
class Writing:
    """What is written to a mailbox while somebody looks."""

    mailbox: Mailbox
    plan: list[Write]
    written: list[Message] = field(factory=list)
    looks: int = 3  # that come to nothing until it ends

    def __call__(self) -> None:
        if not self.plan:
            self.mailbox.now += timedelta(seconds=SETTLE)
            self.looks -= 1
            if self.looks < 0:
                raise AllLooked
        while self.plan:
            write = self.plan.pop(0)
            there = list(self.mailbox.conversations.values())
            self.mailbox.now += timedelta(milliseconds=write.after)
            conversation = there[write.place] if write.place < len(there) else self.mailbox.begin()
            late, sender = timedelta(milliseconds=write.late), ME if write.own else OTHER
            self.written.append(self.mailbox.write(conversation, sender=sender, late=late))
            if write.look:
                return


async def watched(
    flavour: str,
    mailbox: Mailbox,
    restarts: set[int],
    *,
    cursor: str | datetime | None = None,
    own: bool = False,
    settle: float = SETTLE,
) -> list[tuple[str, str]]:
    """Watch until all was looked at; after these many messages begin anew, from the last cursor."""
    found: list[tuple[str, str]] = []
    while True:
        try:
            async with served(flavour, mailbox.version, mailbox, settle=settle) as dhis2:
                watch = dhis2.messaging.watch(interval=INTERVAL, cursor=cursor, own=own)
                async for one in watch:
                    cursor = one.cursor
                    found.append((one.message.id, one.cursor))
                    assert one.message in one.conversation.messages
                    if len(found) in restarts:
                        await watch.aclose()
                        break
        except AllLooked:
            return found


@given(
    flavour=st.sampled_from(FLAVOURS),
    version=st.sampled_from(VERSIONS),
    plan=st.lists(WRITES, max_size=12),
    restarts=st.sets(st.integers(1, 12)),
    own=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_none_is_missed_and_none_given_twice(
    flavour: str, version: str, plan: list[Write], restarts: set[int], own: bool
) -> None:
    mailbox = Mailbox(version)
    mailbox.arrive()
    mailbox.now += timedelta(milliseconds=1)  # the watch begins after it
    writing = Writing(mailbox, list(plan), looks=3 + len(restarts))
    mailbox.before = writing
    found = [uid for uid, _ in run(flavour, lambda: watched(flavour, mailbox, restarts, own=own))]
    assert not writing.plan
    assert sorted(found) == sorted(one.uid for one in writing.written if own or one.sender == OTHER)


@given(
    flavour=st.sampled_from(FLAVOURS),
    version=st.sampled_from(VERSIONS),
    plan=st.lists(WRITES, min_size=1, max_size=12),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_from_any_cursor_comes_exactly_what_was_not_given_up_to_it(
    flavour: str, version: str, plan: list[Write], data: st.DataObject
) -> None:
    mailbox = Mailbox(version)
    mailbox.before = Writing(mailbox, list(plan))
    found = run(flavour, lambda: watched(flavour, mailbox, set(), own=True))
    assert len(found) == len(plan)
    place = data.draw(st.integers(0, len(found) - 1))
    mailbox.before = Writing(mailbox, [])
    again = run(flavour, lambda: watched(flavour, mailbox, set(), cursor=found[place][1], own=True))
    assert sorted(uid for uid, _ in again) == sorted(uid for uid, _ in found[place + 1 :])


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_first_look_did_not_see_yet_is_new(version: str, flavour: str) -> None:
    mailbox = Mailbox(version)
    mailbox.write(mailbox.begin())  # seen at once, and so nothing new
    late = mailbox.write(mailbox.begin(), late=timedelta(seconds=SETTLE))
    mailbox.now += timedelta(seconds=1)
    writing = Writing(mailbox, [])

    def before() -> None:
        if mailbox.lists > 1:
            writing()

    mailbox.before = before
    found = run(flavour, lambda: watched(flavour, mailbox, set()))
    assert [uid for uid, _ in found] == [late.uid]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_look_that_takes_long_misses_nothing(version: str, flavour: str) -> None:
    # Here the mailbox's clock is ours: a message that can be read only after the list was read, in another
    # conversation than one whose thread, read later still, has a message that is newer by more than the settle time.
    settle, slow = 0.1, 0.3
    mailbox = Mailbox(version)
    began = time.monotonic()
    quick, busy = mailbox.begin(), mailbox.begin()
    steps: list[str] = []

    def clock() -> None:
        mailbox.now = BEGAN + timedelta(seconds=time.monotonic() - began)

    def before() -> None:
        clock()
        if not steps:
            mailbox.write(busy)
            late.append(mailbox.write(quick, late=timedelta(seconds=settle)))
        steps.append("list")
        if len(steps) > 6:
            raise AllLooked

    def reading() -> None:
        if steps == ["list"]:
            time.sleep(slow)
            clock()
            newest.append(mailbox.write(busy))
            steps.append("slow")

    late: list[Message] = []
    newest: list[Message] = []
    mailbox.before, mailbox.reading = before, reading

    found = [uid for uid, _ in run(flavour, lambda: watched(flavour, mailbox, set(), settle=settle))]
    assert newest[0].created - late[0].created > timedelta(seconds=settle)
    assert newest[0].uid in found
    assert late[0].uid in found
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_conversation_whose_last_message_is_said_to_be_earlier_is_looked_at(version: str) -> None:
    # lastMessage is some milliseconds before the message's own time (recorded: send, read it back as sender).
    mailbox = Mailbox(version, now=BEGAN + timedelta(seconds=5))
    conversation = mailbox.arrive()
    created = conversation.messages[0].created
    mailbox.early = timedelta(milliseconds=2)
    mailbox.before = Writing(mailbox, [])
    cursor = f'["{created.isoformat()}+00:00", {{}}]'
    assert len(run("sync", lambda: watched("sync", mailbox, set(), cursor=cursor))) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "cursor", ["", "[]", "nonsense", '["2026-01-01", {}]', '["2026-01-01T00:00:00", {}]', "[1, 2]", "5"]
)
def test_a_cursor_of_somebody_else_is_refused_before_anything_is_sent(version: str, cursor: str) -> None:
    mailbox = Mailbox(version)
    with pytest.raises(InvalidInput, match="one that watch"):
        run("sync", lambda: watched("sync", mailbox, set(), cursor=cursor))
    assert mailbox.lists == 0


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_conversation_that_was_left_meanwhile_is_passed_over(version: str, flavour: str) -> None:
    mailbox = Mailbox(version)
    mailbox.arrive()
    gone, there = mailbox.arrive(), mailbox.arrive()

    def reading() -> None:
        mailbox.conversations.pop(gone.uid, None)

    mailbox.before, mailbox.reading = Writing(mailbox, []), reading
    cursor = '["2026-01-01T00:00:00+00:00", {}]'
    found = run(flavour, lambda: watched(flavour, mailbox, set(), cursor=cursor))
    assert gone.messages[0].uid not in [uid for uid, _ in found]
    assert there.messages[0].uid in [uid for uid, _ in found]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_one_writes_oneself_is_not_read_again_for_ever(version: str, flavour: str) -> None:
    mailbox = Mailbox(version)
    threads: list[int] = []

    def before() -> None:
        mailbox.now += timedelta(minutes=1)
        threads.append(0)
        if len(threads) < 9:
            mailbox.write(mailbox.begin(), sender=ME)
        elif len(threads) > 12:
            raise AllLooked

    def reading() -> None:
        threads[-1] += 1

    mailbox.before, mailbox.reading = before, reading
    assert run(flavour, lambda: watched(flavour, mailbox, set())) == []
    assert max(threads) == 2  # the newest of before, and the one that came


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_moment_is_a_cursor(version: str, flavour: str) -> None:
    mailbox = Mailbox(version)
    before = mailbox.write(mailbox.begin()).created
    mailbox.now += timedelta(seconds=5)
    since = mailbox.write(mailbox.begin()).uid
    for cursor, expected in ((before + TICK, {since}), (before, {since, "A0000000002"})):
        mailbox.before = Writing(mailbox, [])
        found = run(flavour, lambda at=cursor: watched(flavour, mailbox, set(), cursor=at.replace(tzinfo=UTC)))
        assert {uid for uid, _ in found} == expected


def test_a_moment_without_its_zone_is_none() -> None:
    mailbox = Mailbox("42")
    for wrong in (BEGAN, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidInput, match="or a datetime with its zone"):
            run("sync", lambda at=wrong: watched("sync", mailbox, set(), cursor=at))
    assert mailbox.lists == 0


def test_where_clocks_are_set_back_the_window_is_longer_by_that() -> None:
    # What is written after that comes without a zone, and is read as an hour earlier than it was.
    oslo = ZoneInfo("Europe/Oslo")  # from 3 to 2 o'clock
    start, overlap = Cursor(datetime(2026, 10, 24, tzinfo=oslo)), timedelta(seconds=10)
    for hour, longer in ((12, 0), (2, 1), (18, 0)):
        created = datetime(2026, 10, 25, hour, 30, tzinfo=oslo)
        assert start.behind("a", created, overlap).floor == created - overlap - timedelta(hours=longer)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_watch_that_begins_before_clocks_are_set_back_misses_nothing(version: str, flavour: str) -> None:
    class Oslo(Mailbox):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            answer = super().__call__(request)
            if request.url.path != INFO:
                return answer
            return httpx.Response(200, json={**answer.json(), "serverTimeZoneId": "Europe/Oslo"})

    mailbox = Oslo(version, now=datetime(2026, 10, 25, 2, 59, 58))
    times = [datetime(2026, 10, 25, *at) for at in ((2, 0, 5), (2, 30), (3, 1))]
    written: list[str] = []

    def before() -> None:
        if len(written) == len(times) or mailbox.lists == 0:
            if mailbox.lists:
                raise AllLooked
            return
        mailbox.now = times[len(written)]
        written.append(mailbox.write(mailbox.begin()).uid)

    mailbox.before = before
    found = [uid for uid, _ in run(flavour, lambda: watched(flavour, mailbox, set()))]
    assert found == written[: len(found)]
    assert len(found) >= len(times) - 1
