"""The tasks of benchmarks as they are looked for: signature, reference and examples of each."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from magicoder_core import Benchmark, Example, Problem
from magicoder_decontamination.behaviour.functions import arity

MOST_EXAMPLES = 6
"""How many examples a function must agree with before the benchmark's own tests are run."""

_SMALL = 2000
"""Characters of an example's arguments and of its expected value, as Python spells them, each."""

_HUGE = 1 << 62
_QUICK, _LARGE = 50, 400
"""Numbers and lengths that take no function long that is of use, and those that take some."""

_DULL: tuple[Any, ...] = (None, True, False, 0, 1, "", [], (), {})
"""Values that many functions give."""


@dataclass(frozen=True, eq=False)
class Task:
    """One task of a benchmark.

    Args:
        owner: the benchmark's place among those looked at.
        benchmark: its name.
        id: the problem's own.
        entry_point: the function to write.
        prompt: what a model is given.
        reference: a right program; empty if the benchmark has none.
        takes: how many arguments the reference can be given by position, from and to; None if that is not known.
        examples: the most telling first, at most `MOST_EXAMPLES`.
        odd: whether it has none though others of the benchmark have some: it asks for what is no plain data.
    """

    owner: int
    benchmark: str
    id: str
    entry_point: str
    prompt: str
    reference: str
    takes: tuple[int, int] | None
    examples: tuple[Example, ...]
    odd: bool

    def allows(self, least: int, most: int) -> bool:
        """Whether a function that takes ``least`` to ``most`` arguments can be called as the reference is."""
        return self.takes is None or (least <= self.takes[1] and self.takes[0] <= most)


def tasks_of(benchmarks: Sequence[Benchmark]) -> Iterator[Task]:
    """The Python tasks of benchmarks that name a function to write, in order.

    Raises:
        MagicoderError: what a benchmark raises where its data cannot be had, or its references cannot be run.
    """
    for owner, benchmark in enumerate(benchmarks):
        problems = list(islice(benchmark.problems(), benchmark.limit))
        references = {one.problem_id: one.code for one in benchmark.references()}
        examples: dict[str, list[Example]] = defaultdict(list)
        for example in benchmark.examples():
            examples[example.problem_id].append(example)
        for problem in problems:
            if problem.language == "python" and problem.entry_point:
                own = list(_telling(examples.get(problem.id, [])))
                odd = bool(examples) and not own
                yield _task(owner, problem, problem.entry_point, references.get(problem.id, ""), own, odd=odd)


def _task(owner: int, problem: Problem, name: str, reference: str, examples: Sequence[Example], *, odd: bool) -> Task:
    return Task(
        owner=owner,
        benchmark=problem.benchmark,
        id=problem.id,
        entry_point=name,
        prompt=problem.prompt,
        reference=reference,
        takes=_signature(reference, name) or _signature(problem.prompt, name),
        examples=tuple(examples),
        odd=odd,
    )


def definition(program: str, name: str) -> ast.FunctionDef | None:
    """The last function of that name at a program's level."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None


def _signature(program: str, name: str) -> tuple[int, int] | None:
    found = definition(program, name)
    return arity(found.args) if found else None


def _telling(examples: Sequence[Example]) -> list[Example]:
    """A few different examples: first those that few functions agree with, and that are quickly dealt with."""
    different = {repr(one.arguments): one for one in reversed(examples)}
    small = [one for text, one in reversed(different.items()) if max(len(text), len(repr(one.expected))) <= _SMALL]
    ranked = sorted(small, key=_rank)
    first = ranked[:1]
    # Of yes and no, one of each: half of all functions that say yes or no agree with a single one.
    other = [one for one in ranked if first and one.expected != first[0].expected][:1]
    rest = [one for one in ranked if one not in [*first, *other]]
    return [*first, *other, *rest][:MOST_EXAMPLES]


def _rank(example: Example) -> tuple[bool, int, int, int, int]:
    """Sorts cheap and telling examples to the front: a long value says more, and so do long arguments."""
    size = magnitude(example.arguments)
    length, given = len(repr(example.expected)), len(repr(example.arguments))
    return size > _LARGE, _dullness(example), size if size > _QUICK else 0, -length, -given


def _dullness(example: Example) -> int:
    value = example.expected
    echoed = any(value == argument for argument in example.arguments)
    return 2 * any(value is one or value == one for one in _DULL) + echoed


def magnitude(value: Any) -> int:
    """The largest whole number in plain data, or its greatest length: what loops are most likely to count to."""
    if isinstance(value, int | float):
        return int(min(abs(value), _HUGE)) if value == value else 0  # noqa: PLR0124 - a NaN differs from itself
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return max(len(value), *map(magnitude, value), *map(magnitude, value.values()), 0)
    if isinstance(value, list | tuple | set | frozenset):
        return max(len(value), *map(magnitude, value), 0)
    return 0
