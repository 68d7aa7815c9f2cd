"""A server of each version with some messages, and its users at the command line."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from dhis2_facade.testing import FakeDhis2
from tests.support.terminal import Terminal

VERSIONS = ("40", "41", "42")


@define
class World:
    """A server with some messages, and its users at the command line."""

    server: FakeDhis2
    home: Path
    clients: dict[str, Any]

    def as_user(self, username: str, **more: str) -> Terminal:
        return Terminal(self.server, self.home, username, **more)

    @property
    def clerk(self) -> Terminal:
        return self.as_user("clerk")

    def uid(self, username: str) -> str:
        return self.server.user(username).uid

    def sent(self, subject: str = "Stock count", text: str = "Please see the file.", **more: Any) -> str:
        """Let the nurse write to the clerk; gives the conversation's uid."""
        found: str = self.clients["nurse"].messaging.send(subject, text, users=[self.uid("clerk")], **more).id
        return found

    def ticket(self, subject: str = "Cannot log in") -> str:
        found: str = self.clients["nurse"].messaging.feedback(subject, "Since this morning.").id
        return found

    def thread(self, uid: str, username: str = "clerk") -> Any:
        return self.clients[username].messaging.get(uid)


@contextmanager
def made(version: str, home: Path) -> Iterator[World]:
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    with FakeDhis2(version=version) as server:
        names = ("admin", "clerk", "nurse", "outsider")
        clients = {name: pin.Dhis2(server.url, token=server.token(name)) for name in names}
        yield World(server, home, clients)
        for client in clients.values():
            client.close()


@pytest.fixture(scope="session", params=VERSIONS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server of each version in turn."""
    with made(request.param, tmp_path_factory.mktemp(f"home{request.param}")) as one:
        yield one


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server of the newest version, for what no version changes."""
    with made(VERSIONS[-1], tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture
def alone(tmp_path: Path) -> Terminal:
    """The command line without any server."""
    return Terminal(None, tmp_path)
