"""What all tests need of their surroundings."""

import signal

# A shell that runs the tests in the background has SIGINT ignored, and all that they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
