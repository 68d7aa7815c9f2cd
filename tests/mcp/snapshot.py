"""What agents are told of the tools, as it was last looked at: `python -m tests.mcp.snapshot` records it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from dhis2_facade.mcp.server import build
from dhis2_facade.mcp.session import Serving
from dhis2_facade.profiles import Profile

FILE = Path(__file__).with_name("tools.json")
SHOWN = {"name", "title", "description", "annotations", "input_schema"}


def tools() -> Any:
    """Ask for all tools."""

    async def ask() -> Any:
        profile = Profile(url="https://dhis2.example.org", token="d2pat_x")
        async with Client(build(Serving(profile=profile, folder=Path(), say=lambda _: None))) as client:
            listed = (await client.list_tools()).tools
        assert all(tool.output_schema for tool in listed)
        return [tool.model_dump(mode="json", exclude_none=True, include=SHOWN) for tool in listed]

    return anyio.run(ask)


if __name__ == "__main__":
    FILE.write_text(json.dumps(tools(), indent=1) + "\n", encoding="utf-8")
