"""Many errands at once: each asks the sandbox, is told, and asks again, until it knows what it came for."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

from magicoder_core.sandbox.pool import call
from magicoder_core.sandbox.program import Answers, Calls

T = TypeVar("T")

Errand = Generator[Calls, Answers, T]
"""Yields what to ask, is sent the answers, and returns its result."""

_MOST = 4096
"""Results that may wait for one before them."""


class Desk:
    """One box for questions that cannot wait: each is answered before the next is asked."""

    def __init__(self) -> None:
        self._due: deque[Calls] = deque()
        self._answers: Iterator[Answers] = iter(())

    def ask(self, calls: Calls) -> Answers:
        """The answers.

        Raises:
            SandboxError: programs cannot be isolated here.
        """
        self._due.append(calls)
        answers = next(self._answers, None)
        if answers is None:
            self._answers = call(self._questions(), workers=1)
            answers = next(self._answers)
        return answers

    def _questions(self) -> Iterator[Calls]:
        # A single box takes the next question when it has answered the last; should it ask before, this box ends.
        while self._due:
            yield self._due.popleft()

    def close(self) -> None:
        """End the box."""
        _close(self._answers)


def conducted(errands: Iterable[Errand[T]], desk: Desk) -> Iterator[T]:
    """The result of each errand, in order; errands are pulled as boxes become free, some hundred ahead at most.

    Raises:
        SandboxError: programs cannot be isolated here.
    """
    return _Conductor(errands, desk).results()


class _Conductor(Generic[T]):
    def __init__(self, errands: Iterable[Errand[T]], desk: Desk) -> None:
        self._coming = enumerate(errands)
        self._desk = desk
        self._due: deque[tuple[int, Errand[T], Calls]] = deque()
        self._asked: dict[int, tuple[int, Errand[T]]] = {}
        self._done: dict[int, T] = {}
        self._told = 0
        self._more = True

    def results(self) -> Iterator[T]:
        while self._more:
            answered = call(self._questions(), ordered=False)
            try:
                for answers in answered:
                    self._go_on(*self._asked.pop(answers.index), answers)
                    yield from self._ready()
            finally:
                _close(answered)
            # The last few have nobody beside them: not worth new boxes.
            while self._due:
                number, errand, calls = self._due.popleft()
                self._go_on(number, errand, self._desk.ask(calls))
            yield from self._ready()

    def _questions(self) -> Iterator[Calls]:
        """What is asked next: those under way go first. Ends when there is nothing to ask at the moment."""
        index = 0
        while len(self._done) < _MOST:
            if self._due:
                number, errand, calls = self._due.popleft()
                self._asked[index] = (number, errand)
                index += 1
                yield calls
            elif (following := next(self._coming, None)) is not None:
                self._go_on(*following, None)
            else:
                self._more = False
                return

    def _go_on(self, number: int, errand: Errand[T], answers: Answers | None) -> None:
        try:
            # The first step is sent nothing.
            calls = errand.send(answers) if answers is not None else next(errand)
        except StopIteration as over:
            self._done[number] = over.value
        else:
            self._due.append((number, errand, calls))

    def _ready(self) -> Iterator[T]:
        while self._told in self._done:
            yield self._done.pop(self._told)
            self._told += 1


def _close(answers: Iterator[Answers]) -> None:
    if close := getattr(answers, "close", None):
        close()
