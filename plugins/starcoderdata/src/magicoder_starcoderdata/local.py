"""Documents from Parquet and JSONL files on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from magicoder_core import RecipeError, RunError, jsonl
from magicoder_starcoderdata.documents import COLUMNS, Document, document
from magicoder_starcoderdata.languages import folder

CORPUS = "starcoderdata"
"""Not the Hub's name: these files may be of a set derived from it."""

_ENDINGS = (".parquet", ".jsonl")
_ROWS = 256
"""Rows held at a time: some documents are a megabyte."""


def files(paths: Sequence[str], language: str, *, alone: bool) -> list[Path]:
    """The files of one language: those in a folder of its name, or all of them if it is the only one asked for.

    Raises:
        RecipeError: a path is missing, or there are several languages and no folders that tell them apart.
    """
    every = [file for path in paths for file in _below(Path(path).expanduser())]
    named = [file for file in every if language in map(_folder, file.parts[:-1])]
    if named or alone or not every:
        return named or every
    raise RecipeError(
        f"seed_source.paths: no folder named '{language}', and with several languages the folders must tell them apart"
    )


def _folder(name: str) -> str:
    try:
        return folder(name)
    except RecipeError:
        return name


def _below(path: Path) -> list[Path]:
    """The files at a path, in a fixed order."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
    if not path.exists():
        raise RecipeError(f"seed_source.paths: {path} does not exist")
    if path.suffix not in _ENDINGS:
        raise RecipeError(f"seed_source.paths: {path} is neither {' nor '.join(_ENDINGS)}")
    return [path]


def documents(file: Path, language: str) -> Iterator[Document]:
    """The documents of one file, in its order.

    Raises:
        RunError: the file is broken, or has no column ``content``.
    """
    rows = _parquet(file) if file.suffix == ".parquet" else _jsonl(file)
    for number, row in enumerate(rows):
        yield document(row, language, CORPUS, f"{file.name}/{number}")


def _parquet(file: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as source:
            names = source.schema_arrow.names
            _check(names, file)
            wanted = [name for name in COLUMNS if name in names]
            for batch in source.iter_batches(batch_size=_ROWS, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise RunError(f"{file}: cannot be read as Parquet ({' '.join(str(error).split())})") from error


def _jsonl(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        for number, row in enumerate(jsonl.read(file)):
            if number == 0:
                _check(list(row), file)
            yield row
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})") from error


def _check(names: Sequence[str], file: Path) -> None:
    if "content" not in names:
        raise RunError(f"{file}: no column 'content' (there are: {', '.join(names) or 'none'})")
