"""What is large is streamed: a smaller run of `python -m benchmarks memory`."""

from __future__ import annotations

import pytest

from benchmarks.memory import growth

SIZE = 64  # MiB of an upload and of a download
MOST = 16.0  # MiB by which the peak of a process may grow


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "flavour"), [(version, flavour) for version in ("40", "41", "42") for flavour in ("sync", "async")]
)
def test_transfers_and_long_lists_take_little_memory(version: str, flavour: str) -> None:
    grown = growth(version, flavour, SIZE)
    assert grown.keys() == {"upload", "download", "list"}
    assert max(grown.values()) <= MOST, grown
