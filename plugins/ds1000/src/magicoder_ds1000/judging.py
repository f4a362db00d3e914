"""Verdicts: each answer in a program of its own, in a box whose fork server has the problem's library loaded."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from magicoder_core import Submission, Verdict, sandbox
from magicoder_ds1000.composing import program
from magicoder_ds1000.data import Task
from magicoder_ds1000.readiness import Ready, limits

Semantics = Literal["strict", "ds1000"]

TREE_SECONDS = 60.0
"""Of each test case of the older tree (HKUNLP/DS-1000 49c1c54, ``ds1000.py``)."""

_WINDOW = 128
"""Submissions that are looked at together, so that those of one library follow each other: a box has one loaded."""

_NO_CODE, _LATE, _CHANGED = "NoCodeError: ", "TimeoutError: case ", "TamperedError: "
_PLACE = re.compile(r" ?\(line \d+ of the program\)$")


@dataclass(frozen=True)
class Court:
    """How answers are judged: seconds of each program, by which semantics, in which boxes."""

    seconds: float
    semantics: Semantics
    ready: Callable[[str], Ready]

    def seconds_of(self, task: Task) -> float:
        """Of a problem's test case, or of all its test cases together in the newer format."""
        return self.seconds if task.files is None else min(self.seconds, TREE_SECONDS)

    def program(self, task: Task, answer: str) -> sandbox.Program:
        """What runs, and what it may take.

        Raises:
            RunError: the problem's files cannot be read.
        """
        image = self.ready(task.library).image
        assert image is not None  # noqa: S101 - only programs of libraries that are ready are run
        strict, seconds = self.semantics == "strict", self.seconds_of(task)
        cases = 1 if task.files is None else task.cases
        return sandbox.Program(
            code=program(task, answer, strict=strict, seconds=0.0 if strict else seconds),
            image=image,
            limits=limits(seconds, clock="cpu" if strict else "wall", cases=cases),
        )


def verdicts(submissions: Iterable[Submission], task_of: Callable[[str], Task], court: Court) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, some hundred ahead.

    Raises:
        RunError: what ``task_of`` raises; a problem's files cannot be read.
        SandboxError: programs cannot be isolated here.
    """
    coming = iter(submissions)
    while window := list(islice(coming, _WINDOW)):
        yield from _of_window([(one, task_of(one.problem_id)) for one in window], court)


def _of_window(window: list[tuple[Submission, Task]], court: Court) -> Iterator[Verdict]:
    """The verdicts of a window, in its order, each as soon as those before it are known."""
    known: dict[int, Verdict] = {}
    places: deque[int] = deque()
    for place, (one, task) in enumerate(window):
        ready = court.ready(task.library)
        if ready.image is None:
            known[place] = Verdict(
                problem_id=one.problem_id, sample=one.sample, status="harness_error", detail=ready.reason
            )
        else:
            places.append(place)
    order = sorted(places, key=lambda place: window[place][1].library)
    programs = (court.program(window[place][1], window[place][0].code) for place in order)
    due = 0
    for outcome in sandbox.run(programs, ordered=False):
        place = order[outcome.index]
        known[place] = _verdict(window[place][0], outcome)
        while due in known:
            yield known.pop(due)
            due += 1
    while due in known:
        yield known.pop(due)
        due += 1


def _verdict(submission: Submission, outcome: sandbox.Outcome) -> Verdict:
    status, detail = outcome.status, _PLACE.sub("", outcome.detail)
    if status == "fail" and detail.startswith(_NO_CODE):
        status, detail = "compile_error", detail.removeprefix(_NO_CODE)
    elif status == "fail" and detail.startswith(_LATE):
        status, detail = "timeout", detail.removeprefix("TimeoutError: ")
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=status,
        detail=detail.removeprefix(_CHANGED),
        cpu_seconds=outcome.cpu_seconds,
        isolation=outcome.isolation,
    )
