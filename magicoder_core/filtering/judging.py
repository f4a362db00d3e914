"""A filter's judgement of rows, held to what a filter promises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError, attributed
from magicoder_core.providers import Filter
from magicoder_core.records import Instruction, Judgement

_NUMBERS = frozenset({int, float})


def judge(name: str, provider: Filter, rows: list[Instruction]) -> Sequence[Judgement]:
    """One judgement for each row.

    Raises:
        RunError: the filter failed, or gave another number of judgements.
    """
    with attributed("filter", name):
        judgements = provider.judge(rows)
    if len(judgements) != len(rows):
        raise RunError(f"filter '{name}' gave {len(judgements)} judgements for {len(rows)} rows")
    return judgements


def numbers(name: str, scores: Mapping[str, float]) -> dict[str, float]:
    """Scores as plain finite numbers.

    Raises:
        RunError: one is none.
    """
    with attributed("filter", name):
        made = {str(key): value if type(value) in _NUMBERS else float(value) for key, value in scores.items()}
    for key, value in made.items():
        if not math.isfinite(value):
            raise RunError(f"filter '{name}' gave the score {key} = {value}; a finite number is needed")
    return made


def spelled(name: str, evidence: Mapping[str, Any]) -> str:
    """Evidence as JSON text.

    Raises:
        RunError: it holds something that JSON has not.
    """
    if not evidence:
        return "{}"
    with attributed("filter", name):
        return jsonl.dumps(dict(evidence))
