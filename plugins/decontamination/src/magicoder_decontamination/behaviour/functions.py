"""The functions of a row, each as a program of its own: what it needs of the row, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from magicoder_core import Instruction
from magicoder_decontamination.behaviour.blocks import blocks_of
from magicoder_decontamination.behaviour.units import Unit, closure, units_of

ANY = 1 << 16
"""The most arguments of a function that takes any number."""

_UNBOUND = frozenset({"staticmethod"})
_NO_METHOD = frozenset({"property", "cached_property"})


@dataclass(frozen=True, slots=True)
class Function:
    """A function that may solve a task.

    Args:
        name: as the row has it, ``Class.method`` of a method.
        field: the row's field in which it stands.
        line: of its definition in that field, from 1.
        program: what it needs of the row: definitions, imports, values at the module's level. Its annotations must not
            be evaluated: snippets leave ``from typing import List`` out.
        target: the expression that gives the function, or a method of a fresh instance.
        names: what the program defines.
        least, most: how many arguments it can be given by position; `ANY` for any number.
        stateful: whether one call may change what a later one gives.
        words: its docstring.
    """

    name: str
    field: str
    line: int
    program: str
    target: str
    names: frozenset[str]
    least: int
    most: int
    stateful: bool
    words: str

    def takes(self, arguments: int) -> bool:
        """Whether it can be given so many."""
        return self.least <= arguments <= self.most


class _Found(NamedTuple):
    """A callable in a unit: its name, the expression for it, how many arguments it takes, its node."""

    name: str
    target: str
    arity: tuple[int, int]
    node: ast.FunctionDef | ast.Lambda


def functions_of(row: Instruction) -> list[Function]:
    """All functions of a row that can be called with plain arguments, in order; none twice.

    Functions at the module's level, lambdas that have a name there, and public methods of classes that can be made
    without arguments (as LeetCode's ``Solution``). A block may use what blocks before it define, whatever their field.
    """
    scope: dict[str, Unit] = {}
    stars: list[Unit] = []
    found: dict[tuple[str, str], Function] = {}
    place = 0
    for block in blocks_of(row):
        units = list(units_of(block.body, place))
        place += len(units)
        stars += [unit for unit in units if not unit.binds]
        scope.update((name, unit) for unit in units for name in unit.binds)
        # A definition that a later one of the same block hides cannot be meant.
        for unit in (unit for unit in units if all(scope[name] is unit for name in unit.binds)):
            with suppress(RecursionError):  # it is nested too deeply to be written down
                for function in _functions(unit, block.field, block.line, scope, stars):
                    found.setdefault((function.program, function.target), function)
    return list(found.values())


def arity(arguments: ast.arguments, bound: int = 0) -> tuple[int, int] | None:
    """How many arguments can be given by position, ``bound`` ones aside; None if some must be named."""
    if any(default is None for default in arguments.kw_defaults):
        return None
    count = len(arguments.posonlyargs) + len(arguments.args)
    if count < bound and not arguments.vararg:
        return None
    least = max(count - len(arguments.defaults) - bound, 0)
    return least, ANY if arguments.vararg else count - bound


def _functions(unit: Unit, field: str, line: int, scope: Mapping[str, Unit], stars: list[Unit]) -> Iterator[Function]:
    callables = [one for one in _callables(unit.node) if one.arity[1]]
    if not callables:
        return
    units: Sequence[Unit] = closure(unit, scope, stars)
    program = "".join(f"{one.source}\n" for one in units)
    names = frozenset(name for one in units for name in one.binds)
    stateful = any(one.keeps_state for one in units)
    for name, target, (least, most), node in callables:
        words = (ast.get_docstring(node) or "") if isinstance(node, ast.FunctionDef) else ""
        # Counted from the block's own first line.
        place = line + node.lineno - 1
        yield Function(name, field, place, program, target, names, least, most, stateful, words)


def _callables(node: ast.stmt) -> Iterator[_Found]:
    match node:
        case ast.FunctionDef(name=name, args=arguments) if _gives(node):
            if found := arity(arguments):
                yield _Found(name, name, found, node)
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=arguments) as function):
            if found := arity(arguments):
                yield _Found(name, name, found, function)
        case ast.ClassDef(name=name, body=body) if _is_made_of_nothing(node):
            methods = (one for one in body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"))
            for method in filter(_gives, methods):
                marks = {one.id for one in method.decorator_list if isinstance(one, ast.Name)}
                found = None if marks & _NO_METHOD else arity(method.args, 0 if marks & _UNBOUND else 1)
                if found:
                    yield _Found(f"{name}.{method.name}", f"{name}().{method.name}", found, method)


def _gives(node: ast.FunctionDef) -> bool:
    """Whether a function gives anything: many only print."""
    nodes = ast.walk(node)
    return any(
        isinstance(one, ast.Yield | ast.YieldFrom) or (isinstance(one, ast.Return) and one.value) for one in nodes
    )


def _is_made_of_nothing(node: ast.ClassDef) -> bool:
    """Whether a class of its own can be made without arguments, as far as is to be seen here."""
    makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    found = arity(makers[-1].args, 1) if makers else (0, 0)
    return found is not None and found[0] == 0
