"""A run's kept rows in the formats that trainers and published data sets use: as a file, with a card, on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from magicoder_core.errors import RecipeError, RunError
from magicoder_core.exporting import card, tables
from magicoder_core.exporting.forms import FORMATS, Row
from magicoder_core.exporting.rows import Tally, joined
from magicoder_core.plugins import did_you_mean
from magicoder_core.rundir import RunDirectory

__all__ = ["FORMATS", "README", "Row", "Tally", "folder", "rows", "table"]

README = "README.md"
"""The card's name: the Hub shows that file."""

SPLIT = "train"
"""The data file's name, of which `datasets` makes the split."""


def rows(directory: RunDirectory, form: str, tally: Tally | None = None) -> Iterator[Row]:
    """The kept rows of a run in a format, one after another; ``tally`` is told what they are.

    Raises:
        RecipeError: no such format.
        RunError: the run has no kept rows yet, or a line of its files is damaged.
    """
    if form not in FORMATS:
        hint = did_you_mean(form, list(FORMATS)) or f"; one of {list(FORMATS)}"
        raise RecipeError(f"--as {form}: no such format{hint}")
    for name, stage in (("kept.jsonl", "filter"), ("snippets.jsonl", "seeds")):
        if not (directory / name).exists():
            raise RunError(f"{directory / name}: missing; the stage '{stage}' makes it: run that first")
    made, counted = FORMATS[form].row, Tally() if tally is None else tally
    return (made(row, snippet, number) for number, (row, snippet) in enumerate(joined(directory, counted)))


def table(directory: RunDirectory, form: str, path: Path, kind: str) -> Tally:
    """Write the kept rows to ``path``, as ``jsonl`` or ``parquet``, whole or not at all.

    Raises:
        RecipeError: as `rows`; or there is no such kind of file, or what writes it is not installed.
        RunError: as `rows`, or the file cannot be written.
    """
    tally = Tally()
    tables.check(kind)
    try:
        tables.write(path, rows(directory, form, tally), kind, FORMATS[form].columns)
    except OSError as error:
        raise RunError(f"--to {path}: cannot be written: {error.filename}: {error.strerror}") from error
    return tally


def folder(directory: RunDirectory, form: str, path: Path, kind: str) -> Tally:
    """Write a folder that is a data set: the rows as ``train.jsonl`` or ``train.parquet``, and the card.

    Raises:
        RecipeError: as `table`.
        RunError: as `table`, or there is a ``README.md`` that is no card of ours.
    """
    card.check(path / README)
    name = f"{SPLIT}.{kind}"
    tally = table(directory, form, path / name, kind)
    card.write(path / README, directory, tally, form, name)
    return tally
