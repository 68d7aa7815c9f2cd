"""A server of each version."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from dhis2_facade.testing import FakeDhis2
from tests.support.exchanges import VERSIONS


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[FakeDhis2]:
    with FakeDhis2(version=request.param) as running:
        yield running


@pytest.fixture
def clerk(server: FakeDhis2) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"ApiToken {server.token('clerk')}", "X-Requested-With": "XMLHttpRequest"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=5) as client:
        yield client


@pytest.fixture
def nurse(server: FakeDhis2) -> Iterator[httpx.Client]:
    auth = ("nurse", server.password("nurse"))
    with httpx.Client(base_url=server.url, auth=auth, timeout=5) as client:
        yield client
