"""Every pair of `docs/coming-from.md`, run against a server of each version, and every call of its tables, bound."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from dhis2_facade._sync.client import Dhis2
from dhis2_facade._sync.files import Files
from dhis2_facade._sync.messaging import Messaging
from dhis2_facade._sync.people import People
from dhis2_facade.testing import FakeDhis2, Seen
from tests.support.exchanges import VERSIONS

PAGE = (Path(__file__).parents[1] / "docs" / "coming-from.md").read_text(encoding="utf-8")
HEAD, _, PAIRS = PAGE.partition("\n## Pairs\n")
OTHERWISE = "**Not the same request**"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CURL = 'curl() { command curl --fail-with-body --silent --show-error --max-time 20 "$@"; }\n'
UID = re.compile(r"(?<=/)[A-Za-z][A-Za-z0-9]{10}(?=/|$)")
PARTS: dict[str, type] = {"messaging": Messaging, "files": Files, "people": People}
PNG = b"\x89PNG\r\n\x1a\n and no more"
# What clients before this one call it, and what the page has to say of each.
ELSEWHERE = (
    "list_conversations get_conversation send reply mark_read mark_unread delete_conversation set_priority set_status "
    "assign unassign upload_file_resource download_file_resource system.me Recipient"
)


@frozen
class Pair:
    """What curl does, what the facade does, and whether both make the same request."""

    title: str
    curl: str
    ours: str
    same: bool


def pairs() -> list[Pair]:
    found = []
    for section in re.split(r"^### ", PAIRS, flags=re.MULTILINE)[1:]:
        blocks = BLOCK.findall(section)
        assert [language for language, _ in blocks] == ["sh", "python"], section
        title = section.partition("\n")[0]
        found.append(Pair(title, blocks[0][1], blocks[1][1], OTHERWISE not in section))
    return found


def world(server: FakeDhis2, version: str) -> dict[str, str]:
    """A conversation with a photo, from the nurse to the clerk, and a ticket; the uids of all that takes part."""
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    state = server.state
    with pin.Dhis2(server.url, username="nurse", password=server.password("nurse")) as nurse:
        sent = nurse.messaging.send(
            "Stock of photos", "See it.", users=server.user("clerk").uid, attachments=("photo.png", PNG)
        )
        ticket = nurse.messaging.feedback("Slow", "It is slow.").id
    return {
        "CONVERSATION": sent.id,
        "MESSAGE": sent.message.id,
        "FILE": sent.message.attachments[0].id,
        "TICKET": ticket,
        "NURSE": server.user("nurse").uid,
        "CLERK": server.user("clerk").uid,
        "GROUP": next(iter(state.groups)),
        "UNIT": next(iter(state.units)),
    }


def asked(requests: list[Seen]) -> Counter[tuple[str, str]]:
    """Method and path of what was asked, without which object it was; the first call of a client is no part of it."""
    ahead = "/api/system/info"
    assert all(one.status in (200, 201, 202, 204) for one in requests), [
        (one.method, one.path, one.status) for one in requests
    ]
    return Counter((one.method, UID.sub("{uid}", one.path)) for one in requests if one.path != ahead)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.title)
def test_a_pair_does_the_same_on_both_sides(
    pair: Pair, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("count.csv").write_bytes(b"item,count\nbandage,12\n")
    there, here = (run(side, version, monkeypatch) for side in (pair.curl, pair.ours))
    missing = asked(there) - asked(here)
    assert there
    assert here
    assert (not missing) == pair.same, missing


def run(side: str, version: str, monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """Run a block against a server of its own, and give what that was asked."""
    with FakeDhis2(version=version) as server:
        uids = world(server, version)
        known = {"DHIS2_URL": server.url, "DHIS2_TOKEN": server.token("clerk")}
        known["ADMIN_PASSWORD"] = server.password("admin")
        for name, value in {**known, **uids}.items():
            monkeypatch.setenv(name, value)
        before = len(server.requests)
        if "curl " in side:
            subprocess.run(["bash", "-euo", "pipefail", "-c", CURL + side], check=True, timeout=60, capture_output=True)
        else:
            beginning = next(block for language, block in BLOCK.findall(HEAD) if language == "python")
            names: dict[str, Any] = {name.lower(): uid for name, uid in uids.items()}
            code = (beginning + side).replace("v42", f"v{version}")
            exec(compile(code, "coming-from.md", "exec"), names)
            names["dhis2"].close()
        return server.requests[before:]


def calls() -> Iterator[str]:
    """The calls of ours in the tables: the second column."""
    for line in HEAD.splitlines():
        cells = line.split(" | ")
        if line.startswith("| ") and len(cells) > 2:
            yield from re.findall(r"`(dhis2\.[^`]+)`", cells[1])


@pytest.mark.parametrize("call", sorted(set(calls())))
def test_a_call_of_the_tables_is_one_that_the_client_takes(call: str) -> None:
    parsed = ast.parse(call, mode="eval").body
    while isinstance(parsed, ast.Attribute):
        parsed = parsed.value
    assert isinstance(parsed, ast.Call)
    assert isinstance(parsed.func, ast.Attribute)
    owner = parsed.func.value
    cls = PARTS[owner.attr] if isinstance(owner, ast.Attribute) else Dhis2
    signature = inspect.signature(getattr(cls, parsed.func.attr))
    signature.bind(cls, *parsed.args, **{str(one.arg): one.value for one in parsed.keywords})


def test_every_method_of_messaging_and_files_has_its_line() -> None:
    named = {re.sub(r"^dhis2\.(\w+\.\w+)\(.*", r"\1", call) for call in calls()}
    public = {
        f"{part}.{name}"
        for part, cls in PARTS.items()
        for name, _ in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }
    internal = {"files.store", "files.fetch"}
    ours_alone = {"messaging.pages", "messaging.unread_count", "messaging.watch", "people.feedback_recipients"}
    assert public - named == internal | ours_alone
    assert named - public == {call for call in named if call.startswith("dhis2.")}


@pytest.mark.parametrize("name", ELSEWHERE.split())
def test_what_other_clients_call_it_is_in_their_table(name: str) -> None:
    _, _, table = HEAD.partition("## Calls of other clients")
    assert re.search(rf"^\| .*`{re.escape(name)}\(.*` \|", table, re.MULTILINE)
