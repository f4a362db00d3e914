"""What people and programs see while work goes on: bars on a terminal, plain lines otherwise, JSON events for programs."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TextIO

from magicoder_core import progress
from magicoder_core.progress import Figure, Reporter

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET = 1.0
"""Seconds that a task may take without a word."""

_EVERY = 5.0
"""Seconds between two plain lines of one task, at least."""


@dataclass
class Task:
    """One piece of work: how far it is and since when."""

    name: str
    total: float | None
    unit: str
    done: float = 0.0
    figures: dict[str, Figure] = field(default_factory=dict)
    began: float = field(default_factory=lambda: time.monotonic())  # noqa: PLW0108 - looked up when a task begins
    told: float = 0.0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds to go at the pace so far, where the total is known."""
        return None if not self.total or not self.done else self.seconds * max(0.0, self.total / self.done - 1)

    def line(self) -> str:
        """All of it, for reading."""
        amount = f"{_amount(self.done, self.unit)}{f'/{_amount(self.total, self.unit)}' if self.total else ''}"
        unit = "" if self.unit == "B" else f" {self.unit}s"
        how_far = f"{amount}{unit} in " if self.unit else ""
        left = "" if self.left is None or self.done == self.total else f", about {_seconds(self.left)} left"
        figures = "".join(f"  {name} {_figure(value)}" for name, value in self.figures.items())
        return f"{self.name}: {how_far}{_seconds(self.seconds)}{left}{figures}"


def _figure(value: Figure) -> str:
    """A figure for reading; counts by name with their sum before them."""
    if not isinstance(value, Mapping):
        return str(value)
    return f"{sum(value.values())} ({', '.join(f'{number} {name}' for name, number in value.items())})"


def _amount(value: float, unit: str) -> str:
    return f"{value / 1e6:.1f} MB" if unit == "B" else f"{value:g}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60} min {int(value) % 60:02d} s"  # noqa: PLR2004 - a minute


class Plain:
    """A line now and then on stderr, for logs and pipes.

    Within the ``with`` block a thread of its own looks after the tasks: a stage that waits for one slow answer is
    heard of too.
    """

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._next = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Self:
        """Begin to look after tasks."""
        self._clock.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """No more lines."""
        self._over.set()
        self._clock.join()

    def _watch(self) -> None:
        while not self._over.wait(_QUIET):
            self.tick()

    def tick(self) -> None:
        """Say how far each task is that has not been heard of for a while; longer tasks are heard of less often."""
        now = time.monotonic()
        with self._lock:
            for task in self._tasks.values():
                if now - max(task.told, task.began) > max(_EVERY, task.seconds / 10):
                    task.told = now
                    self.tell(task, over=False)

    def begin(self, name: str, total: float | None, unit: str) -> int:
        """Note a task; nothing is said in its first seconds."""
        with self._lock:
            self._next += 1
            self._tasks[self._next] = Task(name, total, unit)
            return self._next

    def advance(self, task: int, amount: float, figures: dict[str, Figure]) -> None:
        """Count on."""
        with self._lock:
            state = self._tasks[task]
            state.done += amount
            state.figures |= figures

    def end(self, task: int) -> None:
        """The last line of a task that took more than a second."""
        with self._lock:
            state = self._tasks.pop(task)
            if state.seconds > _QUIET:
                self.tell(state, over=True)

    def tell(self, task: Task, *, over: bool) -> None:  # noqa: ARG002 - programs are told, see Events
        """One line on stderr."""
        self.say(task.line())

    def say(self, line: str) -> None:
        """One line on stderr."""
        write(f"  {line}", sys.stderr)


class Events(Plain):
    """One JSON object a line on stdout: ``{"event": "progress" | "end" | "say", ...}``."""

    def tell(self, task: Task, *, over: bool) -> None:
        """A progress event: what, how far, seconds, seconds left, figures."""
        emit(
            "end" if over else "progress",
            name=task.name,
            done=task.done,
            total=task.total,
            unit=task.unit,
            seconds=round(task.seconds, 2),
            left=None if task.left is None else round(task.left, 2),
            **task.figures,
        )

    def say(self, line: str) -> None:
        """A line worth reading, as an event."""
        emit("say", line=line)


def emit(event: str, **facts: object) -> None:
    """Write one event to stdout."""
    write(json.dumps({"event": event, **facts}))


def write(text: str, stream: TextIO | None = None) -> None:
    """Write a line to ``stream`` (default: stdout); work goes on when its reader is gone, as after ``| head -1``."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # The stream keeps what it could not write and would fail once more at exit: from here on all of it is dropped.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Bars:
    """Live bars on a terminal."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._units: dict[int, str] = {}

    def begin(self, name: str, total: float | None, unit: str) -> int:
        """A new bar."""
        task = self._bars.add_task(name, total=total, unit=unit, figures="", shown="")
        self._units[task] = unit
        return task

    def advance(self, task: int, amount: float, figures: dict[str, Figure]) -> None:
        """Move a bar, with figures beside it."""
        number: TaskID = task  # type: ignore[assignment]  # a NewType of int
        self._bars.update(number, advance=amount)
        state = self._bars.tasks[self._bars.task_ids.index(number)]
        total = f"/{_amount(state.total, self._units[task])}" if state.total else ""
        shown = f"{_amount(state.completed, self._units[task])}{total}"
        text = "  ".join(f"{name} {_figure(value)}" for name, value in figures.items())
        self._bars.update(number, figures=text, shown=shown)

    def end(self, task: int) -> None:
        """Take the bar away: the stage's own line stays."""
        self._bars.remove_task(task)  # type: ignore[arg-type]  # a NewType of int

    def say(self, line: str) -> None:
        """A line above the bars."""
        from rich.text import Text

        self._bars.console.print(Text(f"  {line}", style="dim"))


@contextmanager
def shown(*, as_json: bool) -> Iterator[Reporter]:
    """Show progress within the block, in the way that fits where the output goes."""
    if not as_json and sys.stderr.isatty():
        with _bars() as bars, progress.reporting(bars):
            yield bars
        return
    with Events() if as_json else Plain() as reporter, progress.reporting(reporter):
        yield reporter


@contextmanager
def _bars() -> Iterator[Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    with Progress(
        SpinnerColumn(),
        # What plugins say is text: a path in brackets is no markup.
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[shown]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", style="dim", markup=False),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        yield Bars(bars)
