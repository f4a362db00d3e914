"""A filter's judgement of rows, for stages that ask row-by-row filters while rows are made."""

from __future__ import annotations

from magicoder_core.filtering.judging import judge

__all__ = ["judge"]
