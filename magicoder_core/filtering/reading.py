"""Sources of rows: each gives them in batches, from any place on, in memory that does not grow with the file.

A place is a number that only its source understands (a byte, an item, a row). A unit is what one worker takes at a
time: a part of a file between two places, never a single row.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import util
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from magicoder_core.errors import RunError

_BLOCK = 1 << 18
"""Bytes of lines in a batch: some 160 rows."""

_UNIT = 1 << 20
"""Bytes of lines in a unit."""

_ROWS = 256
"""Rows in a batch where they are no lines."""

_MARK = b"\xef\xbb\xbf"
"""With which some systems begin a text in UTF-8."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as they came: lines of bytes, or mappings.

    ``start`` and ``end`` are the places of the first row and after the last one; ``weight`` is how many bytes of the file
    they took.
    """

    items: Sequence[Any]
    start: int
    end: int
    weight: float


class Source(ABC):
    """One file of rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size

    @abstractmethod
    def batches(self, start: int = 0, end: int | None = None) -> Iterator[Batch]:
        """The rows between two places.

        Raises:
            RunError: the file is damaged.
        """

    @abstractmethod
    def where(self, start: int, number: int) -> str:
        """How people find a row: file and line; it is the row ``number`` (from 0) of the batch that begins at ``start``."""

    def units(self, start: int = 0) -> Iterator[tuple[int, int | None]]:
        """The parts that workers take, from a place on; here, all of it."""
        yield start, None

    def done(self, place: int) -> float:
        """About how many bytes of the file stand before a place."""
        return float(min(place, self.size))


class Lines(Source):
    """JSON Lines. Places are bytes."""

    def batches(self, start: int = 0, end: int | None = None) -> Iterator[Batch]:
        """Lines that are not blank."""
        end = self.size if end is None else end
        with self.path.open("rb", buffering=_BLOCK) as file:
            file.seek(start)
            while start < end and (lines := _some(file, end - start)):
                after = start + sum(map(len, lines))
                yield Batch(_filled(lines, first=start == 0), start, after, after - start)
                start = after

    def units(self, start: int = 0) -> Iterator[tuple[int, int | None]]:
        """About a MiB each, between two lines."""
        with self.path.open("rb") as file:
            while start < self.size:
                file.seek(start + _UNIT)
                end = min(self.size, start + _UNIT + len(file.readline()))
                yield start, end
                start = end

    def where(self, start: int, number: int) -> str:
        """File and line, counted now: while rows are read nobody needs to know."""
        with self.path.open("rb") as file:
            line = _line_of(file, start, number)
        return f"{self.path}:{line}"


class PackedLines(Source):
    """JSON Lines packed with gzip. Places are bytes of the unpacked text."""

    def batches(self, start: int = 0, end: int | None = None) -> Iterator[Batch]:
        """Lines that are not blank; what stands before ``start`` is unpacked, and thrown away."""
        with self.path.open("rb") as raw, _undamaged(self.path), _unpacking(raw) as file:
            _skip(file, start)
            seen = raw.tell()
            while (end is None or start < end) and (lines := _some(file, _BLOCK if end is None else end - start)):
                after = start + sum(map(len, lines))
                yield Batch(_filled(lines, first=start == 0), start, after, raw.tell() - seen)
                start, seen = after, raw.tell()

    def where(self, start: int, number: int) -> str:
        """File and line of the unpacked text."""
        with gzip.open(self.path) as file:
            line = _line_of(file, start, number)
        return f"{self.path}:{line}"

    def done(self, place: int) -> float:
        """Nobody knows without unpacking; about a quarter of what it unpacks to."""
        return min(place / 4, float(self.size))


