"""Decontamination by behaviour: a row's functions are run against benchmarks' own tests.

A function that passes a task's tests solves it, whatever it is called and however it is written. Functions are first
asked a few examples of all tasks (`probing`), and those that agree are judged by the benchmark itself (`confirming`).
What a hit is worth is said beside it (`weighing`, `words`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from magicoder_core import Benchmark, Instruction, sandbox
from magicoder_decontamination.behaviour.asking import Patience
from magicoder_decontamination.behaviour.confirming import Claim, confirmed
from magicoder_decontamination.behaviour.functions import Function, functions_of
from magicoder_decontamination.behaviour.probing import Key, Probed, Prober
from magicoder_decontamination.behaviour.tasks import Task, tasks_of
from magicoder_decontamination.behaviour.weighing import NODES, Scales
from magicoder_decontamination.behaviour.words import FEW, SIMILAR, Similarity, words_of, words_of_row

_Name = tuple[str, str]
"""A function's program and target: what is the same for two is asked once."""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A task that a function of a row solves.

    Args:
        benchmark: its name.
        problem_id: the task.
        function: as the row has it, ``Class.method`` of a method.
        field: the row's field it stands in: ``problem``, ``solution`` or ``tests``.
        line: of its definition in that field, from 1.
        tests: how many examples it agreed with before the benchmark's own tests; 0 where the task has none.
        similarity: how near the row's words are to the task's, 0 to 1: the second signal.
        why_trivial: why it means little to solve the task; empty if it does not.
        accidental: whether the function was meant for something else: the task is trivial, and the words of the row
            are of other things. None where the row has too few words to tell.
    """

    benchmark: str
    problem_id: str
    function: str
    field: str
    line: int
    tests: int
    similarity: float
    why_trivial: str = ""
    accidental: bool | None = False

    @property
    def trivial(self) -> bool:
        """Whether it means little to solve the task."""
        return bool(self.why_trivial)

    @property
    def similar(self) -> bool:
        """Whether the row's words are those of the task."""
        return self.similarity >= SIMILAR

    @property
    def strong(self) -> bool:
        """Whether there is reason enough to drop the row: the task is not trivial, or the words agree as well."""
        return self.similar or not self.trivial


@dataclass(frozen=True)
class _Tools:
    """What is made of the benchmarks on first use."""

    tasks: Mapping[Key, Task]
    prober: Prober
    similarity: Similarity
    scales: Scales


