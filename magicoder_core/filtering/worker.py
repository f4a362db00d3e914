"""A process that judges parts of files by row-by-row filters: it reads them itself and sends back only decisions.

It is told what to do by pickled frames on its standard input (`Orders`, then `Errand` after `Errand`) and answers each
with a frame (`Outcome`) on its standard output. It ends with its input, so that it outlives nobody.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from magicoder_core import plugins, progress, sandbox
from magicoder_core.errors import MagicoderError
from magicoder_core.filtering import inputs
from magicoder_core.filtering.chain import Chain, Part
from magicoder_core.filtering.decisions import encoded
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.filtering.reading import Source
from magicoder_core.filtering.rows import instructions

_LENGTH = 8
"""Bytes in front of a frame that tell how long it is."""


@dataclass(frozen=True)
class Orders:
    """What a worker is for.

    Attributes:
        parts: the row-by-row filters of a chain, pickled when the plugins are loaded.
        layouts: what makes instructions of rows.
        weak: whether programs may run with limits alone.
        boxes: programs at a time in this worker.
    """

    parts: bytes
    layouts: Layouts
    weak: bool
    boxes: int


@dataclass(frozen=True)
class Errand:
    """A part of a file, between two places."""

    path: Path
    start: int
    end: int | None


@dataclass(frozen=True)
class Outcome:
    """What came of an errand: a decision for each row, a line each; or why there is none.

    ``cpu`` are the seconds that each filter took, ``said`` the lines worth reading. ``failed`` is the user's to mend,
    ``bug`` is ours.
    """

    decisions: bytes = b""
    rows: int = 0
    cpu: Mapping[int, float] = field(default_factory=dict)
    said: Sequence[str] = ()
    failed: str = ""
    bug: str = ""


def send(stream: BinaryIO, value: object) -> None:
    """Write one frame."""
    content = pickle.dumps(value)
    left = memoryview(len(content).to_bytes(_LENGTH, "big") + content)
    while left:
        left = left[stream.write(left) :]
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next frame.

    Raises:
        EOFError: there is none.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH), "big")
    return pickle.loads(_exactly(stream, length))  # noqa: S301 - from our own parent or child


def _exactly(stream: BinaryIO, length: int) -> bytes:
    blocks = []
    while length > 0:
        if not (block := stream.read(length)):
            raise EOFError
        blocks.append(block)
        length -= len(block)
    return b"".join(blocks)


class Listener(progress.Silent):
    """Collects what is said, for the parent to say it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Note a line."""
        self.lines.append(line)


class Judge:
    """What a worker does."""

    def __init__(self, orders: Orders, listener: Listener) -> None:
        parts: list[Part] = pickle.loads(orders.parts)  # noqa: S301 - from our own parent
        self._chain = Chain(parts)
        self._layouts = orders.layouts
        self._listener = listener
        self._sources: dict[Path, Source] = {}

    def outcome(self, errand: Errand) -> Outcome:
        """Judge the rows of a part of a file."""
        before = {link.number: link.cpu for link in self._chain.links}
        lines: list[bytes] = []
        try:
            if errand.path not in self._sources:
                self._sources[errand.path] = inputs.source(errand.path)
            source = self._sources[errand.path]
            for batch in source.batches(errand.start, errand.end):
                lines += map(encoded, self._chain.judge(instructions(source, batch, self._layouts)))
        except (MagicoderError, OSError) as error:
            return Outcome(failed=str(error))
        except Exception:  # noqa: BLE001 - told to the parent, which ends with it
            return Outcome(bug=traceback.format_exc())
        said, self._listener.lines = self._listener.lines, []
        cpu = {link.number: link.cpu - before[link.number] for link in self._chain.links}
        return Outcome(b"\n".join(lines), len(lines), cpu, said)


def main() -> None:
    """Serve until the input ends."""
    # What filters print must not stand among the frames.
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    path, files = receive(asked)
    sys.path[:] = path
    if files:
        plugins.use(files)
    orders: Orders = receive(asked)
    listener = Listener()
    with (
        progress.reporting(listener),
        sandbox.weak_isolation(orders.weak),
        sandbox.workers(orders.boxes),
        sandbox.standby(),
    ):
        judge = Judge(orders, listener)
        while True:
            try:
                errand = receive(asked)
            except EOFError:
                return
            try:
                send(answers, judge.outcome(errand))
            except BrokenPipeError:  # the parent is gone
                os._exit(1)
