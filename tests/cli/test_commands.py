"""Every command as a process through pipes, on every version: what it prints, where, and its exit status."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from dhis2_facade.cli.main import app
from tests.support.terminal import Result
from tests.support.world import World

Case = Callable[[World], None]
CASES: dict[str, Case] = {}
MCP = "mcp"  # driven by the official client in tests/mcp


def case(name: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES[name] = function
        return function

    return keep


def commands(command: Any, *names: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(names)
    for name, one in (inner or {}).items():
        yield from commands(one, *names, name)


def well(result: Result) -> Result:
    assert (result.status, result.err) == (0, "")
    return result


# -- messaging --------------------------------------------------------------------------------------------------------


@case("messaging list")
def _list(world: World) -> None:
    uids = [world.sent(f"Number {number}") for number in range(3)]
    printed = well(world.clerk("messaging", "list", "--limit", "2", "--json")).data
    assert [one["id"] for one in printed["conversations"]] == [uids[2], uids[1]]
    assert printed["total"] >= 3
    told = world.clerk.here("messaging", "list", "--limit", "2")
    assert told.status == 0
    assert f"2 of {printed['total']} conversations; --all gives the others" in told.err
    rows = [line.split("\t") for line in told.out.splitlines()]
    assert rows[0][:4] == ["", "uid", "type", "subject"]
    assert rows[1][:6] == ["*", uids[2], "PRIVATE", "Number 2", "Nurse Test", "1"]


@case("messaging get")
def _get(world: World) -> None:
    uid = world.sent("With a file", "First line\nsecond", attachments=[("count.csv", b"a,b\n")])
    out = well(world.clerk("messaging", "get", uid, "--mark-read")).out
    assert "With a file\n" in out
    assert "Nurse Test (nurse)" in out
    assert "    First line\n    second\n" in out
    assert "    attachment: count.csv (4 B, " in out
    thread = well(world.clerk.here("--json", "messaging", "get", uid)).data
    assert (thread["id"], thread["unread"]) == (uid, False)
    assert [one["user"]["username"] for one in thread["participants"] if not one["read"]] == []


@case("messaging send")
def _send(world: World) -> None:
    (world.home / "count.csv").write_bytes(b"a,b\n1,2\n")
    ready = world.clients["clerk"].files.upload(("ready.txt", b"ready"))
    words = ("messaging", "send", "Stock", "-", "-u", world.uid("nurse"), "-a", "count.csv", "-a", ready.id)
    sent = well(world.clerk(*words, "--json", stdin="Two\nlines\n")).data
    thread = world.thread(sent["id"], "nurse")
    assert (thread.subject, thread.messages[0].text) == ("Stock", "Two\nlines")
    assert [one.name for one in thread.messages[0].attachments] == ["count.csv", "ready.txt"]
    assert len(sent["key"]) == 32
    keyed = ("messaging", "send", "Once", "Text", "--user", world.uid("nurse"), "--key", "k1")
    first = well(world.clerk.here(*keyed, "--first-attempt")).out
    again = well(world.clerk.here(*keyed)).out
    assert first.startswith("stored: ")
    assert again == first.replace("stored", "was stored before", 1)


@case("messaging reply")
def _reply(world: World) -> None:
    uid = world.sent()
    (world.home / "reply.txt").write_text("From a file\n")
    assert uid in well(world.clerk("messaging", "reply", uid, "--text-file", "reply.txt")).out
    assert [one.text for one in world.thread(uid).messages] == ["Please see the file.", "From a file"]


@case("messaging feedback")
def _feedback(world: World) -> None:
    sent = well(world.as_user("nurse")("messaging", "feedback", "Slow", "Very slow.", "--json")).data
    assert world.thread(sent["id"]).message_type == "TICKET"
    assert sent["subject"] == "Slow"


@case("messaging mark-read")
def _mark_read(world: World) -> None:
    uid = world.sent()
    assert well(world.clerk("messaging", "mark-read", uid)).out == f"changed: {uid}\n"
    assert well(world.clerk.here("messaging", "mark-read", uid)).out == f"unchanged: {uid}\n"
    assert world.thread(uid).read


@case("messaging mark-unread")
def _mark_unread(world: World) -> None:
    uid = world.sent()
    world.clients["clerk"].messaging.mark_read(uid)
    data = well(world.clerk("messaging", "mark-unread", uid, "--json")).data
    assert data == {"changed": [uid], "unchanged": [], "accepted": None}
    assert world.thread(uid).unread


@case("messaging follow-up")
def _follow_up(world: World) -> None:
    uid = world.sent()
    assert well(world.clerk("messaging", "follow-up", uid)).out == f"accepted: {uid}\n"
    assert world.thread(uid).follow_up


@case("messaging clear-follow-up")
def _clear_follow_up(world: World) -> None:
    uid = world.sent()
    world.clients["clerk"].messaging.follow_up(uid)
    assert well(world.clerk("messaging", "clear-follow-up", uid)).out == f"accepted: {uid}\n"
    assert not world.thread(uid).follow_up


@case("messaging add-recipients")
def _add_recipients(world: World) -> None:
    uid = world.sent()
    assert well(world.clerk("messaging", "add-recipients", uid, "-u", world.uid("outsider"))).out == f"done: {uid}\n"
    assert world.uid("outsider") in [one.id for one in world.thread(uid).participants]


@case("messaging leave")
def _leave(world: World) -> None:
    uid = world.sent()
    refused = world.clerk.here("messaging", "leave", uid)
    assert (refused.status, refused.out) == (2, "")
    assert "Say --yes" in refused.err
    assert well(world.clerk("messaging", "leave", uid, "--yes")).out == f"removed: {uid}\n"
    assert [one.username for one in world.thread(uid, "nurse").participants] == ["nurse"]


@case("messaging delete")
def _delete(world: World) -> None:
    uid, other = world.sent(), world.sent()
    assert well(world.clerk("messaging", "delete", uid, "--yes", "--json")).data["removed"] == [uid]
    assert [one.username for one in world.thread(uid, "nurse").participants] == ["nurse"]
    data = well(world.as_user("admin").here("messaging", "delete", other, "--for-everyone", "--yes", "--json")).data
    assert sorted(data["everyone"]) == sorted((world.uid("clerk"), world.uid("nurse")))
    assert world.clerk.here("messaging", "get", other).status in (4, 9)


@case("messaging set-status")
def _set_status(world: World) -> None:
    uid = world.ticket()
    assert well(world.clerk("messaging", "set-status", uid, "solved")).out == f"done: {uid}\n"
    assert world.thread(uid).status == "SOLVED"


@case("messaging set-priority")
def _set_priority(world: World) -> None:
    uid = world.ticket()
    assert well(world.clerk("messaging", "set-priority", uid, "HIGH")).out == f"done: {uid}\n"
    assert world.thread(uid).priority == "HIGH"


@case("messaging assign")
def _assign(world: World) -> None:
    uid = world.ticket()
    assert well(world.clerk("messaging", "assign", uid, world.uid("admin"))).out == f"done: {uid}\n"
    assert world.thread(uid).assignee.id == world.uid("admin")


@case("messaging unassign")
def _unassign(world: World) -> None:
    uid = world.ticket()
    world.clients["clerk"].messaging.assign(uid, world.uid("admin"))
    assert well(world.clerk("messaging", "unassign", uid)).out == f"done: {uid}\n"
    assert world.thread(uid).assignee is None


@case("messaging unread-count")
def _unread_count(world: World) -> None:
    world.sent()
    assert well(world.clerk("messaging", "unread-count")).out == f"{world.clients['clerk'].messaging.unread_count()}\n"


@case("messaging watch")
def _watch(world: World) -> None:
    (world.home / "seen.json").write_text(json.dumps([datetime.now(UTC).isoformat(), {}]))
    time.sleep(0.01)
    uids = [world.sent("One", "first"), world.sent("Two", "second"), world.sent("Three", "third")]
    words = ("messaging", "watch", "--cursor-file", "seen.json", "--interval", "0.05")
    lines = well(world.clerk("--json", *words, "--limit", "2")).out.splitlines()
    assert [json.loads(line)["data"]["conversation"]["id"] for line in lines] == uids[:2]
    out = well(world.clerk.here(*words, "--limit", "1")).out
    assert out.startswith(f"PRIVATE  {uids[2]}  Three\nNurse Test (nurse)  ")
    assert out.endswith("    third\n")


@case("messaging attachments download")
def _attachments(world: World) -> None:
    content = bytes(range(256)) * 4
    uid = world.sent(attachments=[("a.png", content), ("b.txt", b"text")])
    folder = world.home / f"folder{world.server.version}"
    folder.mkdir()
    out = well(world.clerk("messaging", "attachments", "download", uid, "--to", str(folder))).out
    assert out == f"{folder / 'a.png'}  1.0 kB\n{folder / 'b.txt'}  4 B\n"
    assert (folder / "a.png").read_bytes() == content
    again = world.clerk.here("messaging", "attachments", "download", uid, "--to", str(folder), "--json")
    assert (again.status, again.error["kind"]) == (2, "usage")


# -- files ------------------------------------------------------------------------------------------------------------


@case("files upload")
def _upload(world: World) -> None:
    (world.home / "one.txt").write_bytes(b"one")
    data = well(world.clerk("files", "upload", "one.txt", "--json")).data
    assert [(one["name"], one["size"], one["md5"]) for one in data] == [("one.txt", 3, hashlib.md5(b"one").hexdigest())]
    piped = well(world.clerk.here("files", "upload", "-", "--name", "piped.txt", stdin=b"piped")).out
    assert [line.split("\t")[1:4] for line in piped.splitlines()[1:]] == [["piped.txt", "text/plain", "5 B"]]


@case("files get")
def _get_file(world: World) -> None:
    uid = world.clients["clerk"].files.upload(("one.txt", b"one")).id
    data = well(world.clerk("files", "get", uid, "--json")).data
    assert (data["id"], data["name"], data["size"], data["domain"]) == (uid, "one.txt", 3, "MESSAGE_ATTACHMENT")


@case("files download")
def _download(world: World) -> None:
    content = bytes(range(256))
    uid = world.clients["clerk"].files.upload(("d.png", content)).id
    assert well(world.clerk("files", "download", uid, "--to", "-")).raw == content
    target = world.home / f"kept{world.server.version}.png"
    assert well(world.clerk.here("files", "download", uid, "--to", str(target))).out == f"{target}  256 B\n"
    assert target.read_bytes() == content


@case("files resources upload")
def _resources_upload(world: World) -> None:
    (world.home / "two.txt").write_bytes(b"two")
    data = well(world.clerk("files", "resources", "upload", "two.txt", "--domain", "MESSAGE_ATTACHMENT", "--json")).data
    assert data[0]["name"] == "two.txt"


@case("files resources get")
def _resources_get(world: World) -> None:
    uid = world.clients["clerk"].files.upload(("one.txt", b"one")).id
    assert uid in well(world.clerk("files", "resources", "get", uid)).out


@case("files resources download")
def _resources_download(world: World) -> None:
    uid = world.clients["clerk"].files.upload(("one.txt", b"one")).id
    assert well(world.clerk("files", "resources", "download", uid, "-o", "-")).raw == b"one"


# -- people, the server, versions ------------------------------------------------------------------------------------


@case("people search")
def _search(world: World) -> None:
    assert f"user\t{world.uid('nurse')}\tNurse Test\tnurse\n" in well(world.clerk("people", "search", "nurse")).out
    data = well(world.clerk.here("people", "search", "Test", "--json")).data
    assert [one["name"] for one in data["user_groups"]] == ["Test feedback", "Test staff"]
    assert [one["name"] for one in data["organisation_units"]] == ["Test district"]
    gets = well(world.clerk.here("people", "search", "e", "--feedback", "--json")).data
    assert "nurse" not in [one["username"] for one in gets["users"]]


@case("people me")
def _me(world: World) -> None:
    data = well(world.clerk("--json", "people", "me")).data
    assert (data["id"], data["username"], data["superuser"]) == (world.uid("clerk"), "clerk", False)


@case("api")
def _api(world: World) -> None:
    out = well(world.clerk("api", "GET", "me", "-q", "fields=id,username")).raw
    assert json.loads(out) == {"id": world.uid("clerk"), "username": "clerk"}
    missing = world.clerk.here("api", "get", "/api/nothingHere")
    assert missing.status == 4
    assert missing.err.startswith("dhis2: ")
    answer = well(world.as_user("admin").here("api", "POST", "constants", "--data", '{"name": "Pi"}', "--json")).data
    assert (answer["status"], answer["body"]["httpStatusCode"]) == (201, 201)


@case("doctor")
def _doctor(world: World) -> None:
    lines = well(world.clerk("doctor")).out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "ok      reach",
        "ok      version",
        "ok      user agent",
        "ok      who am I",
        "ok      what may I do",
    ]
    assert "gets feedback" in lines[-1]


@case("versions diff")
def _diff(world: World) -> None:
    code = world.home / "code.py"
    code.write_text("from dhis2_bindings.v41.api import me\n\nme.get_current_user()\nme.no_such()\n")
    data = well(world.clerk("versions", "diff", "41", "42", "--used-by", "code.py", "--json")).data
    changes = {one["function"]: (one["change"], one["used"]) for one in data["functions"]}
    assert changes == {
        "me.get_current_user": ("changed", ["code.py:3"]),
        "me.no_such": ("unknown", ["code.py:4"]),
    }


@case("profile add")
def _profile_add(world: World) -> None:
    home, token = world.home / "added", world.server.token("clerk")
    home.mkdir()
    cli = world.as_user("clerk", XDG_CONFIG_HOME=str(home), DHIS2_URL="", DHIS2_TOKEN="")
    words = ("profile", "add", "default", "--url", world.server.url, "--version", world.server.version)
    added = well(cli(*words, "--secret-stdin", stdin=f"{token}\n"))
    path = home / "dhis2-facade" / "profiles.toml"
    assert str(path) in added.out
    assert token not in added.out
    assert path.stat().st_mode & 0o777 == 0o600
    assert well(cli.here("people", "me", "--json")).data["username"] == "clerk"


def _profiles(world: World, name: str) -> Any:
    home = world.home / name
    folder = home / "dhis2-facade"
    folder.mkdir(parents=True)
    (folder / "profiles.toml").touch(0o600)
    (folder / "profiles.toml").write_text(
        f'# mine\n[test]\nurl = "{world.server.url}"\nusername = "clerk"\n'
        f'password = "{world.server.password("clerk")}"\n\n[other]\nurl = "https://other.example.org"\n'
    )
    return world.as_user("clerk", XDG_CONFIG_HOME=str(home), DHIS2_URL="", DHIS2_TOKEN="")


@case("profile list")
def _profile_list(world: World) -> None:
    out = well(_profiles(world, "listed")("profile", "list")).out
    assert f"test\t{world.server.url}\tpassword\tclerk\t\n" in out
    assert "other\thttps://other.example.org\tnone\t\t\n" in out
    assert world.server.password("clerk") not in out


@case("profile show")
def _profile_show(world: World) -> None:
    cli = _profiles(world, "shown")
    assert "login: password\n" in well(cli("profile", "show", "test")).out
    shown = well(cli.here("profile", "show", "test", "--json")).data
    assert world.server.password("clerk") not in json.dumps(shown)
    assert cli.here("profile", "show", "none").status == 2


@case("profile remove")
def _profile_remove(world: World) -> None:
    cli = _profiles(world, "removed")
    assert cli.here("profile", "remove", "test").status == 2
    assert well(cli("profile", "remove", "test", "--yes")).out == "profile test is removed\n"
    path = Path(cli.environment["XDG_CONFIG_HOME"]) / "dhis2-facade" / "profiles.toml"
    assert path.read_text() == '# mine\n[other]\nurl = "https://other.example.org"\n'


@case("profile test")
def _profile_test(world: World) -> None:
    out = well(_profiles(world, "tested")("profile", "test", "test", DHIS2_VERSION="")).out
    assert "Clerk Test (clerk)" in out


def test_no_command_is_without_a_case() -> None:
    assert set(commands(typer.main.get_command(app))) - {MCP} == set(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_command_does_what_it_says(world: World, name: str) -> None:
    CASES[name](world)
