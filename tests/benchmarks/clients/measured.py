"""What every client of the comparison shares: its prompts, and how its CPU and time are taken.

Each client is a script of its own, because peers live in environments of their own that cannot be combined:

    PYTHON clients/bare.py --url URL --prompts FILE --number 2000 --concurrency 64

It imports and sets up, answers one prompt to warm up where it can, and only then looks at the clock. The last line of
its output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MAX_TOKENS = 2048
TEMPERATURE = 0.0


@dataclass
class Measured:
    """What a client did, and what it took."""

    good: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    start: float = 0.0
    more: dict[str, object] = field(default_factory=dict)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Seconds of CPU (children that were waited for included) and of wall clock of the block."""
        begun, self.start = time.monotonic(), cpu()
        yield
        self.cpu, self.wall = cpu() - self.start, time.monotonic() - begun

    def tell(self) -> None:
        """The line for whoever started this."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        told = {"good": self.good, "cpu": self.cpu, "wall": self.wall, "start": self.start, "peak": peak}
        print("\n" + json.dumps(told | self.more), flush=True)


def cpu() -> float:
    """Seconds, user plus system, of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def arguments() -> argparse.Namespace:
    """What each client is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--prompts", required=True, help="JSON lines: the messages of each")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--adaptive", default="true", help="of Magicoder: whether it finds out what is borne")
    parser.add_argument("--folder", default=".", help="where a client may leave files")
    return parser.parse_args()


def prompts(given: argparse.Namespace) -> list[list[dict[str, str]]]:
    """Messages of each request; the first is for warming up."""
    with open(given.prompts, encoding="utf-8") as lines:  # noqa: PTH123 - also run by the oldest Python of a peer
        read = [json.loads(line) for _, line in zip(range(given.number + 1), lines, strict=False)]
    assert len(read) == given.number + 1, "too few prompts"
    return read
