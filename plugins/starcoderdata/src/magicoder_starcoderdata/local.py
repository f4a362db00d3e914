"""Rows from Parquet, JSONL and Arrow files on this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import RecipeError, RunError, jsonl
from magicoder_core.seeding import MIXES
from magicoder_starcoderdata import arrow
from magicoder_starcoderdata.documents import COLUMNS, Row
from magicoder_starcoderdata.languages import spoken_tag

ENDINGS = (".parquet", ".jsonl", ".arrow")


def files(paths: Sequence[str], language: str, others: Collection[str]) -> list[Path]:
    """The files of one language: those in a folder of its name, or all of them if it is the only one asked for.

    Args:
        paths: files, or folders of them.
        language: as a snippet names it; its folder may be called otherwise (``c-sharp``, ``c++``).
        others: the further languages that are asked for.

    Raises:
        RecipeError: a path is missing, or there are several languages and no folders that tell them apart.
    """
    known = {language, *others, *MIXES["paper"]}
    every = [(file, _language(file, path, known)) for path in paths for file in _below(Path(path).expanduser())]
    if named := [file for file, name in every if name == language]:
        return named
    loose = [file for file, name in every if name is None]
    if (others or not loose) and every:
        why = ", and with several languages the folders must tell them apart" if others else ""
        raise RecipeError(f"seed_source.paths: no folder named '{language}'{why}")
    return loose


def _language(file: Path, given: str, known: Collection[str]) -> str | None:
    """The language whose folder the file lies in: the innermost one, no further up than the given path's own."""
    top = Path(given).expanduser().resolve()
    inside = file.resolve().relative_to((top if top.is_dir() else top.parent).parent).parts[:-1]
    return next((name for part in reversed(inside) if (name := spoken_tag(part)) in known), None)


def _below(path: Path) -> list[Path]:
    """The files at a path, in a fixed order; not the tables that ``datasets`` keeps of its own work."""
    if path.is_dir():
        found = (file for file in path.rglob("*") if file.suffix in ENDINGS and not file.name.startswith("cache-"))
        return sorted(file for file in found if file.is_file())
    if not path.exists():
        raise RecipeError(f"seed_source.paths: {path} does not exist")
    if path.suffix not in ENDINGS:
        raise RecipeError(f"seed_source.paths: {path} is none of {', '.join(ENDINGS)}")
    return [path]


def columns(file: Path) -> Sequence[str]:
    """The names of a file's columns; for JSONL those of its first row. None are read but these.

    Raises:
        RunError: the file is broken.
    """
    if file.suffix == ".jsonl":
        return [name for row in islice(_objects(file), 1) for name in row]
    with _reading(file):
        if file.suffix == ".parquet":
            from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

            return list(parquet.read_schema(file).names)
        with _ipc(file) as reader:
            return list(reader.schema.names)


def rows(file: Path) -> Iterator[Row]:
    """The rows of one file, in its order.

    Raises:
        RunError: the file is broken, or has no column ``content``.
    """
    if file.suffix == ".jsonl":
        return _jsonl(file)
    return _parquet(file) if file.suffix == ".parquet" else _arrow(file)


def _parquet(file: Path) -> Iterator[Row]:
    from pyarrow import parquet

    # A buffer, or it would hold a whole column of a row group, which may be gigabytes.
    with _reading(file), parquet.ParquetFile(file, buffer_size=1 << 20) as source:
        names = source.schema_arrow.names
        _check(names, file)
        wanted = [name for name in COLUMNS if name in names]
        for batch in source.iter_batches(batch_size=arrow.ROWS, columns=wanted, use_threads=False):
            yield from arrow.rows(batch)


def _arrow(file: Path) -> Iterator[Row]:
    with _reading(file), _ipc(file) as reader:
        _check(reader.schema.names, file)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if hasattr(reader, "get_batch") else reader
        for batch in batches:
            for start in range(0, batch.num_rows, arrow.ROWS):
                yield from arrow.rows(batch.slice(start, arrow.ROWS))


def _ipc(file: Path) -> Any:
    """A reader of the file, in the format of Arrow files or in that of streams, which ``datasets`` writes."""
    from pyarrow import OSFile, ipc

    with file.open("rb") as start:
        whole = start.read(6) == b"ARROW1"
    return ipc.open_file(OSFile(str(file))) if whole else ipc.open_stream(OSFile(str(file)))


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Turns what Arrow raises into one line that names the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        kind = {".parquet": "Parquet", ".arrow": "Arrow"}[file.suffix]
        raise RunError(f"{file}: cannot be read as {kind} ({' '.join(str(error).split())})") from error


def _jsonl(file: Path) -> Iterator[Row]:
    for number, row in enumerate(_objects(file)):
        if number == 0:
            _check(list(row), file)
        yield [row.get(name) for name in COLUMNS]


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from jsonl.read(file)
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})") from error


def _check(names: Sequence[str], file: Path) -> None:
    if "content" not in names:
        raise RunError(f"{file}: no column 'content' (there are: {', '.join(names) or 'none'})")
