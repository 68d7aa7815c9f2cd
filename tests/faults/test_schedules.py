"""Any order of faults, late commits, restarts and keys: never two messages with one key, never a success for nothing."""

from __future__ import annotations

import importlib
import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dhis2_facade.errors import Ambiguous, Dhis2Error, KeyReused
from dhis2_facade.models import Sent
from dhis2_facade.testing import FakeDhis2
from tests.faults.cells import VERIFY
from tests.support.exchanges import VERSIONS

SETTLE = 0.1  # seconds
KEYS = ("first", "second", "third")
TOKEN = re.compile(r"key=([0-9a-f]{32})\.")
# What happens to the request that stores: kind of the fake server's trouble, and its options.
FAULTS: list[tuple[str, dict[str, Any]] | None] = [
    None,
    *[
        (kind, {"stored": stored})
        for kind in ("reset", "hang up", "garbage", "redirect", "login page")
        for stored in (0, 1)
    ],
    *[
        (kind, {})
        for kind in ("reset before body", "reset in body", "cut header", "cut body", "bad chunk", "wrong length")
    ],
    *[("status", {"fail": status, "stored": stored}) for status in (408, 500, 502, 504) for stored in (0, 1)],
    *[("status", {"fail": status, "headers": {"Retry-After": "0"}}) for status in (403, 409, 429)],
]
SAID = {"cut body", "bad chunk", "wrong length"}  # their 201 is read, which the server says when all is stored
LOOK_UP_FAULTS = [None, None, ("reset", {}), ("status", {"fail": 503}), ("truncated gzip", {}), ("login page", {})]


class Schedules(RuleBasedStateMachine):
    """One server, one caller with three keys, and all that may happen to them."""

    @initialize(version=st.sampled_from(VERSIONS))
    def begin(self, version: str) -> None:
        self.server = FakeDhis2(version=version)
        clerk, self.nurse = (self.server.user(name) for name in ("clerk", "nurse"))
        self.conversation = self.server.state.send(self.nurse, "Before", "Before", "", recipients=[clerk]).uid
        self.server.start()
        self.attempted: dict[tuple[str, str], datetime] = {}  # when a key was last tried
        self.succeeded: Counter[str] = Counter()  # texts
        self.client: Any = None
        self.new_client()

    @rule()
    def new_client(self) -> None:
        """The process is started anew."""
        if self.client:
            self.client.close()
        pin = importlib.import_module(f"dhis2_facade.v{self.server.version}")
        token = self.server.token("clerk")
        self.client = pin.Dhis2(self.server.url, token=token, settle=SETTLE, timeout=2.0, deadline=8.0, verify=VERIFY)

    @rule()
    def restart_server(self) -> None:
        """What was not committed yet is lost with the server."""
        self.server.stop()
        self.server.start()

    @rule(share=st.floats(0, 1.5))
    def wait(self, share: float) -> None:
        time.sleep(share * SETTLE)

    @rule(
        operation=st.sampled_from(["send", "reply", "feedback"]),
        key=st.sampled_from(KEYS),
        fault=st.sampled_from(FAULTS),
        share=st.floats(0, 2),
        look_up_fault=st.sampled_from(LOOK_UP_FAULTS),
        says_when=st.booleans(),
        fetch=st.booleans(),
        other=st.sampled_from([False, False, False, True]),
    )
    def attempt(
        self,
        operation: str,
        key: str,
        fault: Any,
        share: float,
        look_up_fault: Any,
        *,
        says_when: bool,
        fetch: bool,
        other: bool,
    ) -> None:
        """Send with a key, perhaps again, perhaps with another text than before."""
        which, text = (operation, key), f"{operation} {key}" + (" changed" if other else "")
        late = 0.0 if fault is None or fault[0] in SAID else share * SETTLE
        if fault is not None:
            self.server.next(fault[0], method="POST", path="messageConversations", commit_delay=late, **fault[1])
        if look_up_fault is not None:
            self.server.next(look_up_fault[0], method="GET", path="messageConversations", **look_up_fault[1])
        before = self.texts()
        try:
            when = self.attempted.get(which, False) if says_when else None
            sent = self.call(operation, text, key=key, attempted=when, fetch=fetch)
        except KeyReused:
            assert not before[text]
        except Ambiguous:
            if late >= 0.9 * SETTLE:  # whoever goes on before it is stored is on his own
                time.sleep(late)
        except Dhis2Error:
            assert self.texts() == before
        else:
            assert self.texts()[text] == 1
            assert sent.key == key
            self.succeeded[text] = 1
        finally:
            self.server.calm()
        self.attempted[which] = datetime.now(UTC)

    def call(self, operation: str, text: str, **how: Any) -> Sent:
        messaging = self.client.messaging
        sent: Sent = {
            "send": lambda: messaging.send("Stock", text, users=[self.nurse.uid], **how),
            "reply": lambda: messaging.reply(self.conversation, text, **how),
            "feedback": lambda: messaging.feedback("Stock", text, **how),
        }[operation]()
        return sent

    def texts(self) -> Counter[str]:
        """Count the messages that can be seen, by text."""
        return Counter(str(one.text) for one in self.server.messages if one.text != "Before")

    @precondition(lambda self: hasattr(self, "server"))
    @invariant()
    def no_key_has_two_messages(self) -> None:
        found = (TOKEN.search(one.metadata) for one in self.server.messages)
        assert max(Counter(token[1] for token in found if token).values(), default=0) <= 1

    @precondition(lambda self: hasattr(self, "server"))
    @invariant()
    def what_was_a_success_is_there(self) -> None:
        assert self.succeeded <= self.texts()

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            time.sleep(2 * SETTLE)
            self.no_key_has_two_messages()
            self.what_was_a_success_is_there()
        finally:
            self.client.close()
            self.server.stop()


Schedules.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=12,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestSchedules = pytest.mark.slow(Schedules.TestCase)
