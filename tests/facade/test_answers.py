"""What the facade makes of every recorded answer but the journey's: the tables of `answers/`, on all versions.

A row is a step of a scenario. `call` is the facade's call, in Python, and what becomes of it is

- `gives`: what equals the value (lists of uids come in the server's order, which differs between the versions),
- `holds`: what is true of the value, or of the error, as `it`,
- `raises`: class, status, errorCode ("" where there is none) and message of the server; "…" stands for its rest.

`v40`, `v41` and `v42` say it for one version. `differs` names in what the request differs from the recorded one (path,
body, content-type, names of the query): in all else it must be the same, and in these it must differ. `refuses` is a
call that the facade refuses before anything is sent. Beyond that, each field of each recorded JSON answer must stand in
the value. Names in these calls: what a client has, the bindings' modules, `models`, the recording's uids and the parts
of the recorded request and answer, see `names`.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import inspect
import io
import pickle
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from attrs import AttrsInstance, evolve, frozen, has

from dhis2_facade import errors, models
from dhis2_facade.errors import Dhis2Error, InvalidInput
from dhis2_facade.models import Marked, Removed, Sent
from dhis2_facade.uid import is_uid
from dhis2_wire import UNSET, File, encode
from tests.support import stub
from tests.support.both import FLAVOURS, collect, run
from tests.support.exchanges import CASSETTES, VERSIONS, Exchange, exchanges, parts, scenarios
from tests.support.stub import differences, served

TABLES = Path(__file__).parent / "answers"
UNKNOWN = "aBcDeFgHiJk"
SHARE = 0.7  # of the recorded steps, at least, are rows
OUTCOMES = {"gives", "holds", "raises"}
KEYS = OUTCOMES | {"call", "refuses", "differs"}
RENAMED = {"serverTimeZoneId": "time_zone"}  # the one key that the facade's models call otherwise


@frozen(kw_only=True)
class Row:
    """A step, as one version is expected to take it."""

    call: str
    refuses: str | None = None
    differs: frozenset[str] = frozenset()
    gives: str | None = None
    holds: str | None = None
    raises: tuple[str, int, str, str] | None = None


@functools.cache
def table(scenario: str) -> dict[str, dict[str, Any]]:
    path = TABLES / f"{scenario}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def row(scenario: str, step: str, version: str) -> Row:
    """Read a row: what a version says of the outcome stands in place of what all say."""
    read = dict(table(scenario)[step])
    own = {name: read.pop(f"v{name}", {}) for name in VERSIONS}[version]
    assert own.keys() <= KEYS, f"{scenario}: {step}: {own.keys() - KEYS}"
    assert read.keys() <= KEYS, f"{scenario}: {step}: {read.keys() - KEYS}"
    if own.keys() & OUTCOMES:
        read = {name: value for name, value in read.items() if name not in OUTCOMES}
    read.update(own)
    assert read.keys() & OUTCOMES, f"{scenario}: {step}: nothing is expected of it on {version}"
    differs = read.pop("differs", ())
    raises = read.pop("raises", None)
    return Row(
        **read,
        differs=frozenset([differs] if isinstance(differs, str) else differs),
        raises=None if raises is None else tuple(raises),
    )


@functools.cache
def recorded_ids(version: str) -> dict[str, str]:
    read: dict[str, str] = yaml.safe_load((CASSETTES / f"v{version}" / "ids.yaml").read_text(encoding="utf-8"))
    return read


@functools.cache
def of_version(version: str) -> dict[str, Any]:
    """What is the same for all calls of a version: the bindings' modules and the short names of their models."""
    api = importlib.import_module(f"dhis2_bindings.v{version}.api")
    bound = importlib.import_module(f"dhis2_bindings.v{version}.models")
    return {
        **{name: importlib.import_module(f"{api.__name__}.{name}") for name in api.__all__},
        **{name: getattr(models, name) for name in models.__all__},
        **recorded_ids(version),
        "models": bound,
        "info": bound.MessageConversationInfo,
        "ref": bound.Ref,
        "upload": bound.FileResourceUpload,
        "MESSAGE_ATTACHMENT": bound.FileResourceDomain("MESSAGE_ATTACHMENT"),
        "File": File,
        "PNG": next(e.body for e in exchanges(version, "attachments") if e.step == "download at once"),
        "UNKNOWN": UNKNOWN,
        "evolve": evolve,
        "ids": lambda rows: {one.id for one in rows},
        "io": io,
        "md5": lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "newest_first": lambda rows: (
            [one.last_message for one in rows] == sorted((one.last_message for one in rows), reverse=True)
        ),
        "numbers": lambda rows: [int(one.subject.rpartition(" ")[2]) for one in rows],
        "sorted_by_uid": lambda rows: [one.id for one in rows] == sorted(one.id for one in rows),
        "taking_part": lambda it: {one.username for one in it.participants},
        "texts": lambda it: [one.text for one in it.messages],
    }


