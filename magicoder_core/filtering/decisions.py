"""What a chain of filters says of a row, and how that is written down: a line of JSON, or an empty one for a plain yes.

Filters are named by their numbers in the chain, from 0. Evidence stands as JSON text, so that it is the same to the
byte wherever a row was judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from magicoder_core import jsonl

KEPT = -1


@dataclass(slots=True)
class Decision:
    """One row's.

    Attributes:
        by: the filter that drops it, or `KEPT`.
        reason: why that one does.
        evidence: its evidence, a JSON object as text.
        scores: what filters measured, each with the filter's number.
        flags: number, reason and evidence of each filter that keeps the row and has something to say.
    """

    by: int = KEPT
    reason: str = ""
    evidence: str = "{}"
    scores: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    flags: list[tuple[int, str, str]] = field(default_factory=list)

    def measured(self) -> dict[str, float]:
        """All scores together; of two of one name the later filter's."""
        return {name: value for _, scores in self.scores for name, value in scores.items()}


def encoded(decision: Decision | None) -> bytes:
    """A decision as a line without its end; None is a row that is kept without a word."""
    if decision is None:
        return b""
    made: dict[str, Any] = {}
    if decision.by != KEPT:
        made = {"by": decision.by, "reason": decision.reason, "evidence": decision.evidence}
    if decision.scores:
        made["scores"] = decision.scores
    if decision.flags:
        made["flags"] = decision.flags
    return jsonl.encoded(made)


def decoded(line: bytes) -> Decision | None:
    """The decision that `encoded` wrote."""
    if not line:
        return None
    made = jsonl.decoded(line)
    return Decision(
        by=made.get("by", KEPT),
        reason=made.get("reason", ""),
        evidence=made.get("evidence", "{}"),
        scores=[(number, scores) for number, scores in made.get("scores", ())],
        flags=[(number, reason, evidence) for number, reason, evidence in made.get("flags", ())],
    )
