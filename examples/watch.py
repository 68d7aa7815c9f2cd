"""Print new messages as they come, and go on where one left off. Run it against a server of yours.

    DHIS2_URL=https://dhis2.example.org DHIS2_TOKEN=d2pat_… python examples/watch.py [seconds between looks]

The cursor in `watch.cursor` says what was printed already: messages that came since, while this did not run, are
printed first. A program that answers them replies with a key before it keeps the cursor, such as
`key=f"answer-{new.message.id}"`: then each is answered once, wherever it was ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import datetime
from pathlib import Path

from dhis2_facade.errors import ConnectionFailed, ServerError
from dhis2_facade.v42 import AsyncDhis2

CURSOR = Path("watch.cursor")
LATER = 60.0  # seconds until the next try, where the server is away


async def print_new(dhis2: AsyncDhis2, began: datetime | None, interval: float) -> None:
    """Print what comes. Once it is printed the cursor is kept, so that nothing is lost where this is ended."""
    cursor = CURSOR.read_text() if CURSOR.exists() else began
    async for new in dhis2.messaging.watch(interval=interval, cursor=cursor):
        sender = new.message.sender.display_name if new.message.sender else "the server"
        # What others write may hold anything, also what a terminal takes for a command.
        print(f"{sender!r} in {new.conversation.subject!r}: {new.message.text!r}", flush=True)
        half = CURSOR.with_suffix(".half")  # a file that is half written is no cursor
        half.write_text(new.cursor)
        half.replace(CURSOR)


async def main() -> None:
    """Watch for ever."""
    interval = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    async with AsyncDhis2.from_env() as dhis2:
        began = (await dhis2.system_info()).server_date  # also what comes before the first look is printed
        print(f"watching as {(await dhis2.people.me()).display_name}", flush=True)
        while True:
            try:
                await print_new(dhis2, began, interval)
            except (ConnectionFailed, ServerError) as error:
                print(error, file=sys.stderr)
                await asyncio.sleep(LATER)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
