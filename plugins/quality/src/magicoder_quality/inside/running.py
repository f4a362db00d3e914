"""Runs a row's tests one by one on its solution, in the sandbox.

A solution's code and its tests share a process, so that tests may be any program. Each test is asked for by a call from
outside, and what was not answered has not passed: an early end passes nothing. Each program pays for what is imported
here, so that is next to nothing.
"""

from __future__ import annotations

import builtins
import marshal
import sys
from collections.abc import Sequence
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
        self._last = {
            name.rpartition(".")[0]: number for number, (kind, name, _) in enumerate(steps) if kind != "statements"
        }
        self._ready: set[str] = set()
        self._kept = _unittest() if unittest else []
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
            said = self._run(kind, name, number)
            changed = any(one.changed() for one in self._kept)
        except BaseException as error:  # noqa: BLE001 - a test fails with whatever is raised, an exit included
            return self._missing(_said(error))
        return ("fail", "", "unittest was changed while the test ran", 0) if changed else said

    def _run(self, kind: str, name: str, number: int) -> Said:
        if kind == "statements":
            return "pass", "", "", 0
        owner, _, method = name.rpartition(".")
        if kind == "unittest":
            return _case(self._space[owner], method)
        module = sys.modules[SOLUTION]
        self._once("setup_module", module, module)
        case: Any = self._space[owner] if owner else None
        self._once("setup_class", case, case)
        home = case() if owner else module
        test = getattr(home, method) if owner else self._space[method]
        before, after = _AROUND_METHODS if owner else _AROUND_FUNCTIONS
        for ready in before:
            _hook(home, ready, test)
        try:
            said = _outcome(test)
        finally:
            for ready in after:
                _hook(home, ready, test)
            if number == self._last[owner]:
                _hook(case, "teardown_class", case)
            if number == len(self._steps) - 1:
                _hook(module, "teardown_module", module)
        return said

    def _once(self, name: str, home: Any, given: Any) -> None:
        """Set up a module or class before the first of its tests; again if that went wrong."""
        key = f"{name} {getattr(home, '__name__', '')}"
        if key not in self._ready:
            _hook(home, name, given)
            self._ready.add(key)

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
        for one in self._kept:
            one.restore()
        sys.modules.update(self._modules)


_AROUND_METHODS = ("setup_method", "setUp"), ("teardown_method", "tearDown")
_AROUND_FUNCTIONS = ("setup_function",), ("teardown_function",)


def _hook(home: Any, name: str, given: Any) -> None:
    """Call what sets a test up or tears it down, if there is such; it may ask for what it is called for."""
    found = getattr(home, name, None)
    if found is None:
        return
    code = getattr(getattr(found, "__func__", found), "__code__", None)
    asked = code.co_argcount - hasattr(found, "__func__") if code else 0
    found(*(given,)[:asked])


def _outcome(test: Any) -> Said:
    """Run a test that is a function. To return False is to fail."""
    found = test()
    if hasattr(found, "cr_frame"):
        # 60 ms, for the few tests that are coroutines.
        import asyncio

        found = asyncio.run(found)
    return ("fail", "", "the test returned False", 0) if found is False else ("pass", "", "", 0)


class _Kept:
    """A module or class of `unittest` as it was before a solution ran, with the code of its functions."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._members = {name: value for name, value in vars(owner).items() if name not in _OWN}
        self._codes = [
            (value, value.__code__, value.__defaults__, value.__kwdefaults__)
            for value in self._members.values()
            if hasattr(value, "__code__")
        ]

    def changed(self) -> bool:
        """Whether what judges is no longer what it was. Plain values, as ``maxDiff``, are the tests' to set."""
        now = vars(self._owner)
        return any(callable(value) and now.get(name) is not value for name, value in self._members.items()) or any(
            function.__code__ is not code for function, code, _, _ in self._codes
        )

    def restore(self) -> None:
        """Put all of it back; what was added to a class goes (to a module, imports add)."""
        added = [name for name in vars(self._owner) if name not in self._members and name not in _OWN]
        for name in added if isinstance(self._owner, type) else ():
            delattr(self._owner, name)
        for name, value in self._members.items():
            if vars(self._owner).get(name) is not value:
                setattr(self._owner, name, value)
        for function, code, defaults, keywords in self._codes:
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, keywords


_OWN = frozenset({"__dict__", "__weakref__", "__builtins__", "__abstractmethods__"})


def _unittest() -> list[_Kept]:
    """The modules of `unittest` and their classes."""
    import unittest

    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == unittest.__name__]
    classes = {
        value: None
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__.partition(".")[0] == unittest.__name__
    }
    return [_Kept(one) for one in (*modules, *classes)]


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
