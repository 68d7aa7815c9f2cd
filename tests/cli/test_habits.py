"""What holds for all commands: exit statuses, JSON, options, dry runs, versions; most of it in one process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from attrs import evolve

from dhis2_facade import errors
from dhis2_facade.cli import visible
from dhis2_facade.cli.commands.messaging import TYPES
from dhis2_facade.cli.exits import EXITS, STATUSES, problem_of, status_of
from dhis2_facade.cli.main import app
from dhis2_facade.errors import Dhis2Error
from dhis2_facade.testing import FakeDhis2
from dhis2_facade.testing.behaviour import BEHAVIOURS
from tests.cli.test_commands import commands
from tests.support.server import Answer, serving
from tests.support.terminal import COMMAND, PATIENCE, Terminal
from tests.support.world import VERSIONS, World

NOBODY = "abcdefghijk"
NEWEST = VERSIONS[-1]


def test_every_error_of_the_library_has_an_exit_status_of_its_own_kind() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert status_of(kind("words")) in STATUSES
    assert {EXITS[kind] for kind in EXITS} <= set(STATUSES)
    assert [status_of(kind("")) for kind in (errors.TimedOut, errors.KeyReused, errors.Redirected)] == [6, 5, 10]


def test_an_error_as_data_has_all_that_the_error_carries() -> None:
    error = errors.Ambiguous("perhaps", key="k", spent=("a",), method="POST", path="/api/x", status=504)
    problem = problem_of(error)
    assert (problem["kind"], problem["exit"], problem["key"], problem["spent"]) == ("ambiguous", 8, "k", ["a"])
    assert (problem["method"], problem["path"], problem["status"]) == ("POST", "/api/x", 504)


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        (("messaging", "get", "no"), 2, "usage"),
        (("messaging", "get"), 2, "usage"),
        (("messaging", "list", "--no-such"), 2, "usage"),
        (("messaging", "list", "--all", "--limit", "3"), 2, "usage"),
        (("messaging", "list", "--filter", "subject"), 2, "usage"),
        (("messaging", "send", "S", "T"), 2, "usage"),
        (("messaging", "send", "S"), 2, "usage"),
        (("messaging", "send", "S", "T", "--text-file", "x"), 2, "usage"),
        (("messaging", "send", "S", "--text-file", "no/such/file", "-u", NOBODY), 2, "usage"),
        (("messaging", "send", "S", "T", "-u", NOBODY, "-a", "no/such/file"), 2, "usage"),
        (("messaging", "set-status", NOBODY, "MAYBE"), 2, "usage"),
        (("messaging", "attachments", "download", NOBODY, "--to", "no/such"), 2, "usage"),
        ((), 2, "usage"),
        (("messaging",), 2, "usage"),
        (("api", "GET", "me", "--to", "no/such/file"), 2, "usage"),
        (("api", "GET", "me", "--to", "."), 1, "other"),
        (("messaging", "watch", "--cursor-file", "."), 1, "other"),
        (("messaging", "watch", "--cursor", "garbage"), 2, "usage"),
        (("api", "FETCH", "me"), 2, "usage"),
        (("api", "GET", "https://other.example.org/api/me"), 2, "usage"),
        (("api", "GET", "//other.example.org/api/me"), 2, "usage"),
        (("api", "GET", "/api/../api/me"), 2, "usage"),
        (("api", "POST", "constants", "--data", "{"), 2, "usage"),
        (("api", "POST", "constants", "--data", "[" * 100_000), 2, "usage"),
        (("api", "POST", "constants", "--data", "\udcff"), 2, "usage"),
        (("api", "GET", "me", "--query", "fields=\udcff"), 2, "usage"),
        (("messaging", "watch", "--cursor-file", sys.executable), 2, "usage"),
        (("api", "DELETE", "constants/x"), 2, "usage"),
        (("--server-version", "39", "people", "me"), 2, "usage"),
        (("--profile", "none", "people", "me"), 2, "usage"),
        (("versions", "diff", "41", "99"), 2, "usage"),
    ],
)
def test_what_was_passed_wrong_is_said_in_one_shape(
    newest: World, words: tuple[str, ...], status: int, kind: str
) -> None:
    _said(newest, words, status, kind)


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        (("messaging", "get", NOBODY), 4, "not_found"),
        (("files", "get", NOBODY), 4, "not_found"),
        (("messaging", "send", "S", "T", "-u", NOBODY), 5, "conflict"),
    ],
)
def test_what_the_server_refuses_is_said_in_the_same(
    world: World, words: tuple[str, ...], status: int, kind: str
) -> None:
    _said(world, words, status, kind)


def _said(world: World, words: tuple[str, ...], status: int, kind: str) -> None:
    written = world.clerk.here("--json", *words)
    assert (written.status, written.error["kind"], written.error["exit"]) == (status, kind, status)
    told = world.clerk.here(*words)
    assert (told.status, told.out) == (status, "")
    assert told.err.startswith("dhis2: ")
    assert written.error["message"].splitlines()[0] in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("messaging", "send", "S", "T"), "no recipients: pass --user, --user-group or --org-unit"),
        (
            ("profile", "add", "x", "--url", "http://far.example.org", "--secret-stdin"),
            "use https://, or say --allow-http to `dhis2 profile add`",
        ),
        (("files", "upload", "."), ". is no regular file"),
        (("messaging", "get", "x"), "uid: expected a uid (a letter, ten letters or digits), got 'x'"),
        (("--server-version", "41", "people", "me"), "the profile's), and the server is asked"),
        (("profile", "add", "x", "--url", "https://a:b@far.example.org", "--secret-stdin"), "; say --username"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_command_line(
    newest: World, words: tuple[str, ...], said: str
) -> None:
    told = newest.clerk.here(*words, stdin=b"d2pat_x\n")
    assert (told.status, told.err.strip().endswith(said)) == (7 if "41" in words else 2, True)


def test_without_a_server_it_is_said_how_to_name_one(alone: Terminal) -> None:
    told = alone.here("people", "me")
    assert (told.status, told.err.strip().endswith("or say: dhis2 profile add default --url URL")) == (2, True)


def test_the_doctor_speaks_as_the_command_line_does(alone: Terminal) -> None:
    checks = alone.here("doctor", "--json", DHIS2_URL="http://far.example.org", DHIS2_TOKEN="d2pat_x")
    assert (checks.status, [one["check"] for one in checks.data]) == (2, ["reach"])
    assert checks.data[0]["detail"].endswith("or say --allow-http to `dhis2 profile add`")


def test_a_group_alone_shows_its_help(alone: Terminal) -> None:
    told = alone.here("messaging")
    assert (told.status, told.out) == (2, "")
    assert told.err.startswith("dhis2: usage: Missing command.\nUsage: dhis2 messaging ")
    assert told.err.count("Usage:") == 1


def test_credentials_that_are_wrong_have_a_status(world: World) -> None:
    token = "d2pat_" + "A" * 32 + "0000000000"
    written = world.as_user("clerk", DHIS2_TOKEN=token).here("people", "me", "--json")
    assert (written.status, written.error["kind"]) == (3, "authentication")
    assert token not in written.out + written.err


def test_a_server_that_is_not_there_has_a_status(newest: World) -> None:
    written = newest.as_user("clerk", DHIS2_URL="http://127.0.0.1:9").here("messaging", "unread-count", "--json")
    assert (written.status, written.error["kind"]) == (6, "network")


def test_another_version_than_was_said_has_a_status(world: World) -> None:
    other = "41" if world.server.version != "41" else "42"
    written = world.clerk.here("--server-version", other, "people", "me", "--json")
    assert (written.status, written.error["kind"]) == (7, "version")
    checks = world.clerk.here("doctor", "--server-version", f"2.{other}", "--json")
    assert checks.status == 7
    assert [one["check"] for one in checks.data if not one["ok"]] == ["version"]


def test_a_message_of_which_nobody_knows_has_a_status_and_its_key_goes_on(world: World) -> None:
    """The same command with the key that is named stores it once."""
    world.server.next("hang up", method="POST", path="messageConversations", stored=True)
    uid = world.uid("nurse")
    before = len(world.server.conversations)
    found = world.clerk.here("messaging", "send", "Lost answer", "T", "-u", uid, "--json")
    assert (found.status, found.data["found"]) == (0, True)
    assert len(world.server.conversations) == before + 1
    world.server.agent = "proxy"  # now nothing can be looked for
    try:
        world.server.next("hang up", method="POST", path="messageConversations")
        lost = world.clerk.here("messaging", "send", "Not sent", "T", "-u", uid, "--json")
    finally:
        world.server.agent = None
    assert (lost.status, lost.error["kind"]) == (8, "ambiguous")
    again = ("messaging", "send", "Not sent", "T", "-u", uid, "--json", "--key", lost.error["key"])
    stored = world.clerk.here(*again, "--first-attempt").data
    repeated = world.clerk.here(*again).data
    assert (stored["found"], repeated["found"], repeated["id"]) == (False, True, stored["id"])
    reused = world.clerk.here(*again[:3], "Another text", *again[4:])
    assert (reused.status, reused.error["kind"]) == (5, "conflict")


def test_json_may_stand_before_and_after_the_command(newest: World) -> None:
    for words in (("--json", "messaging", "unread-count"), ("messaging", "unread-count", "--json")):
        assert isinstance(newest.clerk.here(*words).data["unread"], int)


def test_a_list_can_be_had_whole_in_parts_and_by_page(world: World) -> None:
    mine = [world.sent(f"Part {number}") for number in range(3)]

    def listed(*words: str) -> list[str]:
        data = world.clerk.here("messaging", "list", *words, "--json").data
        return [one["id"] for one in data["conversations"]]

    every = listed("--all", "--page-size", "2")
    assert every[:3] == mine[::-1]
    assert len(every) == world.clerk.here("messaging", "list", "--limit", "1", "--json").data["total"]
    assert listed("--limit", "3", "--page-size", "2") == every[:3]
    assert listed("--page", "2", "--page-size", "2") == every[2:4]
    assert listed("--search", "Part 1")[:1] == [mine[1]]
    assert listed("--filter", "subject:eq:Part 2", "--unread")[:1] == [mine[2]]
    assert mine[0] not in listed("--read", "--all")
    assert listed("--type", "TICKET", "--status", "SOLVED", "--priority", "LOW", "--assignee", NOBODY) == []
    assert listed("--follow-up", "--limit", "100") == [one for one in every if world.thread(one).follow_up]


def test_the_types_that_are_offered_are_those_of_the_servers(world: World) -> None:
    for kind in TYPES:
        assert world.clerk.here("messaging", "list", "--type", kind, "--json").status == 0, kind
    assert world.clerk.here("messaging", "list", "--type", "DIRECT").status == 5


def test_attachments_of_one_name_are_all_kept(world: World, tmp_path: Path) -> None:
    uid = world.sent(attachments=[("count.csv", b"first"), ("other.csv", b"other")])
    world.clients["nurse"].messaging.reply(uid, "Late", attachments=[("count.csv", b"second")])
    words = ("messaging", "attachments", "download", uid, "--to", str(tmp_path), "--json")
    got = world.clerk.here(*words).data
    kept = {Path(one["path"]).name: Path(one["path"]).read_bytes() for one in got}
    assert kept.pop("other.csv") == b"other"
    assert sorted(kept.values()) == [b"first", b"second"]
    assert kept.keys() < {f"count-{one['id']}.csv" for one in got}
    assert world.clerk.here(*words).status == 2  # and none is replaced


def test_a_dry_run_shows_the_request_and_sends_nothing(world: World) -> None:
    before = len(world.server.conversations)
    words = ("messaging", "send", "S", "T", "-u", world.uid("nurse"), "--dry-run")
    shown = world.clerk.here(*words, "--json").data
    assert shown["dry_run"] is True
    assert (shown["request"]["method"], shown["request"]["body"]["subject"]) == ("POST", "S")
    plain = world.clerk.here(*words)
    assert plain.out.startswith(f"POST {world.server.url}/api/messageConversations\n")
    for secret in (world.server.token("clerk"), "ApiToken", "authorization", "cookie"):
        assert secret not in json.dumps(shown)
        assert secret not in plain.out.lower()
    assert len(world.server.conversations) == before
    uid = world.sent()
    opened = world.clerk.here("messaging", "get", uid, "--mark-read", "--dry-run", "--json").data["request"]
    assert (opened["url"].rpartition("/")[2], opened["body"]) == ("read", [uid])
    for mark in ("mark-read", "leave", "delete"):
        assert world.clerk.here("messaging", mark, uid, "--dry-run").status == 0
    assert world.thread(uid).unread
    (world.home / "dry.txt").write_text("dry")
    upload = world.clerk.here("files", "upload", "dry.txt", "--dry-run", "--json").data["request"]
    assert upload["body"] == "(multipart/form-data, streamed from the file)"
    reply = world.clerk.here("messaging", "reply", uid, "Text", "--dry-run", "--json").data["request"]
    assert reply["body"] == "Text"
    assert world.clerk.here("api", "DELETE", "constants/x", "--dry-run").status == 0


def test_without_a_version_the_server_is_asked(world: World) -> None:
    for said in ({"DHIS2_VERSION": ""}, {"DHIS2_VERSION": f"v{world.server.version}"}):
        assert world.as_user("clerk", **said).here("people", "me", "--json").data["username"] == "clerk"


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[FakeDhis2, Terminal]]:
    """A server of a version without bindings, and its clerk, who does not say which it is."""
    version = str(int(NEWEST) + 1)
    later = evolve(BEHAVIOURS[NEWEST], version=version, full_version=f"2.{version}.0")
    monkeypatch.setitem(BEHAVIOURS, version, later)
    with FakeDhis2(version=version) as server:
        yield server, Terminal(server, tmp_path, DHIS2_VERSION="")


def test_the_newest_bindings_are_used_for_a_version_that_is_not_known(
    unknown: tuple[FakeDhis2, Terminal],
) -> None:
    server, cli = unknown
    told = cli("people", "me", "--json")
    assert (told.status, told.data["username"]) == (0, "clerk")
    version = f"2.{server.version}.0"
    said = f"dhis2: the server is DHIS2 {version}, for which there are no bindings; those of 2.{NEWEST} are used\n"
    assert told.err == said
    checks = cli.here("doctor", "--json")
    assert (checks.status, [one["check"] for one in checks.data if not one["ok"]]) == (7, ["version"])


def test_a_key_is_kept_also_on_a_version_that_is_not_known(unknown: tuple[FakeDhis2, Terminal]) -> None:
    server, cli = unknown
    words = ("messaging", "send", "Once", "T", "-u", server.user("nurse").uid, "--key", "k", "--json")
    first, again = cli.here(*words, "--first-attempt").data, cli.here(*words).data
    assert (first["found"], again["found"], again["id"]) == (False, True, first["id"])
    server.next("hang up", method="POST", path="messageConversations", stored=True)
    lost = cli.here("messaging", "reply", first["id"], "Lost answer", "--json")
    assert (lost.status, lost.data["found"]) == (0, True)
    assert len(server.messages) == 2
    server.agent = "proxy"  # what rewrites it is still noticed
    refused = cli.here(*words)
    assert (refused.status, "no key can be kept" in refused.error["message"]) == (2, True)


def test_a_server_that_names_no_version_is_none_of_ours(tmp_path: Path) -> None:
    kind = {"Content-Type": "application/json"}
    with serving({"/api/system/info": Answer(b'{"name": "another"}', headers=kind)}) as server:
        told = Terminal(None, tmp_path, DHIS2_URL=server.url, DHIS2_TOKEN="d2pat_x").here("people", "me", "--json")
    assert (told.status, told.error["kind"]) == (10, "not_dhis2")
    assert "None" not in told.err


def test_the_document_of_the_server_is_compared(world: World) -> None:
    path = Path(__file__).parents[2] / "openapi" / f"v{world.server.version}.json"
    paths = json.loads(path.read_text(encoding="utf-8"))["paths"]
    kind = {"Content-Type": "application/json"}
    for missing, ok in (("/api/messageConversations/feedback", False), ("/api/nothingThatIsUsed", True)):
        told = json.dumps({"paths": {name: item for name, item in paths.items() if name != missing}})
        world.server.next(fail=200, path="openapi", headers=kind, body=told)
        checks = world.clerk.here("doctor", "--document", "--json")
        assert (checks.data[-1]["check"], checks.data[-1]["ok"]) == ("document", ok)
        assert checks.status == (0 if ok else 10)
        assert ok or checks.data[-1]["detail"].endswith(f"does not have: POST {missing}")


def test_a_proxy_that_rewrites_the_user_agent_is_found(world: World) -> None:
    world.server.agent = "proxy/1.0"
    try:
        checks = world.clerk.here("doctor", "--json")
    finally:
        world.server.agent = None
    assert (checks.status, [one["check"] for one in checks.data if not one["ok"]]) == (1, ["user agent"])


def test_a_profile_of_a_server_that_is_down_is_examined(newest: World) -> None:
    checks = newest.as_user("clerk", DHIS2_URL="http://127.0.0.1:9").here("doctor", "--json")
    assert (checks.status, [one["check"] for one in checks.data]) == (6, ["reach"])


def test_an_interruption_says_what_is_known_and_the_key_to_go_on_with(newest: World) -> None:
    newest.server.next("hang", method="POST", path="messageConversations", delay=PATIENCE)
    words = ("messaging", "send", "Interrupted", "T", "-u", newest.uid("nurse"), "--json")
    before = len(newest.server.requests)
    with subprocess.Popen(
        [*COMMAND, *words], env=newest.clerk.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            end = time.monotonic() + PATIENCE
            while len(newest.server.requests) == before and time.monotonic() < end:  # the first call
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 130
    message = json.loads(out)["error"]["message"]
    assert re.search(r"the send may or may not have been stored; with key='[0-9a-f]{32}'", message)
    assert message in err.decode()


def shell(world: World, command: str, **more: str) -> tuple[int, bytes, bytes]:
    """Let a shell run it, where `dhis2` is the command."""
    line = f'dhis2() {{ {sys.executable} -m dhis2_facade.cli "$@"; }}; {command}'
    done = subprocess.run(
        ["sh", "-c", line], env=world.clerk.environment | more, cwd=world.home, capture_output=True, timeout=PATIENCE
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", ["messaging list --all", "--json messaging list --all", "api GET me"])
def test_a_pipe_that_closes_is_no_error(newest: World, words: str) -> None:
    newest.sent("Row")
    assert shell(newest, f"{{ dhis2 {words}; echo $? >&2; }} | head -n 0") == (0, b"", b"141\n")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("messaging list --limit 1 >&-", 0, b""),
        ("messaging get abcdefghijk --json >&-", 4, b"dhis2: not found: "),
        ("messaging get abcdefghijk 2>&-", 4, b""),
        ("people me <&-", 0, b""),
        ("messaging delete abcdefghijk <&-", 2, b"Say --yes"),
        ("messaging send S - -u abcdefghijk <&-", 2, b"text: it is empty"),
        ("files upload - --name x.txt <&-", 2, b"it is empty"),
        ("api POST constants --data - <&-", 2, b"this is no JSON"),
        ("profile add x --url https://a.example.org <&-", 2, b"nobody can be asked"),
        ("mcp <&-", 0, b""),
    ],
)
def test_streams_that_are_closed_are_empty(newest: World, words: str, status: int, said: bytes) -> None:
    done = shell(newest, f"dhis2 {words}")
    assert (done[0], said in done[2], b"Traceback" in done[2]) == (status, True, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize(
    "words", ["messaging list", "--json people me", "api GET me", "--help", "messaging get x --json"]
)
def test_a_disk_that_is_full_is_said(newest: World, words: str) -> None:
    newest.sent("Row")
    status, _, said = shell(newest, f"dhis2 {words} >/dev/full")
    assert (status, said.count(b"\n"), said.startswith(b"dhis2: ")) == (2 if " x " in words else 1, 1, True)
    assert b"No space left on device" in said or " x " in words


def test_json_is_written_so_that_every_program_reads_it(newest: World) -> None:
    uid = newest.sent("Zo\u00eb \u65e5\u672c \U0001f469")
    for encoding in ("ascii", "latin-1", "cp1252", "utf-8"):
        printed = newest.clerk("messaging", "get", uid, "--json", PYTHONIOENCODING=encoding)
        assert json.loads(printed.raw.decode("utf-8"))["data"]["subject"] == "Zo\u00eb \u65e5\u672c \U0001f469"


def test_every_help_has_an_example_and_a_sentence() -> None:
    root = typer.main.get_command(app)
    for name in commands(root):
        command = root
        context = typer.Context(root, info_name="dhis2")
        for word in name.split():
            command = command.commands[word]  # type: ignore[attr-defined] # groups
            context = typer.Context(command, parent=context, info_name=word)
        text = command.get_help(context)
        assert "Example" in text, name
        assert f"  dhis2 {name}" in text.replace("dhis2 --json", "dhis2").replace("files resources", "files") or (
            name.startswith("files resources")
        ), name
        first = (command.help or "").strip().splitlines()[0]
        assert first.endswith((".", ".)")), name


def test_a_shell_can_complete_commands_and_values() -> None:
    words = {
        "_DHIS2_COMPLETE": "complete_bash",
        "COMP_WORDS": "dhis2 messaging set-status abcdefghijk S",
        "COMP_CWORD": "4",
    }
    environment = {**os.environ, **words}
    done = subprocess.run([*COMMAND], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["SOLVED"]


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['typer'] = None; from dhis2_facade.cli.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "dhis2: the command line needs typer; say: pip install 'dhis2-facade[cli]'\n"


@pytest.mark.parametrize("sign", ["\x1b", "\x00", "\x9b", "\u202e", "\u2028", "\ufeff", "\U000e0041", "\ud800"])
def test_signs_that_steer_or_hide_are_written_out(sign: str) -> None:
    assert sign not in visible.text(f"a{sign}b")
    assert sign not in visible.line(f"a{sign}b")
    document = json.dumps({"text": f"a{sign}b"}, ensure_ascii=False)
    assert sign not in visible.plain_json(document)
    assert json.loads(visible.plain_json(document)) == {"text": f"a{sign}b"}


@pytest.mark.parametrize("text", ["Zoë 日本語 עברית", "👩\u200d⚕️", "tab\tand\nline"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible.text(text) == text


def test_an_error_without_words_of_its_own_is_the_other_kind() -> None:
    assert problem_of(Dhis2Error("odd"))["kind"] == "other"
