"""What of a module's statements is kept: definitions, imports and named values, each with the names that it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Definition = ast.FunctionDef | ast.ClassDef

_FUTURE = "__future__"
_FIXED = (ast.Constant, ast.Name, ast.UnaryOp, ast.Attribute, ast.Lambda)


@dataclass(eq=False)
class Unit:
    """One statement of a module that is kept: its place among all that are, the names it binds and those it needs.

    A star import binds no name, and counts as needed by all.
    """

    node: ast.stmt
    place: int
    binds: tuple[str, ...]
    needs: frozenset[str]

    @cached_property
    def source(self) -> str:
        """Its text. What is not to be had here (a module, a base class) must not take the others along."""
        if isinstance(self.node, ast.FunctionDef) and not self.node.decorator_list:
            return ast.unparse(self.node)
        caught = ast.ExceptHandler(type=ast.Name("Exception"), name=None, body=[ast.Pass()])
        return ast.unparse(ast.Try(body=[self.node], handlers=[caught], orelse=[], finalbody=[]))

    @cached_property
    def keeps_state(self) -> bool:
        """Whether calls may change something that outlives them."""
        if isinstance(self.node, ast.Assign | ast.AnnAssign):
            return self.node.value is not None and not _is_fixed(self.node.value)
        return isinstance(self.node, Definition) and any(map(_holds_state, ast.walk(self.node)))


def units_of(statements: Iterable[ast.stmt], first: int) -> Iterator[Unit]:
    """The units of a block's statements, numbered from ``first`` on."""
    kept = ((statement, names) for statement in statements if (names := _bound(statement)) is not None)
    for place, (statement, names) in enumerate(kept, first):
        yield Unit(statement, place, names, _needed(statement))


def closure(unit: Unit, scope: Mapping[str, Unit], always: Iterable[Unit] = ()) -> Sequence[Unit]:
    """All units that a unit needs, itself among them, in the order in which they stand."""
    found = {unit.place: unit, **{one.place: one for one in always}}
    waiting = list(found.values())
    while waiting:
        for name in waiting.pop().needs:
            needed = scope.get(name)
            if needed is not None and needed.place not in found:
                found[needed.place] = needed
                waiting.append(needed)
    return [found[place] for place in sorted(found)]


def _bound(statement: ast.stmt) -> tuple[str, ...] | None:
    """The names that a statement binds; None if it is not kept."""
    match statement:
        case ast.ImportFrom(module=module) if module == _FUTURE:
            return None
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            bound = [alias.asname or alias.name.partition(".")[0] for alias in names]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            bound = _names(targets)
        case ast.AnnAssign(target=target, value=ast.expr()):
            bound = _names([target])
        case ast.Try(body=body):  # as `try: import fast except ImportError: import slow`
            bound = [name for one in body for name in _bound(one) or ()]
        case _:
            return None
    star = isinstance(statement, ast.ImportFrom) and "*" in bound
    return tuple(name for name in bound if name != "*") if bound or star else None


def _names(targets: Iterable[ast.expr]) -> list[str]:
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def _needed(statement: ast.stmt) -> frozenset[str]:
    """The names of the module's level that a statement reads; a few too many do no harm."""
    if isinstance(statement, ast.ClassDef):
        outer = [*statement.bases, *statement.decorator_list, *(word.value for word in statement.keywords)]
        return frozenset().union(*map(_needed, statement.body), *map(_read, outer))
    if not isinstance(statement, ast.FunctionDef):
        return _read(statement)
    nodes = list(ast.walk(statement))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    return _read(statement) - own | shared


def _read(node: ast.AST) -> frozenset[str]:
    return frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))


def _is_fixed(value: ast.expr) -> bool:
    """Whether a value stays what it is."""
    if isinstance(value, ast.Tuple):
        return all(map(_is_fixed, value.elts))
    if isinstance(value, ast.BinOp):
        return _is_fixed(value.left) and _is_fixed(value.right)
    return isinstance(value, _FIXED)


def _holds_state(node: ast.AST) -> bool:
    """Whether a part of a definition can hold what calls change: a default, a class' value, what is global."""
    if isinstance(node, ast.arguments):
        return not all(_is_fixed(value) for value in (*node.defaults, *node.kw_defaults) if value is not None)
    if isinstance(node, ast.ClassDef):
        return any(isinstance(one, ast.Assign) and not _is_fixed(one.value) for one in node.body)
    return isinstance(node, ast.Global)
