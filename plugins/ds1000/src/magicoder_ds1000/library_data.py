"""Data sets that some problems load by their library's own download, which programs in the box cannot.

They lie in a folder of the other Python's environment, `FOLDER` below its prefix, from where the libraries read them.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from magicoder_core import progress

FOLDER: Final = Path("share", "magicoder-ds1000")

_SECONDS: Final = 300.0
_SEABORN: Final = ("exercise", "penguins", "planets", "tips")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What downloads data sets of one kind.

    Args:
        library: whose problems need them.
        variable: the environment variable by which the library is told where they lie.
        folder: in `FOLDER`.
        files: in that folder, once they are there.
        code: of a program that downloads them all to where the variable says.
        call: by which problems load them.
    """

    library: str
    variable: str
    folder: str
    files: Sequence[str]
    code: str
    call: str


SOURCES: Final = (
    Source(
        library="Matplotlib",
        variable="SEABORN_DATA",
        folder="seaborn-data",
        files=[f"{name}.csv" for name in _SEABORN],
        code=f"import seaborn\nfor name in {_SEABORN!r}: seaborn.load_dataset(name)",
        call="load_dataset(",
    ),
    Source(
        library="Sklearn",
        variable="SCIKIT_LEARN_DATA",
        folder="scikit-learn-data",
        files=["cal_housing_py3.pkz"],
        code="from sklearn.datasets import fetch_california_housing\nfetch_california_housing()",
        call="fetch_california_housing(",
    ),
)
"""All that the official data need."""


def known(prefix: Path) -> list[str]:
    """The data sets that are there, by the names of their files."""
    return [name for source in SOURCES for name in source.files if (prefix / FOLDER / source.folder / name).is_file()]


def environment(prefix: Path) -> Mapping[str, str]:
    """Variables by which the libraries find the data sets that are there."""
    places = {source.variable: prefix / FOLDER / source.folder for source in SOURCES}
    return {variable: str(place) for variable, place in places.items() if place.is_dir()}


def lacking(prefix: Path, contexts: Collection[str]) -> int:
    """How many problems, by the code of their tests, load a data set of a kind that is not all there."""
    there = set(known(prefix))
    calls = [source.call for source in SOURCES if not there.issuperset(source.files)]
    return sum(any(call in context for call in calls) for context in contexts)


def fetch(place: Path, without: Collection[str]) -> Iterator[str]:
    """Download what is missing into an environment, by its own libraries.

    Args:
        place: the environment.
        without: libraries that it does not have.

    Yields:
        A line for each kind of data sets that cannot be had.
    """
    for source in SOURCES:
        folder = place / FOLDER / source.folder
        if source.library in without or all((folder / name).is_file() for name in source.files):
            continue
        progress.say(f"ds1000: downloading {', '.join(source.files)}")
        if cause := _fetched(place / "bin" / "python", source, folder):
            yield (
                f"cannot download {', '.join(source.files)} ({cause}): {source.library}'s problems that load them will be "
                f"shown as broken; run the same command again, or put the files into {folder}"
            )


def _fetched(python: Path, source: Source, folder: Path) -> str:
    """Download one kind, each file whole or not at all; returns why that failed, if it did."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{source.folder}.") as new:
        command = [str(python), "-I", "-c", source.code]
        surroundings = {**os.environ, source.variable: new}
        try:
            subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True, env=surroundings)  # noqa: S603 - ours
        except subprocess.CalledProcessError as error:
            return str((error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1])
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(getattr(error, "strerror", None) or f"no end after {_SECONDS:g} s")
        missing = [name for name in source.files if not Path(new, name).is_file()]
        if missing:
            return f"{source.variable} has no {missing[0]} afterwards"
        for name in source.files:
            Path(new, name).replace(folder / name)
    return ""
