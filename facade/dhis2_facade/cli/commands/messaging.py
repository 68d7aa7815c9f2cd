"""`dhis2 messaging …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dhis2_facade.cli.commands.inputs import (
    Attachments,
    FirstAttempt,
    ForUser,
    Key,
    Text,
    TextFile,
    Uid,
    Uids,
    Units,
    UserGroups,
    Users,
    attached,
    one_of,
    text_of,
)
from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.run import Run, command

__all__ = ["app"]

STATUSES = ("NONE", "OPEN", "PENDING", "INVALID", "SOLVED")
PRIORITIES = ("NONE", "LOW", "MEDIUM", "HIGH")
TYPES = ("PRIVATE", "SYSTEM", "TICKET", "VALIDATION_RESULT", "SYSTEM_VERSION_UPDATE")

app = typer.Typer(help="Message conversations: read, write, mark, leave.", no_args_is_help=True)
attachments = typer.Typer(help="What is attached to messages.", no_args_is_help=True)
app.add_typer(attachments, name="attachments")


@command(app, "list", "dhis2 messaging list --unread --limit 20", "dhis2 --json messaging list --all")
def list_(
    run: Run,
    *,
    unread: Annotated[bool | None, typer.Option("--unread/--read", help="Only unread ones, or only read ones.")] = None,
    follow_up: Annotated[
        bool | None, typer.Option("--follow-up/--no-follow-up", help="Only those marked for follow-up, or the others.")
    ] = None,
    message_type: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="TYPE", help=f"Only of a type: {', '.join(TYPES)}.", autocompletion=one_of(*TYPES)
        ),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", help=f"Only with a status: {', '.join(STATUSES)}.", autocompletion=one_of(*STATUSES)
        ),
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option(
            metavar="PRIORITY",
            help=f"Only with a priority: {', '.join(PRIORITIES)}.",
            autocompletion=one_of(*PRIORITIES),
        ),
    ] = None,
    assignee: Annotated[str | None, typer.Option(metavar="UID", help="Only tickets of a user.")] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only where subject, texts or senders hold the text.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="FILTER", help="The server's own, such as subject:ilike:stock; can be repeated."
        ),
    ] = None,
    page: Annotated[int | None, typer.Option(metavar="N", min=1, help="This page alone.")] = None,
    page_size: Annotated[int, typer.Option(metavar="N", min=1, help="Conversations a page.")] = 50,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="At most so many (50).")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """List one's conversations, newest first.

    A * marks unread ones, a ! those marked for follow-up. Into a pipe the columns are divided by tabs.
    """
    if sum((everything, limit is not None, page is not None)) > 1:
        raise Failure("pass one of --all, --limit and --page")
    with run.output.progress("conversations") as bar:
        data = run.ask(
            "messaging.list",
            unread=unread,
            follow_up=follow_up,
            message_type=message_type,
            status=status,
            priority=priority,
            assignee=assignee,
            search=search,
            filters=filters or (),
            page=page,
            page_size=page_size,
            limit=None if everything else limit or page_size,
            listing=(lambda count: bar(count, None)) if bar else None,
        )
    run.show(data, "messaging.list")
    shown, total = len(data["conversations"]), data["total"]
    if total is not None and total > shown and not run.output.as_json:
        run.output.note(f"{shown} of {total} conversations; --all gives the others")


@command(app, "get", "dhis2 messaging get b2mDPJIvBrQ", "dhis2 messaging get b2mDPJIvBrQ --mark-read", writes=True)
def get(
    run: Run,
    uid: Uid,
    *,
    mark_read: Annotated[bool, typer.Option("--mark-read", help="And mark it as read.")] = False,
) -> None:
    """Show a whole thread.

    Who wrote what when, what is attached, who takes part, status and priority.
    """
    run("messaging.get", uid=uid, mark_read=mark_read)


@command(
    app,
    "send",
    'dhis2 messaging send "Stock count" "Please see the file." -u xE7jOejl9FI -a count.csv',
    'dhis2 messaging send "Report" --text-file report.txt -g wl5cDMuUhmF --key report-2026-11',
    writes=True,
)
def send(
    run: Run,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="At most 255 characters.")],
    text: Text = None,
    *,
    text_file: TextFile = None,
    users: Users = None,
    user_groups: UserGroups = None,
    organisation_units: Units = None,
    attachment: Attachments = None,
    key: Key = None,
    first_attempt: FirstAttempt = False,
) -> None:
    """Begin a conversation.

    It is stored at most once. Where nobody can know whether it was (exit status 8), say the same again with the --key
    that is named.
    """
    written = text_of(text, text_file)
    with attached(run.output, attachment) as sources:
        data = run.ask(
            "messaging.send",
            subject=subject,
            text=written,
            users=users or (),
            user_groups=user_groups or (),
            organisation_units=organisation_units or (),
            attachments=sources,
            key=key,
            first_attempt=first_attempt,
        )
    run.show(data, "messaging.send")


@command(app, "reply", 'dhis2 messaging reply b2mDPJIvBrQ "One more." -a late.csv', writes=True)
def reply(
    run: Run,
    uid: Uid,
    text: Text = None,
    *,
    text_file: TextFile = None,
    attachment: Attachments = None,
    internal: Annotated[bool, typer.Option("--internal", help="A note that only those see who get feedback.")] = False,
    key: Key = None,
    first_attempt: FirstAttempt = False,
) -> None:
    """Reply in a conversation. It is stored at most once, as with send."""
    written = text_of(text, text_file)
    with attached(run.output, attachment) as sources:
        data = run.ask(
            "messaging.reply",
            uid=uid,
            text=written,
            attachments=sources,
            internal=internal,
            key=key,
            first_attempt=first_attempt,
        )
    run.show(data, "messaging.reply")


@command(app, "feedback", 'dhis2 messaging feedback "Cannot log in" "Since this morning."', writes=True)
def feedback(
    run: Run,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="At most 255 characters.")],
    text: Text = None,
    *,
    text_file: TextFile = None,
    key: Key = None,
    first_attempt: FirstAttempt = False,
) -> None:
    """Write a ticket to those who get feedback. It is stored at most once, as with send."""
    run(
        "messaging.feedback",
        subject=subject,
        text=text_of(text, text_file),
        key=key,
        first_attempt=first_attempt,
    )


@command(app, "mark-read", "dhis2 messaging mark-read b2mDPJIvBrQ", writes=True)
def mark_read(run: Run, uids: Uids, *, user: ForUser = None) -> None:
    """Mark conversations as read."""
    run("messaging.mark-read", uids=uids, user=user)


@command(app, "mark-unread", "dhis2 messaging mark-unread b2mDPJIvBrQ", writes=True)
def mark_unread(run: Run, uids: Uids, *, user: ForUser = None) -> None:
    """Mark conversations as unread."""
    run("messaging.mark-unread", uids=uids, user=user)


@command(app, "follow-up", "dhis2 messaging follow-up b2mDPJIvBrQ", writes=True)
def follow_up(run: Run, uids: Uids, *, user: ForUser = None) -> None:
    """Mark conversations for follow-up."""
    run("messaging.follow-up", uids=uids, user=user)


@command(app, "clear-follow-up", "dhis2 messaging clear-follow-up b2mDPJIvBrQ", writes=True)
def clear_follow_up(run: Run, uids: Uids, *, user: ForUser = None) -> None:
    """Take the follow-up mark away."""
    run("messaging.clear-follow-up", uids=uids, user=user)


@command(app, "add-recipients", "dhis2 messaging add-recipients b2mDPJIvBrQ -u xE7jOejl9FI", writes=True)
def add_recipients(
    run: Run, uid: Uid, *, users: Users = None, user_groups: UserGroups = None, organisation_units: Units = None
) -> None:
    """Let others take part; they see all of it."""
    run(
        "messaging.add-recipients",
        uid=uid,
        users=users or (),
        user_groups=user_groups or (),
        organisation_units=organisation_units or (),
    )


@command(app, "leave", "dhis2 messaging leave b2mDPJIvBrQ --yes", writes=True, asks=True)
def leave(run: Run, uids: Uids, *, user: ForUser = None) -> None:
    """Leave conversations; others keep them. With --user take another user out of them."""
    run.confirm(f"Leave {_several(uids)}?" if user is None else f"Take {user} out of {_several(uids)}?")
    run("messaging.leave", uids=uids, user=user)


@command(
    app,
    "delete",
    "dhis2 messaging delete b2mDPJIvBrQ --yes",
    "dhis2 messaging delete b2mDPJIvBrQ --for-everyone",
    writes=True,
    asks=True,
)
def delete(
    run: Run,
    uids: Uids,
    *,
    for_everyone: Annotated[
        bool, typer.Option("--for-everyone", help="Take everybody out; then only a superuser can read it.")
    ] = False,
) -> None:
    """Delete from one's own messages, as leave does.

    Others keep the conversation, unless --for-everyone takes them out too.
    """
    run.confirm(f"Delete {_several(uids)} {'for everyone' if for_everyone else 'from your messages'}?")
    run("messaging.delete", uids=uids, for_everyone=for_everyone)


def _several(uids: list[str]) -> str:
    return uids[0] if len(uids) == 1 else f"{len(uids)} conversations"


@command(app, "set-status", "dhis2 messaging set-status b2mDPJIvBrQ SOLVED", writes=True)
def set_status(
    run: Run,
    uid: Uid,
    status: Annotated[
        str, typer.Argument(metavar="STATUS", help=f"{', '.join(STATUSES)}.", autocompletion=one_of(*STATUSES))
    ],
) -> None:
    """Set the status of a ticket."""
    run("messaging.set-status", uid=uid, status=status)


@command(app, "set-priority", "dhis2 messaging set-priority b2mDPJIvBrQ HIGH", writes=True)
def set_priority(
    run: Run,
    uid: Uid,
    priority: Annotated[
        str, typer.Argument(metavar="PRIORITY", help=f"{', '.join(PRIORITIES)}.", autocompletion=one_of(*PRIORITIES))
    ],
) -> None:
    """Set the priority of a ticket."""
    run("messaging.set-priority", uid=uid, priority=priority)


@command(app, "assign", "dhis2 messaging assign b2mDPJIvBrQ xE7jOejl9FI", writes=True)
def assign(
    run: Run, uid: Uid, user: Annotated[str, typer.Argument(metavar="USER", help="The uid of one who gets feedback.")]
) -> None:
    """Assign a ticket to one who gets feedback.

    `dhis2 people search --feedback` finds them.
    """
    run("messaging.assign", uid=uid, user=user)


@command(app, "unassign", "dhis2 messaging unassign b2mDPJIvBrQ", writes=True)
def unassign(run: Run, uid: Uid) -> None:
    """Assign a ticket to nobody."""
    run("messaging.unassign", uid=uid)


@command(app, "unread-count", "dhis2 messaging unread-count")
def unread_count(run: Run) -> None:
    """Count one's unread conversations."""
    run("messaging.unread-count")


