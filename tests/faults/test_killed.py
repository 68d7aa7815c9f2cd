"""A process that is killed in the middle of its sends, again and again, until all of them are done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from dhis2_facade.testing import FakeDhis2
from tests.faults.cells import SETTLE
from tests.support.exchanges import VERSIONS

ROOT = Path(__file__).parents[2]
SENDS = 200
KILLS = 8
LATE = 0.8 * SETTLE  # seconds until a message whose sender was killed can be seen


def start(server: FakeDhis2) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sender", server.version, server.url, server.user("nurse").uid, str(SENDS)],
        cwd=ROOT,
        env={**os.environ, "DHIS2_TOKEN": server.token("clerk")},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_each_message_is_stored_once_however_often_its_sender_is_killed(version: str) -> None:
    dice = random.Random(int(version))
    with FakeDhis2(version=version) as server:
        server.commit_delay = LATE
        for kill in range(KILLS):
            with start(server) as process:
                assert process.stdout is not None
                for _ in zip(range(dice.randrange(20 * kill, 20 * kill + 20)), process.stdout, strict=False):
                    pass  # so many are done or found again
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL
        assert 0 < len(server.messages) < SENDS
        with start(server) as process:
            process.communicate()
        assert process.returncode == 0
        time.sleep(LATE)
        stored = Counter(message.text for message in server.messages)
    assert stored == {f"message {number}": 1 for number in range(SENDS)}
