"""The tools over streamable HTTP."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from mcp import Client

from tests.support.agent import Agent
from tests.support.terminal import COMMAND, PATIENCE
from tests.support.world import World


@contextmanager
def listening(world: World, **more: str) -> Iterator[str]:
    """Start it at a free port; gives the address that it prints."""
    environment = world.clerk.environment | more
    command = [*COMMAND, "mcp", "--http", "--read-only"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("dhis2: serving http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_the_path_can_be_kept_for_the_settings_of_a_host(world: World) -> None:
    with listening(world, DHIS2_MCP_SECRET="kept-secret") as url:
        assert urlsplit(url).path == "/kept-secret/mcp"


@pytest.mark.parametrize(
    ("words", "more", "status", "said"),
    [
        (("--http",), {"DHIS2_MCP_SECRET": "a/b ?#"}, 2, "DHIS2_MCP_SECRET: expected 8 or more letters"),
        (("--http", "--port", "65536"), {}, 2, "--port"),
        (("--port", "8765"), {}, 2, "--port: it is that of --http"),
        (("--http", "--port", "{taken}"), {}, 1, "Address already in use"),
    ],
)
def test_what_cannot_be_served_is_said(
    newest: World, words: tuple[str, ...], more: dict[str, str], status: int, said: str
) -> None:
    taken = str(urlsplit(newest.server.url).port)
    told = newest.clerk("mcp", *(word.format(taken=taken) for word in words), **more)
    assert (told.status, said in told.err, "Traceback" in told.err) == (status, True, False)


def test_the_tools_are_served_on_loopback_at_a_path_that_others_do_not_know(world: World) -> None:
    uid = world.sent("Over HTTP")

    async def scenario(url: str) -> None:
        async with Client(url) as client:
            agent = Agent(client)
            assert (await agent("people_me"))["username"] == "clerk"
            assert (await agent("messaging_get", uid=uid))["subject"] == "Over HTTP"

    with listening(world) as url:
        anyio.run(scenario, url)
        parts = urlsplit(url)
        assert len(parts.path.split("/")[1]) >= 20
        base = f"http://{parts.netloc}"
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert httpx.post(f"{base}/mcp", headers=headers, json=body).status_code == 404
        elsewhere = headers | {"Host": "rebound.example.org"}
        assert httpx.post(url, headers=elsewhere, json=body).status_code == 421
        foreign = headers | {"Origin": "https://evil.example.org"}
        assert httpx.post(url, headers=foreign, json=body).status_code == 403
