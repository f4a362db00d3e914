"""The suites of a task: what a program is asked, and what is thought of its answers.

The program only gives values; they are compared here. Bytes that equal the reference's need no look, others are decoded
one by one. Values that crossed as digests are looked into only where nothing else is wrong, see `digests`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from magicoder_core import Status, sandbox
from magicoder_evalplus import digests
from magicoder_evalplus.comparing import Comparison, Tolerance
from magicoder_evalplus.data import Task
from magicoder_evalplus.guard import guarded, told
from magicoder_evalplus.oracles import FIND_ZERO, oracle_of
from magicoder_evalplus.references import Expected
from magicoder_evalplus.retype import retyped, written
from magicoder_evalplus.rules import Rules
from magicoder_evalplus.showing import call_shown, detail, shown

FAILED_TESTS = 10
"""The most failed tests of a suite that a verdict names."""

_NAMED_CHARACTERS = 16 << 10
"""The most of JSON that they may take together; the first is named in any case."""

_UNASKED_BYTES = 1 << 20
"""Only a forger sends a longer answer that nobody asked for whole."""


@dataclass(frozen=True)
class Finding:
    """What became of a program in one suite; ``failed`` are the arguments of failed calls, in JSON's types."""

    status: Status
    detail: str = ""
    failed: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Miss:
    """A call, counted from 0, with a wrong answer, and what is to be said of it."""

    number: int
    said: str


@dataclass(frozen=True)
class Suite:
    """One suite of a task of EvalPlus."""

    task: Task
    name: str
    expected: Expected
    rules: Rules

    @property
    def count(self) -> int:
        """How many calls it has."""
        return len(self.expected.inputs)

    @cached_property
    def limits(self) -> sandbox.Limits:
        """What a program may take that is asked this suite alone."""
        return self.rules.limits(self.expected.seconds, self.count)

    def calls(self, code: str) -> sandbox.Calls:
        """All calls, in order."""
        code = guarded(code, self.task.entry_point) if self.rules.published else code
        program = sandbox.Program(code=code, name="solution", limits=self.limits)
        return sandbox.Calls(program=program, inputs=self.expected.inputs)

    def finding(self, code: str, answers: sandbox.Answers) -> Finding:
        """What the answers of the program ``code`` are worth."""
        answers = told(answers) if self.rules.published else answers
        whole = answers.status == "pass"
        if whole and self.task.entry_point == FIND_ZERO and not self.rules.finds_zero:
            return Finding("fail", f"{self.rules.name} counts no answer of {FIND_ZERO}: a bug of it, kept")
        if whole and answers.stream == self.expected.stream:
            return Finding("pass")
        if misses := list(islice(self._misses(code, answers), FAILED_TESTS)):
            return Finding("fail", self._told(misses[0]), self._named(misses))
        return Finding("pass") if whole else self._ended(answers)

    @cached_property
    def _comparison(self) -> Comparison:
        oracle = oracle_of(self.task.id, self.task.entry_point)
        final = self.task.entry_point == FIND_ZERO
        return Comparison(oracle=oracle, final=final, broadcast=self.rules.published)

    @cached_property
    def _tolerance(self) -> Tolerance:
        return Tolerance(self.task.atol, self.expected.floats)

    @cached_property
    def _normal(self) -> list[bytes]:
        return digests.normal_records(self.calls(self.task.program))

    def _misses(self, code: str, answers: sandbox.Answers) -> Iterator[Miss]:
        """Wrong answers, in order; those that crossed as digests only if nothing else is wrong."""
        given, wanted = answers.records[: self.count], self.expected.records
        sizes, wrong = {}, False
        for number in (number for number, record in enumerate(given) if record != wanted[number]):
            answer, expected = _read(given[number]), sandbox.answer(wanted[number])
            if isinstance(answer, sandbox.Large) or isinstance(expected, sandbox.Large):
                sizes[number] = max(_size(answer, given[number]), _size(expected, wanted[number]))
            elif miss := self._miss(number, answer, expected):
                wrong = True
                yield miss
        if answers.status == "pass" and len(given) < len(wanted):
            yield Miss(len(given), "gave no answer")
        elif answers.status == "pass" and sizes and not wrong:
            yield from self._misses_among(code, sizes)

    def _misses_among(self, code: str, sizes: dict[int, int]) -> Iterator[Miss]:
        """Wrong answers among those of which only digests are known."""
        unlike = digests.unlike(list(sizes), digests.normal_records(self.calls(code)), self._normal)
        wanted = {number: sizes[number] for number in unlike}
        for number, answer, expected in digests.fetched(self.calls(code), self.calls(self.task.program), wanted):
            if miss := self._miss(number, answer, expected):
                # One is enough: to look into all of them would take long.
                yield miss
                return

    def _miss(self, number: int, answer: Any, expected: Any) -> Miss | None:
        """What is wrong with an answer, if anything is."""
        if isinstance(answer, sandbox.Raised):
            return Miss(number, f"raised {answer}")
        if not isinstance(answer, sandbox.Value) or not isinstance(expected, sandbox.Value):
            return Miss(number, "gave a value that differs from the expected one, too large to look into")
        arguments = retyped(self.task.id, self.task.arguments(self.name)[number])
        before, atol = self._tolerance.before(number), self._tolerance.at(number)
        if self._comparison.accepts(answer.value, expected.value, arguments, before, atol):
            return None
        return Miss(number, f"gave {shown(answer.value)}, not {shown(expected.value)}")

    def _told(self, miss: Miss) -> str:
        return detail(f"{self._place(miss.number)} {miss.said}")

    def _place(self, number: int) -> str:
        """A call in words."""
        arguments = retyped(self.task.id, self.task.arguments(self.name)[number])
        called = call_shown(self.task.entry_point, arguments)
        return f"{self.name} test {number + 1} of {self.count}: {called}"

    def _named(self, misses: list[Miss]) -> tuple[Any, ...]:
        """The arguments of failed calls."""
        room = _NAMED_CHARACTERS
        named: list[Any] = []
        for miss in misses:
            arguments = written(self.task.id, self.task.arguments(self.name)[miss.number])
            room -= len(json.dumps(arguments))
            if named and room < 0:
                break
            named.append(arguments)
        return tuple(named)

    def _ended(self, answers: sandbox.Answers) -> Finding:
        """A program that did not come to its last call, and was right so far."""
        number = len(answers.records)
        # Before its first answer a program may have been at its definitions as well.
        if not 0 < number < self.count:
            return Finding(answers.status, detail(answers.detail))
        said = detail(f"{self._place(number)}: {answers.detail}")
        return Finding(answers.status, said, self._named([Miss(number, "")]))


def _read(record: bytes) -> sandbox.Value | sandbox.Raised | sandbox.Large:
    """An answer to a call whose value was not asked for whole."""
    if len(record) > _UNASKED_BYTES:
        return sandbox.Value(sandbox.Foreign("a value that was not asked for whole"))
    return sandbox.answer(record)


def _size(answer: sandbox.Value | sandbox.Raised | sandbox.Large, record: bytes) -> int:
    return answer.size if isinstance(answer, sandbox.Large) else len(record)
