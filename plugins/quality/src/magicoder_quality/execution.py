"""Filter ``execution``: a row's tests, run on its solution in the sandbox.

A solution's code is its Python blocks, or all of it where it has none and is code. The tests are the row's ``tests``, or
those that stand in the solution: assertions, ``test_*`` functions, `unittest` classes. Each is run and counted by itself.
A test program that checks nothing when it is run is not run. Solution and tests share a process in the sandbox, but what
was not answered has not passed: leaving early, looping, forking, or patching `unittest` or a builtin passes nothing. A
solution that is written against its tests (an object that equals everything, code that walks the frames of its callers)
can still pass: where that matters, as in a benchmark, tests stay outside.
"""

from __future__ import annotations

import ast
import marshal
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

from magicoder_core import Filter, Instruction, Judgement, Status

if TYPE_CHECKING:
    from magicoder_core import sandbox
    from magicoder_quality.trials import Job, Result

TESTS = "<tests>"
NO_CODE, NO_TESTS, LANGUAGE = "no code", "no tests", "no way to run"
STATUSES: Sequence[Status] = get_args(Status)
"""What `execution.status` counts by, from 0: pass, fail, timeout, out_of_memory, crash, compile_error, harness_error."""

_SHOWN = 5
_MOST = 200_000
"""Characters of code and tests together that are looked at."""

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class _Not:
    """Why a row is not run: ``reason`` to count by, ``detail`` beside it. ``tested`` says that it has tests."""

    reason: str
    detail: str = ""
    tested: bool = True


