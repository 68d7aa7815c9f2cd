"""pytest fixtures: a DHIS2 server for a test, and a client of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from . import FakeDhis2

__all__ = ["dhis2", "dhis2_server"]

NEWEST = "42"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", 'dhis2(version="42"): the version of the server that the test gets')


def marked(version: str = NEWEST) -> str:
    """The version that the marker names, given as it is."""
    return str(version)


@pytest.fixture
def dhis2_server(request: pytest.FixtureRequest) -> Iterator[FakeDhis2]:
    """A server of its own for this test."""
    marker = request.node.get_closest_marker("dhis2")
    version = NEWEST if marker is None else marked(*marker.args, **marker.kwargs)
    from . import FakeDhis2

    with FakeDhis2(version=version) as server:
        yield server


@pytest.fixture
def dhis2(dhis2_server: FakeDhis2) -> Iterator[Any]:
    """A client of that server, logged in as `clerk`."""
    pin = importlib.import_module(f"dhis2_facade.v{dhis2_server.version}")
    with pin.Dhis2(dhis2_server.url, token=dhis2_server.token("clerk")) as client:
        yield client
