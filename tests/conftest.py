"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no error of what is tested.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
