"""Many programs at once, outcomes in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from magicoder_core.sandbox.box import Box, Gone
from magicoder_core.sandbox.inside import FRAME_BYTES
from magicoder_core.sandbox.isolation import Isolation, required
from magicoder_core.sandbox.oracle import examine_one
from magicoder_core.sandbox.program import Examination, Outcome, Program
from magicoder_core.sandbox.whole import run_one

Job = TypeVar("Job")

_LONGEST = FRAME_BYTES // 8
"""Characters of a program with its input; each takes up to six bytes of JSON."""

_AHEAD = 4
"""Jobs that are taken for each worker, so that one slow program does not leave the others idle."""


def run(programs: Iterable[Program], workers: int | None = None) -> Iterator[Outcome]:
    """Run whole programs as scripts; one outcome for each, in order, as soon as it is known.

    ``programs`` is pulled lazily, a few ahead. ``workers`` run at once, by default one for each core. A program
    passes if it runs past its last line: one that carries its own tests must be trusted not to lie about them
    (`examine` needs no such trust).

    Raises:
        SandboxError: at the call, if this machine cannot isolate programs and weaker isolation is not allowed.
    """
    return _in_order(partial(_run, required()), programs, workers)


def examine(examinations: Iterable[Examination], workers: int | None = None) -> Iterator[Outcome]:
    """Judge programs by tests that run outside the box; one outcome for each, in order. See `run`.

    Raises:
        SandboxError: as `run`.
    """
    return _in_order(partial(_examine, required()), examinations, workers)


def _run(isolation: Isolation, crew: _Crew, program: Program) -> Outcome:
    return _boxed(isolation, crew, program, partial(run_one, isolation), serve=False)


def _examine(isolation: Isolation, crew: _Crew, examination: Examination) -> Outcome:
    judge = partial(examine_one, examination, isolation)
    return _boxed(isolation, crew, examination.program, judge, serve=True)


def _boxed(
    isolation: Isolation, crew: _Crew, program: Program, judge: Callable[[Box], Outcome], *, serve: bool
) -> Outcome:
    if program.language != "python":
        return _broken(isolation, f"no way to run {program.language} yet")
    if len(program.code) + len(program.stdin) > _LONGEST:
        return Outcome(status="fail", detail=f"longer than {_LONGEST} characters", isolation=isolation.level)
    try:
        with Box(isolation, program, serve=serve) as box, crew.at_work(box):
            try:
                box.begin()
            except Gone:
                return _broken(isolation, f"the sandbox did not start: {box.complaint()}")
            return judge(box)
    except OSError as error:
        return _broken(isolation, f"the sandbox did not start: {error.strerror or error}")


def _broken(isolation: Isolation, detail: str) -> Outcome:
    return Outcome(status="harness_error", detail=detail, isolation=isolation.level)


class _Crew:
    """The boxes at work for one caller."""

    def __init__(self) -> None:
        self._boxes: set[Box] = set()
        self._dismissed = False

    @contextmanager
    def at_work(self, box: Box) -> Iterator[None]:
        """Within the block ``box`` can be dismissed."""
        self._boxes.add(box)
        if self._dismissed:
            box.kill()
        try:
            yield
        finally:
            self._boxes.discard(box)

    def dismiss(self) -> None:
        """End the boxes at work, and each that comes later."""
        self._dismissed = True
        for box in self._boxes.copy():
            box.kill()


def _in_order(work: Callable[[_Crew, Job], Outcome], jobs: Iterable[Job], workers: int | None) -> Iterator[Outcome]:
    count = workers or _cores()
    waiting: deque[Future[Outcome]] = deque()
    crew = _Crew()
    pool = ThreadPoolExecutor(count, thread_name_prefix="sandbox")
    try:
        for job in jobs:
            waiting.append(pool.submit(work, crew, job))
            while waiting and (waiting[0].done() or len(waiting) >= count * _AHEAD):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # The caller may have stopped listening: end what still runs instead of waiting for its limits.
        pool.shutdown(wait=False, cancel_futures=True)
        crew.dismiss()
        pool.shutdown()


def _cores() -> int:
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
