"""The rows of a batch as instructions; what is wrong with one is said with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.errors import RunError
from magicoder_core.filtering.decisions import KEPT, Decision
from magicoder_core.filtering.inputs import found, source
from magicoder_core.filtering.layouts import LayoutError, Layouts, named
from magicoder_core.filtering.reading import Batch, Source
from magicoder_core.records import Instruction


def read(given: Sequence[Path], columns: str | None = None) -> Iterator[Instruction]:
    """All rows of files and folders, in order; progress is told in bytes.

    Args:
        given: JSON Lines, JSON arrays, each also packed with gzip, or Parquet; or folders of them.
        columns: which columns mean what, see `layouts.named`; none: as their names say.

    Raises:
        RecipeError: ``columns`` are not of their form.
        RunError: there is no such file, or a row is damaged; the message names file and line.
    """
    layouts = Layouts(named(columns))
    sources = list(map(source, found(given)))
    with progress.task("read", total=sum(one.size for one in sources), unit="B") as advance:
        for one in sources:
            for batch in one.batches():
                yield from instructions(one, batch, layouts)
                advance(batch.weight)


def instructions(source: Source, batch: Batch, layouts: Layouts) -> list[Instruction]:
    """The rows of a batch.

    Raises:
        RunError: one is no object of JSON, or not of a known layout; the message names its file and line.
    """
    make, made = layouts.instruction, list[Instruction]()
    number = 0
    try:
        for item in batch.items:
            row = jsonl.decoded(item) if item.__class__ is bytes else item
            made.append(make(row) if row.__class__ is dict else _refused(row))
            number += 1
    except LayoutError as error:
        raise RunError(f"{source.where(batch.start, number)}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(
            f"{source.where(batch.start, number)}: not JSON in UTF-8 ({error}); mend or delete it"
        ) from error
    return made


def needed(source: Source, batch: Batch, layouts: Layouts, ahead: Sequence[Decision | None], first: int) -> list[Any]:
    """The rows that are not dropped before the filter ``first``, by what was said ahead; None in the others' places."""
    chosen = [number for number, said in enumerate(ahead) if said is None or said.by == KEPT or said.by > first]
    part = replace(batch, items=[batch.items[number] for number in chosen])
    rows: list[Any] = [None] * len(ahead)
    for number, row in zip(chosen, instructions(source, part, layouts), strict=True):
        rows[number] = row
    return rows


def _refused(row: Any) -> Instruction:
    raise LayoutError(f"a JSON object was expected (got {row!r:.40}); mend or delete it")
