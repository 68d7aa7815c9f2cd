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

from attrs import AttrsInstance, evolve

from dhis2_facade import answers, bindings, errors, inputs, models, retry, uid
from dhis2_facade._sync.backend import Lock, current_loop, held, sleep
from dhis2_facade._sync.transport import Content, Transport
from dhis2_wire import Request

log = logging.getLogger("dhis2_facade.session")

M = TypeVar("M", bound=AttrsInstance)

ME = "id,username,displayName,authorities"
TRANSFER_DEADLINE = 6 * 3600.0  # seconds: of an upload or download
REMEMBERED = 10_000  # keys whose last attempt by this client is remembered


class Session:
    """What all calls of one client share."""

    def __init__(
        self,
        transport: Transport,
        bindings: bindings.Bindings,
        *,
        base: str,  # the server's address
        agent: str,
        deadline: float,  # seconds, of a call
        settle: float,  # seconds
        check_version: bool,
        timezone: tzinfo | None,
    ) -> None:
        self.transport, self.bindings, self.base, self.agent, self.settle = transport, bindings, base, agent, settle
        self.started = time.monotonic()
        self.zone: tzinfo = timezone or UTC
        self._timezone, self._deadline = timezone, deadline
        # Why tokens prove nothing, or None.
        self.no_trust: str | None = (
            "the client did not look whether the server receives its User-Agent (check_version=False)"
        )
        self.attempted: OrderedDict[str, float] = OrderedDict()  # hash of a token → when it was last sent
        self._check_version, self._checked = check_version, not check_version
        self._me: models.User | None = None
        self._loop: object = None
        self._lock, self._process, self._closed = Lock(), os.getpid(), False

    def close(self) -> None:
        """Close all connections; the client cannot be used any more."""
        if not self._closed and self._process == os.getpid():
            self.guard()
            self._closed = True
            self.transport.close()

    def guard(self) -> None:
        """Raise WrongUse where the client is closed, or belongs to another process or event loop."""
        loop = self._loop = self._loop or current_loop()
        wrong = {
            "is closed; make a new one": self._closed,
            "was made before the process forked; make one in each process": self._process != os.getpid(),
            "belongs to another event loop; make one in each": loop != current_loop(),
        }
        for problem in (problem for problem, so in wrong.items() if so):
            raise errors.WrongUse(f"this client {problem}")

    def deadline(self, timeout: float | None, *, transfer: bool = False) -> float:
        """Give the moment (monotonic) at which a call gives up: in `timeout` seconds, or as the client was told."""
        usual = TRANSFER_DEADLINE if transfer else self._deadline
        return time.monotonic() + (usual if timeout is None else inputs.seconds_of("timeout", timeout))

    def start(self, deadline: float) -> None:
        """Ask the server what it is, once and again after it went away: version, time zone, User-Agent that it saw."""
        self.guard()
        if not self._checked:
            try:
                with held(self._lock, deadline - time.monotonic()):
                    if not self._checked:
                        self.info(deadline)
            except TimeoutError:
                raise errors.TimedOut(
                    f"no answer from {self.base} to this client's first call, which is on its way."
                ) from None

    def info(self, deadline: float) -> models.SystemInfo:
        """Give what the server is, now; where that is the first call of all, it is not asked twice."""
        self.guard()
        value = answers.object_of(self.repeat(self.bindings.system.get_system_info(), retry.Meaning.READ, deadline))
        zone = self._timezone or models.zone_of(value.get("serverTimeZoneId"))
        info = models.read_object(models.SystemInfo, value, zone)
        if self._checked:
            return info
        found, wanted = re.match(r"(?:2\.)?(\d{2,})", info.version or ""), self.bindings.version
        if found is None:
            raise errors.NotDhis2(f"{self.base}: its /api/system/info has no version. Is it a DHIS2? Check the url.")
        if found[1] != wanted:
            raise errors.VersionMismatch(
                f"the server is DHIS2 {info.version}, this client is for 2.{wanted}: "
                f"import from dhis2_facade.v{found[1]} if there is one, or pass check_version=False, at your own risk"
            )
        self.zone, self._checked = zone, True
        self.no_trust = (
            None
            if info.user_agent == self.agent
            else (
                "the server does not receive this client's User-Agent as it was sent; something on the way rewrites it"
            )
        )
        if self.no_trust:
            log.info("keys prove nothing: %s", self.no_trust)
        return info

    def remember(self, hash_: str) -> None:
        """Keep that something was sent with a token, until now."""
        self.attempted.pop(hash_, None)  # to the end, also where another thread takes it away meanwhile
        self.attempted[hash_] = time.monotonic()
        if len(self.attempted) > REMEMBERED:
            self.attempted.popitem(last=False)

    def me(self, deadline: float) -> models.User:
        """Give who one is, asked once."""
        self.guard()
        if self._me is None:
            me = self.read(models.User, self.bindings.me.get_current_user(fields=ME), deadline)
            if not uid.is_uid(me.id):
                raise errors.UnreadableAnswer("GET /api/me: expected one's uid as id")
            self._me = me
        return self._me

    def fetch(self, request: Request[object], deadline: float) -> dict[str, object]:
        """Give the JSON object that a read gives. Raises NotFound where the server says that with 200 (quirk 8)."""
        return answers.object_of(self.run(request, retry.Meaning.READ, deadline))

    def read(self, kind: type[M], request: Request[object], deadline: float) -> M:
        """Give the object that a read gives."""
        return models.read_object(kind, self.fetch(request, deadline), self.zone)

    def conversation(self, uid: str, fields: str, deadline: float) -> models.MessageConversation:
        """Give a conversation."""
        return self.read(
            models.MessageConversation, self.bindings.message_conversation.get(uid, fields=fields), deadline
        )

    def rows(self, kind: type[M], key: str, request: Request[object], deadline: float) -> tuple[M, ...]:
        """Give the objects of a list that a read gives."""
        return models.read_list(kind, self.fetch(request, deadline), key, self.zone)

    def run(
        self, request: Request[object], meaning: retry.Meaning, deadline: float, content: Content | None = None
    ) -> answers.Answer:
        """Make a call as often as its meaning allows. Raises the error that its last answer is."""
        self.start(deadline)
        return self.repeat(request, meaning, deadline, content)

    def repeat(
        self, request: Request[object], meaning: retry.Meaning, deadline: float, content: Content | None = None
    ) -> answers.Answer:
        """Make a call without the first one."""
        content, count, repeated = content or Content(), 0, False
        while True:
            answer = self.attempt(request, deadline, content=content)
            count, happened = count + 1, answers.outcome(answer, self.base)
            error = answers.error_of(answer, self.base)
            if error is None or (happened is retry.Outcome.DONE and not answer.oversized):
                return evolve(answer, repeated=repeated)
            wait = self.pause(count, happened, meaning, answer)
            if wait is None or not (content.target or content).again or wait >= deadline - time.monotonic():
                error.repeated = repeated
                if happened is retry.Outcome.UNKNOWN and meaning is not retry.Meaning.READ:
                    error.args = (f"{error.args[0]} Whether the server did it is not known.",)
                raise error
            log.debug("%s %s: again in %.2f s", request.method, request.path, wait)
            sleep(wait)
            repeated = repeated or happened is retry.Outcome.UNKNOWN

    def attempt(
        self,
        request: Request[object],
        deadline: float,
        *,
        agent: str | None = None,
        content: Content | None = None,
    ) -> answers.Answer:
        """Make one attempt."""
        self.guard()  # it may have been closed while the call waited
        answer = self.transport.attempt(request, deadline, agent or self.agent, content or Content())
        if answers.outcome(answer, self.base) in (retry.Outcome.UNKNOWN, retry.Outcome.UNSENT):
            # A server that comes back may be another one.
            self._checked = not self._check_version
        return answer

    def pause(
        self, count: int, happened: retry.Outcome, meaning: retry.Meaning, answer: answers.Answer
    ) -> float | None:
        """Give the seconds until the next attempt, or None where there is none."""
        return retry.pause(
            count,
            happened,
            meaning,
            random.random(),  # noqa: S311 - jitter
            retry.retry_after(answer.headers.get("retry-after"), datetime.now(UTC)),
        )
