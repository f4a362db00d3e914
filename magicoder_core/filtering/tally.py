"""What a chain has said so far, counted: rows, reasons by filter, and what filters measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from magicoder_core.filtering.decisions import KEPT, Decision


@dataclass
class Measured:
    """One score over all rows that have it."""

    count: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, value: float) -> None:
        """Count one value."""
        self.count += 1
        self.total += value
        self.low, self.high = min(self.low, value), max(self.high, value)

    def told(self) -> dict[str, float]:
        """For a report."""
        return {"count": self.count, "mean": self.total / self.count, "min": self.low, "max": self.high}


@dataclass
class Said:
    """One filter's part: rows dropped and flagged by reason, and its scores by name."""

    rejected: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    scores: dict[str, Measured] = field(default_factory=dict)


@dataclass
class Tally:
    """All of it; the filters by their numbers."""

    filters: Sequence[Said]
    rows: int = 0
    kept: int = 0
    flagged: int = 0
    """Rows that are kept with a flag."""

    @classmethod
    def of(cls, count: int) -> Self:
        """An empty one for so many filters."""
        return cls([Said() for _ in range(count)])

    @property
    def rejected(self) -> int:
        """Rows that some filter drops."""
        return self.rows - self.kept

    def plain(self, count: int) -> None:
        """Count rows that are kept without a word."""
        self.rows += count
        self.kept += count

    def add(self, decision: Decision) -> None:
        """Count a row of which something is said."""
        self.rows += 1
        if decision.by == KEPT:
            self.kept += 1
            self.flagged += bool(decision.flags)
        else:
            self.filters[decision.by].rejected[decision.reason] += 1
        for number, reason, _ in decision.flags:
            self.filters[number].flagged[reason] += 1
        for number, scores in decision.scores:
            said = self.filters[number].scores
            for name, value in scores.items():
                said.setdefault(name, Measured()).add(value)

    def measured(self) -> list[str]:
        """The names of all scores, sorted."""
        return sorted({name for said in self.filters for name in said.scores})

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, for `restored`."""
        return {
            "rows": self.rows,
            "kept": self.kept,
            "flagged": self.flagged,
            "filters": [
                {
                    "rejected": dict(said.rejected),
                    "flagged": dict(said.flagged),
                    "scores": {name: [one.count, one.total, one.low, one.high] for name, one in said.scores.items()},
                }
                for said in self.filters
            ],
        }

    @classmethod
    def restored(cls, data: Mapping[str, Any]) -> Self:
        """The tally of `to_dict`."""
        filters = [
            Said(
                Counter(said["rejected"]),
                Counter(said["flagged"]),
                {name: Measured(*values) for name, values in said["scores"].items()},
            )
            for said in data["filters"]
        ]
        return cls(filters, data["rows"], data["kept"], data["flagged"])
