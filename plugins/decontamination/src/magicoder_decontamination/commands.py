"""`magicoder decontaminate`: what of the benchmarks is in a data set, and whether it would be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from magicoder_decontamination.selftest import Outcome

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN = 5


@click.command()
@click.argument("rows", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--self-test", "plant", is_flag=True, help="Plant perturbed benchmark items into copies of ROWS, and count."
)
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the filter; repeatable.")
@click.option("--columns", metavar="problem=COL,solution=COL", help="Which columns of ROWS mean what.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Look at the first N rows only.")
@click.option(
    "--tasks", type=click.IntRange(min=1), default=500, show_default=True, help="Tasks of each benchmark to plant."
)
@click.option("--json", "report", type=_FILE, metavar="R.json", help="Write all figures.")
def decontaminate(
    *,
    rows: Sequence[Path],
    options: Sequence[str],
    columns: str | None,
    limit: int | None,
    tasks: int,
    report: Path | None,
    plant: bool,
) -> list[str]:
    """Say what of the benchmarks stands in ROWS, files or folders of rows; nothing is changed.

    With --self-test, also plant: each level's recall by what was done to the planted text. To write the rows that are
    clean: magicoder filter ROWS --use decontaminate --kept K.jsonl --rejected R.jsonl.
    """
    from itertools import islice

    from magicoder_core import jsonl
    from magicoder_core.filtering.outputs import refuse_overlaps, tried
    from magicoder_core.filtering.rows import read
    from magicoder_decontamination import selftest

    refuse_overlaps({"--json": report}, rows)
    if report:
        tried("--json", report)
    asked = selftest.asked(options)
    found = selftest.self_test(asked, islice(read(rows, columns), limit), tasks=tasks if plant else 0)
    levels = list(asked.policies)
    if report:
        jsonl.write_json(report, {"options": selftest.told(asked), **found.to_dict(levels)})
    return [*_rows(found), *(_recall(found, levels) if plant else ()), *([f"written: {report}"] if report else [])]


def _rows(found: Outcome) -> Iterator[str]:
    hits = ", ".join(f"{count} by {level}" for level, count in sorted(found.hits.items())) or "none"
    yield f"{found.rows} rows; with a piece of a benchmark in them: {hits}"
    for one in found.listed[:_SHOWN]:
        excerpt = " ".join(one["excerpt"].split())[:80]
        yield f"  row {one['row']}: {one['level']}, {one['benchmark']} {one['problem_id']} ({one['kind']}): {excerpt!r}"
    if len(found.listed) > _SHOWN:
        yield "  ..."


def _recall(found: Outcome, levels: Sequence[str]) -> Iterator[str]:
    from magicoder_decontamination.selftest import ANY

    columns = [*levels, ANY]
    yield ""
    yield "Benchmark texts were planted into copies of clean rows. Found by each level, in percent:"
    width = max(map(len, found.planted), default=0)
    yield f"  {'':{width}}  planted  {'  '.join(columns)}"
    for name, planted in found.planted.items():
        cells = [f"{100 * (found.recall(name, level) or 0):{len(level)}.1f}" for level in columns]
        yield f"  {name:{width}}  {planted:7}  {'  '.join(cells)}"
    for name, missed in found.missed.items():
        more = ", ..." if len(missed) > _SHOWN else ""
        yield f"  missed: {name}: {', '.join(missed[:_SHOWN])}{more}"