@dataclass(frozen=True)
class Behaviour:
    """Looks for rows whose functions solve tasks of benchmarks.

    Args:
        benchmarks: those that must not leak. One that gives no `Benchmark.examples` takes a judgement of each function
            for each task of that many arguments: some 2 ms of processor time for each pair, and all that the benchmark
            lets a program take where it hangs. A single task without is looked for only in rows whose words are like
            its own.
        trivial_nodes: a task is trivial if its reference has no more nodes of syntax.
        patience: what a function may take while it is asked the examples.
    """

    benchmarks: Sequence[Benchmark]
    trivial_nodes: int = NODES
    patience: Patience = field(default_factory=Patience)

    def examine(self, rows: Sequence[Instruction], among: Collection[str] | None = None) -> list[list[Solved]]:
        """The tasks that each row's functions solve, in the rows' order; how rows are cut into batches does not matter.

        A function that takes longer than `Patience` allows is asked as much as it has time for, and counted as ``cut``:
        of those alone what is found may depend on the machine.

        Args:
            rows: any number.
            among: names of the benchmarks whose tasks are looked for; None for all. What hits are worth is said by all
                in any case.

        Raises:
            SandboxError: there are functions, and programs cannot be isolated here.
            MagicoderError: a benchmark's data cannot be had.
        """
        found = [self._functions(row) for row in rows]
        different = {(one.program, one.target): one for functions in found for one in functions}
        if not different:
            return [[] for _ in rows]
        said: dict[_Name, list[frozenset[str]]] = {name: [] for name in different}
        for row, functions in zip(rows, found, strict=True):
            for one in functions:
                said[one.program, one.target] += _said(row, one)
        with sandbox.standby():
            solved = self._solved(different, said, among)
        return [
            [hit for one in functions for hit in self._told(row, one, solved[one.program, one.target])]
            for row, functions in zip(rows, found, strict=True)
        ]

    def report(self) -> Mapping[str, int]:
        """What was done so far.

        ``rows``; ``rows_without`` a Python function; ``functions``; ``probed``, of those the different ones of a batch;
        ``cut``, those that there was not time to ask everything; ``survivors``, pairs of a function and a task whose
        examples it agrees with, or that has none; ``confirmed``, pairs that passed the benchmark's own tests.
        """
        names = ("rows", "rows_without", "functions", "probed", "cut", "survivors", "confirmed")
        return {name: self._counts[name] for name in names}

    def __getstate__(self) -> dict[str, Any]:
        """The options alone."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Restore the options."""
        self.__dict__.update(state)

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter()

    @cached_property
    def _tools(self) -> _Tools:
        tasks = list(tasks_of(self.benchmarks))
        prober, similarity = Prober(tasks, self.patience), Similarity(tasks)
        scales = Scales(tasks, self.benchmarks, prober, similarity, self.trivial_nodes)
        return _Tools({(task.owner, task.id): task for task in tasks}, prober, similarity, scales)

    def _functions(self, row: Instruction) -> list[Function]:
        functions = functions_of(row)
        self._counts["rows"] += 1
        self._counts["rows_without"] += not functions
        self._counts["functions"] += len(functions)
        return functions

    def _solved(
        self,
        functions: Mapping[_Name, Function],
        said: Mapping[_Name, Sequence[frozenset[str]]],
        among: Collection[str] | None,
    ) -> Mapping[_Name, Sequence[tuple[Task, int]]]:
        """The tasks that each function solves, with how many examples it agreed with."""
        claims: list[tuple[_Name, Claim, int]] = []
        for (name, function), probed in zip(functions.items(), self._probed(functions.values()), strict=True):
            self._counts["cut"] += probed.cut
            for task, tests in self._claimed(function, probed, said[name]):
                if among is None or task.benchmark in among:
                    claims.append((name, (task, function), tests))
        passed = confirmed([claim for _, claim, _ in claims], self.benchmarks)
        solved: dict[_Name, list[tuple[Task, int]]] = {name: [] for name in functions}
        for (name, (task, _), tests), done in zip(claims, passed, strict=True):
            if done:
                solved[name].append((task, tests))
        self._counts.update(probed=len(functions), survivors=len(claims), confirmed=sum(passed))
        self._tools.scales.learn(task for hits in solved.values() for task, _ in hits)
        return solved

    def _probed(self, functions: Iterable[Function]) -> list[Probed]:
        desk = sandbox.Desk()
        try:
            return list(sandbox.conducted(map(self._tools.prober.errand, functions), desk))
        finally:
            desk.close()

    def _claimed(
        self, function: Function, probed: Probed, said: Sequence[frozenset[str]]
    ) -> Iterator[tuple[Task, int]]:
        """In the benchmarks' order, the tasks that a function may solve: by the examples, or where there are none."""
        for key, task in self._tools.tasks.items():
            if key in probed.agreed:
                yield task, probed.agreed[key]
            elif task.examples or not task.allows(function.least, function.most):
                continue
            elif not task.odd or self._similarity(said, task) >= SIMILAR:
                yield task, 0

    def _similarity(self, said: Iterable[frozenset[str]], task: Task) -> float:
        return max((self._tools.similarity.of(words, task) for words in said), default=0.0)

    def _told(self, row: Instruction, function: Function, tasks: Iterable[tuple[Task, int]]) -> Iterator[Solved]:
        said = _said(row, function)
        for task, tests in tasks:
            similarity = self._similarity(said, task)
            if task.odd and similarity < SIMILAR:
                continue  # it is another row's words that had it judged
            trivial = self._tools.scales.trivial(task)
            accidental: bool | None = bool(trivial) and similarity < SIMILAR
            yield Solved(
                benchmark=task.benchmark,
                problem_id=task.id,
                function=function.name,
                field=function.field,
                line=function.line,
                tests=tests,
                similarity=round(similarity, 4),
                why_trivial=trivial,
                accidental=None if accidental and max(map(len, said)) < FEW else accidental,
            )


def _said(row: Instruction, function: Function) -> tuple[frozenset[str], frozenset[str]]:
    """The words of a row, and those of a function of it."""
    return words_of_row(row.problem), words_of(f"{function.name} {function.words}")