@command(
    app,
    "watch",
    "dhis2 messaging watch",
    "dhis2 --json messaging watch --cursor-file seen.json | while read -r new; do …; done",
)
def watch(
    run: Run,
    *,
    interval: Annotated[float, typer.Option(metavar="SECONDS", help="Seconds between two looks.")] = 30.0,
    cursor: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on behind the message that came with this cursor.")
    ] = None,
    cursor_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Go on from the cursor in this file, and keep it there."),
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="One's own messages too.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many.")] = None,
) -> None:
    """Show new messages as they come, until interrupted. With --json a document a line."""
    if cursor is not None and cursor_file is not None:
        raise Failure("pass --cursor or --cursor-file, not both")
    if cursor_file is not None and cursor_file.exists():
        cursor = cursor_file.read_text(encoding="utf-8", errors="replace").strip() or None

    def keep(new: Any) -> None:
        if cursor_file is not None:
            from dhis2_facade.cli.whole import write_whole

            write_whole(cursor_file, new["cursor"] + "\n")

    run.follow("messaging.watch", limit, keep, interval=interval, cursor=cursor, own=own)


@command(
    attachments,
    "download",
    "dhis2 messaging attachments download b2mDPJIvBrQ --to files/",
    "dhis2 messaging attachments download b2mDPJIvBrQ p5WMBIXTOvK",
)
def download(
    run: Run,
    uid: Uid,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Uids of files; else all.")] = None,
    *,
    to: Annotated[
        Path, typer.Option("--to", "-o", metavar="FOLDER|FILE", help="Where to write; in a folder no file is replaced.")
    ] = Path(),
) -> None:
    """Download what is attached to a conversation."""
    if len(files or ()) != 1 and not to.is_dir():
        raise Failure(f"--to: there is no folder {to}")
    with run.output.progress("download") as bar:
        data = run.ask("messaging.attachments.download", uid=uid, files=files or (), to=to, progress=bar)
    run.show(data, "messaging.attachments.download")
