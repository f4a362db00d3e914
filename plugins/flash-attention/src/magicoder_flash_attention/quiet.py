"""How transformers, peft and torch behave as guests: they do not talk over the command line, nor hold the processor."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, no warnings for other libraries' developers, no telemetry, while the block runs.

    The first such block must come before the first import of torch: OpenMP reads its settings once, on loading.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that wait must not spin: with 8 others on 2 cores, SmolLM2 wrote 2 tokens/s so, and 40 with this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers'
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
