"""A server of each version, and the tools on it as a process that most tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.agent import Host, hosting
from tests.support.world import World, newest, world

__all__ = ["host", "newest", "world"]


@pytest.fixture(scope="session")
def host(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that cannot ask its user, with a folder for files."""
    folder: Path = tmp_path_factory.mktemp("folder")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(hosting(world.clerk, "--files", str(folder))) as agent,
    ):
        yield Host(agent, folder, portal)
