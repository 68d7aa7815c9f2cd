"""A server of each version, and the command line of its users."""

from __future__ import annotations

from tests.support.world import alone, world

__all__ = ["alone", "world"]
