"""A recorded working day through the facade: every request matched, every interaction played."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from dhis2_facade.errors import NotFetched
from tests.support.both import FLAVOURS, client, run
from tests.support.cast import ACTORS
from tests.support.day import Day
from tests.support.exchanges import CASSETTES, HOST, VERSIONS, ids
from tests.support.replay import playing


async def day(flavour: str, version: str, folder: Path = CASSETTES) -> dict[str, Any]:
    """The day as it was recorded, one client an actor."""
    async with AsyncExitStack() as stack:
        stack.enter_context(playing(version, "journey", folder=folder))
        people = {
            actor: await stack.enter_async_context(client(flavour, version, HOST, username=actor, password="x"))
            for actor in ACTORS
        }
        return await Day(version, "corpus", ids(version, folder), **people).play()


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_day_is_played_whole(version: str, flavour: str) -> None:
    seen = run(flavour, day, flavour, version)
    assert [one.username for one in seen["found"].users] == ["clerk", "nurse", "outsider"]
    ticket = seen["ticket"]
    assert (ticket.priority, ticket.status, ticket.message_type) == ("HIGH", "PENDING", "TICKET")
    assert ticket.assignee.display_name == "Clerk Corpus"
    assert [one.text for one in ticket.messages][-1] == "Known problem"
    assert ticket.messages[-1].internal
    assert ticket.messages[0].sender.display_name == "Outsider Corpus"
    assert {one.username for one in ticket.participants} == {"admin", "clerk", "outsider"}
    assert ticket.created.utcoffset() is not None


def test_a_list_gives_the_same_objects_from_every_version_but_for_uids_and_times() -> None:
    lists = [run("sync", day, "sync", version)["list"] for version in VERSIONS]
    bare = [
        [
            evolve(
                one,
                id=None,
                created=None,
                last_updated=None,
                last_message=None,
                last_sender=evolve(one.last_sender, id=None),
            )
            for one in rows
        ]
        for rows in lists
    ]
    assert bare[0] == bare[1] == bare[2]
    assert [one.extra for one in bare[0]] == [{}, {}, {}]
    assert lists[0][0].messages is None
    with pytest.raises(NotFetched, match="were not fetched"):
        _ = lists[0][0].participants
