"""The files that rows come from: found, told apart by their content, and known again.

A file's format is what it begins with, whatever it is called: Parquet, gzip, a JSON array, or JSON Lines.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from magicoder_core.errors import RunError
from magicoder_core.filtering.reading import Array, Lines, PackedLines, Source, Table

ENDINGS = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".parquet")
"""Names of the files that are taken out of a folder."""

_GZIP, _PARQUET, _MARK = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"


def found(given: Sequence[Path]) -> list[Path]:
    """The files that ``given`` names, in order; of a folder all those below it by their paths, hidden ones left out.

    Raises:
        RunError: there is no such file, it is a pipe, or a folder has none.
    """
    paths: list[Path] = []
    for path in given:
        if _is_pipe(path):
            raise RunError(f"{path}: a pipe is read but once, and work may go on later; write it to a file first")
        if path.is_dir():
            below = sorted(_below(path), key=lambda item: item.relative_to(path).as_posix())
            if not below:
                raise RunError(f"{path}: no file of rows in this folder; their names end in {', '.join(ENDINGS)}")
            paths += below
        elif path.is_file():
            paths.append(path)
        else:
            raise RunError(f"{path}: no such file or folder of rows")
    if twice := [path for number, path in enumerate(paths) if path in paths[:number]]:
        raise RunError(f"{twice[0]}: is given twice; name each file once")
    return paths


def _is_pipe(path: Path) -> bool:
    """Whether it is, or may be, what another program writes; a worker's standard input is another one than ours."""
    ours = path.name == "stdin" or path.parent.name == "fd"
    special = path.exists() and not path.is_file() and not path.is_dir()
    return str(path) == "-" or special or (ours and path.is_relative_to("/dev")) or path.is_relative_to("/proc/self/fd")


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.name.endswith(ENDINGS) and not hidden and path.is_file():
            yield path


def identity(paths: Sequence[Path]) -> list[dict[str, str | int]]:
    """What tells whether files are still the same: name, bytes, time of the last change in nanoseconds."""
    found = ((path, path.stat()) for path in paths)
    return [{"path": str(path), "bytes": facts.st_size, "changed": facts.st_mtime_ns} for path, facts in found]


def source(path: Path) -> Source:
    """A file as a source of rows.

    Raises:
        RunError: it is Parquet, and pyarrow is not installed; or it is packed and damaged.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(_PARQUET):
        return Table(path)
    packed = head.startswith(_GZIP)
    begin = _unpacked(path) if packed else head
    if begin.removeprefix(_MARK).lstrip().startswith(b"["):
        return Array(path, packed=packed)
    return PackedLines(path) if packed else Lines(path)


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{path}: a damaged gzip file ({error}); pack it anew") from error
