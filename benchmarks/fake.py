"""The test server: how long it takes to start, how many list calls it answers in a second of CPU of this process."""

from __future__ import annotations

import http.client
import json
import time

BEGUN = time.perf_counter()
CALLS = 2000
MAIL = "/api/messageConversations"


def start() -> float:
    """Seconds from nothing imported to the first answer."""
    from dhis2_facade.testing import FakeDhis2  # it is what is measured

    with FakeDhis2() as server:
        client = connection(server.url)
        client.request("GET", "/api/ping")
        client.getresponse().read()
        return time.perf_counter() - BEGUN


def connection(url: str) -> http.client.HTTPConnection:
    """A connection that costs as little as possible."""
    return http.client.HTTPConnection(url.removeprefix("http://"))


def calls() -> float:
    """List calls in a second of CPU, client and server together: first pages of 50, on one connection."""
    from dhis2_facade.testing import FakeDhis2

    with FakeDhis2() as server:
        headers = {"Authorization": f"ApiToken {server.token('clerk')}", "Content-Type": "application/json"}
        client = connection(server.url)
        for number in range(60):
            body = json.dumps({"subject": f"{number}", "text": "x", "users": [{"id": server.user("nurse").uid}]})
            client.request("POST", MAIL, body, headers)
            client.getresponse().read()
        begun = time.process_time()
        for _ in range(CALLS):
            client.request("GET", f"{MAIL}?fields=id,displayName&order=lastMessage:desc", headers=headers)
            answer = client.getresponse()
            if len(json.load(answer)["messageConversations"]) != 50 or answer.status != 200:
                raise RuntimeError("this is no page of 50")
        return CALLS / (time.process_time() - begun)


if __name__ == "__main__":
    print(json.dumps({"start": start(), "calls": calls()}))
