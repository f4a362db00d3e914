"""The benchmark's data, in either of their two formats, told apart by looking.

    JSONL of 2024 (``ds1000.jsonl``, packed or not)   prompt, reference_code, code_context, metadata {library, ...}
    the older tree, a folder or ``ds1000_data.zip``   <library>/<Completion|Insertion>/q<N>/{.cfg, prompt.txt, ...}

Nothing in them is run or unpickled in this process.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from magicoder_core import RunError, progress
from magicoder_ds1000.libraries import LIBRARIES

Mode = Literal["completion", "insertion"]
Form = Literal["jsonl", "tree"]

OFFICIAL = "e8c6daa9d7223976bce0296644f3933f78d7f47830669ff05cd61da62c6ba9b3"
"""sha256 of ``ds1000.jsonl.gz`` of xlang-ai/DS-1000 at `REVISION`."""

REVISION = "b39aab71da6d23ef8d3cac59a7c5f834516ab334"
TREE_REVISION = "49c1c543ada8b58138181333cdc62e613204efcf"

WHERE = (
    f"set 'data' to a copy of data/ds1000.jsonl.gz of the GitHub repository xlang-ai/DS-1000 at {REVISION[:8]} (sha256 "
    f"{OFFICIAL[:8]}...), or to ds1000_data.zip of HKUNLP/DS-1000 at {TREE_REVISION[:8]} (the older format); or set 'hub' "
    "to a revision of the Hub's xlangai/DS-1000"
)
"""What to do where there are no data."""

_KNOWN: Mapping[str, str] = {OFFICIAL: f"xlang-ai/DS-1000 {REVISION[:8]}"}


KNOWN_FILES = frozenset(
    {".cfg", "prompt.txt", "code_context.txt", "reference_code.txt", "test_code.py", "test_generate_pickle.py"}
)
"""Of a problem of the older tree, beside the folders ``input`` and ``ans``."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a problem of the older tree has beside its texts: where its files lie, read when they are needed.

    Args:
        folder: of the problem; of the file system or within a zip file.
        kind: 3 where its tests look at the text of the answer, too (``test_type``).
        test: ``test_code.py``, which defines ``test(result, ans)`` and perhaps ``stringTest(code)``.
    """

    folder: Path | zipfile.Path
    kind: int
    test: str

    def within(self, name: str) -> dict[str, bytes]:
        """The files of a folder in it (``input``, ``ans``), by their paths from the problem's own folder; none if it is not there.

        Raises:
            RunError: one cannot be read.
        """
        place = self.folder / name
        try:
            if not place.is_dir():
                return {}
            return {f"{name}/{item.name}": item.read_bytes() for item in place.iterdir() if item.is_file()}
        except (OSError, zipfile.BadZipFile) as error:
            raise RunError(f"ds1000.data: cannot read {place} ({error})") from error

    @property
    def loose(self) -> dict[str, bytes]:
        """Files beside the known ones, by name: the official scorer puts them there, too.

        Raises:
            RunError: one cannot be read.
        """
        try:
            others = [item for item in self.folder.iterdir() if item.is_file() and item.name not in KNOWN_FILES]
            return {item.name: item.read_bytes() for item in others}
        except (OSError, zipfile.BadZipFile) as error:
            raise RunError(f"ds1000.data: cannot read {self.folder} ({error})") from error


@dataclass(frozen=True, kw_only=True)
class Task:
    """One problem.

    ``id`` is ``<library>/<number>``, the same in both formats; ``row`` is its index in the JSONL. ``context`` has
    ``[insert]`` where an answer goes. ``cases`` counts its test cases. ``files`` are those of the older tree.
    """

    library: str
    number: int
    prompt: str
    reference: str
    context: str
    cases: int = 1
    row: int | None = None
    files: Files | None = None

    @property
    def id(self) -> str:
        """See `Task`."""
        return f"{self.library}/{self.number}"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Data as they were read: a name, a sha256, the format, the mode, the tasks by id in their order.

    ``sha256`` is of the file as it is stored; of a folder, over the paths and contents of all its files; of the Hub's
    copy, over its records.
    """

    name: str
    sha256: str
    form: Form
    mode: Mode
    tasks: Mapping[str, Task] = field(repr=False)

    @cached_property
    def rows(self) -> Mapping[int, str]:
        """The ids of the JSONL's rows, by their index."""
        return {task.row: name for name, task in self.tasks.items() if task.row is not None}

    @property
    def version(self) -> str:
        """Which publication they are, where that is known by the hash."""
        return _KNOWN.get(self.sha256, "unknown")


def opened(place: Path, mode: Mode) -> Data:
    """The data in a file or folder. An unknown hash is told once.

    Raises:
        RunError: they cannot be read, are no such data, or have nothing in that mode.
    """
    try:
        status = place.stat()
    except OSError as error:
        raise RunError(f"ds1000.data: cannot read {place} ({error.strerror}); {WHERE}") from error
    return _opened(place, mode, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(place: Path, mode: Mode, *_: int) -> Data:
    """The data as they are now; kept for as long as they are (of a folder: as its first level is)."""
    from magicoder_ds1000 import records, tree

    if place.is_dir() and (found := sorted(place.glob("ds1000.jsonl*"))):
        place = found[0]
    try:
        if place.is_dir():
            return told(tree.of_folder(place, mode))
        if zipfile.is_zipfile(place):
            return told(tree.of_zip(place, mode))
        return told(records.of_file(place, mode))
    except (OSError, zipfile.BadZipFile) as error:
        raise RunError(f"ds1000.data: cannot read {place} ({error})") from error


def told(data: Data) -> Data:
    """The same data; that nobody knows them is said."""
    if data.version == "unknown":
        progress.say(f"ds1000: {data.name} is no publication that is known here (sha256 {data.sha256})")
    return data


def gathered(tasks: Iterable[Task], where: str) -> dict[str, Task]:
    """Tasks by their id.

    Raises:
        RunError: there are none, or two of one id.
    """
    found: dict[str, Task] = {}
    for task in tasks:
        if task.id in found:
            raise RunError(f"ds1000.data: {where}: two problems are {task.id}; give a file as it was published")
        found[task.id] = task
    if not found:
        raise RunError(f"ds1000.data: {where} holds no problem; {WHERE}")
    return found


def library_of(name: object, where: str) -> str:
    """A library's name, if it is one.

    Raises:
        RunError: it is none.
    """
    if name not in LIBRARIES:
        raise RunError(f"{where}: no library of DS-1000: {name!r}; there are: {', '.join(LIBRARIES)}")
    return str(name)


def digest(parts: Iterable[bytes]) -> str:
    """sha256 over parts, each with its length before it."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()
