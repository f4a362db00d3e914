"""From submissions to verdicts: what a simple benchmark's `judge` needs beyond its tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from magicoder_core.records import Submission, Verdict
from magicoder_core.sandbox.pool import call
from magicoder_core.sandbox.program import Answers, Calls, Large, Raised, Value, answer, tidy

Check = Callable[[Submission, Sequence[Value | Raised | Large]], str]
"""What is wrong with a submission's answers, one for each call; an empty text if nothing is."""


def verdicts(
    submissions: Iterable[Submission], calls: Callable[[Submission], Calls], check: Check
) -> Iterator[Verdict]:
    """One verdict for each submission, in order.

    ``calls`` says what a submission is asked. ``check`` is given its answers, one for each call, and returns what is
    wrong with them, an empty text if nothing is; it runs in this process, where no program can reach it.

    Raises:
        SandboxError: at the first verdict, if this machine cannot isolate programs as strongly as asked.
    """
    waiting: deque[Submission] = deque()

    def asked() -> Iterator[Calls]:
        for submission in submissions:
            waiting.append(submission)
            yield calls(submission)

    for answers in call(asked()):
        yield _verdict(waiting.popleft(), answers, check)


def equal(*expected: Any) -> Check:
    """A check that each call gave the value expected of it (by ``==``)."""

    def check(_: Submission, answers: Sequence[Value | Raised | Large]) -> str:
        for number, (given, value) in enumerate(zip(answers, expected, strict=True)):
            if given != Value(value):
                return f"call {number}: {_shown(given)}, and {value!r:.100} was expected"
        return ""

    return check


def _shown(answer: Value | Raised | Large) -> str:
    if isinstance(answer, Value):
        return f"gave {answer.value!r:.200}"
    return f"raised {answer}" if isinstance(answer, Raised) else f"gave a value of {answer.size} bytes"


def _verdict(submission: Submission, answers: Answers, check: Check) -> Verdict:
    status, detail = answers.status, answers.detail
    if status == "pass" and (wrong := check(submission, [answer(record) for record in answers.records])):
        status, detail = "fail", tidy(wrong)
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=status,
        detail=detail,
        cpu_seconds=answers.cpu_seconds,
        isolation=answers.isolation,
    )
