"""Runs a row's tests one by one on its solution, in the sandbox.

A solution's code and its tests share a process, so that tests may be any program. Each test is asked for by a call from
outside, and what was not answered has not passed: an early end passes nothing. Each program pays for what is imported
here, so that is next to nothing.
"""

from __future__ import annotations

import builtins
import marshal
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

SOLUTION = "solution"
TESTS = "<tests>"
_TEXT = 300

Step = tuple[str, str, bytes]
"""A test: its kind, the function or method that it is (see `magicoder_quality.splitting`), and what is run before it."""

Said = tuple[str, str, str, int]
"""``pass``, ``fail``, ``skip`` or ``missing`` (a module), an exception's type and text, its line in the tests or 0."""


class Trial:
    """A solution with its tests.

    Args:
        parts: the solution's blocks of code, compiled, run one after another; one that raises does not stop the next.
        steps: the tests.
        unittest: whether the tests use it.
    """

    def __init__(self, parts: Sequence[bytes], steps: Sequence[Step], *, unittest: bool) -> None:
        module = sys.modules[SOLUTION] = ModuleType(SOLUTION)
        self._space: dict[str, Any] = vars(module)
        self._steps = steps
        self._done: set[int] = set()
        self._failed: Said | None = None
        self._builtins = dict(vars(builtins))
        self._kept = _unittest() if unittest else {}
        self._modules = {name: module for name, module in sys.modules.items() if name.startswith("unittest")}
        for part in parts:
            self._define(part)

    def _define(self, part: bytes) -> None:
        try:
            exec(marshal.loads(part), self._space)  # noqa: S102, S302 - this is the sandbox, and the code came from outside
        except BaseException as error:  # noqa: BLE001 - whatever a solution raises; its tests will say what is missing
            self._failed = self._failed or _said(error)

    def test(self, number: int) -> Said:
        """What became of a test, counted from 0; those before it were asked for before."""
        kind, name, code = self._steps[number]
        try:
            self._restore()
            exec(marshal.loads(code), self._space)  # noqa: S102, S302 - as above
            return self._run(kind, name)
        except BaseException as error:  # noqa: BLE001 - a test fails with whatever is raised, an exit included
            return self._missing(_said(error))

    def _run(self, kind: str, name: str) -> Said:
        if kind == "statements":
            return "pass", "", "", 0
        owner, _, method = name.rpartition(".")
        if kind == "unittest":
            return _case(self._space[owner], method)
        home = self._space[owner]() if owner else None
        for ready in ("setup_method", "setUp"):
            getattr(home, ready, _nothing)()
        found = (getattr(home, method) if owner else self._space[method])()
        if hasattr(found, "cr_frame"):
            # 60 ms, for the few tests that are coroutines.
            import asyncio

            asyncio.run(found)
        return "pass", "", "", 0

    def _missing(self, said: Said) -> Said:
        """A name that is missing because the solution's code broke off is told with the reason for that."""
        if said[1] == "NameError" and self._failed:
            status, kind, text, _ = self._failed
            if status == "missing":
                return status, kind, text, said[3]
            return status, said[1], f"{said[2]} (the solution's code broke off: {kind}: {text})"[:_TEXT], said[3]
        return said

    def _restore(self) -> None:
        """Undo what a solution did to what tests are judged with; names of its own it may call as it likes."""
        vars(builtins).update(self._builtins)
        for owner, members in self._kept.items():
            for name, value in members.items():
                if vars(owner).get(name) is not value:
                    setattr(owner, name, value)
        sys.modules.update(self._modules)


def _nothing() -> None:
    pass


def _unittest() -> Mapping[type, Mapping[str, Any]]:
    """The classes that judge, as they are before a solution runs."""
    import unittest

    classes = (unittest.TestCase, unittest.TestResult, unittest.TestSuite)
    return {one: {name: value for name, value in vars(one).items() if not name.startswith("__")} for one in classes}


def _case(case: Any, name: str) -> Said:
    """Run one method of a `unittest.TestCase`, with what its class sets up."""
    import unittest

    result = unittest.TestResult()
    unittest.TestSuite([case(name)]).run(result)
    if result.skipped:
        return "skip", "SkipTest", str(result.skipped[0][1])[:_TEXT], 0
    if result.wasSuccessful() and result.testsRun == 1:
        return "pass", "", "", 0
    told = [text for _, text in (*result.failures, *result.errors)]
    last = told[0].strip().splitlines()[-1] if told else "it was not run"
    kind, _, text = last.partition(":")
    return "fail", kind.strip()[:100], text.strip()[:_TEXT], 0


def _said(error: BaseException) -> Said:
    status = "fail"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] != SOLUTION:
        status = "missing"
    try:
        text = str(error.name if isinstance(error, ImportError) and status == "missing" else error)[:_TEXT]
    except BaseException:  # noqa: BLE001 - the error is the program's own class
        text = ""
    return status, type(error).__name__[:100], text, _line(error)


def _line(error: BaseException) -> int:
    """The line of the tests where an error came up, counted from 1; 0 if it did not."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TESTS:
            return trace.tb_lineno or 0
        trace = trace.tb_next
    return 0


_trial: list[Trial] = []


def load(parts: Sequence[bytes], steps: Sequence[Step], unittest: bool) -> str:  # noqa: FBT001 - called from outside, by position
    """Get a row's tests ready."""
    _trial[:] = [Trial(parts, steps, unittest=unittest)]
    return "ready"


def outcome(number: int) -> Said:
    """What became of a test."""
    return _trial[0].test(number)
