"""What the facade's calls cost: CPU time against bare httpx and json.loads on the same local server, as JSON."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from time import process_time
from urllib.parse import parse_qs, urlsplit

import httpx

from benchmarks.pages import page
from benchmarks.serving import Answering, serve, serving
from dhis2_facade.v42 import Dhis2

ROUNDS = 30
PAGES, SIZE = 20, 50  # 1,000 conversations
SMALL = 100  # small calls a round
KEYS = (
    *("id", "subject", "messageType", "priority", "status", "read", "followUp", "messageCount"),
    *("created", "lastUpdated", "lastMessage", "lastSender"),
)
INFO = {"version": "2.42.5.2", "serverTimeZoneId": "UTC"}
ME = {"id": "aBcDeFgHiJk", "username": "clerk", "displayName": "Clerk", "authorities": []}


def rows() -> list[dict[str, object]]:
    """Rows of a list as the facade asks for them, newest first."""
    found: list[dict[str, object]] = json.loads(page(PAGES * SIZE))["messageConversations"]
    found.sort(key=lambda row: str(row["lastMessage"]), reverse=True)
    return [{key: row[key] for key in KEYS if key in row} for row in found]


class Handler(Answering):
    """Answers from memory."""

    pages: dict[str, bytes]

    def do_GET(self) -> None:  # noqa: N802 - the name of http.server
        """Give a page, what the server is, or who one is."""
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path.endswith("info"):
            self.give(json.dumps({**INFO, "userAgent": self.headers["User-Agent"]}).encode())
        else:
            self.give(self.pages.get(query.get("page", [""])[0], json.dumps(ME).encode()))


def serve_pages() -> None:
    """Serve until standard input ends."""
    made = rows()
    Handler.pages = {
        str(n): json.dumps(
            {
                "pager": {"page": n, "pageCount": PAGES, "pageSize": SIZE, "total": PAGES * SIZE},
                "messageConversations": made[(n - 1) * SIZE : n * SIZE],
            }
        ).encode()
        for n in range(1, PAGES + 1)
    }
    serve(Handler)


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of this process."""
    began = process_time()
    work()
    return process_time() - began


def measure(url: str) -> dict[str, float]:
    """Do the same with both, in turns."""
    with httpx.Client(base_url=url) as bare, Dhis2(url, token="d2pat_x") as dhis2:
        params: dict[str, str | int] = {"fields": "id", "order": "lastMessage:desc", "pageSize": SIZE}
        call = dhis2.people

        def bare_list() -> None:
            for number in range(1, PAGES + 1):
                answer = bare.get("/api/messageConversations", params={**params, "page": number})
                assert len(json.loads(answer.content)["messageConversations"]) == SIZE

        def facade_list() -> None:
            assert sum(1 for _ in dhis2.messaging.list()) == PAGES * SIZE

        def bare_small() -> None:
            for _ in range(SMALL):
                assert json.loads(bare.get("/api/me", params={"fields": "id"}).content)["id"] == ME["id"]

        def facade_small() -> None:
            for _ in range(SMALL):
                assert dhis2.files.get(str(ME["id"])).id == ME["id"]

        call.me()
        found = {}
        for name, ours, theirs in (("list", facade_list, bare_list), ("small", facade_small, bare_small)):
            for _ in range(3):
                ours(), theirs()
            found[name] = statistics.median(cpu(ours) / cpu(theirs) for _ in range(ROUNDS))
        return found


def main() -> None:
    """Measure both against one server."""
    with serving("benchmarks.facade") as url:
        json.dump(measure(url), sys.stdout)


if __name__ == "__main__":
    serve_pages() if "serve" in sys.argv else main()
