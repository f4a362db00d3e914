"""A test program taken apart: which of its statements are tests, and which only prepare them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_RUNNERS = frozenset({"unittest.main", "pytest.main", "TestSuite", "TextTestRunner", "TestLoader"})
_EXITS = frozenset({"sys.exit", "exit", "quit"})

_COMPOUND = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_MOST = 1000
"""Tests that are counted one by one; the rest of a longer program is left out."""


class Step(NamedTuple):
    """A test: what is run for it, and how people find it.

    ``kind`` is ``statements``, ``function`` (run ``name``), ``method`` or ``unittest`` (``name`` of the class and of the
    method, with a dot). ``nodes`` are run before it; ``line`` is its own, from 1.
    """

    kind: str
    name: str
    line: int
    nodes: list[ast.stmt]


def steps(source: str) -> list[Step]:
    """The tests in a program, in order; empty if there are none.

    Statements with an assertion at the top level, ``test_*`` functions without parameters, methods of
    ``unittest.TestCase`` classes, and of plain ``Test*`` classes. What stands after the last assertion and can fail is a
    test of its own.

    Raises:
        SyntaxError: it is no Python (also ValueError, RecursionError, MemoryError for what is too much for its parser).
    """
    found: list[Step] = []
    waiting: list[ast.stmt] = []
    later: list[Step] = []
    for node in _flat(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_test(node.name) and _callable(node):
            later.append(Step("function", node.name, node.lineno, []))
        elif isinstance(node, ast.ClassDef):
            later += _methods(node)
        if _told(node):
            continue
        waiting.append(node)
        if _asserts(node):
            found.append(Step("statements", _excerpt(source, node), node.lineno, waiting))
            waiting = []
    if later:
        # Run when all is defined, without what the program does to run its own tests.
        later[0] = later[0]._replace(nodes=list(_without_runs(waiting, later)))
        return (found + later)[:_MOST]
    if found and any(_can_fail(node) for node in waiting):
        found.append(Step("statements", "the rest", waiting[0].lineno, waiting))
    return found[:_MOST]


def whole(source: str) -> list[Step]:
    """A program as one test: all of it.

    Raises:
        SyntaxError: it is no Python (also ValueError, RecursionError, MemoryError).
    """
    nodes = [node for node in _flat(ast.parse(source).body) if not _told(node)]
    return [Step("statements", "the whole program", nodes[0].lineno, nodes)] if nodes else []


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


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name == "test"


def _callable(node: ast.FunctionDef | ast.AsyncFunctionDef, given: int = 0) -> bool:
    """Whether a function can be called with so many arguments; a decorator may change that, which is not followed."""
    arguments = node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required == given and all(value is not None for value in arguments.kw_defaults)


def _methods(node: ast.ClassDef) -> Iterator[Step]:
    case = any("TestCase" in ast.unparse(base) for base in node.bases)
    if not case and (node.bases or not node.name.startswith("Test")):
        return
    for item in node.body:
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) or not item.name.startswith("test"):
            continue
        if _callable(item, 1) and not any("skip" in ast.unparse(one) for one in item.decorator_list):
            yield Step("unittest" if case else "method", f"{node.name}.{item.name}", item.lineno, [])


def _asserts(node: ast.stmt) -> bool:
    """Whether a statement has an assertion that is run with it: not one in a function that it only defines."""
    if isinstance(node, ast.Assert):
        return True
    return isinstance(node, _COMPOUND) and any(isinstance(inner, ast.Assert) for inner in _within(node))


def _within(node: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, _SCOPES):
            yield inner
            yield from _within(inner)


def _told(node: ast.stmt) -> bool:
    """Whether a statement ends a test run, or runs tests that are run here one by one."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    name = ast.unparse(node.value.func)
    return name in _RUNNERS or (name in _EXITS and all(isinstance(one, ast.Constant) for one in node.value.args))


def _without_runs(nodes: Iterable[ast.stmt], tests: Iterable[Step]) -> Iterator[ast.stmt]:
    """The statements that do not call a test, or make or run a suite of them."""
    names = _RUNNERS | {test.name.partition(".")[0] for test in tests}
    for node in nodes:
        used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        used |= {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
        if isinstance(node, _SCOPES) or not used & names:
            yield node
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}


def _can_fail(node: ast.stmt) -> bool:
    """Whether a statement after the last assertion may be a test: one that does more than to define and to print."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) != "print"
    return not isinstance(node, (*_SCOPES, ast.Import, ast.ImportFrom, ast.Pass))


def _excerpt(source: str, node: ast.stmt) -> str:
    first = (ast.get_source_segment(source, node) or "").strip()
    return " ".join(first.split())[:120]
