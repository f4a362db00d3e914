"""What a hit is worth: whether a task takes anything to be solved, and what else is solved by the same function."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from magicoder_core import Benchmark, Instruction, sandbox
from magicoder_decontamination.behaviour.confirming import confirmed
from magicoder_decontamination.behaviour.functions import Function, functions_of
from magicoder_decontamination.behaviour.probing import Key, Prober
from magicoder_decontamination.behaviour.tasks import Task
from magicoder_decontamination.behaviour.units import closure, units_of
from magicoder_decontamination.behaviour.words import SIMILAR, Similarity

NODES = 25
"""A reference of no more nodes is trivial. ``return x + y`` has 4, a test for primes by a loop and Fibonacci's numbers by
recursion have 24, which is what the threshold was set by: whoever is taught programming writes them. All four solutions
that the published filter lets pass lie below it, with 42% of HumanEval's and 56% of MBPP's."""

_NAMED = 3
_PLUMBING = (
    ast.expr_context,
    ast.arguments,
    ast.arg,
    ast.alias,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.FunctionDef,
)


def nodes(program: str, name: str) -> int:
    """How much there is to a function: the nodes of its syntax tree, and of those of the functions that it needs.

    Operators, names of arguments, signatures and docstrings do not count. 0 if there is no such function.
    """
    try:
        units = list(units_of(ast.parse(program).body, 0))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    scope = {bound: unit for unit in units for bound in unit.binds}
    if name not in scope:
        return 0
    needed = (unit.node for unit in closure(scope[name], scope))
    return sum(_nodes(node) for node in needed if isinstance(node, ast.FunctionDef))


def _nodes(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return sum(not isinstance(node, _PLUMBING) for statement in body for node in ast.walk(statement))


class Scales:
    """What is known of tasks beside their tests. References are run when a task is first asked about."""

    def __init__(
        self, tasks: Sequence[Task], benchmarks: Sequence[Benchmark], prober: Prober, similarity: Similarity, least: int
    ) -> None:
        self._tasks = {(task.owner, task.id): task for task in tasks}
        self._benchmarks = benchmarks
        self._prober = prober
        self._similarity = similarity
        self._least = least
        self._others: Mapping[Key, Sequence[tuple[Task, Function]]] | None = None
        self._known: dict[Key, str] = {}

    def learn(self, tasks: Iterable[Task]) -> None:
        """Find out what `trivial` will say of some tasks.

        Raises:
            MagicoderError: what benchmarks raise where they cannot judge, or the sandbox.
        """
        new = {(task.owner, task.id): task for task in tasks if (task.owner, task.id) not in self._known}
        if not new:
            return
        if self._others is None:
            self._others = self._surveyed()
        claims = [(key, other, function) for key in new for other, function in self._others.get(key, ())]
        passed = confirmed([(new[key], function) for key, _, function in claims], self._benchmarks)
        for key, task in new.items():
            others = [other.id for (of, other, _), done in zip(claims, passed, strict=True) if of == key and done]
            self._known[key] = self._why(task, list(dict.fromkeys(others)))

    def trivial(self, task: Task) -> str:
        """Why it means little that a function solves a task; empty if it does not."""
        return self._known[task.owner, task.id]

    def _why(self, task: Task, others: Sequence[str]) -> str:
        size = nodes(task.reference, task.entry_point)
        if 0 < size <= self._least:
            return f"its reference is {size} nodes of syntax"
        if others:
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            return f"solved by references of other purpose: {', '.join(others[:_NAMED])}{more}"
        return ""

    def _surveyed(self) -> Mapping[Key, Sequence[tuple[Task, Function]]]:
        """By task, the references of tasks with other words that agree with its examples."""
        owned = [(task, function) for task in self._tasks.values() for function in _reference(task)]
        found: dict[Key, list[tuple[Task, Function]]] = {}
        desk = sandbox.Desk()
        try:
            results = sandbox.conducted((self._prober.errand(function) for _, function in owned), desk)
            for (owner, function), probed in zip(owned, results, strict=True):
                for key in probed.agreed:
                    task = self._tasks[key]
                    if task.id != owner.id and self._similarity.between(owner, task) < SIMILAR:
                        found.setdefault(key, []).append((owner, function))
        finally:
            desk.close()
        return found


def _reference(task: Task) -> list[Function]:
    row = Instruction(problem="", solution=task.reference, language="python", method="", parent="")
    return [function for function in functions_of(row) if function.name == task.entry_point]
