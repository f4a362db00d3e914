"""Whether problems of a library can be judged under an interpreter, found out by running a small program of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from magicoder_core import progress, sandbox
from magicoder_ds1000 import library_data
from magicoder_ds1000.interpreter import Interpreter
from magicoder_ds1000.libraries import ENVIRONMENT, LIBRARIES, Library

MEMORY_BYTES = 4 << 30
"""Of a program with all its processes: TensorFlow alone takes half a gigabyte. Addresses are not limited, which they reserve
by the dozen gigabytes."""

PROCESSES = 64

_SECONDS = 60.0
_STALL = 20.0
"""Elapsed seconds in which a program that waits for a lost lock does nothing."""


@dataclass(frozen=True)
class Ready:
    """How a library's problems are judged: in boxes of this kind, or not at all, for the ``reason``.

    ``loaded`` says whether the boxes' fork servers have the library loaded.
    """

    image: sandbox.Image | None
    reason: str = ""
    loaded: bool = False


def limits(seconds: float, *, clock: str = "cpu", cases: int = 1) -> sandbox.Limits:
    """What a program may take whose test cases have so many ``seconds`` each.

    By the clock ``cpu`` processor time, and as long again in which it does nothing; by ``wall`` elapsed time.
    """
    total = seconds * cases
    return sandbox.Limits(
        cpu_seconds=total,
        wall_seconds=total,
        memory_bytes=MEMORY_BYTES,
        address_bytes=0,
        processes=PROCESSES,
        clock="wall" if clock == "wall" else "cpu",
    )


def readiness(interpreter: Interpreter, libraries: Iterable[str]) -> Mapping[str, Ready]:
    """For each library how its problems are judged.

    Raises:
        SandboxError: programs cannot be isolated here, or not under this interpreter.
    """
    return {name: _of(interpreter, LIBRARIES[name]) for name in libraries}


@cache
def _of(interpreter: Interpreter, library: Library) -> Ready:
    if missing := interpreter.missing(library):
        names = " and ".join(missing)
        return Ready(None, f"{names} is not installed for {interpreter.path} (Python {interpreter.python})")
    found = library_data.environment(interpreter.prefix)
    environment = {**ENVIRONMENT, **found}
    loaded = sandbox.python_image(
        interpreter.path, preload=interpreter.preload(library), environment=environment, folders=found.values()
    )
    first = _tried(library, loaded)
    if first.status == "pass":
        return Ready(loaded, loaded=True)
    bare = sandbox.python_image(interpreter.path, environment=environment, folders=found.values())
    second = _tried(library, bare)
    if second.status == "pass":
        progress.say(
            f"ds1000: {library.name}: programs start without it loaded, which is slower: forks of a server that has it "
            f"loaded do not work here ({first.status}: {first.detail})"
        )
        return Ready(bare)
    return Ready(None, f"{library.name} does not work under {interpreter.path}: {second.status}: {second.detail}")


def _tried(library: Library, image: sandbox.Image) -> sandbox.Outcome:
    allowed = limits(_SECONDS)
    program = sandbox.Program(
        code=library.canary,
        image=image,
        limits=sandbox.Limits(
            cpu_seconds=_SECONDS,
            wall_seconds=_STALL,
            memory_bytes=allowed.memory_bytes,
            address_bytes=0,
            processes=PROCESSES,
        ),
    )
    return next(sandbox.run([program], workers=1))
