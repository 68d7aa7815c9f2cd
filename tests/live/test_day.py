"""The working day on a server of one's own."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.live.conftest import URL, VERSION
from tests.support.both import FLAVOURS, client, run
from tests.support.cast import ACTORS, Cast
from tests.support.day import Day


async def day(flavour: str, people: Cast) -> None:
    async with AsyncExitStack() as stack:
        clients = {}
        for actor in ACTORS:
            username, password = people.logins[actor]
            made = client(flavour, VERSION, URL, username=username, password=password, allow_http=True)
            clients[actor] = await stack.enter_async_context(made)
        await Day(VERSION, people.word, people.ids, **clients).play()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_working_day_is_played(flavour: str, people: Cast) -> None:
    run(flavour, day, flavour, people)
