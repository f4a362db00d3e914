"""From verdicts to scores: pass@k with its 95% interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from magicoder_core.records import Verdict
from magicoder_core.scoring.intervals import bootstrap, wilson
from magicoder_core.scoring.metrics import KS, metrics
from magicoder_core.scoring.passk import pass_at_k
from magicoder_core.scoring.tally import Tally

__all__ = ["KS", "Tally", "bootstrap", "harness_errors", "metrics", "pass_at_k", "results", "summary", "wilson"]

Results = Mapping[str, Sequence[bool]]
"""For each task, whether each of its samples passed."""


def results(verdicts: Iterable[Verdict]) -> dict[str, list[bool]]:
    """Verdicts as `summary` takes them: by task, in the order met.

    A ``harness_error`` is ours or the machine's and no sample of the model's: it is left out (`harness_errors`
    counts them), so a task may be left with fewer samples or none.
    """
    found: dict[str, list[bool]] = {}
    for verdict in verdicts:
        samples = found.setdefault(verdict.problem_id, [])
        if verdict.status != "harness_error":
            samples.append(verdict.status == "pass")
    return found


def harness_errors(verdicts: Iterable[Verdict]) -> int:
    """How many verdicts say nothing about the model, because the sandbox or the machine failed."""
    return sum(verdict.status == "harness_error" for verdict in verdicts)


def summary(results: Results, ks: Sequence[int] = KS) -> dict[str, dict[str, float]]:
    """pass@k over tasks: ``{"pass@1": {"value", "low", "high", "tasks"}}``, shares between 0 and 1.

    Tasks without a sample are left out. A ``k`` is reported only where every other task has that many samples.
    The interval is Wilson's where each task gives 0 or 1 (one sample each, or all of them alike), else a bootstrap over
    tasks.
    """
    return metrics(((len(samples), sum(samples)) for samples in results.values()), ks)
