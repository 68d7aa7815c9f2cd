"""Whether everything is as it must be between here and the server, checked one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypedDict, cast

from attrs import define

from dhis2_facade.cli.connect import pin_of, pins
from dhis2_facade.cli.exits import Problem, problem_of, spoken
from dhis2_facade.cli.needed import OPERATIONS
from dhis2_facade.errors import Dhis2Error, UnreadableAnswer, VersionMismatch
from dhis2_facade.keys import AGENT
from dhis2_wire import Request

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2
    from dhis2_facade.models import SystemInfo

__all__ = ["Check", "disagreements", "examine", "failed"]


class Check(TypedDict):
    """One thing that was looked at."""

    check: str
    ok: bool
    detail: str
    problem: Problem | None


@define
class _Doctor:
    client: AsyncDhis2
    version: str
    info: SystemInfo | None = None

    async def reach(self) -> str:
        self.info = await self.client.system_info()
        return f"{self.client.url} answers"

    async def same_version(self) -> str:
        server = self.info.version if self.info else None
        found = re.match(r"(?:2\.)?(\d{2,})", server or "")
        if found and found[1] != self.version:
            known = found[1] in pins()
            raise VersionMismatch(
                f"the server is DHIS2 {server}, the bindings are those of 2.{self.version}"
                + (f"; say --server-version {found[1]}" if known else ", the newest that there are")
            )
        return f"the server is DHIS2 {server}, as the bindings"

    async def user_agent(self) -> str:
        seen = self.info.user_agent if self.info else None
        if seen != AGENT:
            raise Dhis2Error(
                f"the server sees {repr(seen) if seen else 'nothing'} in place of {AGENT!r}: "
                "something on the way rewrites it, so that --key cannot be kept and a lost answer stays ambiguous"
            )
        return "the User-Agent arrives as it is sent, so keys can be kept"

    async def who(self) -> str:
        me = await self.client.people.me()
        return f"{me.display_name} ({me.username}, {me.id})"

    async def rights(self) -> str:
        me = await self.client.people.me()
        words = ["superuser: may do everything" if me.is_superuser else f"{len(me.authorities or ())} authorities"]
        found = await self.client.people.feedback_recipients(me.username or "")
        gets = any(one.id == me.id for one in found)
        words.append("gets feedback: sees tickets, writes internal notes" if gets else "gets no feedback")
        words.append(f"{await self.client.messaging.unread_count()} unread conversations")
        return "; ".join(words)

    async def document(self) -> str:
        request: Request[bytes] = Request("GET", "/api/openapi.json", "bytes", "", accept="*/*")
        try:
            found = cast("object", json.loads(await self.client.call(request)))
        except ValueError:
            raise UnreadableAnswer("the server's document is no JSON") from None
        missing = disagreements(found, self.version)
        if missing:
            raise UnreadableAnswer(f"the server's document does not have: {'; '.join(missing)}")
        return f"the server's document has all {len(needed(self.version))} operations that are used"


def needed(version: str) -> dict[str, str]:
    """Give the operations that are used with a version: the function and its call."""
    return {name: call for name, (call, since) in OPERATIONS.items() if int(version) >= since}


def disagreements(document: object, version: str) -> list[str]:
    """Name the operations that a server's document lacks."""
    paths = document.get("paths") if isinstance(document, dict) else None
    there: set[str] = set()
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        if isinstance(item, dict):
            there.update(f"{method.upper()} {normal(path)}" for method in item)
    return [call for call in needed(version).values() if call not in there]


def normal(path: str) -> str:
    """Write a path of a document in the one way: with /api, without a slash at the end, without a variant."""
    bare = re.sub(r"\{[^}]*\}", "{}", path.partition("#")[0]).rstrip("/")
    return bare if bare == "/api" or bare.startswith("/api/") else f"/api{bare}"


def failed(name: str, error: Dhis2Error) -> Check:
    """Give a check that failed."""
    problem = problem_of(error)
    problem["message"] = spoken(problem["message"])
    return {"check": name, "ok": False, "detail": problem["message"], "problem": problem}


async def examine(client: AsyncDhis2, *, document: bool) -> list[Check]:
    """Look at everything; what cannot be looked at any more is left out."""
    doctor = _Doctor(client, pin_of(client))
    steps: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("reach", doctor.reach),
        ("version", doctor.same_version),
        ("user agent", doctor.user_agent),
        ("who am I", doctor.who),
        ("what may I do", doctor.rights),
    ]
    if document:
        steps.append(("document", doctor.document))
    checks: list[Check] = []
    for name, step in steps:
        try:
            checks.append({"check": name, "ok": True, "detail": await step(), "problem": None})
        except Dhis2Error as error:
            checks.append(failed(name, error))
            if name == "reach":
                break
    return checks
