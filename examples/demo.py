"""A working day through the facade, against a small server that answers as DHIS2 does: `make demo`.

The server is `dhis2_facade.testing`, in this process, gone when the day is over. `make demo VERSION=40`: on 2.40.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections import Counter
from contextlib import ExitStack
from typing import Any

from attrs import define

from dhis2_facade.testing import FakeDhis2

VERSIONS = ("40", "41", "42")
COLOURS = {"title": "1", "said": "32", "wire": "2"}  # of a terminal: bold, green, faint
UID = re.compile(r"/(?!attachments)[A-Za-z][A-Za-z0-9]{10}\b")
COUNT = b"item,count\nbandage,12\n"
OWN_SERVER = """
The same against your own server, with a token of yours (your profile → Personal access tokens):

    export DHIS2_URL=https://dhis2.example.org DHIS2_TOKEN=d2pat_…
    .venv/bin/python examples/messaging.py USERNAME

or in a program:

    from dhis2_facade.v{version} import Dhis2

    with Dhis2.from_env() as dhis2:
        dhis2.messaging.send("Stock count", "Please see the file.", users=…, attachments=Path("count.csv"))
"""


def show(kind: str, text: str) -> None:
    """Print a line, in colour on a terminal."""
    print(f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if sys.stdout.isatty() else text)


@define
class Day:
    """Three people with a client each; `uids` are who they are."""

    server: FakeDhis2
    clerk: Any
    nurse: Any
    outsider: Any
    uids: dict[str, str]
    seen: int = 0

    def step(self, title: str) -> None:
        """Begin a step, after what the one before asked of the server."""
        self.wire()
        show("title", f"\n{title}")

    def wire(self) -> None:
        """Say what the server was asked since the last time, uids as {}."""
        asked = self.server.requests[self.seen :]
        self.seen += len(asked)
        shapes = Counter(f"{one.method} {UID.sub('/{}', one.path.removeprefix('/api'))}" for one in asked)
        if shapes:
            show("wire", "  " + ", ".join(f"{shape} ({n} times)" if n > 1 else shape for shape, n in shapes.items()))

    def said(self, text: str) -> None:
        """Say what became of it."""
        show("said", f"  {text}")


def correspond(day: Day) -> str:
    """Send, read, answer; gives the conversation."""
    day.step("The clerk sends a message with a file to the nurse")
    sheet = ("count.csv", COUNT)
    sent = day.clerk.messaging.send("Stock count", "Please see the file.", users=day.uids["nurse"], attachments=[sheet])
    day.said(f"stored as {sent.id}, with {sent.message.attachments[0].name}")

    day.step("The nurse looks into the mailbox, reads it and fetches the file")
    day.said(f"{day.nurse.messaging.unread_count()} unread")
    for row in day.nurse.messaging.list(unread=True):
        thread = day.nurse.messaging.get(row, mark_read=True)
        message = thread.messages[0]
        file = day.nurse.messaging.download_attachment(thread, message, message.attachments[0])
        day.said(f"{message.sender.display_name}: {thread.subject!r}: {message.text!r}, {file.name}, {file.size} bytes")
    day.said(f"{day.nurse.messaging.unread_count()} unread")

    day.step("The nurse replies with two files")
    files = [("cellar.csv", COUNT), ("ward.csv", COUNT)]
    replied = day.nurse.messaging.reply(sent.id, "Counted: ✓ 在庫", attachments=files)
    day.said(f"the thread has {replied.conversation.message_count} messages, the last is {replied.message.text!r}")
    return str(sent.id)


def cut_off(day: Day) -> None:
    """An answer is lost."""
    day.step("The connection is cut, once the server has stored a message and before it answers")
    subject, text, key = "Cold chain", "The fridge is at 9 degrees.", "fridge-alarm-17"
    before = len(day.server.messages)
    day.server.next("hang up", stored=True, method="POST", path="/messageConversations$")
    sent = day.clerk.messaging.send(subject, text, users=day.uids["nurse"], key=key, attempted=False)
    after = len(day.server.messages)
    day.said(f"the client looked for it and found it: {sent.id}")
    day.said(f"messages on the server: {before} before, {after} after, so it was stored once")

    day.step("The same call with the same key, as a job makes it that is started again")
    again = day.clerk.messaging.send(subject, text, users=day.uids["nurse"], key=key)
    day.said(f"it is there already: {again.id}; messages on the server: {len(day.server.messages)}")


def ticket(day: Day) -> None:
    """A ticket from feedback to solved."""
    day.step("An outsider gives feedback, which becomes a ticket")
    sent = day.outsider.messaging.feedback("Blank page", "The page stays blank.")
    day.said(f"ticket {sent.id}, {sent.conversation.status}")

    day.step("The clerk, who gets feedback, works on it")
    messaging = day.clerk.messaging
    messaging.set_priority(sent.id, "HIGH")
    messaging.assign(sent.id, day.uids["clerk"])
    messaging.set_status(sent.id, "PENDING")
    messaging.reply(sent.id, "Known since Monday.", internal=True)
    messaging.reply(sent.id, "It is repaired.")
    work = messaging.get(sent.id)
    day.said(f"priority {work.priority}, {work.status}, assigned to {work.assignee.display_name}")
    messaging.set_status(sent.id, "SOLVED")
    thread = day.outsider.messaging.get(sent.id)
    texts = [message.text for message in thread.messages if message.sender]
    day.said(f"{thread.status}; the outsider sees {texts}, not the internal note")


def tidy(day: Day, uid: str) -> None:
    """Marks, and leaving."""
    day.step("The nurse marks for follow-up, and leaves a conversation")
    marked = day.nurse.messaging.follow_up(uid)
    day.said(f"marked: {', '.join(marked.accepted)}")
    followed = [row.subject for row in day.nurse.messaging.list(follow_up=True)]
    day.said(f"to follow up: {followed}")
    day.nurse.messaging.clear_follow_up(uid)
    left = day.nurse.messaging.leave(uid)
    rest = [row.subject for row in day.nurse.messaging.list()]
    day.said(f"left: {', '.join(left.removed)}; still in the mailbox: {rest}")


def main() -> None:
    """Play the day."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", choices=VERSIONS, default=VERSIONS[-1])
    version = parser.parse_args().version
    pin = importlib.import_module(f"dhis2_facade.v{version}")
    with ExitStack() as stack:
        server = stack.enter_context(FakeDhis2(version=version))
        names = ("clerk", "nurse", "outsider")
        people = {
            name: stack.enter_context(pin.Dhis2(server.url, token=server.token(name), settle=1.0)) for name in names
        }
        print(f"A server that answers as DHIS2 {people['clerk'].system_info().version} does listens on {server.url}")
        day = Day(server, **people, uids={name: people[name].people.me().id for name in names})
        day.seen = len(server.requests)  # what the clients asked to begin with
        uid = correspond(day)
        cut_off(day)
        ticket(day)
        tidy(day, uid)
        day.wire()
    print(OWN_SERVER.format(version=version), end="")


if __name__ == "__main__":
    main()
