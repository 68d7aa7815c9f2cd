"""What the tests of this folder share: a server, and clients of its users, of each version once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import frozen

from dhis2_facade.testing import FakeDhis2
from tests.faults.cells import DEADLINE, SETTLE, VERIFY
from tests.support.both import client, run

each = pytest.mark.parametrize(("version", "flavour"), [("40", "trio"), ("41", "sync"), ("42", "asyncio")])


@frozen
class Stage:
    """A server, and who acts on it."""

    server: FakeDhis2
    flavour: str

    def uid(self, username: str) -> str:
        return self.server.user(username).uid

    def client(self, username: str = "clerk", **settings: Any) -> Any:
        """Make a client of a user: to be used in `async with`."""
        usual = {"settle": SETTLE, "deadline": DEADLINE, "verify": VERIFY}
        token = self.server.token(username)
        return client(self.flavour, self.server.version, self.server.url, token=token, **{**usual, **settings})

    def asked(self, method: str, path: str = "") -> int:
        """Count the requests so far of a method whose paths end so."""
        return sum(one.method == method and one.path.endswith(path) for one in self.server.requests)

    def texts(self) -> list[str | None]:
        """Give the texts of all messages that are stored."""
        return [message.text for message in self.server.messages]


def play(version: str, flavour: str, scenario: Callable[[Stage], Awaitable[None]]) -> None:
    """Act on a server of its own."""
    with FakeDhis2(version=version) as server:
        run(flavour, scenario, Stage(server, flavour))