@dataclass(frozen=True, kw_only=True)
class Execution(Filter):
    """Runs a row's tests on its Python solution in the sandbox; the pass rate is a score, dropping is a choice."""

    by_row = True

    min_pass_rate: Annotated[float | None, "drop a row of whose tests a smaller share passes (1: all must)"] = None
    require_tests: Annotated[bool, "drop a row that cannot be run: no tests, no Python, a module that is not there"] = (
        False
    )
    found_tests: Annotated[bool, "where a row has no tests of its own, take those that stand in its solution"] = True
    language: Annotated[str, "the language of code where neither the row nor its code block names one"] = ""
    cpu_seconds: Annotated[float, "processor time of a row's tests together, in seconds of a nominal machine"] = 10.0
    stall_seconds: Annotated[float, "how long tests may sleep or wait, in seconds"] = 10.0
    memory_mb: Annotated[int, "memory of a row's tests, in MiB"] = 1024

    def __post_init__(self) -> None:
        """Refuse limits that make none.

        Raises:
            ValueError: ``min_pass_rate`` is not between 0 and 1, or a limit is not above 0.
        """
        if self.min_pass_rate is not None and not 0 <= self.min_pass_rate <= 1:
            raise ValueError(f"min_pass_rate must be between 0 and 1 (got {self.min_pass_rate:g})")
        for name in ("cpu_seconds", "stall_seconds", "memory_mb"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0 (got {getattr(self, name):g})")

    def check(self) -> None:
        """Look whether programs can be isolated here.

        Raises:
            SandboxError: they cannot.
        """
        from magicoder_core import sandbox

        sandbox.required()

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Scores: ``execution.ran`` (0 or 1) and, of a row that ran, ``.pass_rate``, ``.tests``, ``.not_run``, ``.status``.

        The pass rate is of the ``tests`` that were run; ``not_run`` were left out, and ``status`` is a place in
        `STATUSES`. Evidence is the ``status`` (as of a benchmark), how many of the ``tests`` ``passed``, and the first ``failures``
        (the ``test``, its ``line`` in the test program, the ``detail``); or why the row did not run. A row that is kept
        although a test failed, or although it has tests that cannot be run, is flagged.

        Raises:
            SandboxError: programs cannot be isolated here.
        """
        with warnings.catch_warnings():
            # What the compiler has to say of a row's code is no warning of ours.
            warnings.simplefilter("ignore")
            prepared = [self._prepared(row) for row in batch]
        found = iter(self._results([one for one in prepared if not isinstance(one, _Not)]))
        return [self._not_run(one) if isinstance(one, _Not) else self._judged(one, next(found)) for one in prepared]

    def _results(self, jobs: Sequence[Job]) -> Iterator[Result]:
        from magicoder_quality.trials import Result, results

        ready = [job for job in jobs if not job.broken]
        ran = iter(results(ready, self._limits) if ready else ())
        for job in jobs:
            if job.broken:
                yield Result("compile_error", 0, len(job.tests), "no block of the solution's code compiles")
            else:
                yield next(ran)

    @property
    def _limits(self) -> sandbox.Limits:
        from magicoder_core import sandbox

        return sandbox.Limits(
            cpu_seconds=self.cpu_seconds, wall_seconds=self.stall_seconds, memory_bytes=self.memory_mb << 20
        )

    def _prepared(self, row: Instruction) -> Job | _Not:
        from magicoder_quality.blocks import blocks, language_of

        tested = bool(row.tests and row.tests.strip())
        found = blocks(row, self.language)
        if not found:
            return _Not(NO_CODE, tested=tested)
        named = {"python", ""} if language_of(row.language or self.language) in {"python", ""} else {"python"}
        parts = [textwrap.dedent(block.code) for block in found if block.language in named]
        if not parts:
            return _Not(LANGUAGE, ", ".join(sorted({one.language for one in found if one.language})), tested=tested)
        if sum(map(len, (*parts, row.tests or ""))) > _MOST:
            return _Not("too long", f"more than {_MOST} characters", tested=tested)
        if not tested and not self.found_tests:
            return _Not(NO_TESTS, tested=False)
        return _job(parts, row.tests if tested else None, row.problem)

    def _judged(self, job: Job, result: Result) -> Judgement:
        if result.status == "harness_error":
            return self._not_run(_Not("the sandbox failed", result.detail))
        if result.missing:
            return self._not_run(_Not("a module is missing", result.missing))
        rate = result.passed / result.tests
        scores = {
            "execution.ran": 1.0,
            "execution.pass_rate": rate,
            "execution.tests": float(result.tests),
            "execution.not_run": float(len(job.left_out)),
            "execution.status": float(STATUSES.index(result.status)),
        }
        evidence: dict[str, Any] = {"not_run": list(job.left_out[:_SHOWN])} if job.left_out else {}
        if result.passed == result.tests:
            reason = "some tests were not run" if job.left_out else None
            return Judgement(keep=True, reason=reason, evidence=evidence, scores=scores)
        keep = self.min_pass_rate is None or rate >= self.min_pass_rate
        reason = "tests failed" if result.status == "fail" else result.status.replace("_", " ")
        return Judgement(keep=keep, reason=reason, evidence={**_failed(result), **evidence}, scores=scores)

    def _not_run(self, why: _Not) -> Judgement:
        scores = {"execution.ran": 0.0}
        if not why.tested and not self.require_tests:
            return Judgement(keep=True, scores=scores)
        evidence = {"detail": why.detail} if why.detail else {}
        return Judgement(keep=not self.require_tests, reason=f"not run: {why.reason}", evidence=evidence, scores=scores)


def _failed(result: Result) -> dict[str, Any]:
    """What is told of a row whose tests did not all pass."""
    evidence: dict[str, Any] = {"status": result.status, "passed": result.passed, "tests": result.tests}
    if result.detail:
        evidence["detail"] = result.detail
    if result.failures:
        evidence["failures"] = [{"test": one.test, "line": one.line, "detail": one.detail} for one in result.failures]
    return evidence


def _job(parts: Sequence[str], tests: str | None, problem: str) -> Job | _Not:
    """What to send into the sandbox for a row's code and tests."""
    from magicoder_quality import testforms
    from magicoder_quality.splitting import split
    from magicoder_quality.trials import Job, Test

    compiled = {part: code for part in parts if (code := _compiled(part))}
    own = tests is not None
    try:
        # Tests in the solution may stand in a block of their own: what compiles counts.
        source = "\n\n".join(compiled) if tests is None else testforms.program(tests)
        found = split(source, program=own, candidate=testforms.candidate(compiled, source, problem) if own else None)
    except testforms.NoProgramError as error:
        return _Not(str(error))
    except _UNREADABLE as error:
        return _Not("the tests do not compile", f"{type(error).__name__}: {error}"[:200])
    if not found.steps:
        return _nothing(found.left_out) if own else _Not(NO_TESTS, tested=False)
    steps = tuple(
        Test(step.kind, step.name, step.line, _dumped(ast.Module(step.nodes, []), TESTS)) for step in found.steps
    )
    broken = own and not compiled
    return Job(tuple(compiled.values()) if own else (), steps, "unittest" in source, broken, tuple(found.left_out))


def _nothing(left_out: Sequence[str]) -> _Not:
    if left_out:
        return _Not("the tests ask for what is not there (fixtures, a function)", ", ".join(left_out[:_SHOWN]))
    return _Not("the tests test nothing", "nothing in them asserts or raises when it is run")


def _compiled(code: str) -> bytes | None:
    try:
        return _dumped(code, "<solution>")
    except _UNREADABLE:
        return None


def _dumped(code: str | ast.Module, file: str) -> bytes:
    # optimize=0: under `python -O` the assertions would be gone and everything would pass.
    return marshal.dumps(compile(code, file, "exec", dont_inherit=True, optimize=0))
