"""A chain's work in words and figures: while it goes on, as a report, and as a table at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from magicoder_core import installed, options
from magicoder_core.filtering.job import Job, Outcome
from magicoder_core.filtering.tally import Said, Tally
from magicoder_core.progress import Advance, Figure
from magicoder_core.recipe import Bound

_TOLD = 0.1
"""Seconds between two words about the progress."""

_SHOWN = 4
"""Reasons of a filter that the table names."""

_WIDE = 60


@dataclass
class Teller:
    """Tells how far the work is, not more often than anybody reads."""

    advance: Advance
    tally: Tally
    _waiting: float = field(default=0.0, init=False)
    _told: float = field(default=0.0, init=False)
    _answers: int = field(default=0, init=False)
    _of: tuple[float, int, int] = field(default=(0.0, 0, 0), init=False)

    def __post_init__(self) -> None:
        """Note when the work began: the pace is that of this try."""
        self._began, self._before = time.monotonic(), self.tally.rows

    def begin(self, weight: float, rows: int, askers: int) -> None:
        """A batch of so many bytes and rows, each of which so many filters may ask about."""
        self._answers, self._of = 0, (weight, rows, rows * askers)

    def answered(self) -> None:
        """One more row of the batch has one more answer: a batch may take minutes."""
        weight, _, answers = self._of
        if self._answers < answers:
            self._answers += 1
            self._tell(weight / answers)

    def tell(self) -> None:
        """The batch is done, and counted."""
        weight, _, answers = self._of
        left = weight * (1 - self._answers / answers) if answers else weight
        self.begin(0.0, 0, 0)
        self._tell(left)

    def end(self) -> None:
        """Say the last word."""
        self._tell(0.0, at_once=True)

    def _tell(self, weight: float, *, at_once: bool = False) -> None:
        """Count bytes on, and say so if the last word is a while ago."""
        self._waiting += weight
        now = time.monotonic()
        if not at_once and now - self._told < _TOLD:
            return
        _, part, answers = self._of
        rows = self.tally.rows + (part * self._answers // answers if answers else 0)
        figures: dict[str, Figure] = {"rows": rows}
        if (seconds := now - self._began) > 0:
            figures["rows_per_second"] = round((rows - self._before) / seconds)
        figures["rejected"] = self.tally.rejected
        if self.tally.flagged:
            figures["flagged"] = self.tally.flagged
        self._told = now
        self.advance(self._waiting, **figures)
        self._waiting = 0.0


def report(job: Job, outcome: Outcome) -> dict[str, Any]:
    """All of it as plain JSON values: versions, files, filters with their options and what became of rows."""
    tally = outcome.tally
    chosen: list[Bound[Any]] = [*job.filters, *job.teachers.values()]
    named = {bound.distribution: bound.version for bound in chosen if bound.version}
    return {
        "versions": {"magicoder-core": installed.version("magicoder-core"), **dict(sorted(named.items()))},
        "inputs": [str(path) for path in job.inputs],
        "outputs": {"kept": str(job.kept), "rejected": str(job.rejected)},
        "columns": dict(job.columns),
        "rows": tally.rows,
        "kept": tally.kept,
        "rejected": tally.rejected,
        "flagged": tally.flagged,
        "seconds": outcome.seconds,
        "filters": [
            {
                "use": bound.name,
                "distribution": bound.distribution,
                "version": bound.version,
                "options": options.values(bound.provider),
                **_said(said),
                "cpu_seconds": round(cpu, 3),
                "report": dict(own),
            }
            for bound, said, cpu, own in zip(job.filters, tally.filters, outcome.cpu, outcome.said, strict=True)
        ],
        "asked": list(outcome.spent),
    }


def _said(said: Said) -> dict[str, Any]:
    return {
        "rejected": _sorted(said.rejected),
        "flagged": _sorted(said.flagged),
        "scores": {name: said.scores[name].told() for name in sorted(said.scores)},
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Counts, the largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def totals(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Rows, kept and rejected of a `report`, each with its share or file."""
    rows = told["rows"]
    yield "rows", f"{rows:,}", f"of {len(told['inputs'])} file{'' if len(told['inputs']) == 1 else 's'}"
    for name in ("kept", "rejected"):
        share = f"{100 * told[name] / rows:.1f}%  " if rows else ""
        yield name, f"{told[name]:,}", f"{share}{told['outputs'][name]}"
    if told["flagged"]:
        yield "flagged", f"{told['flagged']:,}", "of the kept ones"


def by_filter(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """A line for each filter of a `report`, after their heads: name, rejected, flagged, CPU seconds, reasons."""
    yield "filter", "rejected", "flagged", "CPU s", "reasons"
    for item in told["filters"]:
        rejected, flagged = item["rejected"], item["flagged"]
        reasons = [f"{number:,} {_short(why)}" for why, number in rejected.items()]
        reasons += [f"{number:,} {_short(why)} (flag)" for why, number in flagged.items()]
        more = [f"{len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
        counts = (f"{sum(rejected.values()):,}", f"{sum(flagged.values()):,}", f"{item['cpu_seconds']:.1f}")
        yield item["use"], *counts, ", ".join([*reasons[:_SHOWN], *more])


def scores(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A line for each score of a `report`."""
    for item in told["filters"]:
        for name, score in item["scores"].items():
            figures = "  ".join(f"{key} {score[key]:.4g}" for key in ("mean", "min", "max"))
            yield name, f"{score['count']:,} rows  {figures}"


def asked(told: Mapping[str, Any]) -> Iterator[str]:
    """A line for each teacher of a `report`."""
    for item in told["asked"]:
        money = f", {item['usd']:.4f} USD" if item["usd"] is not None else ""
        tokens = item["prompt_tokens"] + item["completion_tokens"]
        again = f" ({item['replayed']} from the journal)" if item["replayed"] else ""
        yield f"{item['teacher']}: {item['requests']} answers{again}, {tokens:,} tokens{money}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."
