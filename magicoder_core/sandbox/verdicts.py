"""From submissions to verdicts: what a benchmark's `judge` needs beyond its tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from magicoder_core.records import Submission, Verdict
from magicoder_core.sandbox.pool import examine
from magicoder_core.sandbox.program import Examination, Outcome


def verdicts(submissions: Iterable[Submission], examination: Callable[[Submission], Examination]) -> Iterator[Verdict]:
    """One verdict for each submission, in order; ``examination`` says how to examine one. See `examine`.

    Raises:
        SandboxError: at the first verdict, if this machine cannot isolate programs as strongly as asked.
    """
    waiting: deque[Submission] = deque()

    def examinations() -> Iterator[Examination]:
        for submission in submissions:
            waiting.append(submission)
            yield examination(submission)

    for outcome in examine(examinations()):
        yield _verdict(waiting.popleft(), outcome)


def _verdict(submission: Submission, outcome: Outcome) -> Verdict:
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=outcome.status,
        detail=outcome.detail,
        cpu_seconds=outcome.cpu_seconds,
        isolation=outcome.isolation,
    )
