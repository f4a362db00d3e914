"""JSON Lines as we keep them: appended whole, read past a torn last line, replaced whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from magicoder_core.errors import RunError
from magicoder_core.lazily import orjson

_BLOCK = 1 << 20


def dumps(value: Mapping[str, Any]) -> str:
    """One line of JSON, see `encoded`."""
    return encoded(value).decode("utf-8")


def encoded(value: Mapping[str, Any]) -> bytes:
    """One line of JSON in UTF-8, without its end; lone surrogates (models do emit them) are escaped."""
    library = orjson()
    try:
        made: bytes = library.dumps(value)
    except library.JSONEncodeError:
        made = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return made


def unicode_only(value: Any) -> Any:
    """A value of JSON without lone surrogates, which models do emit, JSON can escape, and Arrow and UTF-8 cannot hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [unicode_only(item) for item in value]
    return {name: unicode_only(item) for name, item in value.items()} if isinstance(value, dict) else value


def decoded(line: bytes) -> Any:
    """The value of a line of JSON.

    Raises:
        ValueError: it is none (`UnicodeDecodeError` if it is not UTF-8).
    """
    try:
        return orjson().loads(line)
    except ValueError:
        # Slower and laxer: lone surrogates in escapes, NaN; and its messages say more.
        return json.loads(line.decode("utf-8"))


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a whole file, one a line.

    Raises:
        RunError: a line is no JSON object in UTF-8; the message names file and line.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _object(line, path, number)


def _object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        value = decoded(line)
    except UnicodeDecodeError as error:
        raise RunError(f"{path}:{number}: not UTF-8 ({error})") from error
    except ValueError as error:
        raise RunError(f"{path}:{number}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}:{number}: a JSON object was expected, not {type(value).__name__}")
    return value


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """``path.part``, open for writing; it becomes ``path`` when the block ends well and is gone when it does not.

    A link stays and what it points to is replaced; a device or a pipe is written to as it is. An error of the disk names
    the file: Python's own does not, where it comes from a write.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        with path.open("wb") as out:
            yield out
        return
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb", buffering=1 << 16) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


class Writer:
    """Writes ``path``, line by line, as ``path.part``; renamed when the ``with`` block ends without an error."""

    def __init__(self, path: Path) -> None:
        self._opening = whole(path)
        self.count = 0

    def __enter__(self) -> Self:
        """Open the part file, empty."""
        self._file = self._opening.__enter__()
        return self

    def write(self, value: Mapping[str, Any]) -> None:
        """Append one object as one line."""
        self._file.write(encoded(value) + b"\n")
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make the file whole, or leave the old one as it was."""
        self._opening.__exit__(kind, error, trace)


class Growing:
    """Writes ``path`` over several tries: what ``path.part`` holds up to a known size is kept.

    Args:
        path: the file, which exists only when it is whole.
        size: bytes of the part file that an earlier try is known to have written; the rest is cut off.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self._file = self.part.open("r+b" if size else "wb", buffering=1 << 16)
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size

    @property
    def descriptor(self) -> int:
        """Of the part file."""
        return self._file.fileno()

    def write(self, value: Mapping[str, Any]) -> None:
        """Append one object as one line."""
        line = encoded(value) + b"\n"
        self._file.write(line)
        self.size += len(line)

    def flush(self) -> int:
        """Hand everything to the system, so that a kill of this process loses none of it; returns the size."""
        self._file.flush()
        return self.size

    def sync(self) -> None:
        """Make what was handed over durable."""
        os.fdatasync(self._file.fileno())

    def publish(self, more: Iterable[Mapping[str, Any]] = ()) -> None:
        """Copy what there is so far to ``path``, whole, with ``more`` after it, and go on."""
        self._file.flush()
        copy = self.path.with_name(self.path.name + ".copy")
        shutil.copyfile(self.part, copy)
        with copy.open("ab") as end:
            end.writelines(encoded(value) + b"\n" for value in more)
        copy.replace(self.path)

    def close(self) -> None:
        """Leave the part file for a later try."""
        self._file.close()

    def finish(self) -> None:
        """Make the file whole under its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.part.replace(self.path)


def write(path: Path, values: Iterable[Mapping[str, Any]]) -> int:
    """Write all ``values`` to ``path``, whole or not at all; returns how many they were."""
    with Writer(path) as out:
        for value in values:
            out.write(value)
    return out.count


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, whole or not at all, indented for reading."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole(path) as out:
        out.write(text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, though several processes do it at once: the last one's stays.

    A process that is killed meanwhile may leave a folder beside it, named after it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
        part = Path(folder) / path.name
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)


def digest(path: Path) -> str:
    """sha256 of a file's bytes, or of a folder's files with their relative names, in hex.

    What has kept its names, sizes and times since this process last read it is not read again: a checkpoint has
    gigabytes, and several stages ask who it is.
    """
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    facts = [(str(file), (found := file.stat()).st_size, found.st_mtime_ns) for file in files]
    return _digest(path, tuple(facts))


@lru_cache(maxsize=64)
def _digest(path: Path, facts: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    if path.is_file():
        _feed(total, path)
        return total.hexdigest()
    for name, size, _ in facts:
        total.update(f"{Path(name).relative_to(path).as_posix()}\0{size}\0".encode())
        _feed(total, Path(name))
    return total.hexdigest()


def _feed(total: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as data:
        while block := data.read(_BLOCK):
            total.update(block)
