"""A test program taken apart: which of its statements are tests, and which only prepare them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from magicoder_quality.checks import FUNCTIONS, SCOPES, answers, checking, checks, used

_RUNNERS = frozenset({"unittest.main", "pytest.main", "TestSuite", "TextTestRunner", "TestLoader"})
_EXITS = frozenset({"sys.exit", "exit", "quit"})
_TEST = re.compile(r"tests?(?:[_A-Z0-9].*)?|\w+_test")
_RUNS_TESTS = re.compile(rf"{_TEST.pattern}|run_\w*tests?")
_HOOKS = re.compile(r"(?:setup|teardown)_(?:module|function)|(?:setUp|tearDown)Module")
_CANDIDATES = frozenset({"candidate", "func", "fn", "function", "f", "solution", "implementation"})
"""What test programs call the function that they are given."""

_MOST = 1000
"""Tests that are counted one by one; of those of a longer program it is said that they were left out."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Step(NamedTuple):
    """A test: what is run for it, and how people find it.

    ``kind`` is ``statements``, ``function`` (run ``name``), ``method`` or ``unittest`` (``name`` of the class and of the
    method, with a dot). ``nodes`` are run before it; ``line`` is its own, from 1.
    """

    kind: str
    name: str
    line: int
    nodes: list[ast.stmt]


class Split(NamedTuple):
    """The tests of a program in order, and the names of those that cannot be run here (they need fixtures, say)."""

    steps: list[Step]
    left_out: list[str]


def split(source: str, *, program: bool = False, candidate: str | None = None) -> Split:
    """The tests in a program; none if nothing in it checks anything when it is run.

    Statements at the top level that check (an assertion, in a test ``program`` also what raises), ``test_*`` functions
    without parameters, methods of ``unittest.TestCase`` classes, and of plain ``Test*`` classes. What stands after the
    last of the statements and can fail is a test of its own. In a program functions that check and that nobody
    calls are tests, too; those that ask for the function to test are given ``candidate``, the name of one.

    Raises:
        SyntaxError: it is no Python (also ValueError, RecursionError, MemoryError for what is too much for its parser).
    """
    nodes = list(_flat(ast.parse(source).body))
    names = checking(nodes)
    # A solution's own functions raise and assert, too: there only those that are tests by their names count.
    known = names if program else frozenset(filter(_RUNS_TESTS.fullmatch, names))
    later, left_out = _defined(nodes)
    if program:
        more, unasked = _uncalled(nodes, names, [step.name for step in later], candidate)
        later, left_out = later + more, left_out + unasked
    elif not later:
        left_out = []
    found, waiting = _statements(source, list(_without_runs(nodes, later)) if later else nodes, known, raises=program)
    if later:
        if not found and not _any_checks(nodes, later, names):
            return Split([], left_out)
        # Run when all is defined, without what the program does to run its own tests.
        later[0] = later[0]._replace(nodes=[*waiting, *later[0].nodes])
    elif found and any(_can_fail(node) for node in waiting):
        found.append(Step("statements", "the rest", waiting[0].lineno, waiting))
    steps = found + later
    return Split(steps[:_MOST], left_out + [step.name for step in steps[_MOST:]])


def _statements(
    source: str, nodes: Sequence[ast.stmt], names: frozenset[str], *, raises: bool
) -> tuple[list[Step], list[ast.stmt]]:
    """The statements that are tests, each with those before it that prepare it; and what stands after the last."""
    found: list[Step] = []
    waiting: list[ast.stmt] = []
    for node in nodes:
        if _told(node):
            continue
        waiting.append(node)
        if checks(node, names, raises=raises):
            found.append(Step("statements", _excerpt(source, node), node.lineno, waiting))
            waiting = []
    return found, waiting


def _defined(nodes: Iterable[ast.stmt]) -> tuple[list[Step], list[str]]:
    """The functions and methods that are tests by their names; and which of them ask for what is not to be had."""
    found: list[Step] = []
    left_out: list[str] = []
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            steps, more = _methods(node)
            found += steps
            left_out += more
        elif isinstance(node, FUNCTIONS) and _TEST.fullmatch(node.name):
            if _callable(node) or _patched(node):
                found.append(Step("function", node.name, node.lineno, []))
            elif not _asks(node):
                left_out.append(node.name)
    return found, left_out


