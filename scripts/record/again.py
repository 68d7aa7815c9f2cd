"""The recorded requests asked once more: as they were, of the people and things of another server."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from attrs import define, field

from scripts.record.tape import PATIENCE, Tape
from tests.support.cast import Cast
from tests.support.exchanges import Exchange, exchanges, ids, whole
from tests.support.secrets import DOCUMENTED

AGENT = f"python-httpx/{httpx.__version__}"
UID = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]{10}(?![A-Za-z0-9])")
STAMP = re.compile(r"(?<![0-9a-f])1[789]\d{8}(?![0-9a-f])")
"""Seconds since 1970 in a name that can be given once."""
OWN_UID = re.compile(r"\bOwn\d{8}\b")
NAMED = re.compile(r'("username":\s*")(\w+)(?=")')
NOT_SENT = ("content-length", "host", "authorization", "cookie")
WRONG = {
    "malformed basic": "Basic not-base64!",
    "unknown user": f"Basic {b64encode(b'nosuch:x').decode()}",
    "malformed token": "ApiToken nonsense",
    "well-formed unknown token": f"ApiToken {DOCUMENTED}",
    "bearer token where none is configured": "Bearer abc.def.ghi",
}
"""What the steps that log in as nobody send; cassettes do not show it. All others have a wrong password."""


@define
class Again:
    """One server: what was learnt so far of which uid of the recording is which here."""

    cast: Cast
    version: str  # of the cassettes whose requests are asked
    tape: Tape
    known: dict[str, str] = field(factory=dict)
    given: set[str] = field(factory=set)
    """Uids that recorded answers gave."""
    stamps: dict[str, str] = field(factory=dict)
    token: str = ""
    session: str = ""
    lost: list[str] = field(factory=list)
    """Steps that name something of which nobody knows what it is here."""

    def __attrs_post_init__(self) -> None:
        self.known |= {uid: self.cast.ids[name] for name, uid in ids(self.version).items()}

    def ask(self, scenario: str) -> None:
        """Ask all of a scenario, in its order."""
        with httpx.Client(transport=self.tape, timeout=PATIENCE, trust_env=False) as client:
            for exchange in exchanges(self.version, scenario):
                self.tape.step, self.tape.actor = exchange.step, exchange.actor
                client.cookies.clear()
                self._learn(exchange, client.send(self._request(exchange)))

    # -- asking --------------------------------------------------------------------------------------------------------

    def _request(self, exchange: Exchange) -> httpx.Request:
        headers = {n: v for n, v in exchange.request_headers.items() if n not in NOT_SENT}
        headers.setdefault("user-agent", AGENT)
        recorded = exchange.request_headers
        if "authorization" in recorded:
            headers["authorization"] = self._authorization(exchange, recorded["authorization"].partition(" ")[0])
        if "cookie" in recorded:
            headers["cookie"] = recorded["cookie"].replace("<session>", self.session)
        split = urlsplit(exchange.uri)
        pairs = [(name, self._here(value)) for name, value in exchange.query]
        query = split.query if pairs == exchange.query else urlencode(pairs)
        target = self._here(split.path) + (f"?{query}" if query else "")
        body = self._here(whole(exchange, headers.get("content-type", "")).decode("latin-1"))
        self._look_for_lost(exchange, target + body)
        url = httpx.URL(self.cast.url)
        url = url.copy_with(raw_path=(url.path.rstrip("/") + target).encode())
        request = httpx.Request(exchange.method, url, headers=headers, content=self._with_login(body).encode("latin-1"))
        if not body and recorded.get("content-length") != "0":
            request.headers.pop("content-length", None)
        return request

    def _authorization(self, exchange: Exchange, scheme: str) -> str:
        if exchange.actor == "nobody":
            username, _ = self.cast.logins["clerk"]
            return WRONG.get(exchange.step) or f"Basic {b64encode(f'{username}:wrong'.encode()).decode()}"
        if scheme == "ApiToken":
            return f"{scheme} {self.token}"
        return f"{scheme} {b64encode(':'.join(self.cast.logins[exchange.actor]).encode()).decode()}"

    def _here(self, text: str) -> str:
        """Say it with the uids of this server, and with names that were not given yet."""
        text = OWN_UID.sub(lambda found: f"Own{self._stamp(found[0])[-8:]}", text)
        text = STAMP.sub(lambda found: self._stamp(found[0]), text)
        return UID.sub(lambda found: self.known.get(found[0], found[0]), text)

    def _stamp(self, recorded: str) -> str:
        return self.stamps.setdefault(recorded, str(int(time.time()) + len(self.stamps)))

    def _with_login(self, body: str) -> str:
        found = NAMED.search(body)
        if not found or found[2] not in self.cast.logins:
            return body
        username, password = self.cast.logins[found[2]]
        return NAMED.sub(rf"\g<1>{username}", body).replace("<password>", password)

    # -- learning ------------------------------------------------------------------------------------------------------

    def _learn(self, exchange: Exchange, response: httpx.Response) -> None:
        if response.is_success:
            self.session = response.cookies.get("JSESSIONID") or self.session
        there, here = exchange.headers.get("location", ""), response.headers.get("location", "")
        self._same(there.rpartition("/")[2], here.rpartition("/")[2])
        if exchange.media_type == "application/json" and exchange.body:
            answer = _json(response)
            if exchange.scenario == "tokens" and isinstance(answer, dict):
                self.token = (answer.get("response") or {}).get("key") or self.token
            for one, other in _pairs(exchange.json(), answer):
                self._same(one, other)

    def _same(self, there: str, here: str | None) -> None:
        if UID.fullmatch(there):
            self.given.add(there)
            if here is not None and UID.fullmatch(here):
                self.known.setdefault(there, here)

    def _look_for_lost(self, exchange: Exchange, asked: str) -> None:
        lost = [uid for uid in UID.findall(asked) if uid in self.given and uid not in self.known]
        self.lost += [f"{exchange.scenario}: {exchange.step}: what is {uid} here?" for uid in lost]


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _pairs(there: Any, here: Any) -> Iterator[tuple[str, str | None]]:
    """The uids of an answer, each with the one that stands in its place."""
    if isinstance(there, dict):
        other = here if isinstance(here, dict) else {}
        for key, value in there.items():
            if key in ("id", "uid") and isinstance(value, str):
                found = other.get(key)
                yield value, found if isinstance(found, str) else None
            yield from _pairs(value, other.get(key))
    elif isinstance(there, list):
        same = isinstance(here, list) and len(here) == len(there)
        for n, one in enumerate(there):
            yield from _pairs(one, here[n] if same else None)
