"""Filters that look at one row's quality, and analyses of a whole data set."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Filter, hookimpl


@hookimpl(specname="filter")
def filters() -> Mapping[str, type[Filter]]:
    """Execution, syntax, a judge, and the rules people use."""
    return {}
