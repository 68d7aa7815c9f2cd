"""What the first call of a client asks and learns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.support import stub
from tests.support.both import FLAVOURS, run
from tests.support.exchanges import VERSIONS
from tests.support.stub import served

KIGALI = {"serverTimeZoneId": "Africa/Kigali", "serverDate": "2026-11-23T05:12:26.821"}


class InZone:
    """A server whose clock is that of another zone than ours."""

    def __init__(self, version: str) -> None:
        self.version, self.asked = version, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == stub.INFO
        self.asked += 1
        return httpx.Response(200, json={**stub.info(self.version, "clerk", request).json(), **KIGALI})


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("settings", "offset"),
    [
        ({}, timedelta(hours=2)),
        ({"timezone": timezone(timedelta(hours=3))}, timedelta(hours=3)),
        ({"timezone": UTC, "check_version": False}, timedelta()),
    ],
)
def test_what_the_server_is_costs_one_request_and_its_time_is_in_its_zone(
    version: str, flavour: str, settings: dict[str, Any], offset: timedelta
) -> None:
    server = InZone(version)

    async def ask() -> Any:
        async with served(flavour, version, server, **settings) as dhis2:
            return await dhis2.system_info()

    info = run(flavour, ask)
    assert server.asked == 1
    assert info.server_date == datetime(2026, 11, 23, 5, 12, 26, 821_000, timezone(offset))
    assert info.server_date.utcoffset() == offset
