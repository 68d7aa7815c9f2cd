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


def test_what_is_kept_in_memory_is_seen_to_be() -> None:
    large = bytearray(4 * SIZE * 1024 * 1024)  # the process that starts the others has had more than they
    assert SIZE < growth("42", "sync", SIZE, ["keep"])["keep"] < len(large)
