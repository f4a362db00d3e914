"""Results in EvalPlus' own format, as it writes them beside the samples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from magicoder_core import Submission, Verdict

_STATUSES: Mapping[str, str] = {"pass": "pass", "timeout": "timeout", "crash": "timeout"}
"""As EvalPlus has them: what says nothing in time or is gone is a timeout, everything else that does not pass failed."""


def eval_results(judged: Iterable[tuple[Submission, Verdict]], md5: str, suites: Sequence[str]) -> Iterator[str]:
    """The text of the results file, in pieces: ``{date, hash, eval: {task_id: [...]}}``.

    A program that could not be judged (``harness_error``) is left out, as from the score: EvalPlus knows no such status.

    Args:
        judged: each program with its verdict, all of a task's together.
        md5: of the data's text; EvalPlus' ``hash``.
        suites: which were judged; the status of others is null.
    """
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    yield f'{{"date": {json.dumps(now)}, "hash": {json.dumps(md5)}, "eval": {{'
    counted = (pair for pair in judged if pair[1].status != "harness_error")
    for number, (task, pairs) in enumerate(groupby(counted, lambda pair: pair[1].problem_id)):
        yield f"{', ' if number else ''}{json.dumps(task)}: ["
        for place, (submission, verdict) in enumerate(pairs):
            yield (", " if place else "") + json.dumps(_row(submission, verdict, suites))
        yield "]"
    yield "}}\n"


def _row(submission: Submission, verdict: Verdict, suites: Sequence[str]) -> dict[str, Any]:
    """One sample. One that was not run, as the model gave no program, passed no suite."""
    extra = verdict.extra or {f"{suite}_status": verdict.status for suite in suites}
    return {
        "task_id": verdict.problem_id,
        "solution": submission.code,
        "base_status": _status(extra.get("base_status")),
        "plus_status": _status(extra.get("plus_status")),
        "base_fail_tests": extra.get("base_fail_tests", []),
        "plus_fail_tests": extra.get("plus_fail_tests", []),
    }


def _status(status: str | None) -> str | None:
    return None if status is None else _STATUSES.get(status, "fail")
