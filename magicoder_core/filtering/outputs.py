"""The two files that a chain writes, and its decisions beside them, as they grow over any number of tries.

    K.jsonl.part             the kept rows so far; likewise the rejected ones
    K.jsonl.gz.rows.part     the same, not yet packed: a packed file cannot be cut where a kill tore it
    K.jsonl.decisions.part   a line for each row (see `decisions`), as long as the work is not done

A Parquet file does not grow at all: it is made of the input and the decisions when all rows are judged (`parquet`).
"""

from __future__ import annotations

import errno
import gzip
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from magicoder_core import jsonl
from magicoder_core.errors import RecipeError, RunError

_LEVEL = 6
"""How well gzip packs: a third more time than its quickest for a fifth less space."""

PACKED = (".jsonl.gz", ".ndjson.gz")
PLAIN = (".jsonl", ".ndjson")
PARQUET = ".parquet"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Growing(jsonl.Growing):
    """A file that grows by whole lines; an error of the disk names it."""

    def extend(self, lines: Sequence[bytes]) -> None:
        """Append lines that have their ends."""
        with naming(self.part):
            self._file.writelines(lines)
        self.size += sum(map(len, lines))

    def flush(self) -> int:
        """Hand everything to the system; the size."""
        with naming(self.part):
            return super().flush()

    def sync(self) -> None:
        """Make what was handed over durable."""
        with naming(self.part):
            super().sync()

    def close(self) -> None:
        """Leave the file for a later try."""
        with naming(self.part):
            super().close()


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


def tried(option: str, path: Path) -> None:
    """Look whether a file can be written there, by writing another one beside it; folders are made.

    Raises:
        RunError: it cannot.
    """
    if path.exists() and not path.is_file():  # a device, which nothing is written beside
        return
    place = path.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f"{place.name}."):
            pass
    except OSError as error:
        why = error.strerror
        if isinstance(error, FileExistsError | NotADirectoryError):
            why = f"{next(item for item in place.parents if item.exists())} is no folder"
        raise RunError(f"{option} {path}: cannot be written ({why}); choose another place") from error


def beside(kept: Path, rejected: Path) -> dict[str, list[Path]]:
    """The files that stand beside ``--kept`` and ``--rejected`` while there is work, and after it, by option."""
    ours = ("filter.json", "filter.json.part", "journal.jsonl", "decisions.part")
    grown = {"--kept": Output(kept).part, "--rejected": Output(rejected).part}
    found = {option: [part] if part is not None else [] for option, part in grown.items()}
    found["--kept"] += [kept.with_name(f"{kept.name}.{end}") for end in (*ours, "lock")]
    found["--rejected"].append(rejected.with_name(f"{rejected.name}.lock"))
    return found


def refuse_overlaps(
    outputs: Mapping[str, Path | None], inputs: Sequence[Path], further: Mapping[str, Iterable[Path]] | None = None
) -> None:
    """Refuse to write where something is read, or two things to one place; for any command that reads rows.

    Args:
        outputs: the file of each option, as ``{"--json": path}``; None where the option is not given. The name under which
            `jsonl.whole` writes it (``.part``) is looked at, too.
        inputs: files and folders that are read.
        further: more files that a command writes for an option.

    Raises:
        RunError: an output is, or lies within, what is read, or is another output.
    """
    taken = {key: str(path) for path in inputs for key in _keys(path)}
    folders = [path.resolve() for path in inputs if path.is_dir()]
    given = {option: path for option, path in outputs.items() if path is not None}
    for option, path in given.items():
        if other := _claimed(taken, path, option):
            raise RunError(f"{option} {path}: is {other} as well; choose another file")
        if folder := next((item for item in folders if path.resolve().is_relative_to(item)), None):
            raise RunError(f"{option} {path}: lies in {folder}, whose files are read; choose another place")
    for option, path in given.items():
        for side in dict.fromkeys((path.with_name(f"{path.name}.part"), *(further or {}).get(option, ()))):
            if other := _claimed(taken, side, f"a file of {option}"):
                raise RunError(
                    f"{option} {path}: {side.name} is written beside it, which is {other} as well; choose another file"
                )


def _claimed(taken: dict[Path | tuple[int, int], str], path: Path, name: str) -> str | None:
    """What a file is already; if nothing, from now on what ``name`` says."""
    keys = _keys(path)
    if (found := next((taken[key] for key in keys if key in taken), None)) is None:
        taken.update(dict.fromkeys(keys, name))
    return found


def _keys(path: Path) -> list[Path | tuple[int, int]]:
    """By what a file is known: its whole name, and where there is one, itself: it may have several names."""
    if not path.is_file():
        return [path.resolve()]
    facts = path.stat()
    return [path.resolve(), (facts.st_dev, facts.st_ino)]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name into an error of the disk: Python's own does not, where it comes from a write."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def mendable(place: Path) -> Iterator[None]:
    """The boundary at which an error of the disk becomes one line: what, which file, what to do.

    Args:
        place: where the disk is full, if the error does not say.

    Raises:
        RunError: of such an error. One that names no file and is not about space is none of the disk's, and passes.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        if error.filename is None and not full:
            raise
        what = "make space" if full else "mend that"
        raise RunError(
            f"{error.filename or place}: {error.strerror}; {what} and run the same command again: nothing is lost"
        ) from error


def _pack(part: Path, path: Path) -> None:
    """Pack a file with gzip, the same bytes whenever it is done."""
    with (
        part.open("rb") as rows,
        jsonl.whole(path) as out,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=out, mtime=0) as packed,
    ):
        shutil.copyfileobj(rows, packed, 1 << 20)
