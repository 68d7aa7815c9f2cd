"""Lists of conversations that move while they are read."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dhis2_facade._async.messaging import RESTARTS
from dhis2_facade.errors import InvalidInput, ListMoved
from tests.support import stub
from tests.support.both import FLAVOURS, collect, run
from tests.support.exchanges import VERSIONS
from tests.support.mailbox import Mailbox
from tests.support.stub import served

# Between two requests: a conversation begins, the one at this place gets a message, the one at this place is left.
EVENTS = st.lists(st.tuples(st.sampled_from(["arrive", "bump", "leave"]), st.integers(0, 30)), min_size=1, max_size=4)
CALM: st.SearchStrategy[list[tuple[str, int]]] = st.just([])


@define
class Moving:
    """What happens to a mailbox before each request, and which conversations were there all the time."""

    mailbox: Mailbox
    gaps: list[list[tuple[str, int]]]
    throughout: set[str] = field(factory=set)

    def __call__(self) -> None:
        if not self.throughout:
            self.throughout = set(self.mailbox.conversations)
        for what, place in self.gaps.pop(0) if self.gaps else []:
            there = list(self.mailbox.conversations.values())
            if what == "arrive" or not there:
                self.mailbox.arrive()
            elif what == "bump":
                self.mailbox.write(there[place % len(there)])
            else:
                gone = self.mailbox.conversations.pop(there[place % len(there)].uid)
                self.throughout.discard(gone.uid)


def mailbox_of(version: str, size: int) -> Mailbox:
    mailbox = Mailbox(version)
    for _ in range(size):
        mailbox.arrive()
    return mailbox


async def listed(flavour: str, mailbox: Mailbox, **arguments: Any) -> list[str]:
    async with served(flavour, mailbox.version, mailbox) as dhis2:
        return [one.id for one in await collect(dhis2.messaging.list(**arguments))]


@given(
    flavour=st.sampled_from(FLAVOURS),
    version=st.sampled_from(VERSIONS),
    size=st.integers(0, 20),
    page_size=st.integers(1, 6),
    # At most so many reads of the list are disturbed that it may be begun anew.
    gaps=st.lists(EVENTS | CALM, max_size=20).filter(lambda gaps: sum(map(bool, gaps)) <= RESTARTS),
)
@settings(max_examples=300, deadline=None)
# The newest goes, one comes, the oldest goes up: in number nothing changed, and the next page begins with a newcomer.
@example(flavour="sync", version="42", size=4, page_size=1, gaps=[[], [("leave", 3), ("arrive", 0), ("bump", 0)]])
def test_nothing_is_given_twice_and_nothing_lost_that_was_there_all_the_time(
    flavour: str, version: str, size: int, page_size: int, gaps: list[list[tuple[str, int]]]
) -> None:
    mailbox = mailbox_of(version, size)
    moving = Moving(mailbox, list(gaps))
    mailbox.before = moving
    found = run(flavour, lambda: listed(flavour, mailbox, page_size=page_size))
    assert len(found) == len(set(found))
    assert moving.throughout <= set(found)


@given(
    flavour=st.sampled_from(FLAVOURS),
    version=st.sampled_from(VERSIONS),
    size=st.integers(0, 40),
    page_size=st.integers(1, 7),
    order=st.sampled_from(["lastMessage:desc", "id:asc"]),
)
@settings(max_examples=60, deadline=None)
def test_where_nothing_moves_a_page_is_one_request(
    flavour: str, version: str, size: int, page_size: int, order: str
) -> None:
    mailbox = mailbox_of(version, size)
    there = sorted(mailbox.conversations, reverse=order == "lastMessage:desc")
    assert run(flavour, lambda: listed(flavour, mailbox, page_size=page_size, order=order)) == there
    assert mailbox.lists == max(1, -(-size // page_size))


@given(
    flavour=st.sampled_from(FLAVOURS),
    version=st.sampled_from(VERSIONS),
    size=st.integers(2, 20),
    page_size=st.integers(1, 6),
    what=st.sampled_from(["arrive", "leave"]),
    when=st.integers(1, 30),
    place=st.integers(0, 30),
)
@settings(max_examples=100, deadline=None)
def test_in_any_order_one_that_comes_or_goes_is_seen(
    flavour: str, version: str, size: int, page_size: int, what: str, when: int, place: int
) -> None:
    mailbox = mailbox_of(version, size)
    moving = Moving(mailbox, [[]] * when + [[(what, place)]])
    mailbox.before = moving
    found = run(flavour, lambda: listed(flavour, mailbox, page_size=page_size, order="id:asc"))
    assert len(found) == len(set(found))
    assert moving.throughout <= set(found)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_that_never_rests_is_an_error_after_few_requests(version: str, flavour: str) -> None:
    mailbox = mailbox_of(version, 4)
    oldest = next(iter(mailbox.conversations.values()))

    def one_up_and_one_down() -> None:
        mailbox.write(min(mailbox.conversations.values(), key=lambda one: one.last(mailbox.now) or mailbox.now))

    mailbox.before = one_up_and_one_down
    with pytest.raises(ListMoved, match="changed each time"):
        run(flavour, lambda: listed(flavour, mailbox, page_size=2))
    assert mailbox.lists <= 2 * 2 * (RESTARTS + 1)
    assert oldest.uid in mailbox.conversations


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_unread_can_be_marked_read_while_it_is_listed(version: str, flavour: str) -> None:
    mailbox = mailbox_of(version, 100)

    async def read_all() -> list[str]:
        found = []
        async with served(flavour, version, mailbox) as dhis2:
            async for one in dhis2.messaging.list(unread=True, page_size=5):
                mailbox.conversations[one.id].unread = False
                found.append(one.id)
        return found

    found = run(flavour, read_all)
    assert sorted(found) == sorted(mailbox.conversations)
    assert not any(one.unread for one in mailbox.conversations.values())
    assert mailbox.lists <= 3 * 20


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_pages_say_how_much_there_is(version: str, flavour: str) -> None:
    mailbox = mailbox_of(version, 7)

    async def all_pages() -> list[tuple[int, int, int, int, int]]:
        async with served(flavour, version, mailbox) as dhis2:
            pages = await collect(dhis2.messaging.pages(page_size=3))
            return [(one.page, len(one.items), one.page_size, one.page_count, one.total) for one in pages]

    assert run(flavour, all_pages) == [(1, 3, 3, 3, 7), (2, 3, 3, 3, 7), (3, 1, 3, 3, 7)]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("size", "page"), [(7, 4), (7, 9), (6, 3), (0, 1), (0, 2)])
def test_a_page_behind_the_last_is_empty(version: str, flavour: str, size: int, page: int) -> None:
    mailbox = mailbox_of(version, size)
    assert run(flavour, lambda: listed(flavour, mailbox, page=page, page_size=3)) == []
    assert mailbox.lists == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_bindings_pages_end_with_the_last_where_the_server_gives_it_again(version: str) -> None:
    mailbox = mailbox_of(version, 7)
    request = stub.api(version, "message_conversation").list_(order=["lastMessage:desc"], page=2, page_size=3)

    async def bound() -> list[int]:
        async with served("sync", version, mailbox) as dhis2:
            return [len(one.message_conversations) for one in await collect(dhis2.pages(request))]

    assert run("sync", bound) == [3, 1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "filters", ["subject:eq:one, two", ["read:eq:false", "subject:like:a,b"], "id:in:a,b", "a:in:[b,c"]
)
def test_a_value_with_a_comma_is_refused_before_anything_is_sent(version: str, filters: Any) -> None:
    mailbox = mailbox_of(version, 1)
    with pytest.raises(InvalidInput, match=r"comma in its value.*\(quirk 24\)"):
        run("sync", lambda: listed("sync", mailbox, filters=filters))
    assert mailbox.lists == 0
    assert run("sync", lambda: listed("sync", mailbox, filters="id:in:[a,b]", search="one, two")) == ["C0000000001"]
