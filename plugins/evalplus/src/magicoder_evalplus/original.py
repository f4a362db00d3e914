"""The original MBPP, from Google's ``mbpp.jsonl``: a task in words, and three assertions.

Source: Austin et al. 2021, "Program Synthesis with Large Language Models" (arXiv 2108.07732); ids 11 to 510 are the test
split. The prompt is the one of the BigCode evaluation harness (8fc5bae): a docstring of the words and the first assertion.

An assertion ``assert f(1) == 2`` is split: its left side is worked out in the program's box, behind the task's set-up
code, which uses the program's classes; the right side stays here. So no program can know what is expected of it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from magicoder_core import Needle, RunError, Submission, sandbox
from magicoder_evalplus.data import File
from magicoder_evalplus.examining import Apart, Examinations
from magicoder_evalplus.rules import Rules
from magicoder_evalplus.showing import detail, shown
from magicoder_evalplus.suites import Finding

FIRST, LAST = 11, 510
"""The ids of the test split."""

_BEHIND = """

pass
{setup}


def magicoder_side(number):
    return ({sides},)[number]()
"""
_OPERATORS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


@dataclass(frozen=True)
class Assertion:
    """One assertion: the text of its left side, how it is compared, and with what."""

    text: str
    left: str
    holds: Callable[[Any, Any], Any]
    right: Any


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One task. ``text`` and ``code`` are as the file has them; ``setup`` runs after the program and before the assertions."""

    id: str
    text: str
    code: str
    setup: str
    assertions: tuple[Assertion, ...]

    @property
    def program(self) -> str:
        """The whole reference program; in the file, all but one have carriage returns."""
        return self.code.replace("\r\n", "\n")

    @property
    def prompt(self) -> str:
        """A docstring of the words and the first assertion."""
        return f'"""\n{self.text.strip()}\n{self.assertions[0].text}\n"""\n'

    def needles(self, benchmark: str) -> Iterator[Needle]:
        """The ``words`` and the ``solution``, character by character as the file has them, and the ``program``."""
        for kind, text in (("words", self.text), ("solution", self.code), ("program", self.program)):
            yield Needle(benchmark=benchmark, problem_id=self.id, kind=kind, text=text)

    @property
    def entry_point(self) -> str:
        """The function that the first assertion calls."""
        calls = (node for node in ast.walk(ast.parse(self.assertions[0].left)) if isinstance(node, ast.Call))
        return next((call.func.id for call in calls if isinstance(call.func, ast.Name)), "")


@dataclass(frozen=True)
class Exercises:
    """The tasks of a file, see `judging.Shelf`."""

    tasks: Mapping[str, Exercise]
    rules: Rules

    @property
    def limits(self) -> str:
        """What a program may take, in words."""
        return self.rules.without_reference("an assertion")

    @property
    def quirks(self) -> str:
        """Nothing of EvalPlus' holds here."""
        return "assertions are compared exactly, floats too; only plain values can pass"

    def can_pass(self, problem_id: str) -> bool:
        """All can."""
        return problem_id in self.tasks

    def prepared(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        """The same submissions: there is nothing to find out.

        Raises:
            RunError: one is for no task of the data.
        """
        for submission in submissions:
            if submission.problem_id not in self.tasks:
                raise RunError(f"mbpp: no problem named '{submission.problem_id}' in the data")
            yield submission

    def examinations(self, problem_id: str) -> Examinations:
        """The assertions."""
        return Apart([Assertions(self.tasks[problem_id], self.rules)])


def is_original(file: File) -> bool:
    """Whether a file has the fields of the original, and not those of EvalPlus."""
    first = next(file.records())[2]
    return "test_list" in first and "base_input" not in first


def shelf_of(file: File, rules: Rules) -> Exercises:
    """The tasks of the test split by id, as ``Mbpp/11``.

    Raises:
        RunError: there are none, or a record is none; the message names the line.
    """
    found = [
        _exercise(file, number, record)
        for number, _, record in file.records()
        if isinstance(record.get("task_id"), int) and FIRST <= record["task_id"] <= LAST
    ]
    if not found:
        raise RunError(f"{file.path} has no task of MBPP's test split (task_id {FIRST} to {LAST})")
    return Exercises({one.id: one for one in found}, rules)


def _exercise(file: File, number: int, record: Mapping[str, Any]) -> Exercise:
    for name in ("text", "code", "test_setup_code"):
        if not isinstance(record.get(name), str):
            raise file.error(number, f"the field '{name}' is missing or no text")
    tests = record.get("test_list")
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise file.error(number, "the field 'test_list' is missing or no list of texts")
    try:
        assertions = tuple(map(_assertion, tests))
    except (SyntaxError, ValueError) as error:
        raise file.error(number, f"an assertion that cannot be judged: {error}") from error
    return Exercise(
        id=f"Mbpp/{record['task_id']}",
        text=record["text"],
        code=record["code"],
        setup=record["test_setup_code"].replace("\r\n", "\n"),
        assertions=assertions,
    )


def _assertion(text: str) -> Assertion:
    """An assertion, split.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is not ``assert LEFT == VALUE`` with a plain value.
    """
    body = ast.parse(text.strip()).body
    test = body[0].test if len(body) == 1 and isinstance(body[0], ast.Assert) else None
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or type(test.ops[0]) not in _OPERATORS:
        raise ValueError(f"'assert ... == value' was expected, not {text.strip()[:80]!r}")
    right = ast.literal_eval(test.comparators[0])
    return Assertion(text.strip(), ast.unparse(test.left), _OPERATORS[type(test.ops[0])], right)


@dataclass(frozen=True)
class Assertions:
    """A task's assertions as a suite."""

    exercise: Exercise
    rules: Rules
    name: str = "base"

    @cached_property
    def inputs(self) -> sandbox.Inputs:
        """One call for each assertion."""
        return sandbox.Inputs.of("magicoder_side", [(number,) for number in range(len(self.exercise.assertions))])

    @cached_property
    def _behind(self) -> str:
        sides = ", ".join(f"lambda: ({one.left})" for one in self.exercise.assertions)
        return _BEHIND.format(setup=self.exercise.setup, sides=sides)

    def calls(self, code: str) -> sandbox.Calls:
        """The left side of each assertion, in order."""
        limits = self.rules.limits((), len(self.inputs))
        program = sandbox.Program(code=code + self._behind, name="solution", limits=limits)
        return sandbox.Calls(program=program, inputs=self.inputs)

    def finding(self, code: str, answers: sandbox.Answers) -> Finding:
        """Whether all assertions hold."""
        del code
        assertions: Sequence[Assertion] = self.exercise.assertions
        for assertion, record in zip(assertions, answers.records, strict=False):
            if wrong := _wrong(assertion, sandbox.answer(record)):
                return Finding("fail", detail(f"{assertion.text}: {wrong}"), (assertion.text,))
        if answers.status == "pass" and len(answers.records) < len(assertions):
            return Finding("fail", "an assertion got no answer")
        return Finding(answers.status, detail(answers.detail))


def _wrong(assertion: Assertion, answer: sandbox.Value | sandbox.Raised | sandbox.Large) -> str:
    """What is wrong with the left side of an assertion, if anything is."""
    if isinstance(answer, sandbox.Raised):
        return f"raised {answer}"
    if not isinstance(answer, sandbox.Value):
        return "the left side is far larger than the right one"
    try:
        holds = bool(assertion.holds(answer.value, assertion.right))
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        return f"{type(error).__name__} when {shown(answer.value)} is compared"
    return "" if holds else f"the left side is {shown(answer.value)}"
