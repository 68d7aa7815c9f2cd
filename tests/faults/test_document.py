"""What docs/exactly-once.md shows runs, with the faults that it speaks of."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from dhis2_facade.testing import FakeDhis2
from tests.support.both import client
from tests.support.exchanges import VERSIONS

PAGE = Path(__file__).parents[2] / "docs" / "exactly-once.md"
SENDS: dict[str, Any] = {"method": "POST", "path": "messageConversations$"}


@define
class Letter:
    """A row of the outbox that the page leaves to its reader."""

    key: str
    text: str
    attempted: Any = False
    conversation: str | None = None
    saved: list[Any] = field(factory=list)

    def save(self) -> None:
        self.saved.append(self.attempted)


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_examples_do_what_they_say(
    version: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda minute: sleep(minute / 60))
    plain, keyed, worker = (compile(block, PAGE.name, "exec") for block in blocks())
    outbox = [Letter(f"letter {number}", f"Letter {number}") for number in range(4)]
    with FakeDhis2(version=version) as server:
        dhis2 = client("sync", version, server.url, token=server.token("clerk"), settle=0.3, timeout=1.0).inner
        names = {"dhis2": dhis2, "nurse": server.user("nurse").uid, "outbox": outbox}
        with dhis2:
            exec(plain, names)
            server.next("reset", **SENDS)  # not stored
            exec(plain, names)
            server.next("reset", stored=True, commit_delay=0.8, **SENDS)  # stored too late
            exec(plain, names)
            exec(keyed, names)
            server.next("reset", stored=True, **SENDS)
            server.next("hang", **SENDS)
            exec(worker, names)
            exec(worker, names)
    assert capsys.readouterr().out.splitlines() == ["it is stored now", "it was stored at first"]
    stored = Counter(message.text for message in server.messages)
    assert stored == {"Please count.": 3, "Week 46": 1, "Week 47": 1} | {one.text: 1 for one in outbox}
    assert all(one.conversation for one in outbox)
    assert [type(one.saved[1]).__name__ for one in outbox] == ["NoneType", "datetime", "NoneType", "NoneType"]