class _Counted(Iterator[Any]):
    """Items, and how many of them there were."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items, self.count = items, 0

    def __next__(self) -> Any:
        item = next(self._items)
        self.count += 1
        return item


class Array(Source):
    """One JSON array of rows, read piece by piece. Places are items."""

    def __init__(self, path: Path, *, packed: bool = False) -> None:
        super().__init__(path)
        self._packed = packed

    def batches(self, start: int = 0, end: int | None = None) -> Iterator[Batch]:
        """The items; those before ``start`` are read, and thrown away."""
        with self.path.open("rb") as raw, _undamaged(self.path):
            items = _Counted(_items(_unpacking(raw) if self._packed else raw))
            place, seen = 0, 0
            try:
                place = sum(1 for _ in islice(items, start))
                while rows := list(islice(items, _ROWS if end is None else min(_ROWS, end - place))):
                    yield Batch(rows, place, place + len(rows), raw.tell() - seen)
                    place, seen = place + len(rows), raw.tell()
            except ValueError as error:
                # A decoder counts lines and signs from the block that it has.
                why = error.msg if isinstance(error, json.JSONDecodeError) else error
                after = f"after item {items.count}" if items.count else "at its beginning"
                raise RunError(f"{self.path}: {after}: no JSON array of objects ({why}); mend the file") from error

    def where(self, start: int, number: int) -> str:
        """File and item, counted from 1."""
        return f"{self.path}: item {start + number + 1}"

    def done(self, place: int) -> float:
        """Nobody knows without reading it; a row has about half a kilobyte."""
        return min(place * 512.0, float(self.size))


class Table(Source):
    """Parquet, a few rows at a time. Places are rows.

    Raises:
        RunError: pyarrow is not installed, or the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if util.find_spec("pyarrow") is None:
            raise RunError(f"{path}: reading Parquet needs pyarrow: pip install 'magicoder-core[parquet]'")
        with self._open() as file:
            counts = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
            self.schema = file.schema_arrow
        self._firsts = [sum(counts[:number]) for number in range(len(counts) + 1)]

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet

        try:
            # Not ahead: a whole row group of text would stand in memory.
            with parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise RunError(f"{self.path}: a damaged Parquet file ({str(error).strip()}); make it anew") from error

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self._firsts[-1])

    def batches(self, start: int = 0, end: int | None = None) -> Iterator[Batch]:
        """Rows as mappings of Python values."""
        end = self.rows if end is None else end
        with self._open() as file:
            for group in range(file.metadata.num_row_groups):
                first = self._firsts[group]
                if first >= end or self._firsts[group + 1] <= start:
                    continue
                for part in file.iter_batches(batch_size=_ROWS, row_groups=[group]):
                    after = first + len(part)
                    low, high = max(start, first), min(end, after)
                    if low < high:
                        rows = part.slice(low - first, high - low).to_pylist()
                        yield Batch(rows, low, high, self.done(high) - self.done(low))
                    first = after

    def units(self, start: int = 0) -> Iterator[tuple[int, int | None]]:
        """Row groups."""
        for first, after in zip(self._firsts, self._firsts[1:], strict=False):
            if after > start and after > first:
                yield max(start, first), after

    def where(self, start: int, number: int) -> str:
        """File and row, counted from 1."""
        return f"{self.path}: row {start + number + 1}"

    def done(self, place: int) -> float:
        """Rows are taken for equally long."""
        return self.size * place / max(1, self.rows)


def _some(file: BinaryIO, most: int) -> list[bytes]:
    """The next lines: as many as begin within the next ``most`` bytes, or in a block if that is less."""
    hint = min(_BLOCK, most) - 1
    # It gives lines until they have more bytes than the hint; and with none, all there are.
    return file.readlines(hint) if hint > 0 else [line for line in [file.readline()] if line]


def _filled(lines: list[bytes], *, first: bool) -> list[bytes]:
    """Those that are not blank, without the mark at a file's beginning."""
    if first and lines[0].startswith(_MARK):
        lines[0] = lines[0].removeprefix(_MARK)
    return [line for line in lines if not line.isspace() and line]


def _line_of(file: Any, start: int, number: int) -> int:
    """Which line, from 1, the ``number``th line with text after the byte ``start`` is."""
    line = 1
    while start > 0 and (block := file.read(min(start, _BLOCK))):
        line += block.count(b"\n")
        start -= len(block)
    for text in file:
        if text.strip(_MARK + b" \t\r\n\v\f"):
            if number == 0:
                break
            number -= 1
        line += 1
    return line


def _unpacking(raw: BinaryIO) -> BinaryIO:
    # Its own readline is written in Python.
    return io.BufferedReader(gzip.GzipFile(fileobj=raw, mode="rb"), _BLOCK)


def _skip(file: BinaryIO, count: int) -> None:
    while count > 0 and (block := file.read(min(count, _BLOCK))):
        count -= len(block)


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RunError(f"{path}: a damaged gzip file ({error}); pack it anew") from error


def _items(file: BinaryIO) -> Iterator[Any]:
    """The items of a JSON array, of which only the current block stands in memory.

    Raises:
        ValueError: it is none.
    """
    decode = json.JSONDecoder().raw_decode
    text = _Text(file)
    if text.sign() != "[":
        raise ValueError("it begins with something else than [")
    text.take()
    if text.sign() == "]":
        return
    while True:
        text.sign()
        yield text.value(decode)
        sign = text.take()
        if sign == "]":
            return
        if sign != ",":
            raise ValueError(f"a comma was expected (got {sign!r})" if sign else "the array does not end")


class _Text:
    """A text that is read on when more of it is needed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._over = "", 0, False

    def sign(self) -> str:
        """The next sign that is no white space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text) or self._over:
                return self._text[self._at : self._at + 1]
            self._more(_BLOCK)

    def take(self) -> str:
        """The same, and go on after it."""
        sign = self.sign()
        self._at += len(sign)
        return sign

    def value(self, decode: Any) -> Any:
        """The JSON value that begins here."""
        more = _BLOCK
        while True:
            try:
                found, self._at = decode(self._text, self._at)
            except ValueError:
                if self._over:
                    raise
                self._more(more)
                more *= 2  # what is longer than a block is not read anew for each
            else:
                return found

    def _more(self, size: int) -> None:
        block = self._file.read(size)
        self._over = not block
        self._text = self._text[self._at :] + self._decoder.decode(block, final=self._over)
        self._at = 0
