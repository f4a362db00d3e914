"""Looking for what is installed: programs that answer, files that are there."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from magicoder_core import RunError

_PATIENCE = 30.0
"""Seconds for a tool to say its version on a busy machine."""


def said(*argv: str, given: str | None = None, seconds: float = _PATIENCE) -> tuple[int, str]:
    """Exit status and all output of a command of the system's; status -1 if it cannot be started or does not end."""
    try:
        started = subprocess.Popen(  # noqa: S603 - a toolchain that the user installed
            argv,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return -1, " ".join(str(error).split())
    with started:
        try:
            told, _ = started.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            # With all that it started: a script's program would hold the pipe.
            os.killpg(started.pid, signal.SIGKILL)
            return -1, f"no answer in {seconds:g} seconds"
    return started.returncode, told


def runs(*argv: str) -> bool:
    """Whether a command exits with 0."""
    return said(*argv)[0] == 0


def ran(*argv: str, given: str | None = None, seconds: float = _PATIENCE) -> str:
    """All output of a command that must exit with 0.

    Raises:
        RunError: it does not; its last line.
    """
    status, told = said(*argv, given=given, seconds=seconds)
    if status != 0:
        lines = told.strip().splitlines()
        raise RunError(f"{' '.join(argv)[:200]}: {lines[-1][:300] if lines else f'exit status {status}'}")
    return told


def first(*places: str) -> str | None:
    """The real place of the first of these files that there is; a last name may hold ``*``."""
    for place in places:
        path = home(place)
        found = sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
        for one in reversed(found):
            if one.is_file():
                return str(one.resolve())
    return None


def home(place: str) -> Path:
    """A place with ``~`` and variables put in; as it is where nobody knows them, as in a container without a home."""
    return Path(os.path.expanduser(os.path.expandvars(place)))  # noqa: PTH111 - `Path.expanduser` raises there
