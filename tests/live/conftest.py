"""A server of one's own, as `make live` names it; without one nothing here is collected."""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from attrs import define, field

from tests.support.both import client
from tests.support.cast import Cast, cast

URL = os.environ.get("DHIS2_LIVE_URL", "")
VERSION = os.environ.get("DHIS2_LIVE_VERSION", "")
SETTLE = 2.0  # seconds: the recorded servers took 0.4 at most to show what they had stored

if not URL:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def people() -> Iterator[Cast]:
    """Users of our own, whom a search for a word that nobody else has finds."""
    word = "Facade" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(6))
    with cast(URL, os.environ["DHIS2_USERNAME"], os.environ["DHIS2_PASSWORD"], word) as made:
        yield made
    for one in made.left:
        print(f"could not be removed: {one}")


@define
class Losing(httpx.BaseTransport):
    """Loses the answers to the next messages, or, if they are not to arrive, the messages."""

    lost: int = 0
    arriving: bool = True
    written: int = 0
    """Messages that went out."""
    _network: httpx.HTTPTransport = field(factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        message = request.method == "POST" and "/api/messageConversations" in request.url.path
        losing = message and self.lost > 0
        self.lost -= losing
        if losing and not self.arriving:
            raise httpx.WriteError("lost on the way", request=request)
        response = self._network.handle_request(request)
        self.written += message
        if losing:
            response.read()
            response.close()
            raise httpx.ReadError("its answer was lost", request=request)
        return response

    def close(self) -> None:
        self._network.close()


def acting(people: Cast, actor: str, transport: httpx.BaseTransport | None = None) -> AbstractContextManager[Any]:
    """A sync client of one of them."""
    username, password = people.logins[actor]
    settings = {"transport": transport, "settle": SETTLE, "allow_http": True}
    made: AbstractContextManager[Any] = client(
        "sync", VERSION, URL, username=username, password=password, **settings
    ).inner
    return made


@pytest.fixture
def losing() -> Losing:
    return Losing()


@pytest.fixture
def clerk(people: Cast, losing: Losing) -> Iterator[Any]:
    with acting(people, "clerk", losing) as dhis2:
        yield dhis2


@pytest.fixture
def again(people: Cast) -> Iterator[Any]:
    """The clerk in another process."""
    with acting(people, "clerk") as dhis2:
        yield dhis2
