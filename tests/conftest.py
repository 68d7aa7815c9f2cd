"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# A busy machine is no error of what is tested.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# Where the tests run in the background, interrupts are ignored, and so they would be by the commands that tests
# interrupt: what is ignored is inherited, what has a handler is not.
signal.signal(signal.SIGINT, signal.default_int_handler)
