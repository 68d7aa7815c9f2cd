"""The command behind `make record`: record anew from a real server what the tests are held against."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from attrs import define

from scripts.record.again import Again
from scripts.record.mask import Mask
from scripts.record.tape import PATIENCE, Interaction, Tape
from tests.support.both import client, run
from tests.support.cast import ACTORS, CannotPrepare, Cast, cast
from tests.support.day import Day
from tests.support.exchanges import ORDER, VERSIONS, exchanges
from tests.support.secrets import RECORDED_RULES, RULES, leaks

WORD = "Corpus"
"""In the name of all that is made, so that a search finds it."""
USERS = "# Uids of the actors, the group of clerk and nurse, the unit, the feedback group (admin and clerk).\n"
STEPS = re.compile(r"/(?!attachments)[A-Za-z][A-Za-z0-9]{10}(?![A-Za-z0-9])")
ABOUT = {
    "journey": "A working day in the exact requests that the facade sends: replay it with every request matched.",
}


class Stopped(Exception):
    """It cannot be recorded; the message says why."""


@define
class Recording:
    """One server that is recorded into a folder."""

    cast: Cast
    version: str
    full_version: str
    folder: Path

    @property
    def like(self) -> str:
        """The version whose recorded requests are asked again: its own, or the newest."""
        return self.version if self.version in VERSIONS else VERSIONS[-1]

    def all(self) -> list[str]:
        """Record all; gives what went wrong."""
        problems = []
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "ids.yaml").write_text(USERS + yaml.safe_dump(self.cast.ids), encoding="utf-8")
        tape = Tape()
        again = Again(self.cast, self.like, tape)
        for scenario in ORDER:
            tape.interactions.clear()
            try:
                self.journey(tape) if scenario == "journey" else again.ask(scenario)
            except (Exception, pytest.fail.Exception) as error:  # a scenario that breaks off keeps what it saw
                problems.append(f"{scenario}: broke off: {type(error).__name__}: {error}")
            print(f"v{self.version} {scenario}: {len(tape.interactions)} exchanges", flush=True)
            problems += self.write(scenario, tape.interactions)
        return [*problems, *again.lost]

    def journey(self, tape: Tape) -> None:
        """Play the day with the facade."""
        before = len(tape.interactions)
        try:
            run("sync", self._day, tape)
        finally:
            name_steps(tape.interactions[before:], self.like)

    async def _day(self, tape: Tape) -> None:
        async with AsyncExitStack() as stack:
            people = {}
            for actor in ACTORS:
                username, password = self.cast.logins[actor]
                # Which session a request belongs to is nobody's business.
                settings = {"transport": tape.of(actor, "cookie"), "allow_http": True}
                dhis2 = client("sync", self.version, self.cast.url, username=username, password=password, **settings)
                people[actor] = await stack.enter_async_context(dhis2)
            await Day(self.version, WORD.lower(), self.cast.ids, **people).play()

    def write(self, scenario: str, interactions: Sequence[Interaction]) -> list[str]:
        """Write a cassette, unless something in it is a secret; gives what is."""
        mask = Mask.of(self.cast)
        document = {"interactions": [mask.masked(one) for one in interactions], "version": 1}
        about = ABOUT.get(scenario, f"The requests of {scenario}.yaml, asked again.")
        text = f"# {about}\n# Recorded from DHIS2 {self.full_version} with `make record`.\n"
        text += yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=160)
        found = {*leaks(text, RULES), *leaks(text, RECORDED_RULES)}
        if found:
            return [f"{scenario}: not written, a secret is in it: {one}" for one in sorted(found)]
        (self.folder / f"{scenario}.yaml").write_text(text, encoding="utf-8")
        return []


def name_steps(interactions: Sequence[Interaction], version: str) -> None:
    """Call each request of the day what the same one was called when it was recorded before."""
    left = list(exchanges(version, "journey"))
    for one in interactions:
        shape = _shape(one["request"]["method"], httpx.URL(one["request"]["uri"]).path)
        same = (e for e in left if e.actor == one["actor"] and _shape(e.method, e.path) == shape)
        found = next(same, None)
        one["step"] = found.step if found else shape
        if found:
            left.remove(found)


def _shape(method: str, path: str) -> str:
    """A request without what is of one server."""
    return f"{method} {STEPS.sub('/…', path[path.index('/api') :])}"


def version_of(url: str, login: tuple[str, str]) -> str:
    """What the server says it is."""
    try:
        answer = httpx.get(f"{url}/api/system/info", auth=login, timeout=PATIENCE)
        return str(answer.raise_for_status().json()["version"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Stopped(f"{url}: no DHIS2 that takes these credentials: {type(error).__name__}: {error}") from None


def prepared(given: argparse.Namespace, environment: dict[str, str]) -> tuple[str, tuple[str, str], str]:
    """Give address, superuser and full version, if all is as it must be."""
    if given.test_server != "yes":
        raise Stopped(
            "it makes users and messages, and keeps what it sees: say TEST_SERVER=yes if the server is for that"
        )
    login = (environment.get("DHIS2_USERNAME", ""), environment.get("DHIS2_PASSWORD", ""))
    if not all(login):
        raise Stopped("set DHIS2_USERNAME and DHIS2_PASSWORD, those of a superuser")
    url = given.url.rstrip("/")
    full = version_of(url, login)
    if not re.match(rf"(?:2\.)?{given.version}\b", full):
        raise Stopped(f"{url} is DHIS2 {full}, not 2.{given.version}")
    return url, login, full


def main() -> int:
    """Record; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make record", description=__doc__)
    parser.add_argument("--url", required=True, help="a test server")
    parser.add_argument("--version", required=True, help="its version, such as 42")
    parser.add_argument("--out", type=Path, default=Path("build/cassettes"), help="the folder of the versions' folders")
    parser.add_argument("--test-server", help="yes, if it is one")
    given = parser.parse_args()
    try:
        url, login, full = prepared(given, dict(os.environ))
        with cast(url, *login, WORD) as people:
            folder = given.out / f"v{given.version}"
            problems = Recording(people, given.version, full, folder).all()
    except (Stopped, CannotPrepare) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    for one in [*problems, *(f"could not be removed: {one}" for one in people.left)]:
        print(f"record: {one}", file=sys.stderr)
    print(f"written to {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
