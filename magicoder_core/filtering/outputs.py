"""The two files that a chain writes, and its decisions beside them, as they grow over any number of tries.

    K.jsonl.part             the kept rows so far; likewise the rejected ones
    K.jsonl.gz.rows.part     the same, not yet packed: a packed file cannot be cut where a kill tore it
    K.jsonl.decisions.part   a line for each row (see `decisions`), as long as the work is not done

A Parquet file does not grow at all: it is made of the input and the decisions when all rows are judged (`parquet`).
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from magicoder_core import jsonl
from magicoder_core.errors import RecipeError, RunError

_LEVEL = 6
"""How well gzip packs: a third more time than its quickest for a fifth less space."""

PACKED = (".jsonl.gz", ".ndjson.gz")
PLAIN = (".jsonl", ".ndjson")
PARQUET = ".parquet"


class Growing(jsonl.Growing):
    """A file that grows by whole lines."""

    def extend(self, lines: Sequence[bytes]) -> None:
        """Append lines that have their ends."""
        self._file.writelines(lines)
        self.size += sum(map(len, lines))


class Output:
    """One of the two files.

    Args:
        path: its name tells its format: ``.jsonl``, ``.jsonl.gz`` or ``.parquet``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table = path.name.endswith(PARQUET)
        self._packed = path.name.endswith(PACKED)
        self._growing: Growing | None = None

    @property
    def _grown(self) -> Path:
        """The name under which lines are collected."""
        return self.path.with_name(f"{self.path.name}.rows") if self._packed else self.path

    @property
    def part(self) -> Path | None:
        """The file that grows, if any does."""
        return None if self.table else self._grown.with_name(f"{self._grown.name}.part")

    @property
    def growing(self) -> Growing | None:
        """What grows, once it is open."""
        return self._growing

    def open(self, size: int) -> None:
        """Go on after so many bytes of an earlier try.

        Raises:
            OSError: the file cannot be written.
        """
        if not self.table:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._growing = Growing(self._grown, size)

    def extend(self, lines: Sequence[bytes]) -> None:
        """Append lines."""
        if self._growing is not None and lines:
            self._growing.extend(lines)

    def flush(self) -> int:
        """Hand all to the system; the size."""
        return self._growing.flush() if self._growing is not None else 0

    def close(self) -> None:
        """Leave it for a later try."""
        if self._growing is not None:
            self._growing.close()

    def finish(self, table: Callable[[Path], None]) -> None:
        """Give the file its name, once it is closed; may be called again after a kill within it.

        Args:
            table: writes a Parquet file, whole.
        """
        part = self.part
        if part is None:
            table(self.path)
        elif part.exists():
            if self._packed:
                _pack(part, self.path)
                part.unlink()
            else:
                part.replace(self.path)


def check(option: str, path: Path) -> None:
    """Look whether a file of that name can be made.

    Raises:
        RecipeError: its format is not known, or Parquet cannot be written here.
        RunError: there is something that is no file.
    """
    from importlib import util

    if not path.name.endswith((*PLAIN, *PACKED, PARQUET)):
        raise RecipeError(f"{option} {path}: the name tells the format: .jsonl, .jsonl.gz or .parquet is needed")
    if path.name.endswith(PARQUET) and util.find_spec("pyarrow") is None:
        raise RecipeError(f"{option} {path}: Parquet needs pyarrow: pip install 'magicoder-core[parquet]'")
    if path.exists() and not path.is_file():
        raise RunError(f"{option} {path}: is there, and no file; name another")


def _pack(part: Path, path: Path) -> None:
    """Pack a file with gzip, the same bytes whenever it is done."""
    with (
        part.open("rb") as rows,
        jsonl.whole(path) as out,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=out, mtime=0) as packed,
    ):
        shutil.copyfileobj(rows, packed, 1 << 20)
