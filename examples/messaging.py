"""A morning's messages: what is unread, a message with a file, a reply. Run it against a server of yours.

    DHIS2_URL=https://dhis2.example.org DHIS2_TOKEN=d2pat_… python examples/messaging.py nurse

It writes to whoever a search for the word finds. The server is 2.42; for another one change the one import.
"""

from __future__ import annotations

import sys
from datetime import date

from dhis2_facade.errors import Ambiguous
from dhis2_facade.v42 import Dhis2


def show_unread(dhis2: Dhis2) -> None:
    """Print what is unread, newest first, whatever the number of pages."""
    # What others write may hold anything, also what a terminal takes for a command: hence !r, here and below.
    print(f"{dhis2.messaging.unread_count()} unread")
    for conversation in dhis2.messaging.list(unread=True):
        sender = conversation.last_sender.display_name if conversation.last_sender else "the server"
        print(f"  {conversation.last_message:%d %b %H:%M}  {sender!r}: {conversation.subject!r}")


def ask_for_count(dhis2: Dhis2, whom: str) -> str:
    """Ask those whom a search finds for their count, once a day, and give the conversation's uid."""
    found = dhis2.people.search(whom)
    today = date.today().isoformat()
    try:
        sent = dhis2.messaging.send(
            f"Stock count {today}",
            "Please fill in the sheet and send it back.",
            to=found.users,
            attachments=[("count.csv", b"item,count\nbandage,\n")],
            # Run it again, also after a crash: the message is there once. Before it sends, it waits out the ten seconds
            # in which the server may still be storing what a run before this one sent.
            key=f"stock-count-{today}",
        )
    except Ambiguous as error:
        sys.exit(f"{error}\nRun it again to find out.")
    names = ", ".join(repr(user.display_name) for user in found.users)
    print(f"{sent.id} {'was there already' if sent.found else 'is sent'}, to {names}")
    return sent.id


def main() -> None:
    """Look, ask, add a word, and show the thread."""
    whom = sys.argv[1] if len(sys.argv) > 1 else "nurse"
    with Dhis2.from_env() as dhis2:
        print(f"I am {dhis2.people.me().display_name}")
        show_unread(dhis2)
        conversation = ask_for_count(dhis2, whom)
        dhis2.messaging.reply(conversation, "By noon, please.", key="by-noon")
        for message in dhis2.messaging.get(conversation).messages or ():
            print(f"  {message.text!r}", *(repr(file.name) for file in message.attachments or ()))


if __name__ == "__main__":
    main()
