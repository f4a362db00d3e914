"""What a box shows beside the system's own libraries and tools, and which Python serves in it."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from magicoder_core.errors import SandboxError

OLDEST = (3, 9)
"""The oldest Python that can serve in a box."""

NUMPY = ("numpy", "numpy.libs")
"""What programs of our own interpreter see beside the standard library, where it is installed here."""

# It must be read by any Python that there is, however old.
_QUESTION = """
import json, os, site, sys, sysconfig
real = os.path.realpath
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "executable": real(base),
    "prefix": real(sys.base_prefix),
    "library": real(sysconfig.get_path("stdlib")),
    "packages": [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")] + site.getsitepackages(),
}))
"""
_TAKEN = ("/dev", "/proc", "/sys", "/box", "/packages", "/place")
_PATIENCE = 60


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a box shows beside the system's libraries and tools, and which Python serves in it.

    Args:
        folders: files or folders of this machine, read-only at their own places.
        python: another interpreter (a virtual environment's ``bin/python``), see `python_image`; ours if empty.
        preload: modules that its server imports before the first program.
        environment: names and values, for all that runs in the box.
    """

    folders: tuple[str, ...] = ()
    python: str = ""
    preload: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


PLAIN = Image()
"""Nothing beside the system and our own Python."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that can serve in a box.

    ``executable``, ``prefix`` and ``library`` (the standard one) are real places, of the interpreter behind a virtual
    environment. ``packages`` are folders that programs can import from.
    """

    executable: str
    prefix: str
    library: str
    packages: tuple[str, ...] = ()
    version: tuple[int, ...] = sys.version_info[:2]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Folders of packages beside the standard library, which nobody asked for."""
        library = Path(self.library)
        folders = [library / "site-packages", library / "dist-packages", library.parent / "python3" / "dist-packages"]
        return tuple(str(folder) for folder in folders if folder.is_dir() and str(folder) not in self.packages)

    @property
    def flags(self) -> tuple[str, ...]:
        """For its command line."""
        # -I would be shorter, but it ignores PYTHONHASHSEED too, and then the order of a set differs from run to run.
        # -S saves most of the start and leaves out site-packages; -P is not known before 3.11.
        return ("-s", "-S", "-P", "-B") if self.version >= (3, 11) else ("-s", "-S", "-B")


def python_image(
    python: str | Path,
    *,
    preload: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    folders: Iterable[str] = (),
) -> Image:
    """An image in which programs run under another interpreter, with all packages that are installed for it.

    Args:
        python: the interpreter, for instance a virtual environment's ``bin/python``; 3.9 or newer.
        preload: modules that are imported once for all programs.
        environment: for the server and the programs.
        folders: what they need beside the interpreter and its packages.

    Raises:
        SandboxError: there is none, or it is older.
    """
    where = os.path.abspath(python)  # noqa: PTH100 - a link must stay one: it says which environment it is
    serving(where)
    return Image(
        folders=tuple(folders),
        python=where,
        preload=tuple(preload),
        environment=tuple((environment or {}).items()),
    )


def serving(python: str) -> Interpreter:
    """The interpreter that serves in a box of an image with that ``python``; ours if it is empty.

    Raises:
        SandboxError: it is no Python, or an old one.
    """
    return _asked(python) if python else own()


@cache
def own() -> Interpreter:
    """The real Python behind this one; a virtual environment's own folder stays outside the box."""
    return Interpreter(
        executable=os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
        prefix=os.path.realpath(sys.base_prefix),
        library=os.path.realpath(sysconfig.get_path("stdlib")),
    )


@cache
def numpy_folders() -> dict[str, str]:
    """Folders of installed packages that programs of our own interpreter may import, by name."""
    spec = find_spec(NUMPY[0])
    if spec is None or spec.origin is None:
        return {}
    site = Path(spec.origin).parent.parent
    return {name: os.path.realpath(site / name) for name in NUMPY if (site / name).is_dir()}


@cache
def _asked(python: str) -> Interpreter:
    try:
        done = subprocess.run(  # noqa: S603 - an interpreter that the user names
            [python, "-I", "-c", _QUESTION],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = json.loads(done.stdout)
        found = Interpreter(
            executable=str(said["executable"]),
            prefix=str(said["prefix"]),
            library=str(said["library"]),
            packages=tuple(dict.fromkeys(os.path.realpath(one) for one in said["packages"] if Path(one).is_dir())),
            version=tuple(said["version"]),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise SandboxError(f"{python}: {reason}; name the bin/python of an environment") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{python}: it is no Python that can serve in the sandbox; use 3.9 or newer") from error
    if found.version < OLDEST:
        version = ".".join(map(str, found.version))
        raise SandboxError(f"{python}: Python {version} cannot serve in the sandbox; use 3.9 or newer")
    return found


def places(image: Image, *, everybody: bool) -> tuple[str, ...]:
    """The folders and files of an image and its packages, as they are named and as they really lie.

    ``everybody`` says that who reads them in the box is somebody else than us.

    Raises:
        OSError: one of them is not there, or cannot be read.
    """
    found: list[str] = []
    for name in (*image.folders, *serving(image.python).packages):
        real = os.path.realpath(name)
        _check(name, real, everybody=everybody)
        found += [os.path.abspath(name), real]  # noqa: PTH100 - as it is named
    return tuple(dict.fromkeys(found))


def _check(name: str, real: str, *, everybody: bool) -> None:
    if not Path(name).is_absolute():
        raise OSError(errno.EINVAL, f"the image names {name}: name it by its whole path")
    if any(f"{place}/".startswith(f"{taken}/") for place in (name, real) for taken in _TAKEN):
        raise OSError(errno.EINVAL, f"the image names {name}, and the box has its own {'/'.join(real.split('/')[:2])}")
    try:
        mode = os.stat(real).st_mode  # noqa: PTH116 - a string is at hand
    except OSError as error:
        raise OSError(error.errno, f"the image names {name}: {error.strerror}") from error
    wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    if everybody and mode & wanted != wanted:
        raise OSError(errno.EACCES, f"the image names {name}, which not everybody may read; see chmod")
