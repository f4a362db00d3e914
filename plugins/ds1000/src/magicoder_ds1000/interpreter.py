"""The other Python: which one it is, what is installed there, which of the libraries can be judged under it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from magicoder_core import RunError
from magicoder_ds1000.libraries import LIBRARIES, Library

MAKE: Final = "make one with: magicoder ds1000 env PATH"
OLDEST: Final = (3, 9)

UNFINISHED: Final = "magicoder-ds1000.part"
"""Stands in an environment as long as `environments.make` has not finished it."""

_SECONDS: Final = 60.0
_LOOK: Final = """\
import importlib.machinery, importlib.metadata, json, platform, sys
def there(name):  # without an import of what the module is in
    folders = None
    for end in range(len(name.split("."))):
        spec = importlib.machinery.PathFinder.find_spec(".".join(name.split(".")[:end + 1]), folders)
        if spec is None:
            return end == 0 and name in sys.builtin_module_names
        folders = spec.submodule_search_locations
        if folders is None:
            folders = []
    return True
found = [name for name in json.loads(sys.argv[1]) if there(name)]
versions = {item.metadata["Name"]: item.version for item in importlib.metadata.distributions() if item.metadata["Name"]}
print(json.dumps({"python": platform.python_version(), "prefix": sys.prefix, "modules": found, "versions": versions}))
"""

_SHOWN: Final = (
    *("gensim", "keras", "matplotlib", "numpy", "pandas", "pillow", "scikit-learn", "scipy", "seaborn", "statsmodels"),
    *("tensorflow", "tensorflow-cpu", "torch", "xgboost", "xgboost-cpu"),
)
"""Distributions whose versions stand beside a score."""


@dataclass(frozen=True)
class Interpreter:
    """A Python: its executable, version and prefix, the modules that it has of those that matter, all distributions."""

    path: Path
    python: str
    prefix: Path
    modules: frozenset[str]
    versions: Mapping[str, str] = field(hash=False)

    @property
    def shown(self) -> dict[str, str]:
        """Versions to show beside a score, by their distributions' names, sorted."""
        known = {name.lower().replace("_", "-"): version for name, version in self.versions.items()}
        return {name: known[name] for name in _SHOWN if name in known}

    def missing(self, library: Library) -> list[str]:
        """What a library's problems cannot do without and that is not there."""
        return [name for name in library.needed if name not in self.modules]

    def preload(self, library: Library) -> tuple[str, ...]:
        """What of a library's modules can be loaded: those that are there."""
        return tuple(name for name in library.preload if name in self.modules)


def look(path: Path | None) -> Interpreter:
    """The interpreter of that path; asked once.

    Raises:
        RunError: none is named, or it is none, is too old, or its environment was left half made.
    """
    if path is None:
        raise RunError(f"ds1000.interpreter: names no Python that has the seven libraries; {MAKE}")
    return _asked(path.absolute())


@lru_cache(maxsize=8)
def _asked(path: Path) -> Interpreter:
    names = sorted({name for one in LIBRARIES.values() for name in (*one.needed, *one.preload)})
    command = [str(path), "-I", "-c", _LOOK, json.dumps(names)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603 - the user's own
        told = json.loads(done.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        raise RunError(f"ds1000.interpreter: {path} does not work as a Python ({last}); {MAKE}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise RunError(f"ds1000.interpreter: {path} is no Python ({cause}); {MAKE}") from error
    if (Path(told["prefix"]) / UNFINISHED).exists():
        raise RunError(
            f"ds1000.interpreter: the environment of {path} is half made; run the 'magicoder ds1000 env' of it once more"
        )
    if tuple(map(int, told["python"].split(".")[:2])) < OLDEST:
        raise RunError(f"ds1000.interpreter: {path} is Python {told['python']}; 3.9 is the oldest that will do; {MAKE}")
    return Interpreter(path, told["python"], Path(told["prefix"]), frozenset(told["modules"]), told["versions"])