def names(exchange: Exchange, dhis2: Any) -> dict[str, Any]:
    """What a row can name beyond what is the same for all: the client's calls, the recorded request and answer."""
    said = exchange.json() if exchange.media_type == "application/json" and exchange.body else None
    location = exchange.headers.get("location", "").rpartition("/")[2]
    query: dict[str, list[str]] = {}
    for name, value in exchange.query:
        query.setdefault(name, []).append(value)
    kind = exchange.request_headers.get("content-type", "")
    sent: Any = exchange.request_body
    with_json = "json" in kind and sent[:1] in (b"{", b"[")
    inside = re.search(r":in:\[(.*)\]", "".join(query.get("filter", [])))
    segments = re.split(r"[/.]", exchange.path)
    uids = [segment for segment in segments if is_uid(segment) and segment != "attachments"]
    return {
        **{
            name: getattr(dhis2, name)
            for name in ("call", "files", "messaging", "pages", "people", "raw", "system_info")
        },
        "body": httpx.Response(200, content=sent).json() if with_json else sent,
        "fields": query.get("fields", [""])[0],
        "filters": query.get("filter", []),
        "in_filter": set(inside[1].split(",")) if inside else set(),
        "location": location,
        "orders": query.get("order", []),
        "parts": {part.name: part.content.decode("utf-8", "replace") for part in parts(kind, sent)}
        if "multipart" in kind
        else {},
        "path": exchange.path,
        "query": query,
        "said": said,
        "stored": lambda it: it == Sent(key=it.key, uid=location) and it.id == location,
        "uid": uids[0] if uids else "",
        "uids": uids,
    }


class OneAnswer:
    """A server that answers the first call, who one is, and then the recorded request, once."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.actor = "clerk" if exchange.actor == "nobody" else exchange.actor
        self.began = False
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not self.began and self.exchange.path != stub.INFO:
            assert path == stub.INFO
            self.began = True
            return stub.info(self.exchange.version, self.actor, request)
        if path == stub.ME != self.exchange.path:
            return stub.me(self.exchange.version, self.actor)
        self.sent.append(request)
        assert len(self.sent) == 1, f"asked again: {request.method} {request.url}"
        return stub.answer(self.exchange)


async def take(flavour: str, exchange: Exchange, given: Row) -> list[str]:
    """Make the call of a row, and say what is not as expected."""
    server = OneAnswer(exchange)
    async with served(flavour, exchange.version, server, username=server.actor, settle=0) as dhis2:
        known = {**of_version(exchange.version), **names(exchange, dhis2)}
        found = []
        if given.refuses:
            refused = await outcome(given.refuses, known)
            if not isinstance(refused, InvalidInput):
                found.append(f"not refused: {refused!r}")
            if server.sent:
                found.append("sent before it was refused")
        it = await outcome(given.call, known)
    if not server.sent:
        return [*found, f"nothing was sent: {it!r}"]
    differs = differences(server.sent[0], exchange)
    if differs != given.differs:
        found.append(f"differs in {sorted(differs)}, not in {sorted(given.differs)}: {server.sent[0].url}")
    if given.raises is None and isinstance(it, Dhis2Error):
        return [*found, f"raised {it!r}"]
    if given.raises is not None:
        found += wrong_error(it, given.raises, exchange, server.sent[0])
    elif known["said"] is not None:
        found += [f"not in the value: {place}" for place in lost(it, known["said"], exchange)]
    known["it"] = it
    if given.gives is not None and settled(it) != settled(eval(given.gives, known)):
        found.append(f"gave {it!r}")
    if given.holds is not None and not eval(given.holds, known):
        found.append(f"does not hold: {given.holds} of {it!r}")
    return found


async def outcome(call: str, known: dict[str, Any]) -> Any:
    try:
        result = eval(call, known)
        if inspect.isawaitable(result):
            return await result
        return await collect(result)
    except Dhis2Error as error:
        return error


def settled(value: Any) -> Any:
    """Uids in one order: the server's differs between the versions."""
    if isinstance(value, Marked | Removed):
        fields = (getattr(value, a.name) for a in type(value).__attrs_attrs__)
        return type(value), [None if one is None else sorted(one) for one in fields]
    return value


