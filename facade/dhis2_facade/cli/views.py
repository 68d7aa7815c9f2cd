"""How results look for people: one function a kind of result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from dhis2_facade.cli import shapes
from dhis2_facade.cli.dry_run import Shown
from dhis2_facade.cli.output import Cell, Screen

__all__ = ["VIEWS", "View", "message", "request", "size_of"]

View: TypeAlias = Callable[[Screen, Any], None]

UNREAD = "bold yellow"
TYPES: Mapping[str | None, str] = {
    "TICKET": "magenta",
    "SYSTEM": "magenta",
    "VALIDATION_RESULT": "magenta",
    "PRIVATE": "blue",
    "DIRECT": "blue",
}
PRIORITIES: Mapping[str | None, str] = {"HIGH": "bold red", "MEDIUM": "yellow"}
UNITS = ("B", "kB", "MB", "GB", "TB")
HEADS = ("", "uid", "type", "subject", "from", "messages", "status", "priority", "when")


def _when(screen: Screen, value: str | None) -> str:
    """Give a moment: in the reader's zone for people, as it is for programs."""
    if not value or not screen.is_terminal:
        return value or ""
    return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M")


def _name(one: shapes.Named | None, nobody: str = "") -> str:
    return (one["name"] or one["username"] or one["id"] or "") if one else nobody


def _who(one: shapes.Named | None) -> str:
    """Give name and username; what has no sender is the server's own."""
    name, username = _name(one, "(the server)"), one["username"] if one else None
    return f"{name} ({username})" if username and username != name else name


def size_of(size: int | None) -> str:
    """Give a number of bytes for people."""
    if size is None:
        return ""
    number = float(size)
    for unit in UNITS:
        if number < 1000 or unit == UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("the last unit takes all")


def _set(value: str | None) -> str:
    return "" if value in (None, "NONE") else str(value)


def conversations(screen: Screen, data: shapes.Listed) -> None:
    """Show a list: unread ones bold and yellow, and marked, since not everybody sees colours."""
    rows: list[Sequence[Cell]] = []
    for one in data["conversations"]:
        style = UNREAD if one["unread"] else ""
        marks = ("*" if one["unread"] else "") + ("!" if one["follow_up"] else "")
        rows.append(
            (
                (marks, style),
                one["id"] or "",
                (one["type"] or "", TYPES.get(one["type"], "")),
                (one["subject"] or "", style),
                (_name(one["last_sender"]), style),
                str(one["message_count"] or ""),
                _set(one["status"]),
                (_set(one["priority"]), PRIORITIES.get(one["priority"], "")),
                _when(screen, one["last_message"]),
            )
        )
    screen.table(HEADS, rows)


def message(screen: Screen, data: shapes.Message) -> None:
    """Show who wrote what when, and what is attached."""
    note: Cell = ("  internal note", "magenta") if data["internal"] else ""
    screen.line((_who(data["sender"]), "bold"), "  ", (_when(screen, data["created"]), "dim"), note)
    screen.text(data["text"] or "")
    for file in data["attachments"]:
        details = ", ".join(part for part in (size_of(file["size"]), file["id"]) if part)
        screen.line("    attachment: ", (file["name"] or "", "cyan"), f" ({details})")


def thread(screen: Screen, data: shapes.Thread) -> None:
    """Show a whole conversation."""
    screen.line((data["subject"] or "", UNREAD if data["unread"] else "bold"))
    facts: list[Cell] = [(data["type"] or "", TYPES.get(data["type"], "")), "  ", data["id"] or ""]
    for word, value, style in (
        ("status", _set(data["status"]), ""),
        ("priority", _set(data["priority"]), PRIORITIES.get(data["priority"], "")),
        ("assigned to", _name(data["assignee"]), ""),
    ):
        if value:
            facts += ["  ", f"{word} ", (value, style)]
    if data["follow_up"]:
        facts += ["  ", ("follow-up", "yellow")]
    screen.line(*facts)
    names = [_name(part["user"]) + ("" if part["read"] else " (unread)") for part in data["participants"]]
    screen.line(("with ", "dim"), ", ".join(names))
    for one in data["messages"]:
        screen.line("")
        message(screen, one)


