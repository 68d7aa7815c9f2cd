# Derived from _async/session.py by `make sync`. Do not edit.
"""Calls as their meaning allows: the first call, repeats, deadlines, and what an answer is."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections import OrderedDict
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from attrs import field, frozen

from dhis2_facade._sync.backend import Lock, current_loop, sleep
from dhis2_facade._sync.transport import JSON_CAP, Lost, Sending, Transport
from dhis2_facade.answers import Answer, error_of, object_of, outcome
from dhis2_facade.bindings import Bindings
from dhis2_facade.errors import (
    ConnectionFailed,
    Dhis2Error,
    NotDhis2,
    TimedOut,
    VersionMismatch,
    WrongUse,
)
from dhis2_facade.inputs import seconds_of
from dhis2_facade.models import SystemInfo, User, read_object, zone_of
from dhis2_facade.retry import Deadline, Meaning, Outcome, pause, retry_after
from dhis2_facade.sources import Progress, Target
from dhis2_wire import Request

__all__ = ["Done", "Session"]

log = logging.getLogger("dhis2_facade.session")

T = TypeVar("T")

ME = "id,username,displayName,authorities"
REMEMBERED = 10_000  # keys whose last attempt by this client is remembered
NO_TRUST = "the client did not look whether the server receives its User-Agent (check_version=False)"


@frozen
class Done:
    """A successful answer, and whether it is that of a repeated attempt after one whose answer was lost."""

    answer: Answer
    repeated: bool = False


@frozen(kw_only=True)
class Content:
    """What is streamed with a call."""

    size: int | None = None  # bytes
    progress: Progress | None = None
    target: Target | None = None
    again: bool = True  # whether it can be sent or received a second time
    cap: int = JSON_CAP


@frozen(kw_only=True)
class Settings:
    """What a client is told once."""

    agent: str
    deadline: float  # seconds
    transfer_deadline: float  # seconds, of uploads and downloads
    settle: float  # seconds
    check_version: bool
    timezone: tzinfo | None = None
    started: float = field(factory=time.monotonic)


class Session:
    """What all calls of one client share."""

    def __init__(self, transport: Transport, bindings: Bindings, settings: Settings) -> None:
        self.transport, self.bindings, self.settings = transport, bindings, settings
        self.zone: tzinfo = settings.timezone or UTC
        self.no_trust: str | None = NO_TRUST  # why tokens prove nothing, or None
        self.attempted: OrderedDict[str, float] = OrderedDict()  # hash of a token → when it was last sent
        self._checked = not settings.check_version
        self._me: User | None = None
        self._lock = Lock()
        self._process = os.getpid()
        self._loop: object = None
        self._closed = False

    def close(self) -> None:
        """Close all connections; the client cannot be used any more."""
        self._closed = True
        if self._process == os.getpid():
            self.transport.close()

    def guard(self) -> None:
        """Raise WrongUse where the client is closed, or belongs to another process or event loop."""
        if self._closed:
            raise WrongUse("this client is closed; make a new one")
        if self._process != os.getpid():
            raise WrongUse("this client was made before the process forked; make one in each process")
        loop = current_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop != loop:
            raise WrongUse("this client belongs to another event loop; make one in each loop")

    def deadline(self, timeout: float | None, *, transfer: bool = False) -> Deadline:
        """Give the moment at which a call gives up: after `timeout` seconds, or what the client was told."""
        usual = self.settings.transfer_deadline if transfer else self.settings.deadline
        return Deadline(usual if timeout is None else seconds_of("timeout", timeout), time.monotonic())

    def start(self, deadline: Deadline) -> None:
        """Ask the server what it is, once and again after it went away: version, time zone, User-Agent that it saw."""
        self.guard()
        if self._checked:
            return
        with self._lock:
            if not self._checked:
                self._learn(self.ask_info(deadline))
                self._checked = True

    def ask_info(self, deadline: Deadline) -> SystemInfo:
        """Give `GET /api/system/info`."""
        done = self.repeat(self.bindings.system.get_system_info(), Meaning.READ, deadline)
        return read_object(SystemInfo, object_of(done.answer), self.settings.timezone or UTC)

    def _learn(self, info: SystemInfo) -> None:
        found = re.match(r"(?:2\.)?(\d{2,})", info.version or "")
        if found is None:
            raise NotDhis2(f"{self.transport.base}: its /api/system/info has no version. Is it a DHIS2? Check the url.")
        wanted = self.bindings.version
        if found[1] != wanted:
            raise VersionMismatch(
                f"the server is DHIS2 {info.version}, this client is for 2.{wanted}: "
                f"from dhis2_facade.v{found[1]} import … (or check_version=False, at your own risk)"
            )
        if self.settings.timezone is None:
            self.zone = zone_of(info.time_zone)
        self.no_trust = None
        if info.user_agent != self.settings.agent:
            self.no_trust = (
                "the server does not receive this client's User-Agent as it was sent; something on the way rewrites it"
            )
            log.info("keys prove nothing: %s", self.no_trust)

    def me(self, deadline: Deadline) -> User:
        """Give who one is, asked once."""
        if self._me is None:
            done = self.run(self.bindings.me.get_current_user(fields=ME), Meaning.READ, deadline)
            self._me = read_object(User, object_of(done.answer), self.zone)
        return self._me

    def run(
        self, request: Request[object], meaning: Meaning, deadline: Deadline, content: Content | None = None
    ) -> Done:
        """Make a call as often as its meaning allows. Raises the error that its last answer is."""
        self.start(deadline)
        return self.repeat(request, meaning, deadline, content)

    def repeat(
        self, request: Request[object], meaning: Meaning, deadline: Deadline, content: Content | None = None
    ) -> Done:
        """Make a call without the first one."""
        content = content or Content()
        attempt, repeated = 1, False
        while True:
            result = self.attempt(request, deadline, content=content)
            happened = self.outcome(result)
            if isinstance(result, Answer) and happened is Outcome.DONE:
                return Done(result, repeated)
            wait = pause(attempt, happened, meaning, random.random(), self.wanted(result))  # noqa: S311 - jitter
            if content.target is not None:
                wait = wait if content.target.again else None
            elif not content.again:
                wait = None
            if wait is None or wait >= deadline.left(time.monotonic()):
                error = self.error(request, result)
                error.repeated = repeated
                if happened is Outcome.UNKNOWN and meaning is not Meaning.READ:
                    error.args = (f"{error.args[0]} Whether the server did it is not known.",)
                raise error
            log.debug("%s %s: again in %.2f s", request.method, request.path, wait)
            sleep(wait)
            attempt, repeated = attempt + 1, repeated or happened is Outcome.UNKNOWN

    def attempt(
        self,
        request: Request[object],
        deadline: Deadline,
        *,
        agent: str | None = None,
        content: Content | None = None,
    ) -> Answer | Lost:
        """Make one attempt; a lost answer is a result like others."""
        content = content or Content()
        sending = Sending(
            deadline=deadline,
            agent=agent or self.settings.agent,
            cap=content.cap,
            size=content.size,
            progress=content.progress,
            target=content.target,
        )
        try:
            result: Answer | Lost = self.transport.attempt(request, sending)
        except Lost as lost:
            result = lost
        if self.outcome(result) is Outcome.UNKNOWN:  # a server that comes back may be another one
            self._checked = not self.settings.check_version
        return result

    def outcome(self, result: Answer | Lost, *, write: bool = False) -> Outcome:
        """Say what is known after an attempt; `write`: of a send, reply or feedback."""
        if isinstance(result, Lost):
            return Outcome.UNSENT if result.unsent else Outcome.UNKNOWN
        return outcome(result, self.transport.base, write=write)

    def error(self, request: Request[object], result: Answer | Lost) -> Dhis2Error:
        """Give the error that an attempt is."""
        where = {"method": request.method, "path": request.path}
        if isinstance(result, Answer):
            error = error_of(result, self.transport.base)
            if error is not None:
                return error
            return ConnectionFailed(
                f"{request.method} {request.path}: the answer broke off ({result.broken}).",
                status=result.status,
                **where,
            )
        kind = TimedOut if result.timed_out else ConnectionFailed
        return kind(f"{request.method} {request.path}: no answer from {self.transport.base} ({result}).", **where)

    def wanted(self, result: Answer | Lost) -> float | None:
        """Give the seconds that the server asks to wait."""
        if isinstance(result, Lost):
            return None
        return retry_after(result.headers.get("retry-after"), datetime.now(UTC))
