"""How long work tells of itself, without knowing who listens.

A provider or a stage wraps its work::

    with progress.task("download model", total=491_400_064, unit="B") as advance:
        advance(65536)

The command line sets a `Reporter` that draws bars, prints lines or writes JSON events; without one nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

Figure = float | int | str | Mapping[str, int]
"""What is shown beside the progress; a mapping counts things by name, as rejections by reason."""

Advance = Callable[..., None]
"""``advance(n=1, **figures)``: n more units are done; figures (as ``loss=1.2``) are shown beside."""


class Reporter(Protocol):
    """Who is told. All calls may come from any thread."""

    def begin(self, name: str, total: float | None, unit: str) -> int:
        """A task of ``total`` units (None: unknown) begins; returns its number."""
        ...

    def advance(self, task: int, amount: float, figures: dict[str, Figure]) -> None:
        """``amount`` more units of a task are done."""
        ...

    def end(self, task: int) -> None:
        """A task is over."""
        ...

    def say(self, line: str) -> None:
        """One line worth reading: what was chosen and why, what was skipped."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, name: str, total: float | None, unit: str) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return 0

    def advance(self, task: int, amount: float, figures: dict[str, Figure]) -> None:
        """Nothing."""

    def end(self, task: int) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


_reporter: list[Reporter] = [Silent()]


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Tell ``reporter`` within the block. Process-wide, so that worker threads are heard too."""
    _reporter.append(reporter)
    try:
        yield
    finally:
        _reporter.remove(reporter)


@contextmanager
def task(name: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:
    """A piece of work; yields the function that counts it on."""
    reporter = _reporter[-1]
    number = reporter.begin(name, total, unit)

    def advance(amount: float = 1, **figures: Figure) -> None:
        reporter.advance(number, amount, figures)

    try:
        yield advance
    finally:
        reporter.end(number)


def say(line: str) -> None:
    """One line worth reading."""
    _reporter[-1].say(line)