def _uncalled(
    nodes: Sequence[ast.stmt], names: frozenset[str], tests: Sequence[str], candidate: str | None
) -> tuple[list[Step], list[str]]:
    """The functions that check and that nothing in the program calls; and which of them have nothing to be called with."""
    found: list[Step] = []
    left_out: list[str] = []
    for node in nodes:
        if not isinstance(node, FUNCTIONS) or node.name not in names or node.name in tests:
            continue
        if _HOOKS.fullmatch(node.name):
            continue
        if any(node.name in used(other) for other in nodes if other is not node) or _drives(node, tests):
            continue
        if _callable(node):
            found.append(Step("function", node.name, node.lineno, []))
        elif _asks(node) and candidate:
            call = ast.parse(f"{node.name}({candidate})").body
            for statement in call:
                ast.increment_lineno(statement, node.lineno - 1)
            found.append(Step("statements", f"{node.name}({candidate})", node.lineno, call))
        elif _asks(node):
            left_out.append(node.name)
    return found, left_out


def _drives(node: Function, tests: Iterable[str]) -> bool:
    """Whether a function only calls tests that are counted by themselves."""
    return not used(node).isdisjoint(tests) and not any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _any_checks(nodes: Iterable[ast.stmt], steps: Iterable[Step], names: frozenset[str]) -> bool:
    """Whether one test at least checks something."""
    if any(step.kind == "statements" or step.name.rpartition(".")[2] in names for step in steps):
        return True
    tests = {step.name.rpartition(".")[2] for step in steps}
    functions = (inner for node in nodes for inner in ast.walk(node) if isinstance(inner, FUNCTIONS))
    return any(answers(one) for one in functions if one.name in tests)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those of a main guard in its place."""
    for node in body:
        if isinstance(node, ast.If) and _is_main_guard(node.test):
            yield from node.body
        else:
            yield node


def _is_main_guard(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    values = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return "__name__" in names and "__main__" in values


def _required(node: Function) -> list[str]:
    """The parameters that a call must give; a decorator may change that, which is not followed."""
    arguments = node.args
    named = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    keywords = [one.arg for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if not value]
    return named[: len(named) - len(arguments.defaults)] + keywords


def _callable(node: Function, given: int = 0) -> bool:
    """Whether a function can be called with so many arguments."""
    return len(_required(node)) == given and all(value is not None for value in node.args.kw_defaults)


def _patched(node: Function) -> bool:
    """Whether parameters are given by `unittest.mock`."""
    return any("patch" in ast.unparse(one) for one in node.decorator_list)


def _asks(node: Function) -> bool:
    """Whether a function wants the one to test, as HumanEval's ``check(candidate)`` does."""
    required = _required(node)
    return len(required) == 1 and (node.name == "check" or required[0] in _CANDIDATES)


def _methods(node: ast.ClassDef) -> tuple[list[Step], list[str]]:
    case = any("TestCase" in ast.unparse(base) for base in node.bases)
    if not case and (node.bases or not node.name.startswith("Test")):
        return [], []
    found, left_out = [], []
    for item in node.body:
        if not isinstance(item, FUNCTIONS) or not item.name.startswith("test"):
            continue
        if any("skip" in ast.unparse(one) for one in item.decorator_list):
            continue
        if _callable(item, 1) or _patched(item) or (not _required(item) and item.decorator_list):
            found.append(Step("unittest" if case else "method", f"{node.name}.{item.name}", item.lineno, []))
        else:
            left_out.append(f"{node.name}.{item.name}")
    return found, left_out


def _told(node: ast.stmt) -> bool:
    """Whether a statement ends a test run, or runs tests that are run here one by one."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    name = ast.unparse(node.value.func)
    return name in _RUNNERS or (name in _EXITS and all(isinstance(one, ast.Constant) for one in node.value.args))


def _without_runs(nodes: Iterable[ast.stmt], tests: Iterable[Step]) -> Iterator[ast.stmt]:
    """The statements that do not call a test, or make or run a suite of them."""
    names = _RUNNERS | {test.name.partition(".")[0] for test in tests if test.kind != "statements"}
    for node in nodes:
        if isinstance(node, FUNCTIONS) and node.name not in names and _drives(node, names):
            # A function that runs all tests: what calls it is left out, too.
            names |= {node.name}
        if isinstance(node, (*SCOPES, ast.Assert)) or not used(node) & names:
            yield node
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}


def _can_fail(node: ast.stmt) -> bool:
    """Whether a statement after the last assertion may be a test: one that does more than to define and to print."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) != "print"
    return not isinstance(node, (*SCOPES, ast.Import, ast.ImportFrom, ast.Pass))


def _excerpt(source: str, node: ast.stmt) -> str:
    first = (ast.get_source_segment(source, node) or "").strip()
    return " ".join(first.split())[:120]
