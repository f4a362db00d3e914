"""What the fork server does before its first program: a fork inherits it, and need not do it again."""

from __future__ import annotations

import _sitebuiltins
import builtins
import contextlib
import gc
import marshal
import mmap
import os
import resource
import sys

from . import program, region, values, watch

PRELOADED = (
    "typing",
    "math",
    "cmath",
    "re",
    "collections",
    "collections.abc",
    "itertools",
    "functools",
    "operator",
    "heapq",
    "bisect",
    "string",
    "random",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "statistics",
    "hashlib",
    "json",
    "dataclasses",
    "enum",
    "abc",
    "textwrap",
    "traceback",
    "warnings",
    "contextlib",
    "inspect",
)
"""What programs import most; a fork inherits it. None of them starts a thread."""

_ROUNDS = 40

_WARM = """
from typing import Any, Dict, List, Optional, Tuple
import math, re
def solve(numbers: List[float], text: str = "a b") -> Optional[bool]:
    found: Dict[str, Tuple[int, Any]] = {word: (len(word), word) for word in text.split()}
    for index, number in enumerate(sorted(set(numbers))):
        if index % 2 == 0 and math.sqrt(abs(number)) > 1e9 or re.match(r"x+", text):
            return True
    return any(isinstance(item, tuple) and item[0] < 0 for item in found.values())
"""


def settle() -> None:
    """Import and run what programs will need, and hold what is alive now out of the collector's sight."""
    _import_random()
    for name in PRELOADED:
        __import__(name)
    for name in [name for name in sys.path if name.startswith("/box")]:
        sys.path.remove(name)
    sys.argv = ["program.py"]
    _complete()
    for kind, most in (("RLIMIT_NOFILE", 256), ("RLIMIT_CORE", 0), ("RLIMIT_MSGQUEUE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, kind), (most, most))
    # Should the machine run out of memory, the kernel ends the largest process of a box before anybody else's.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - pathlib is not loaded here
        score.write("1000")


def preloaded(packages: list[str], modules: list[str]) -> tuple[int, int]:
    """Let an image's packages be found, and import modules that it names; see `server.Box.own`.

    Raises:
        SystemExit: one cannot be imported.
    """
    sys.path += packages
    for name in modules:
        try:
            __import__(name)
        except Exception as error:
            raise SystemExit(f"the image's module {name}: {type(error).__name__}: {error}") from error
    return watch.taken(os.getpid()) if modules else (0, 0)


def _complete() -> None:
    """Have the names that the module `site` adds to Python's own; it is left out, for what else it does."""
    vars(builtins).update(
        exit=_sitebuiltins.Quitter("exit", "Ctrl-D"),
        quit=_sitebuiltins.Quitter("quit", "Ctrl-D"),
        help=_sitebuiltins._Helper(),  # noqa: SLF001 - no other name for it
        copyright=_sitebuiltins._Printer("copyright", sys.copyright),  # noqa: SLF001 - as above
        credits=_sitebuiltins._Printer("credits", "See www.python.org for more information."),  # noqa: SLF001 - as above
        license=_sitebuiltins._Printer("license", "See https://www.python.org/psf/license/"),  # noqa: SLF001 - as above
    )


def hold() -> None:
    """Keep what is alive now out of the collector's sight: it would write to all of it."""
    gc.collect()
    gc.freeze()
    gc.disable()


def warm_up() -> None:
    """Do some jobs of our own, in this process: what Python learns of its own code then, programs need not learn."""
    arguments = marshal.dumps([([1.0, 2.0],), ([], "b")], values.VERSION)
    job = marshal.dumps((_WARM, "warm", "", "", ("solve", (arguments, True), ())), values.VERSION)
    # Not the region: the first order may already be in it.
    shared = mmap.mmap(-1, region.SIZE)
    for _ in range(_ROUNDS):
        shared[: len(job)] = job
        program.work(shared, len(job), None)
    shared.close()
    del sys.modules["warm"]


def _import_random() -> None:
    """Import `random` so that each program starts with the same numbers, and no fork takes time to draw others."""
    hook, os.register_at_fork = os.register_at_fork, lambda **_: None
    import random

    os.register_at_fork = hook
    random.seed(0)
