"""Rows' tests in the sandbox: what is sent there, and what is made of the answers."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from magicoder_core import Status, sandbox

# Compiled, for each program would pay for it: 3 ms against 0.3 ms. The interpreter in the box is this one.
_PROGRAM = """\
import marshal, sys
from types import ModuleType

def call(asked):
    global module
    if type(asked) is int:
        return module.outcome(asked)
    code, given = asked
    module = ModuleType("magicoder_tests_running")
    exec(marshal.loads(code), vars(module))
    return module.load(*given)
"""
_FAILURES = 5
_TEXT = 300
_SAID = 4


@dataclass(frozen=True, slots=True)
class Test:
    """A test: its kind and what people find it by (see `splitting.Step`), its line, what is run before it (compiled)."""

    kind: str
    name: str
    line: int
    code: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """A row's tests, and its solution's blocks of code, compiled; none where the tests stand in the solution.

    ``broken`` says that no block of the solution compiles; ``left_out`` names tests that cannot be run here.
    """

    parts: tuple[bytes, ...]
    tests: tuple[Test, ...]
    unittest: bool = False
    broken: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that did not pass: its name, its line in the test program, and why."""

    test: str
    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row's tests; ``missing`` is a module that the sandbox has not, where that stopped all of them."""

    status: Status
    passed: int
    tests: int
    detail: str = ""
    missing: str = ""
    failures: tuple[Failure, ...] = field(default=())


def results(jobs: Iterable[Job], limits: sandbox.Limits) -> Iterator[Result]:
    """One result for each job, in order; jobs run on all cores.

    Raises:
        SandboxError: programs cannot be isolated here.
    """
    waiting: list[Job] = []

    def asked() -> Iterator[sandbox.Calls]:
        for job in jobs:
            waiting.append(job)
            yield _calls(job, limits)

    for answers in sandbox.call(asked()):
        yield _result(waiting.pop(0), answers)


def _calls(job: Job, limits: sandbox.Limits) -> sandbox.Calls:
    given = (list(job.parts), [(test.kind, test.name, test.code) for test in job.tests], job.unittest)
    inputs = sandbox.Inputs.of("call", [((_running(), given),), *((number,) for number in range(len(job.tests)))])
    return sandbox.Calls(program=sandbox.Program(code=_PROGRAM, limits=limits, name="magicoder_tests"), inputs=inputs)


@cache
def _running() -> bytes:
    """Our side of the box, compiled."""
    source = files("magicoder_quality.inside").joinpath("running.py").read_bytes()
    return marshal.dumps(compile(source, "<running>", "exec", dont_inherit=True))


def _result(job: Job, answers: sandbox.Answers) -> Result:
    said = [_said(sandbox.answer(record)) for record in answers.records[1 : len(job.tests) + 1]]
    # What was not answered has not passed, whatever ended the program.
    said += [("fail", "", "not reached", 0)] * (len(job.tests) - len(said))
    passed = sum(status == "pass" for status, *_ in said)
    missing = next((text for status, _, text, _ in said if status == "missing"), "")
    failures = [
        Failure(test.name, line or test.line, _detail(kind, text))
        for test, (status, kind, text, line) in zip(job.tests, said, strict=True)
        if status != "pass"
    ]
    status: Status = answers.status
    first = sandbox.answer(answers.records[0]) if answers.records else None
    if status == "compile_error" or isinstance(first, sandbox.Raised):
        # The program that is compiled is ours, and so is what loads the row's; its own errors are caught there.
        return Result("harness_error", 0, len(job.tests), f"{answers.detail} {first or ''}".strip())
    if status == "pass" and failures:
        status = "fail"
    return Result(
        status=status,
        passed=passed,
        tests=len(job.tests),
        detail=answers.detail,
        missing="" if passed else missing,
        failures=tuple(failures[:_FAILURES]),
    )


def _said(found: sandbox.Value | sandbox.Raised | sandbox.Large) -> tuple[str, str, str, int]:
    """A test's answer, held to its form: the process that sent it ran the row's code."""
    value = found.value if isinstance(found, sandbox.Value) else None
    if type(value) is tuple and [type(one) for one in value] == [str, str, str, int] and len(value) == _SAID:
        status, kind, text, line = value
        return status, kind[:100], text[:_TEXT], line if 0 < line < 1 << 20 else 0
    return "fail", "", "the program sent what is no answer", 0


def _detail(kind: str, text: str) -> str:
    """One line on a failed test, the same in each run and writable as UTF-8."""
    return str(sandbox.Raised(kind, text)) if kind else text