def new(screen: Screen, data: shapes.New) -> None:
    """Show a message that came."""
    conversation = data["conversation"]
    kind = conversation["type"]
    subject = (conversation["subject"] or "", "bold")
    screen.line((kind or "", TYPES.get(kind, "")), "  ", conversation["id"] or "", "  ", subject)
    message(screen, data["message"])


def sent(screen: Screen, data: shapes.Sent) -> None:
    """Say that it is stored, and where."""
    words = "was stored before" if data["found"] else "stored"
    screen.line((words, "green"), ": ", data["id"] or "(the server does not say where)", f"  key {data['key']}")
    if data["copies"] > 1:
        screen.line(f"stored {data['copies']} times: something between here and the server repeats requests")
    if data["read_error"]:
        screen.line(f"it could not be read back: {data['read_error']}")


def marked(screen: Screen, data: shapes.Marked) -> None:
    """Say what a mark changed, a conversation a line."""
    for word in ("changed", "unchanged", "accepted"):
        for uid in data[word] or ():
            screen.line(f"{word}: ", uid)


def removed(screen: Screen, data: shapes.Removed) -> None:
    """Say which conversations were left."""
    for uid in data["removed"]:
        screen.line("removed: ", uid)
    for uid in data["unchanged"]:
        screen.line("unchanged: ", uid)
    if data["everyone"]:
        screen.line(f"taken out: {', '.join(data['everyone'])}")


def count(screen: Screen, data: shapes.Count) -> None:
    """Show a number."""
    screen.line(str(data["unread"]))


def done(screen: Screen, data: shapes.Done) -> None:
    """Say that it is done."""
    screen.line("done: ", data["id"])


def downloaded(screen: Screen, data: Sequence[shapes.Downloaded]) -> None:
    """Say where files are."""
    for one in data:
        screen.line(one["path"] or one["name"] or one["id"], f"  {size_of(one['size'])}")


def files(screen: Screen, data: Sequence[shapes.File]) -> None:
    """Show file resources."""
    rows = [
        (one["id"] or "", one["name"] or "", one["content_type"] or "", size_of(one["size"]), one["domain"] or "")
        for one in data
    ]
    screen.table(("uid", "name", "type", "size", "domain"), rows)


def people(screen: Screen, data: shapes.Found) -> None:
    """Show whom a search found."""
    kinds = (("user", data["users"]), ("user group", data["user_groups"]), ("org. unit", data["organisation_units"]))
    rows = [(kind, one["id"] or "", one["name"] or "", one["username"] or "") for kind, found in kinds for one in found]
    screen.table(("kind", "uid", "name", "username"), rows)


def me(screen: Screen, data: shapes.Me) -> None:
    """Show who one is."""
    screen.line((_who(data), "bold"), "  ", data["id"] or "")
    what = "may do everything (superuser)" if data["superuser"] else f"{len(data['authorities'])} authorities"
    screen.line(what)


def request(screen: Screen, data: Shown) -> None:
    """Show a request that was not sent."""
    screen.line((f"{data['method']} {data['url']}", "bold"))
    for name, value in data["headers"].items():
        screen.line(f"{name}: {value}")
    if data["body"] is not None:
        import json

        body = data["body"]
        screen.line("")
        screen.text(body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False))


def _one_file(screen: Screen, data: shapes.File) -> None:
    files(screen, [data])


def _one_download(screen: Screen, data: shapes.Downloaded) -> None:
    downloaded(screen, [data])


VIEWS: Mapping[str, View] = {
    "messaging.list": conversations,
    "messaging.get": thread,
    "messaging.send": sent,
    "messaging.reply": sent,
    "messaging.feedback": sent,
    "messaging.mark-read": marked,
    "messaging.mark-unread": marked,
    "messaging.follow-up": marked,
    "messaging.clear-follow-up": marked,
    "messaging.add-recipients": done,
    "messaging.leave": removed,
    "messaging.delete": removed,
    "messaging.set-status": done,
    "messaging.set-priority": done,
    "messaging.assign": done,
    "messaging.unassign": done,
    "messaging.unread-count": count,
    "messaging.watch": new,
    "messaging.attachments.download": downloaded,
    "files.upload": files,
    "files.get": _one_file,
    "files.download": _one_download,
    "people.search": people,
    "people.me": me,
}
