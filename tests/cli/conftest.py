"""A server of each version, and the command line of its users."""

from __future__ import annotations

from tests.support.world import alone, newest, world

__all__ = ["alone", "newest", "world"]
