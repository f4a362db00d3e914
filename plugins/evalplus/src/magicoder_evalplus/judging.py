"""Verdicts: submissions go through the sandbox in one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from magicoder_core import Needle, RunError, Submission, Verdict, progress, sandbox
from magicoder_evalplus import references
from magicoder_evalplus.data import SUITES, File, Task
from magicoder_evalplus.examining import Apart, Examinations, Examined
from magicoder_evalplus.oracles import FIND_ZERO
from magicoder_evalplus.original import is_original
from magicoder_evalplus.references import Broken, References
from magicoder_evalplus.rules import Rules
from magicoder_evalplus.suites import Finding, Suite

_WINDOW = 128
"""Submissions that are looked at together where a task's expected answers are not known yet."""

_KINDS = {"HumanEval": ("HumanEval+", ("humaneval+",)), "Mbpp": ("MBPP+", ("mbpp+", "mbpp"))}
"""What ids begin with, what data have such ids, and which benchmarks are for them. Data of one's own are for all."""


class Work(Protocol):
    """A problem of either kind of data."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def prompt(self) -> str:
        """What a model is given."""
        ...

    @property
    def entry_point(self) -> str:
        """The function to write."""
        ...

    @property
    def program(self) -> str:
        """The whole reference program."""
        ...

    def needles(self, benchmark: str) -> Iterator[Needle]:
        """What decontamination must look for."""
        ...


class Shelf(Protocol):
    """The problems of a data file, and how programs for them are judged."""

    @property
    def tasks(self) -> Mapping[str, Work]:
        """By id, in the file's order."""
        ...

    @property
    def limits(self) -> str:
        """What a program may take, in words."""
        ...

    @property
    def quirks(self) -> str:
        """What is odd about how its answers are compared, in words."""
        ...

    def can_pass(self, problem_id: str) -> bool:
        """Whether the semantics let any program for a problem pass."""
        ...

    def prepared(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        """The same submissions, with what judging them needs found out before.

        Raises:
            RunError: one is for no problem of the data.
            SandboxError: programs cannot be isolated here.
        """
        ...

    def examinations(self, problem_id: str) -> Examinations:
        """What the programs for a problem are asked, if it went through `prepared`."""
        ...


@dataclass(frozen=True)
class Library:
    """The suites of tasks, made as they are needed and kept: their inputs are encoded once for any number of programs.

    Args:
        benchmark: its name, for messages.
        tasks: by id.
        rules: the semantics.
        names: which suites count.
        most: how many of the tasks are asked for at most, None for all: as far as is known, for the progress that is told.
    """

    benchmark: str
    tasks: Mapping[str, Task]
    rules: Rules
    names: Sequence[str] = SUITES
    most: int | None = None
    _ready: dict[str, Examinations] = field(default_factory=dict, repr=False)

    @property
    def limits(self) -> str:
        """See `Shelf`."""
        return str(self.rules)

    @property
    def quirks(self) -> str:
        """See `Shelf`."""
        return self.rules.quirks

    def can_pass(self, problem_id: str) -> bool:
        """See `Shelf`."""
        return self.rules.finds_zero or self.tasks[problem_id].entry_point != FIND_ZERO

    def examinations(self, problem_id: str) -> Examinations:
        """See `Shelf`."""
        return self._ready[problem_id]

    def prepared(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        """See `Shelf`: runs the references of tasks whose answers the cache has not."""
        coming = iter(submissions)
        advance: progress.Advance | None = None
        with ExitStack() as shown:
            for submission in coming:
                together = [submission]
                if not self._knows(submission.problem_id):
                    together += islice(coming, _WINDOW - 1)
                    advance = advance or shown.enter_context(self._told())
                    self._learn(together, advance)
                    if not self._unknown():
                        shown.close()
                        advance = None
                yield from together

    def _task(self, problem_id: str) -> Task:
        if problem_id not in self.tasks:
            raise RunError(f"{self.benchmark}: no problem named '{problem_id}' in the data")
        return self.tasks[problem_id]

    def _knows(self, problem_id: str) -> bool:
        if problem_id not in self._ready and (found := references.known(task := self._task(problem_id), self.names)):
            self._add(task, found)
        return problem_id in self._ready

    def _told(self) -> AbstractContextManager[progress.Advance]:
        """One account of all that is to be found out, however many groups of submissions it comes in."""
        return progress.task(f"expected answers of {self.benchmark}", self._unknown() or None, "task")

    def _unknown(self) -> int:
        """Of how many tasks, of those that a program can pass, the expected answers are not known yet."""
        tasks = (task for task in islice(self.tasks.values(), self.most) if self.can_pass(task.id))
        return sum(task.id not in self._ready and not references.kept(task, self.names) for task in tasks)

    def _learn(self, submissions: Iterable[Submission], advance: progress.Advance) -> None:
        wanted = dict.fromkeys(one.problem_id for one in submissions if not self._knows(one.problem_id))
        for task, found in references.learn([self._task(name) for name in wanted], self.names):
            self._add(task, found)
            advance()

    def _add(self, task: Task, found: References) -> None:
        self._ready[task.id] = (
            found
            if isinstance(found, Broken)
            else Apart([Suite(task, name, found[name], self.rules) for name in self.names])
        )


def shelf_of(file: File, benchmark: str, rules: Rules, names: Sequence[str], most: int | None = None) -> Shelf:
    """The shelf of EvalPlus' data; see `Library`.

    Raises:
        RunError: the file holds other data, or a record is none.
    """
    if is_original(file):
        raise RunError(f"{benchmark}.data: {file.path} holds Google's MBPP; the benchmark for it is 'mbpp'")
    kinds = {name.partition("/")[0] for name in file.tasks}
    for kind, (data, known) in _KINDS.items():
        if kinds == {kind} and benchmark not in known:
            fit = " or ".join(f"'{name}'" for name in known)
            raise RunError(f"{benchmark}.data: {file.path} holds the tasks of {data}; the benchmark for it is {fit}")
    return Library(benchmark, file.tasks, rules, names, most)


def verdicts(submissions: Iterable[Submission], shelf: Shelf) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, some hundred ahead at most.

    Raises:
        RunError: a submission is for no problem of the data.
        SandboxError: programs cannot be isolated here.
    """
    errands = (_errand(one, shelf.examinations(one.problem_id)) for one in shelf.prepared(submissions))
    with closing(sandbox.Desk()) as desk:
        yield from sandbox.conducted(errands, desk)


def _errand(submission: Submission, found: Examinations) -> sandbox.Errand[Verdict]:
    if isinstance(found, Broken):
        return _unjudged(submission, found)
    return _verdict(submission, (yield from found.errand(submission.code)))


def _verdict(submission: Submission, examined: Examined) -> Verdict:
    """A program passes if it passes each suite; else the first that it does not pass says why."""
    findings = examined.findings
    deciding = next((one for one in findings.values() if one.status != "pass"), Finding("pass"))
    extra: dict[str, Any] = {f"{name}_status": one.status for name, one in findings.items()}
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=deciding.status,
        detail=deciding.detail,
        cpu_seconds=examined.cpu_seconds,
        isolation=examined.isolation,
        extra=extra | {f"{name}_fail_tests": list(one.failed) for name, one in findings.items()},
    )


def _unjudged(submission: Submission, broken: Broken) -> Verdict:
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status="harness_error",
        detail=f"the task's own reference does not run here: {broken.reason}",
    )
