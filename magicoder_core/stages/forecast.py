"""What a whole run will take, judged by its first snippets: ``magicoder run --pilot 20``.

The pilot's answers are in the journal, so the run that follows does not pay for them again. Acceptance has Wilson's
95% interval, tokens and money for each snippet a bootstrap interval; the whole is their product, low with low and
high with high, which is wider than 95% and never narrower.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import inf
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.asking import Asker
from magicoder_core.errors import RunError
from magicoder_core.records import Rejection, Snippet
from magicoder_core.scoring.intervals import bootstrap, wilson
from magicoder_core.stages import generate, seeds
from magicoder_core.stages.making import Maker, asker_of, fresh, judges_of, width
from magicoder_core.stages.stage import Run
from magicoder_core.stages.window import in_order

PILOT = "pilot.json"


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def times(self, other: Estimate) -> Estimate:
        """The product; low with low and high with high."""
        return Estimate(self.value * other.value, self.low * other.low, self.high * other.high)


@dataclass
class Taken:
    """What the pilot's snippets took, as the journal has it: tokens, US dollars, seconds; in order."""

    tokens: list[float] = field(default_factory=list)
    usd: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """What came of ``snippets``, and what the whole run would take.

    ``rows`` and ``needed`` (snippets) are those of the whole run; ``seconds`` lies between all requests that may be
    out at once being as fast as the pilot's, and the pilot's own pace.
    """

    snippets: int
    accepted: int
    why: dict[str, int]
    there: int
    target: int | None
    acceptance: Estimate
    needed: Estimate
    rows: Estimate
    tokens: Estimate
    usd: Estimate | None
    seconds: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values; null is without bound."""
        return {name: _bounded(value) for name, value in asdict(self).items()}

    def lines(self) -> list[str]:
        """The same in words."""
        why = ", ".join(f"{number} {reason}" for reason, number in self.why.items())
        share = self.acceptance
        kept = f"{self.accepted} of {self.snippets} snippets gave a row that is kept{f' ({why})' if why else ''}"
        lines = [
            f"pilot: {kept}: {share.value:.0%} [{share.low:.0%}, {share.high:.0%}]",
            self._all(),
            f"  tokens   {_told(self.tokens, ',.0f')}",
        ]
        if self.usd is not None:
            lines.append(f"  money    {_told(self.usd, ',.2f' if self.usd.low >= 1 else '.4f')} USD")
        low, high = self.seconds
        return [
            *lines,
            f"  time     {_duration(low)} to {_duration(high)} (the latter at the pilot's pace)",
            "The same command without --pilot goes on; these answers are not paid for again.",
        ]

    def _all(self) -> str:
        if self.needed.value == inf:
            return f"how many snippets {self.target} rows need cannot be told; they take at least"
        if self.target is None:
            return f"all {self.there} snippets would give {_told(self.rows, ',.0f')} rows, and take"
        enough = "" if self.needed.high <= self.there else f"; there are only {self.there}, draw more"
        return f"{self.target} rows would need {_told(self.needed, ',.0f')} snippets{enough}, and take"


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bounded(item) for name, item in value.items()}
    return None if value == inf else value


def _told(estimate: Estimate, form: str) -> str:
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if seconds == inf:
        return "no end"
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"  # noqa: PLR2004 - two of the larger unit


def pilot(run: Run, number: int) -> Forecast:
    """Make rows of the first ``number`` snippets and forecast the whole; written to ``pilot.json``, too.

    Raises:
        RunError: none of them was answered, or there is no snippet.
        BudgetError: a limit is reached.
    """
    snippets = [Snippet.from_dict(row) for row in islice(jsonl.read(run / seeds.SNIPPETS), number)]
    if not snippets:
        raise RunError(f"{run / seeds.SNIPPETS}: no snippet to try")
    forecast = asyncio.run(_pilot(run, snippets))
    jsonl.write_json(run / PILOT, forecast.to_dict())
    return forecast


async def _pilot(run: Run, snippets: Sequence[Snippet]) -> Forecast:
    with asker_of(run.plan, run / generate.JOURNAL) as asker:
        for entry in asker.journal.entries():
            if entry.teacher == asker.identity:
                asker.count(entry)
        maker = Maker(run.plan, asker, fresh(judges_of(run.plan)))
        accepted, why = await _make(maker, snippets)
        taken = _taken(asker, [snippet.id for snippet in snippets])
    if not any(taken.tokens) and not any(taken.seconds):
        raise RunError(f"pilot: no snippet was answered: {dict(why)}; look at {run / generate.JOURNAL}")
    return forecast_of(
        accepted,
        dict(why.most_common()),
        taken,
        there=seeds.total(run),
        target=run.plan.generate.target,
        at_once=run.plan.generate.concurrency,
    )


async def _make(maker: Maker, snippets: Iterable[Snippet]) -> tuple[int, Counter[str]]:
    """How many snippets give a row that is kept, and why the others do not."""
    accepted, why = 0, Counter[str]()
    total = len(list(snippets))
    most = width(maker.plan.generate, maker.asker.teacher)
    with progress.task("pilot", total, "snippet") as advance:
        async with maker.asker.running():
            pairs = in_order(snippets, maker.make, lambda: most, finish=maker.asker.finish)
            async for _, made in pairs:
                reason = made.outcome.reason if isinstance(made.outcome, Rejection) else made.rejected
                accepted += reason is None
                why.update([reason] if reason else [])
                advance(accepted=accepted)
    return accepted, why


def _taken(asker: Asker, parents: Sequence[str]) -> Taken:
    """What the journal says that the pilot's snippets took; failed attempts count, too."""
    spent: dict[str, list[float]] = {parent: [0.0, 0.0, 0.0] for parent in parents}
    began, ended = inf, 0.0
    for entry in asker.journal.entries():
        if entry.parent not in spent or entry.teacher != asker.identity:
            continue
        usage = asker.reader.usage(entry)
        of = spent[entry.parent]
        of[0] += usage.prompt_tokens + usage.completion_tokens
        of[1] += usage.usd or 0.0
        of[2] += entry.seconds
        began, ended = min(began, entry.at - entry.seconds), max(ended, entry.at)
    columns = [list(column) for column in zip(*spent.values(), strict=True)]
    priced = asker.budget.priced
    return Taken(columns[0], columns[1] if priced else [], columns[2], max(0.0, ended - began))


def forecast_of(
    accepted: int, why: dict[str, int], taken: Taken, *, there: int, target: int | None, at_once: int
) -> Forecast:
    """The forecast for ``there`` snippets, or for as many of them as ``target`` rows need."""
    number = len(taken.tokens)
    low, high = wilson(accepted, number)
    share = Estimate(accepted / number, low, high)
    needed = Estimate(there, there, there) if target is None else _needed(target, share)
    seconds = _mean(taken.seconds)
    fastest = needed.low * seconds.low / at_once
    return Forecast(
        snippets=number,
        accepted=accepted,
        why=why,
        there=there,
        target=target,
        acceptance=share,
        needed=needed,
        rows=needed.times(share) if target is None else Estimate(target, target, target),
        tokens=needed.times(_mean(taken.tokens)),
        usd=needed.times(_mean(taken.usd)) if taken.usd else None,
        seconds=(fastest, max(fastest, needed.high * taken.wall / number)),
    )


def _needed(target: int, share: Estimate) -> Estimate:
    """Snippets for so many rows; without bound where none was accepted."""
    return Estimate(*(target / part if part else inf for part in (share.value, share.high, share.low)))


def _mean(values: Sequence[float]) -> Estimate:
    low, high = bootstrap(values)
    return Estimate(sum(values) / len(values), low, high)
