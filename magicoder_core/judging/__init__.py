"""Judging programs: reading samples, the gold self-test, verdicts that are never lost, reports, the results files.

The stage `evaluate` judges a model's answers with it, the command `score` any samples.
"""

from __future__ import annotations

from magicoder_core.judging.environment import facts
from magicoder_core.judging.judge import judge
from magicoder_core.judging.ledger import Ledger
from magicoder_core.judging.report import make_report, verdict_row
from magicoder_core.judging.samples import Sample, Samples, Survey
from magicoder_core.judging.score import Score, Wish, score
from magicoder_core.judging.selftest import SelfTest, self_test

__all__ = [
    "Ledger",
    "Sample",
    "Samples",
    "Score",
    "SelfTest",
    "Survey",
    "Wish",
    "facts",
    "judge",
    "make_report",
    "score",
    "self_test",
    "verdict_row",
]
