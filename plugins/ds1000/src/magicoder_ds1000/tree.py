"""The older tree: a folder for each problem, in a folder for each library and mode, on the disk or in a zip file."""

from __future__ import annotations

import configparser
import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from magicoder_core import RunError
from magicoder_ds1000.data import WHERE, Data, Files, Mode, Task, digest, gathered
from magicoder_ds1000.libraries import LIBRARIES

Folder = Path | zipfile.Path

_NAME = re.compile(r"q(\d+)")
_FACTS = (("test", "test_type"), ("test", "test_case_cnt"))


def of_folder(place: Path, mode: Mode) -> Data:
    """The data of a folder: the tree itself, or one that holds it.

    Raises:
        RunError: it is no such tree.
        OSError: it cannot be read.
    """
    files = sorted(path for path in place.rglob("*") if path.is_file())
    sha256 = digest(part for path in files for part in (path.relative_to(place).as_posix().encode(), path.read_bytes()))
    return _data(place, place, sha256, mode)


def of_zip(place: Path, mode: Mode) -> Data:
    """The data of a zip file; it is never unpacked.

    Raises:
        RunError: there is no such tree in it.
        OSError, zipfile.BadZipFile: it cannot be read.
    """
    return _data(zipfile.Path(place), place, hashlib.sha256(place.read_bytes()).hexdigest(), mode)


def _data(folder: Folder, place: Path, sha256: str, mode: Mode) -> Data:
    tasks = gathered(_tasks(_root(folder, place), mode), f"{place} ({mode})")
    return Data(name=place.name, sha256=sha256, form="tree", mode=mode, tasks=tasks)


def _root(folder: Folder, place: Path) -> Folder:
    """Where the libraries' folders are."""
    for candidate in (folder, *(item for item in folder.iterdir() if item.is_dir())):
        if any((candidate / name).is_dir() for name in LIBRARIES):
            return candidate
    raise RunError(f"ds1000.data: {place} is neither DS-1000's JSONL nor its older tree; {WHERE}")


def _tasks(root: Folder, mode: Mode) -> Iterator[Task]:
    for library in LIBRARIES:
        folder = root / library / mode.capitalize()
        if folder.is_dir():  # Matplotlib has no insertion problems
            numbered = [(int(found[1]), item) for item in folder.iterdir() if (found := _NAME.fullmatch(item.name))]
            for number, item in sorted(numbered, key=lambda pair: pair[0]):
                yield _task(item, library, number)


def _task(folder: Folder, library: str, number: int) -> Task:
    kind, cases = _facts(folder)
    context = _text(folder, "code_context.txt")
    if "[insert]" not in context:
        raise RunError(f"ds1000.data: {folder / 'code_context.txt'} has no [insert], where answers go")
    return Task(
        library=library,
        number=number,
        prompt=_text(folder, "prompt.txt"),
        reference=_text(folder, "reference_code.txt"),
        context=context,
        cases=max(1, cases),  # one without a case is run once all the same
        files=Files(folder=folder, kind=kind, test=_text(folder, "test_code.py")),
    )


def _facts(folder: Folder) -> tuple[int, int]:
    """The kind of the tests and the number of cases, of ``.cfg``."""
    config = configparser.RawConfigParser()
    try:
        config.read_string(_text(folder, ".cfg"))
        kind, cases = (config.getint(*name) for name in _FACTS)
    except (configparser.Error, ValueError) as error:
        cause = " ".join(str(error).split())
        raise RunError(
            f"ds1000.data: {folder / '.cfg'}: test_type and test_case_cnt are wanted of [test] ({cause})"
        ) from error
    return kind, cases


def _text(folder: Folder, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, KeyError) as error:
        raise RunError(f"ds1000.data: {folder} has no readable {name}; get the tree anew") from error
    except UnicodeDecodeError as error:
        raise RunError(f"ds1000.data: {folder / name}: not UTF-8 text ({error})") from error
