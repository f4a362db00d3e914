"""Workers that run ahead: they judge parts of files by the row-by-row filters, and their decisions come in order."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from magicoder_core import progress
from magicoder_core.errors import RunError
from magicoder_core.filtering.chain import Part
from magicoder_core.filtering.decisions import Decision, decoded
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.filtering.worker import Errand, Orders, Outcome, receive, send

_PROGRAM = "from magicoder_core.filtering.worker import main; main()"

_EACH = 2
"""Errands that a worker has at a time: the next one is there when it ends one."""

_WAITING = 4
"""Errands under way or waiting to be fetched, for each worker: what stands in memory."""


@dataclass
class _Due:
    """An errand and what came of it, if anything has."""

    errand: Errand
    outcome: Outcome | None = None


class _Worker:
    """One process, and the errands that it has."""

    def __init__(self, files: Sequence[Path], orders: Orders) -> None:
        # Ctrl-C is for us: we end them. No buffers: what stands in one is not seen by a selector.
        self.process = subprocess.Popen(  # noqa: S603 - our own Python, our own code
            [sys.executable, "-c", _PROGRAM], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        self.errands: deque[_Due] = deque()
        with suppress(BrokenPipeError):  # that it is gone is seen, and told, when it does not answer
            send(self._asked, (sys.path, list(files)))
            send(self._asked, orders)

    @property
    def _asked(self) -> BinaryIO:
        return cast("BinaryIO", self.process.stdin)

    @property
    def answers(self) -> BinaryIO:
        """Where its frames come."""
        return cast("BinaryIO", self.process.stdout)

    def give(self, due: _Due) -> None:
        """One more errand."""
        self.errands.append(due)
        with suppress(BrokenPipeError):
            send(self._asked, due.errand)

    def take(self) -> None:
        """Read one outcome.

        Raises:
            RunError: the worker has ended.
        """
        due = self.errands[0]
        try:
            due.outcome = receive(self.answers)
        except EOFError as error:
            raise RunError(_death(self.process.wait(), due.errand)) from error
        self.errands.popleft()


def _death(status: int, errand: Errand) -> str:
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    memory = ", as the system does where memory is short" if status == -signal.SIGKILL else ""
    return (
        f"a worker {how}{memory}, while it judged {errand.path} from place {errand.start} on; "
        "run the same command again to go on, with fewer --workers if it happens again"
    )


class Ahead:
    """A few workers; use it in a ``with`` block, at whose end none is left.

    Args:
        count: how many.
        parts: the row-by-row filters.
        layouts: what makes instructions of rows.
        files: plugin files to load in each worker.
        weak: whether programs may run with limits alone.
    """

    def __init__(
        self,
        count: int,
        parts: Sequence[Part],
        layouts: Layouts,
        *,
        files: Sequence[Path] = (),
        weak: bool = False,
    ) -> None:
        self._count, self._files = count, files
        boxes = max(1, (os.cpu_count() or 1) // count)
        self._orders = Orders(pickle.dumps(list(parts)), layouts, weak, boxes)
        self._workers: list[_Worker] = []
        self._said: set[str] = set()
        self.cpu: dict[int, float] = {}
        """Seconds of each filter in all workers."""

    def __enter__(self) -> Self:
        """Start them."""
        self._selector = selectors.DefaultSelector()
        try:
            for _ in range(self._count):
                worker = _Worker(self._files, self._orders)
                self._workers.append(worker)
                self._selector.register(worker.answers, selectors.EVENT_READ, worker)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them, whatever they are at."""
        self._end()

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            worker.answers.close()
            if worker.process.stdin is not None:
                worker.process.stdin.close()
        self._selector.close()

    def decisions(self, errands: Iterator[Errand]) -> Iterator[tuple[Errand, list[Decision | None]]]:
        """Each errand, in order, with the decisions on its rows.

        Raises:
            RunError: a row cannot be read, a filter failed, or a worker died.
        """
        due: deque[_Due] = deque()
        while True:
            self._hand_out(errands, due)
            if not due:
                return
            while (outcome := due[0].outcome) is None:
                for key, _ in self._selector.select():
                    cast("_Worker", key.data).take()
                self._hand_out(errands, due)
            yield due.popleft().errand, self._read(outcome)

    def _hand_out(self, errands: Iterator[Errand], due: deque[_Due]) -> None:
        """Give errands to whoever has fewest, as many as may be under way."""
        while len(due) < _WAITING * len(self._workers):
            worker = min(self._workers, key=lambda item: len(item.errands))
            if len(worker.errands) >= _EACH or (errand := next(errands, None)) is None:
                return
            due.append(_Due(errand))
            worker.give(due[-1])

    def _read(self, outcome: Outcome) -> list[Decision | None]:
        if outcome.failed:
            raise RunError(outcome.failed)
        if outcome.bug:
            raise RuntimeError(f"in a worker:\n{outcome.bug}")
        for line in outcome.said:
            if line not in self._said:  # each worker says it
                self._said.add(line)
                progress.say(line)
        for number, seconds in outcome.cpu.items():
            self.cpu[number] = self.cpu.get(number, 0.0) + seconds
        return list(map(decoded, outcome.decisions.split(b"\n"))) if outcome.rows else []