def wrong_error(it: Any, expected: tuple[str, int, str, str], exchange: Exchange, sent: httpx.Request) -> list[str]:
    name, status, code, text = expected
    kind = getattr(errors, name)
    if type(it) is not kind:
        return [f"expected {name}, got {it!r}"]
    said = it.server_message or ""
    matches = said.startswith(text[:-1]) if text.endswith("…") else said == text
    path = sent.url.raw_path.partition(b"?")[0].decode()
    checks = {
        f"message of the server: {said!r}": matches,
        f"status {it.status}": it.status == status == exchange.status,
        f"code {it.error_code}": it.error_code == (code or None),
        f"method and path {it.method} {it.path}": (it.method, it.path) == (sent.method, path),
        f"what happened is not in: {it}": f"{sent.method} {path}: {status}" in str(it) and said.rstrip(".") in str(it),
        f"does not survive pickle: {it!r}": same(it, pickle.loads(pickle.dumps(it))) and same(it, copy.deepcopy(it)),
    }
    return [what for what, right in checks.items() if not right]


def same(one: Dhis2Error, other: Dhis2Error) -> bool:
    return (type(one), one.args, vars(one)) == (type(other), other.args, vars(other))


def lost(value: Any, said: Any, exchange: Exchange, place: str = "") -> list[str]:
    """Say what of a recorded answer is not in the value that was made of it."""
    if isinstance(value, Sent | Marked | Removed | int) or value is None:
        return []  # what these must be stands in the table
    if type(value).__module__ == models.__name__:
        return lost_of_model(value, inner(said), place)
    if isinstance(value, list | tuple) and value and type(value[0]).__module__ == models.__name__:
        rows = next(rows for name, rows in said.items() if name != "pager")
        pairs = enumerate(zip(value, rows, strict=True))
        return [found for i, (one, row) in pairs for found in lost_of_model(one, row, f"{place}[{i}]")]
    if has(type(value)) or isinstance(value, dict):
        return [] if encode(value) == said else [f"{place}: {encode(value)!r} is not {said!r}"]
    return []


def inner(said: Any) -> Any:
    """An upload's answer holds the file resource in a WebMessage."""
    return said["response"]["fileResource"] if "response" in said else said


def lost_of_model(value: AttrsInstance, said: Mapping[str, Any], place: str) -> list[str]:
    found = []
    extra = getattr(value, "extra")  # noqa: B009 - each of these models has it
    for key, item in said.items():
        name = RENAMED.get(key, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower().replace("md_5", "md5"))
        here = f"{place}.{key}"
        if not hasattr(value, name):
            if extra.get(key, UNSET) != item:
                found.append(here)
            continue
        got = getattr(value, name)
        if isinstance(item, list) and item and isinstance(item[0], dict):
            pairs = enumerate(zip(got, item, strict=True))
            found += [one for i, (mine, theirs) in pairs for one in lost_of_model(mine, theirs, f"{here}[{i}]")]
        elif isinstance(item, dict):
            found += lost_of_model(got, item, here)
        elif isinstance(got, datetime):
            if got != datetime.fromisoformat(item).replace(tzinfo=UTC):
                found.append(here)
        elif got != (tuple(item) if isinstance(item, list) else item):
            found.append(here)
    return found


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", [one for one in scenarios("42") if one != "journey"])
def test_each_answer_is_taken_as_the_table_says(scenario: str, version: str, flavour: str) -> None:
    async def all_steps() -> dict[str, list[str]]:
        steps = [one for one in exchanges(version, scenario) if one.step in table(scenario)]
        found = {one.step: await take(flavour, one, row(scenario, one.step, version)) for one in steps}
        return {step: problems for step, problems in found.items() if problems}

    wrong = run(flavour, all_steps)
    assert not wrong, "\n".join(f"{step}: {one}" for step, problems in wrong.items() for one in problems)


def test_each_recorded_step_is_a_row_or_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Counter((e.scenario, e.step) for v in VERSIONS for e in exchanges(v) if e.scenario != "journey")
    rows = {(path.stem, step) for path in TABLES.glob("*.toml") if path.stem != "cannot" for step in table(path.stem)}
    cannot = {(scenario, step): why for scenario, several in table("cannot").items() for step, why in several.items()}
    assert all(cannot.values())
    assert not rows & cannot.keys(), "both a row and said to be none"
    assert rows | cannot.keys() == steps.keys(), {
        "in no table": sorted(steps.keys() - rows - cannot.keys()),
        "not recorded": sorted((rows | cannot.keys()) - steps.keys()),
    }
    share = len(rows) / len(steps)
    exactly = sum("differs" not in table(scenario)[step] for scenario, step in rows)
    answers = sum(steps[one] for one in rows)
    with capsys.disabled():
        print(
            f"\n{len(rows)} of {len(steps)} recorded steps are rows ({share:.0%}, {answers} of {steps.total()} answers), "
            f"{exactly} of them ask exactly what was recorded; {len(cannot)} cannot be made"
        )
    assert share >= SHARE
