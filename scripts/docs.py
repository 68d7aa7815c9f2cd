"""Write what is made from the command line itself: `make docs`; with `--check` say whether that was done.

docs/cli.md from the help of every command, docs/*.svg as captures of the main views, and the table of operations that
`dhis2 doctor --document` looks for, from openapi/facade.toml and the documents.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from dhis2_facade.cli import views
from dhis2_facade.cli.doctor import normal
from dhis2_facade.cli.exits import STATUSES
from dhis2_facade.cli.main import app
from dhis2_facade.cli.output import Screen

ROOT = Path(__file__).parents[1]
CLI = Path("docs/cli.md")
NEEDED = Path("facade/dhis2_facade/cli/needed.py")
WIDTH = 88  # characters of the help
# In the list for tests and reports; the facade does not call them.
UNUSED = (
    "api_token.create",
    "file_resource.get",
    "file_resource.list_",
    "message_conversation.delete",
    "message_conversation.mark_message_conversation_read",
    "message_conversation.mark_message_conversation_unread",
    "organisation_unit.get",
    "user.get",
    "user.list_",
    "user_group.get",
    "user_lookup.look_up_user",
)
INTRODUCTION = """\
# The command line

Made by `make docs` from the commands themselves; do not edit.

`pip install 'dhis2-facade[cli]'` brings the command `dhis2`, also called `dhis2-facade` where another program has the
first name. `dhis2 --install-completion` installs completion for your shell.

## Which server, and as whom

The first of these that says something: `--profile NAME`; `DHIS2_URL` with `DHIS2_TOKEN` (or `DHIS2_PAT`), or with
`DHIS2_USERNAME` and `DHIS2_PASSWORD`; the profile that `DHIS2_PROFILE` names; the profile `default`. Profiles are kept
by `dhis2 profile add` in a file that only you can read. A secret is never an argument: it is asked for, read from
standard input, or taken from the environment or a profile.

Which version of the bindings: `--server-version`, `DHIS2_VERSION`, the profile's `version`; without any the server is
asked, which costs a request. Where there are no bindings for its version those of the newest are used, and said so.

## Habits

- Results go to standard output, all else to standard error. Into a pipe lists are lines with tabs, without colours;
  `NO_COLOR` turns colours off on a terminal too. There a list leaves out columns with nothing in them or without room,
  and cuts subjects off; `messaging get` and a pipe show them whole.
- `--json`, before or after the command, prints one document on standard output, whatever happens:

  ```
  {"ok": true, "data": …}
  {"ok": false, "error": {"kind": "not_found", "exit": 4, "message": "…", "status": 404, "error_code": null,
   "server_message": "…", "method": "GET", "path": "/api/…", "key": null, "spent": [], "unspent": []}}
  ```

  `kind` and `exit` are those of the table below; `key` is what a message can be sent again with, `spent` and `unspent`
  are uids of uploaded files that cannot, and can, be attached again. With `--dry-run` the data is
  `{"dry_run": true, "request": {"method", "url", "headers", "body"}}`. `messaging watch` prints a document a line.
- What destroys asks before, unless `--yes` is said; where nobody can be asked it is refused without.
- What the server sends is never written raw to a terminal: control characters, escape sequences and signs that change
  the direction of text or hide are written as `\\x1b`, `\\u202e`; the text of messages is indented.

## Exit statuses

