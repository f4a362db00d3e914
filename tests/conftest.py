"""What all tests need of their surroundings."""

import signal

import pytest

from magicoder_core import progress

# A shell that runs the tests in the background has SIGINT ignored, and all that they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def said():
    """The lines that are said, as they come."""
    lines = []

    class Listener(progress.Silent):
        def say(self, line):
            lines.append(line)

    with progress.reporting(Listener()):
        yield lines
