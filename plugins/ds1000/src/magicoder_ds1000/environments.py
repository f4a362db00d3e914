"""Makes a Python for the benchmark: a virtual environment with the seven libraries in pinned versions.

An environment under work has a file `interpreter.UNFINISHED`, and is taken up again by the same command; a finished one
has `RECORD`, which says what was asked for and all that is installed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from magicoder_core import RunError, jsonl, progress
from magicoder_ds1000.interpreter import UNFINISHED
from magicoder_ds1000.libraries import LIBRARIES

RECORD: Final = "magicoder-ds1000.json"

_COMMON: Final = ""
_LINES = ("Collecting ", "Installing collected", "Using cached", "Downloading ")
_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A set of versions: for which Pythons (from, up to and with), and what each library needs, as pip writes it."""

    pythons: tuple[tuple[int, int], tuple[int, int]]
    pins: Mapping[str, Sequence[str]]

    def requirements(self, without: Sequence[str]) -> list[str]:
        """What to install if some libraries are left out."""
        return [pin for library, pins in self.pins.items() if library not in without for pin in pins]


KINDS: Final[Mapping[str, Kind]] = {
    # environment.yml of the official repository, read in the Hub's copy; TensorFlow's CPU build.
    "official": Kind(
        pythons=((3, 9), (3, 11)),
        pins={
            _COMMON: ("numpy==1.26.4", "pandas==1.5.3", "PyYAML"),
            "Matplotlib": ("matplotlib==3.8.4", "seaborn==0.13.2", "statsmodels==0.14.1"),
            "Pytorch": ("torch==2.2.0", "gensim==4.3.2"),
            "Scipy": ("scipy==1.12.0",),
            "Sklearn": ("scikit-learn==1.4.0", "xgboost==2.0.3"),
            "Tensorflow": ("tensorflow-cpu==2.16.1",),
        },
    ),
    # What was installed and tested when this version of the plugin was made.
    "today": Kind(
        pythons=((3, 11), (3, 13)),
        pins={
            _COMMON: ("numpy==2.4.6", "pandas==3.1.1", "PyYAML==6.0.4"),
            "Matplotlib": ("matplotlib==3.11.2", "seaborn==0.13.2", "statsmodels==0.15.0"),
            "Pytorch": ("torch==2.13.0", "gensim==4.4.0"),
            "Scipy": ("scipy==1.17.1",),
            "Sklearn": ("scikit-learn==1.9.1", "xgboost-cpu==3.2.0"),
            "Tensorflow": ("tensorflow-cpu==2.21.0", "keras==3.15.1"),
        },
    ),
    # environment-old-lib.yml: the versions of the papers of 2022 and 2023. They had Python 3.7.
    "old": Kind(
        pythons=((3, 9), (3, 10)),
        pins={
            _COMMON: ("numpy==1.21.6", "pandas==1.3.5", "PyYAML"),
            "Matplotlib": ("matplotlib==3.5.2", "seaborn==0.11.2", "statsmodels==0.13.2"),
            "Pytorch": ("torch==1.12.1", "gensim==4.2.0"),
            "Scipy": ("scipy==1.7.3",),
            "Sklearn": ("scikit-learn==1.0.2", "xgboost==1.6.2"),
            "Tensorflow": ("tensorflow-cpu==2.10.0", "protobuf<3.20"),
        },
    ),
}


