"""What a run without trouble costs."""

from __future__ import annotations

from collections import Counter

import pytest

from dhis2_facade.testing import FakeDhis2
from tests.faults.cells import VERIFY
from tests.support.both import client, run
from tests.support.exchanges import VERSIONS

SENDS = 10_000
FLAVOURS = dict(zip(VERSIONS, ("asyncio", "sync", "trio"), strict=True))


async def send_all(flavour: str, server: FakeDhis2, count: int) -> Counter[tuple[str, str]]:
    nurse, seen = server.user("nurse").uid, Counter[tuple[str, str]]()
    async with client(flavour, server.version, server.url, token=server.token("clerk"), verify=VERIFY) as dhis2:
        for number in range(count):
            await dhis2.messaging.send(f"Count {number}", "Please count.", users=[nurse], fetch=False)
            if number % 1000 == 0:  # the server remembers so many requests
                seen.update((one.method, one.path) for one in server.requests)
                server._trouble.requests.clear()
    seen.update((one.method, one.path) for one in server.requests)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_ten_thousand_sends_are_ten_thousand_requests_and_the_first_call(version: str) -> None:
    with FakeDhis2(version=version) as server:
        seen = run(FLAVOURS[version], send_all, FLAVOURS[version], server, SENDS)
        stored = len(server.messages)
    assert seen == {("GET", "/api/system/info"): 1, ("POST", "/api/messageConversations"): SENDS}
    assert stored == SENDS
