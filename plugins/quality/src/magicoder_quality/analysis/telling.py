"""An analysis in a few lines, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """For each set its rows, lengths, most frequent categories and similarities."""
    for number, one in enumerate(facts["sets"]):
        yield f"{one['name']}: {one['rows']:,} rows"
        if "lengths" in facts:
            yield f"  tokens: {_lengths(facts['lengths']['sets'][number])}"
        if "categories" in facts:
            yield f"  categories: {_categories(facts['categories'], number)}"
        for compared in facts.get("similarity", ()):
            found = compared["sets"][number]
            yield (
                f"  similarity to {compared['benchmark']}: mean {found['mean']:.4f}, p95 {found['p95']:.2f}, "
                f"max {found['max']:.4f}"
            )


def _lengths(found: Mapping[str, Any]) -> str:
    parts = ((part, found[part]) for part in ("problem", "solution"))
    return "; ".join(f"{part} mean {one['mean']:.0f}, median {one['median']}, p95 {one['p95']}" for part, one in parts)


def _categories(facts: Mapping[str, Any], number: int) -> str:
    counts = facts["sets"][number]["counts"]
    total = sum(counts)
    if not total:
        return "no text had a category"
    ordered = sorted(zip(counts, facts["categories"], strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{name.removesuffix(' Problems')} {100 * count / total:.0f}%" for count, name in ordered[:3])
