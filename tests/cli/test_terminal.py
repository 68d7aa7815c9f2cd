"""What a person sees on a terminal, as a terminal understands it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tests.support.world import World

# A title for the window, a bell, a cursor that goes home, a colour, eight-bit controls, a turn of direction, markup.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[H\x1b[31mred\x9b1m\u202eevil\u2066[bold]x[/bold]\x7f"
WRITTEN = r"\x1b]0;owned\x07\x1b[2J\x1b[H\x1b[31mred\x9b1m\u202eevil\u2066[bold]x[/bold]\x7f"
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_a_list_has_unread_rows_bold_and_yellow_and_types_in_their_colours(world: World) -> None:
    unread, ticket = world.sent("Fresh words"), world.ticket("Ticket words")
    old = world.sent("Known words")
    world.clients["clerk"].messaging.mark_read(old)
    screen = world.clerk.seen("messaging", "list", "--limit", "3")
    assert screen.status == 0
    assert [screen.style(words) for words in ("Fresh words", "Known words")] == [("brown", True), ("default", False)]
    assert screen.style("PRIVATE")[0] == "blue"
    assert screen.style("TICKET")[0] == "magenta"
    assert all(uid in screen.text for uid in (unread, ticket, old))


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_a_conversation_is_a_row_of_a_list_whatever_the_width(newest: World, columns: int) -> None:
    uid, ticket = newest.sent("A rather long subject that " + "goes on and " * 15), newest.ticket("Short \u65e5\u672c")
    screen = newest.clerk.seen("messaging", "list", "--limit", "2", columns=columns)
    heads, first, second = screen.lines[:3]
    assert (first.split()[:2], second.split()[:2]) == (["*", ticket], ["*", uid])
    assert max(map(len, screen.lines)) <= columns
    assert second[heads.index("sub") :].startswith("A rather long subject"[: columns - len(f"* {uid}   ") - 2])
    assert ("type" in heads, "from" in heads, "when" in heads) == (columns >= 80, columns >= 80, columns >= 80)
    assert "priority" not in heads  # where no conversation has one
    if columns >= 80:
        assert re.search(r"TICKET .*\d{4}-\d\d-\d\d \d\d:\d\d$", first)
        assert re.search(r"PRIVATE  A rather .*\u2026  Nurse Test  .*\d{4}-\d\d-\d\d \d\d:\d\d$", second)


def test_without_colours_nothing_is_coloured(world: World) -> None:
    world.sent("Fresh words")
    screen = world.clerk.seen("messaging", "list", "--limit", "1", NO_COLOR="1")
    assert screen.style("Fresh words") == ("default", True)
    assert screen.style("PRIVATE")[0] == "default"


def test_a_thread_shows_who_wrote_when_what_is_attached_and_the_status(world: World) -> None:
    uid = world.ticket("Broken printer")
    clerk = world.clients["clerk"].messaging
    clerk.reply(uid, "Looking at it.", attachments=[("log.txt", b"12345")], internal=True)
    clerk.set_priority(uid, "HIGH")
    screen = world.clerk.seen("messaging", "get", uid)
    assert screen.style("Broken printer") == ("brown" if world.thread(uid).unread else "default", True)
    assert screen.lines[1] == f"TICKET  {uid}  status OPEN  priority HIGH"
    assert screen.style("HIGH") == ("red", True)
    assert re.search(r"^Clerk Test \(clerk\)  \d{4}-\d\d-\d\d \d\d:\d\d  internal note$", screen.text, re.MULTILINE)
    assert "    Looking at it.\n    attachment: log.txt (5 B, " in screen.text


def test_a_question_is_asked_before_something_is_deleted(world: World) -> None:
    uid = world.sent()
    no = world.clerk.seen("messaging", "delete", uid, answers={"[y/N]": "n"})
    assert (no.status, "nothing was done" in no.text) == (1, True)
    assert f"Delete {uid} from your messages?" in no.text
    assert world.uid("clerk") in [one.id for one in world.thread(uid, "nurse").participants]
    yes = world.clerk.seen("messaging", "delete", uid, answers={"[y/N]": "y"})
    assert (yes.status, f"removed: {uid}" in yes.text) == (0, True)


def test_nothing_that_others_wrote_reaches_the_terminal_raw(world: World) -> None:
    uid = world.sent(HOSTILE, f"{HOSTILE}\nsecond line")
    for words in (("messaging", "get", uid), ("messaging", "list", "--limit", "1")):
        screen = world.clerk.seen(*words, columns=200)
        assert not STEERING.search(screen.raw.decode())
        assert "owned" in screen.text.replace("\n", "")
        assert "\x1b]" not in screen.raw.decode()
        assert "\x1b[2J" not in screen.raw.decode()
        assert r"\u202e" in screen.text.replace("\n", "")
        assert screen.status == 0
    assert "[bold]x[/bold]" in world.clerk.seen("messaging", "get", uid).lines[0]
    piped = world.clerk.here("messaging", "get", uid)
    assert piped.out.startswith(f"{WRITTEN}\n")
    assert not STEERING.search(piped.out)
    written = world.clerk.here("messaging", "get", uid, "--json")
    assert not STEERING.search(written.out)
    assert written.data["subject"] == HOSTILE


def test_an_error_of_the_server_is_written_harmlessly(world: World) -> None:
    uid = world.sent()
    world.server.next(fail=409, path="messageConversations", method="POST", body='{"message": "\\u001b[2Jno \\u202e"}')
    screen = world.clerk.seen("messaging", "reply", uid, "text")
    assert screen.status == 5
    assert "\x1b[2J" not in screen.raw.decode()
    assert "\u202e" not in screen.raw.decode()


def test_a_bar_shows_how_far_an_upload_is_and_goes_away(world: World) -> None:
    path = world.home / "large.txt"
    path.write_bytes(b"x" * 3_000_000)
    screen = world.clerk.seen("files", "upload", str(path))
    assert screen.status == 0
    assert b"3,000,000 of 3,000,000" in screen.raw
    assert "3,000,000" not in screen.text
    assert "large.txt" in screen.text


def test_a_bar_shows_how_far_the_attachments_of_a_message_are(world: World) -> None:
    path = world.home / "attached.txt"
    path.write_bytes(b"x" * 3_000_000)
    words = ("messaging", "send", "Large", "T", "-u", world.uid("nurse"), "-a", str(path), "--key", "bar")
    screen = world.clerk.seen(*words, "--first-attempt")
    assert (screen.status, screen.text.startswith("stored: ")) == (0, True)
    assert b"3,000,000 of 3,000,000" in screen.raw
    assert "3,000,000" not in screen.text
    again = world.clerk("--json", *words).data  # through a pipe the key stands for the same message with the same file
    assert again["found"] is True
    replied = world.clerk.seen("messaging", "reply", again["id"], "T", "-a", str(path))
    assert (replied.status, b"3,000,000 of 3,000,000" in replied.raw) == (0, True)
    files = [file for message in world.thread(again["id"]).messages for file in message.attachments]
    assert [(file.name, file.content_type, file.content_length) for file in files] == [
        ("attached.txt", "text/plain", 3_000_000)
    ] * 2


def test_without_files_a_message_has_no_bar(newest: World) -> None:
    uid = newest.sent()
    assert b"attachments" not in newest.clerk.seen("messaging", "reply", uid, "T").raw
    missing = newest.clerk.seen("messaging", "reply", uid, "T", "-a", "no/such.txt")
    assert (missing.status, missing.text) == (
        2,
        "dhis2: usage: no/such.txt cannot be read: No such file or directory",
    )


def test_the_other_views_are_shown_on_a_terminal_too(world: World) -> None:
    uid, ticket = world.sent(attachments=[("view.txt", b"12345")]), world.ticket()
    file = world.thread(uid).messages[0].attachments[0].id
    nurse, folder = world.uid("nurse"), world.home / "views"
    folder.mkdir(exist_ok=True)
    (folder / "view.txt").unlink(missing_ok=True)
    views = {
        ("messaging", "send", "S", "T", "-u", nurse, "--dry-run"): f"POST {world.server.url}/api/messageConversations",
        ("messaging", "feedback", "S", "T"): "stored: ",
        ("messaging", "mark-read", uid): f"changed: {uid}",
        ("messaging", "follow-up", uid): f"accepted: {uid}",
        ("messaging", "set-status", ticket, "solved"): f"done: {ticket}",
        ("messaging", "unread-count"): str(world.clients["clerk"].messaging.unread_count() - 1),
        ("messaging", "attachments", "download", uid, "--to", str(folder)): "view.txt  5 B",
        ("files", "get", file): f"{file}  view.txt  text/plain  5 B ",
        ("people", "search", "nurse"): f"user  {nurse}  Nurse Test  nurse",
        ("people", "me"): f"Clerk Test (clerk)  {world.uid('clerk')}",
        ("doctor",): "ok      what may I do: ",
        ("messaging", "leave", ticket, "--yes"): f"removed: {ticket}",
    }
    for words, shown in views.items():
        screen = world.clerk.seen(*words)
        assert screen.status == 0, screen.text
        assert shown in screen.text.replace("\n", ""), words
    (world.home / "view.json").write_text(json.dumps(["2020-01-01T00:00:00+00:00", {}]))
    new = world.clerk.seen("messaging", "watch", "--cursor-file", "view.json", "--limit", "1")
    assert (new.status, re.match(r"[A-Z]+  \w{11}  ", new.text) is not None) == (0, True)


def test_bytes_of_a_file_are_not_written_to_a_terminal(world: World) -> None:
    uid = world.clients["clerk"].files.upload(("a.png", bytes(range(256)))).id
    screen = world.clerk.seen("files", "download", uid, "--to", "-")
    assert screen.status == 2
    assert "not to a terminal" in screen.text


def test_a_raw_answer_is_made_safe_for_a_terminal(world: World) -> None:
    uid = world.sent(HOSTILE)
    screen = world.clerk.seen("api", "GET", f"messageConversations/{uid}?fields=subject")
    assert screen.lines[0] == "{"
    assert not STEERING.search(screen.raw.decode())
    file = world.clients["clerk"].files.upload(("a.png", bytes(range(256)))).id
    assert world.clerk.seen("api", "GET", f"fileResources/{file}/data").text == "(256 bytes; --to FILE keeps them)"


def test_a_token_is_asked_for_without_showing_it(alone: Terminal, tmp_path: Path) -> None:
    words = ("profile", "add", "default", "--url", "https://dhis2.example.org")
    screen = alone.seen(*words, answers={"Personal access token: ": "d2pat_secret"})
    assert screen.status == 0
    assert b"d2pat_secret" not in screen.raw
    path = tmp_path / "dhis2-facade" / "profiles.toml"
    assert path.read_text() == '[default]\nurl = "https://dhis2.example.org"\ntoken = "d2pat_secret"\n'
    again = alone.seen(*words, answers={"[y/N]": "n"})
    assert (again.status, "Replace the profile default?" in again.text) == (1, True)


def test_a_password_that_is_kept_nowhere_is_asked_for(world: World) -> None:
    cli = world.as_user("clerk", DHIS2_TOKEN="", DHIS2_USERNAME="clerk")
    screen = cli.seen("people", "me", answers={"Password of clerk": world.server.password("clerk")})
    assert (screen.status, "Clerk Test (clerk)" in screen.text) == (0, True)
    assert world.server.password("clerk").encode() not in screen.raw
    assert cli("people", "me").status == 2
    path = world.home / "asked.txt"
    path.write_bytes(b"x" * 1000)
    screen = cli.seen("files", "upload", str(path), answers={"Password of clerk": world.server.password("clerk")})
    assert screen.status == 0
    assert screen.raw.startswith(b"Password of clerk")  # no bar is drawn over the question


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("[y/N]", ("messaging", "leave", "abcdefghijk")),
        ("token: ", ("profile", "add", "other", "--url", "https://dhis2.example.org")),
    ],
)
def test_a_question_that_is_interrupted_ends_the_command(newest: World, question: str, words: tuple[str, ...]) -> None:
    screen = newest.clerk.seen("--json", *words, answers={question: "\x03"})
    assert screen.status == 130
    assert "dhis2: interrupted: " in screen.text
    assert '"kind": "interrupted"' in screen.text
