"""What git knows of a folder: the tracked files, the commit, where it was cloned from.

A checkout may be anybody's, so git is kept from running what its configuration names, and from the environment
of a surrounding git command. Without git, or where it refuses (another owner), a checkout is a plain folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_REGULAR = ("100644", "100755")
_URL = re.compile(r"(?:https?|ssh|git)://(?:[^/]*@)?([^/:?#@\[\]]+)(?::\d*)?/([^?#]+)")
_SCP_LIKE = re.compile(r"(?:[^@/:]+@)?([^@/:\\]{2,}):(?!/)([^\\]+)")


@dataclass(frozen=True)
class Checkout:
    """A git work tree, or the part of it that was asked for; ``files`` are relative to ``top``."""

    top: Path
    repository: str | None
    revision: str | None
    files: tuple[str, ...]


def around(place: Path) -> Checkout | None:
    """The checkout that ``place`` lies in, with the tracked files at or below it; None if there are none."""
    top = next((folder for folder in (place, *place.parents) if (folder / ".git").exists()), None)
    if top is None:
        return None
    relative = place.relative_to(top).as_posix()
    listed = _git(top, "ls-files", "-z", "--stage", "--", relative)
    files = tuple(path for path in map(_regular, (listed or "").split("\0")) if path)
    if not files:
        return None
    url = _git(top, "config", "--get", "remote.origin.url") or ""
    return Checkout(top, public_url(url.strip()), (_git(top, "rev-parse", "HEAD") or "").strip() or None, files)


def public_url(url: str) -> str | None:
    """``https://host/path`` of a remote however it was cloned, without user, password, port and ``.git``.

    None for a path on this machine: it would say nothing elsewhere.
    """
    found = _URL.match(url) or _SCP_LIKE.fullmatch(url)
    return f"https://{found[1]}/{found[2].strip('/').removesuffix('.git')}" if found else None


def _regular(line: str) -> str:
    """The path of one line of ``ls-files --stage``; empty for links and submodules."""
    about, _, path = line.partition("\t")
    return path if about.startswith(_REGULAR) else ""


def _git(top: Path, *arguments: str) -> str | None:
    if (git := shutil.which("git")) is None:
        return None
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(  # noqa: S603 - git itself, no shell, paths after --
        [git, "-C", str(top), *_SAFE, *arguments],
        env=clean | {"GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
