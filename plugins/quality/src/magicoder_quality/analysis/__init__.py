"""Analyses of a data set, as in the paper: lengths, categories, and similarity to benchmarks; see docs/analysis.md.

from magicoder_quality.analysis import Wish, analyse, write

write(analyse(Wish(rows=Path("kept.jsonl"))), folder=Path("analysis"))
"""

from __future__ import annotations

from magicoder_quality.analysis.analysing import PARTS, Wish, analyse
from magicoder_quality.analysis.categories import MODES
from magicoder_quality.analysis.embedding import WORD_VECTORS
from magicoder_quality.analysis.telling import lines
from magicoder_quality.analysis.writing import write

__all__ = ["MODES", "PARTS", "WORD_VECTORS", "Wish", "analyse", "lines", "write"]
