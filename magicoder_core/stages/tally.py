"""What has become of the snippets so far, whether there are rows enough, and whether it is worth going on."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from magicoder_core.asking.errand import RETRIED
from magicoder_core.errors import RunError
from magicoder_core.records import Rejection

HOPELESS = 10
"""So many snippets in a row without an answer mean that the teacher is gone, not that the snippets are bad."""

WINDOW = 100
"""Snippets whose failures are looked at together: few enough to stop before much is spent, many enough to be sure."""

NOT_ASKED = "not asked"
"""The reason of a snippet whose request is not in the journal, in a run that asks nothing."""

UNANSWERED = RETRIED | {"error", "bad_request"}
"""Reasons that say nothing about the snippet: the teacher's, or a plugin's own fault."""

_LINE = 200


@dataclass
class Tally:
    """Counts, in the snippets' order.

    Args:
        target: rows that are wanted; None: one of each snippet that gives one.
        give_up: stop when of the last `WINDOW` snippets a larger share gave no row.
    """

    target: int | None
    give_up: float = 0.95
    rows: int = 0
    accepted: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    _unanswered: int = field(default=0, init=False)
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW), init=False)

    def row(self, rejected: str | None) -> None:
        """Count a row, and what the row-by-row filters would drop it for."""
        self.rows += 1
        self.accepted += rejected is None
        if rejected is not None:
            self.rejected[rejected] += 1
        self._unanswered = 0
        self._recent.append(True)

    def failure(self, rejection: Rejection) -> None:
        """Count a snippet without a row.

        Raises:
            RunError: nothing is answered any more, or hardly any answer gives a row.
        """
        reason = rejection.reason
        self.failed[reason] += 1
        self.example.setdefault(reason, " ".join(rejection.detail.split())[:_LINE])
        if reason == NOT_ASKED:
            return
        self._recent.append(False)
        self._unanswered = self._unanswered + 1 if reason in UNANSWERED else 0
        if self._unanswered >= HOPELESS:
            raise RunError(
                f"generate: {HOPELESS} snippets in a row got no answer, the last with: {rejection.detail}; "
                "mend that and run the same command again: all answers are kept"
            )
        if len(self._recent) == WINDOW and self._recent.count(False) > self.give_up * WINDOW:
            raise RunError(
                f"generate: of the last {WINDOW} snippets {self._recent.count(False)} gave no row: {self.reasons()}; "
                "look at failed.jsonl, or set generate.give_up = 1 to go on all the same; all answers are kept"
            )

    def reasons(self) -> str:
        """Why snippets gave no row, the most frequent first, each with a case."""
        return "; ".join(
            f"{number} {reason} (as: {self.example[reason]})" for reason, number in self.failed.most_common()
        )

    @property
    def settled(self) -> int:
        """Snippets that are through."""
        return self.rows + self.failed.total()

    @property
    def missing(self) -> int:
        """Rows that are still wanted; more than there can be without a target."""
        return 1 << 60 if self.target is None else self.target - self.accepted

    @property
    def done(self) -> int:
        """How far the work is, in the units of the target or else in snippets."""
        return self.settled if self.target is None else self.accepted

    def to_dict(self) -> dict[str, Any]:
        """The counts, to go on with after a stop."""
        counts = {"failed": dict(self.failed), "rejected": dict(self.rejected), "example": dict(self.example)}
        return {"rows": self.rows, "accepted": self.accepted, **counts}

    def restore(self, counts: Mapping[str, Any]) -> Self:
        """Take up the counts of an earlier try."""
        self.rows, self.accepted = counts["rows"], counts["accepted"]
        self.failed, self.rejected = Counter(counts["failed"]), Counter(counts["rejected"])
        self.example = dict(counts["example"])
        return self
