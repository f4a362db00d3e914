"""The sets that are looked at, and their rows: any file or folder that `magicoder filter` reads, read as often as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from magicoder_core import RunError, jsonl
from magicoder_core.filtering import inputs, layouts
from magicoder_quality.analysis.svg import COLOURS

MOST = len(COLOURS)
"""How many sets can be compared at a time."""

_ENDINGS = sorted(inputs.ENDINGS, key=len, reverse=True)


class Row(NamedTuple):
    """What is looked at of a row; ``seed`` is None where it has none."""

    problem: str
    solution: str
    seed: str | None


@dataclass(frozen=True)
class DataSet:
    """One set: its name in tables and pictures, its files, and which columns mean what (see `layouts.named`)."""

    name: str
    given: Path
    files: Sequence[Path]
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files)

    def rows(self, advance: Callable[[float], None]) -> Iterator[Row]:
        """All rows; ``advance`` hears of the bytes that they took.

        Raises:
            RunError: a file is damaged, or a row is none; says where it stands.
        """
        made = layouts.Layouts(self.columns)
        seed = self.columns.get("seed", "seed")
        for path in self.files:
            source = inputs.source(path)
            for batch in source.batches():
                for number, item in enumerate(batch.items):
                    try:
                        row = _row(item, made, seed)
                    except ValueError as error:  # of which layouts' errors are
                        raise RunError(f"{source.where(batch.start, number)}: {error}") from error
                    yield row
                advance(batch.weight)


def _row(item: Any, made: layouts.Layouts, seed: str) -> Row:
    """The row in a line, or in an object.

    Raises:
        ValueError: there is none; says what is wrong.
    """
    try:
        row = jsonl.decoded(item) if isinstance(item, bytes) else item
    except ValueError as error:
        raise ValueError(f"not JSON ({error}); mend the line or leave it out") from error
    if not isinstance(row, Mapping):
        raise ValueError(f"a JSON object was expected, not {type(row).__name__}")  # noqa: TRY004 - as the others here
    pair = made.instruction(row)
    text = row.get(seed)
    return Row(pair.problem, pair.solution, text if isinstance(text, str) and text else None)


def data_sets(given: Sequence[Path], columns: str | None = None) -> list[DataSet]:
    """The sets that files or folders are; ``columns`` are those of the first.

    A set is called as its file, without the ending; two of one name are called by their whole paths.

    Raises:
        RunError: there is no such file, it is no file that can be read twice, it is given twice, or there are too many.
        RecipeError: ``columns`` are not of the form ``problem=COLUMN,...``.
    """
    known = layouts.named(columns)
    if len(given) > MOST:
        raise RunError(f"{len(given)} sets are more than pictures can tell apart; compare {MOST} at most")
    names = [_name(path) for path in given]
    found: list[DataSet] = []
    for number, (path, name) in enumerate(zip(given, names, strict=True)):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise RunError(f"{path}: rows are read twice, and this is no file or folder; write it to a file first")
        if any(path.resolve() == other.given.resolve() for other in found):
            raise RunError(f"{path}: given twice; leave one out")
        shown = name if names.count(name) == 1 else str(path)
        found.append(DataSet(written(shown), path, inputs.found([path]), {} if number else known))
    return found


def written(text: str) -> str:
    """A name as it can be written: file systems allow bytes that are no text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _name(path: Path) -> str:
    ending = next((ending for ending in _ENDINGS if path.name.endswith(ending)), "")
    return path.name.removesuffix(ending) or path.resolve().name