| status | kind | |
|-:|-|-|
"""
SVG_WIDTH = 120  # characters of a capture


def commands(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    """Give every command with its context, groups before what is in them."""
    yield command, context
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from commands(inner, typer.Context(inner, parent=context, info_name=name, terminal_width=WIDTH))


def cli() -> str:
    """Write docs/cli.md."""
    root = typer.main.get_command(app)
    parts = [INTRODUCTION]
    parts += [f"| {status} | `{kind}` | {meaning} |\n" for status, (kind, meaning) in STATUSES.items()]
    for command, context in commands(root, typer.Context(root, info_name="dhis2", terminal_width=WIDTH)):
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).rstrip()
        parts.append(f"\n## `{context.command_path}`\n\n```\n{text}\n```\n")
    return "".join(parts)


def needed() -> str:
    """Write the table of operations, each with the first version that has it."""
    operations = tomllib.loads((ROOT / "openapi" / "facade.toml").read_text(encoding="utf-8"))["operations"]
    there: dict[int, set[str]] = {}
    for path in sorted((ROOT / "openapi").glob("v*.json")):
        paths = json.loads(path.read_text(encoding="utf-8"))["paths"]
        calls = {f"{method.upper()} {normal(place)}" for place, item in paths.items() for method in item}
        there[int(path.stem[1:])] = calls
    lines = [
        f'    "{name}": ("{call}", {min(version for version, calls in there.items() if call in calls)}),\n'
        for name, call in operations.items()
        if name not in UNUSED
    ]
    return (
        '"""The operations that the facade uses, and the first version that has each. Made by `make docs`."""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import Mapping\n\n"
        '__all__ = ["OPERATIONS"]\n\n'
        f"OPERATIONS: Mapping[str, tuple[str, int]] = {{\n{''.join(lines)}}}\n"
    )


# -- captures ---------------------------------------------------------------------------------------------------------


def _user(uid: str, name: str, username: str) -> dict[str, str]:
    return {"id": uid, "name": name, "username": username}


AMA = _user("xE7jOejl9FI", "Ama Mensah", "ama")
JOHN = _user("rWLrZL8rP3K", "John Barnes", "john")


def _row(uid: str, kind: str, subject: str, sender: dict[str, str] | None, when: str, **more: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": uid,
        "type": kind,
        "subject": subject,
        "last_sender": sender,
        "last_message": f"2026-11-{when}:00+00:00",
        "message_count": 1,
        "status": "NONE",
        "priority": "NONE",
        "unread": False,
        "follow_up": False,
        "assignee": None,
    }
    return row | more


CONVERSATIONS = [
    _row("b2mDPJIvBrQ", "PRIVATE", "Stock count", AMA, "23T15:40", unread=True, message_count=3),
    _row("Qv4lwVqpQ3u", "TICKET", "Cannot log in", JOHN, "23T14:02", unread=True, status="OPEN", priority="HIGH"),
    _row("fTpI4GOmujz", "VALIDATION_RESULT", "Measles above threshold", None, "23T06:00", follow_up=True),
    _row("kEmIM2mjO9b", "SYSTEM", "Export is ready", None, "22T19:30"),
    _row("WzKuXBcgIv8", "PRIVATE", "Training on Monday", AMA, "20T08:15", message_count=7),
]


def _message(sender: dict[str, str], when: str, text: str, *files: dict[str, Any], internal: bool = False) -> Any:
    return {
        "id": "a",
        "sender": sender,
        "created": f"2026-11-{when}:00+00:00",
        "text": text,
        "internal": internal,
        "attachments": list(files),
    }


THREAD = CONVERSATIONS[1] | {
    "assignee": AMA,
    "participants": [{"user": JOHN, "read": True}, {"user": AMA, "read": False}],
    "messages": [
        _message(
            JOHN,
            "23T13:40",
            "Since this morning the login page comes back empty.\nA picture is attached.",
            {"id": "p5WMBIXTOvK", "name": "login.png", "size": 48213},
        ),
        _message(AMA, "23T13:55", "The proxy was restarted at nine; asking the hosts.", internal=True),
        _message(AMA, "23T14:02", "It works again from here. Can you try once more?"),
    ],
}


def captures() -> Iterator[tuple[str, str]]:
    """Give the captures of the main views."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    shown: tuple[tuple[str, str, views.View, Any], ...] = (
        ("list", "dhis2 messaging list", views.conversations, {"conversations": CONVERSATIONS, "total": 5}),
        ("thread", "dhis2 messaging get Qv4lwVqpQ3u", views.thread, THREAD),
    )
    for name, title, view, data in shown:
        console = Console(
            record=True,
            file=io.StringIO(),
            width=SVG_WIDTH,
            force_terminal=True,
            color_system="standard",
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        view(Screen(console), data)
        yield f"docs/{name}.svg", console.export_svg(title=title, unique_id=f"dhis2-{name}")


def made() -> dict[Path, str]:
    """Give every file that is made here."""
    return {CLI: cli(), NEEDED: needed(), **{Path(name): text for name, text in captures()}}


def main() -> int:
    """Write, or compare."""
    files = {ROOT / path: text for path, text in made().items()}
    if "--check" not in sys.argv[1:]:
        for path, text in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    old = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in old:
        print(f"{path.relative_to(ROOT)} is not what the commands say; say: make docs", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
