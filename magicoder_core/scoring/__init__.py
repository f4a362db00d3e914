"""From verdicts to scores: pass@k with its 95% interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from magicoder_core.records import Verdict
from magicoder_core.scoring.intervals import bootstrap, wilson
from magicoder_core.scoring.passk import pass_at_k

__all__ = ["bootstrap", "harness_errors", "pass_at_k", "results", "summary", "wilson"]

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


def summary(results: Results, ks: Sequence[int] = (1, 10, 100)) -> dict[str, dict[str, float]]:
    """pass@k over tasks: ``{"pass@1": {"value", "low", "high", "tasks"}}``, shares between 0 and 1.

    Tasks without a sample are left out. A ``k`` is reported only where every other task has that many samples.
    The interval is Wilson's where there is one sample for each task, else a bootstrap over tasks.
    """
    counts = [(len(samples), sum(samples)) for samples in results.values() if samples]
    fewest = min((n for n, _ in counts), default=0)
    return {f"pass@{k}": _metric(counts, k) for k in ks if k <= fewest}


def _metric(counts: Sequence[tuple[int, int]], k: int) -> dict[str, float]:
    values = [pass_at_k(n, c, k) for n, c in counts]
    single = all(n == 1 for n, _ in counts)
    low, high = wilson(sum(c for _, c in counts), len(counts)) if single else bootstrap(values)
    return {"value": sum(values) / len(values), "low": low, "high": high, "tasks": len(values)}
