"""A filter's judgement of rows, held to what a filter promises."""

from __future__ import annotations

from collections.abc import Sequence

from magicoder_core.errors import RunError, attributed
from magicoder_core.providers import Filter
from magicoder_core.records import Instruction, Judgement


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
