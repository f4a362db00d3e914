"""What checks something in a test program: assertions, what raises, and functions that come to either."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)

_CALLS = re.compile(r"assert\w*|raises|fail")
"""Functions that check, by their names: ``self.assertEqual``, ``np.testing.assert_allclose``, ``pytest.raises``."""

_EXITS = frozenset({"exit", "quit", "_exit"})


def checking(nodes: Iterable[ast.stmt]) -> frozenset[str]:
    """The functions and methods of a program that check something, by themselves or through each other, by name."""
    defined = {
        inner.name: inner for node in nodes for inner in ast.walk(node) if isinstance(inner, (*FUNCTIONS, ast.ClassDef))
    }
    bodies = {name: body for name, node in defined.items() if (body := _body(node))}
    found: frozenset[str] = frozenset()
    while True:
        more = frozenset(
            name for name, node in bodies.items() if any(_is_check(inner, found, defined) for inner in ast.walk(node))
        )
        if more <= found:
            return found
        found |= more


def _body(node: ast.stmt) -> ast.stmt | None:
    """What is run when a function or class is called."""
    if isinstance(node, ast.ClassDef):
        return next((item for item in node.body if isinstance(item, FUNCTIONS) and item.name == "__init__"), None)
    return node


def checks(node: ast.stmt, names: frozenset[str], *, raises: bool = True) -> bool:
    """Whether a statement checks something when it is run; ``names`` are functions that do, as `checking` finds them.

    ``raises`` says whether to raise something else than an assertion, or to exit with an error, is to check. A definition runs nothing, and a function that is only defined within a statement does not count.
    """
    if isinstance(node, SCOPES):
        return False
    return any(_is_check(inner, names, names, raises=raises) for inner in (node, *within(node)))


def within(node: ast.AST) -> Iterator[ast.AST]:
    """What is run with a statement: all in it but the bodies of functions and classes."""
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, SCOPES):
            yield inner
            yield from within(inner)


def used(node: ast.AST) -> frozenset[str]:
    """The names and attributes in a piece of code."""
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return frozenset(names | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)})


def answers(node: ast.AST) -> bool:
    """Whether a function returns a comparison: a test that says so has failed if that is False."""
    return any(
        isinstance(inner, ast.Return) and isinstance(inner.value, ast.Compare | ast.BoolOp) for inner in ast.walk(node)
    )


def _is_check(node: ast.AST, names: frozenset[str], defined: Iterable[str], *, raises: bool = True) -> bool:
    if isinstance(node, ast.Assert | ast.Raise):
        return raises or isinstance(node, ast.Assert)
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        return isinstance(node.ctx, ast.Load) and name in names
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name in _EXITS:
        return raises and bool(node.args) and not (isinstance(node.args[0], ast.Constant) and not node.args[0].value)
    return name not in defined and bool(_CALLS.fullmatch(name))
