"""Decontamination by named levels and near-duplicate removal, each row that goes with its evidence."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Filter, hookimpl


@hookimpl(specname="filter")
def filters() -> Mapping[str, type[Filter]]:
    """Filters that compare rows with benchmarks, and with each other."""
    return {}
