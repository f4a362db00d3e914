"""Verdicts with the tests kept apart: a program answers in one box, and the tests judge its answers in another.

What the tests ask was recorded (`recording`). A program that answers it as the reference did passes. Answers that
differ are played to the tests (`trial`), which may find them right all the same (a float that is close, another
order), or ask for more, because what they ask depends on what they were told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from magicoder_core import Submission, Verdict, sandbox
from magicoder_humaneval.data import Task
from magicoder_humaneval.recording import Recording, learn
from magicoder_humaneval.trial import Trial

_WINDOW = 128
"""Submissions that are looked at together, so that their tasks are recorded together."""


def verdicts(
    submissions: Iterable[Submission],
    task_of: Callable[[str], Task],
    known: dict[str, Recording],
    limits: sandbox.Limits,
) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, some hundred ahead.

    Args:
        submissions: whole programs.
        task_of: a task by its id.
        known: recordings by the task's id; those that are missing are added.
        limits: what each program may take, and the tests on its answers.

    Raises:
        RunError: what ``task_of`` raises.
        SandboxError: programs cannot be isolated here.
    """
    desk = sandbox.Desk()
    try:
        yield from sandbox.conducted(_errands(submissions, task_of, known, desk, limits), desk)
    finally:
        desk.close()


def _errands(
    submissions: Iterable[Submission],
    task_of: Callable[[str], Task],
    known: dict[str, Recording],
    desk: sandbox.Desk,
    limits: sandbox.Limits,
) -> Iterator[sandbox.Errand[Verdict]]:
    coming = iter(submissions)
    while window := list(islice(coming, _WINDOW)):
        learn([task_of(one.problem_id) for one in window], known, desk, limits)
        for one in window:
            yield Trial(one, known[one.problem_id], limits).errand()