def make(place: Path, *, kind: str, python: Path, without: Sequence[str], pip: Sequence[str]) -> dict[str, str]:
    """Make an environment, or go on with one that is half made.

    Args:
        place: its folder.
        kind: a name of `KINDS`.
        python: the Python that it is of.
        without: libraries that are left out.
        pip: more arguments for ``pip install``, as where to find packages.

    Returns:
        The version of each distribution in it.

    Raises:
        RunError: the folder holds something else, the Python is too old or new, or something cannot be installed.
    """
    wish = {"kind": kind, "without": sorted(without)}
    if (known := _finished(place, wish)) is not None:
        progress.say(f"ds1000: {place} is made already")
        return known
    _fit(python, kind)
    part = place / UNFINISHED
    if place.exists() and any(place.iterdir()) and not part.exists():
        raise RunError(f"{place} holds something else than an environment of this command; name another folder")
    place.mkdir(parents=True, exist_ok=True)
    jsonl.write_json(part, wish)
    own = place / "bin" / "python"
    if not own.exists():
        _told([str(python), "-m", "venv", str(place)], f"{python} cannot make an environment")
    requirements = KINDS[kind].requirements(without)
    progress.say(f"ds1000: installing {', '.join(requirements)}: up to 3 GB, minutes")
    _told([str(own), "-m", "pip", "install", "--progress-bar=off", *pip, *requirements], "pip cannot install them")
    _imported(own, without)
    installed = _installed(own)
    jsonl.write_json(place / RECORD, {**wish, **installed})
    part.unlink()
    return dict(installed["installed"])


def _finished(place: Path, wish: Mapping[str, Any]) -> dict[str, str] | None:
    """What is installed in a finished environment; None if there is none.

    Raises:
        RunError: it is another one than was asked for.
    """
    if (place / UNFINISHED).exists() or not (place / RECORD).exists():
        return None
    try:
        known = json.loads((place / RECORD).read_bytes())
        found = {name: known[name] for name in wish}
        installed = dict(known["installed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{place / RECORD} is damaged ({error}); delete {place} and run the command again") from error
    if found != wish:
        told = f"kind {found['kind']}, without {', '.join(found['without']) or 'nothing'}"
        raise RunError(f"{place} is an environment of another wish ({told}); delete it, or name another folder")
    return installed


def _fit(python: Path, kind: str) -> None:
    """Look whether a Python is one that the versions of a kind are made for.

    Raises:
        RunError: it is not, or does not run.
    """
    command = [str(python), "-I", "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - the user's own
        found = tuple(map(int, done.stdout.split()))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RunError(f"--python: {python} does not run as a Python ({type(error).__name__})") from error
    least, most = KINDS[kind].pythons
    if not least <= found <= most:
        wanted = f"{'.'.join(map(str, least))} to {'.'.join(map(str, most))}"
        raise RunError(
            f"--python: the versions of kind '{kind}' are for Python {wanted}, {python} is {'.'.join(map(str, found))}; "
            "name another one"
        )


def _told(command: Sequence[str], failed: str) -> None:
    """Run a command, and tell of the lines of its output that say how far it is.

    Raises:
        RunError: it fails; with its last line that names an error.
    """
    kept: list[str] = []
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as work:  # noqa: S603 - ours
            assert work.stdout is not None  # noqa: S101 - it was asked for
            for line in work.stdout:
                if line.startswith(_LINES):
                    progress.say(f"  {line.rstrip()[:_WIDTH]}")
                kept = [*kept[-50:], line.strip()]
    except OSError as error:
        raise RunError(f"{failed} ({error.strerror})") from error
    if work.returncode:
        errors = [line for line in kept if line.lower().startswith("error")] or kept or ["no output"]
        raise RunError(f"{failed}: {errors[0]}; mend that and run the same command again: it goes on from here")


def _imported(python: Path, without: Sequence[str]) -> None:
    """See that each library that is not left out can be imported.

    Raises:
        RunError: one cannot.
    """
    for name, library in LIBRARIES.items():
        if name not in without:
            command = [str(python), "-I", "-c", f"import {', '.join(library.needed)}"]
            _told(command, f"{name} is installed and does not import")


def _installed(python: Path) -> dict[str, Any]:
    """The Python's version, and the version of each distribution."""
    code = (
        "import importlib.metadata as m, json, platform; "
        "found = {d.metadata['Name']: d.version for d in m.distributions()}; "
        "print(json.dumps({'python': platform.python_version(), 'installed': dict(sorted(found.items()))}))"
    )
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    told: dict[str, Any] = json.loads(done.stdout)
    return told
