"""The hostile corpus: programs that mean harm, and honest ones that look odd, in the text files of this folder.

Each file is one class of attack. Its first line says what its programs do; what follows up to the first header stands
before each program. A header is ``#% NAME : STATUSES ; OPTIONS``. The statuses are all that the program may get.
Options: ``run`` (a whole script; else ``double`` is called), ``cpu=``, ``wall=``, ``call=`` (seconds), ``memory=``
(MiB), ``stdin=``, ``numpy`` (needs it). In the code ``BREACH`` stands for a text that no program may bring out, and
``@NAME@`` for a place or for what a text file cannot hold.

All programs should define ``double(x)``, which is ``x + x``. Those of ``benign.txt`` do; all others are wrong in some
answer, or give none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core.sandbox import Calls, Inputs, Limits, Program

FOLDER = Path(__file__).parent
BENIGN = "benign"
ARGUMENTS: list[tuple[Any]] = [(0,), (3,), (-7,), (10**18,), ("ab",), ([1, [2]],)]
INPUTS = Inputs.of("double", ARGUMENTS)
EXPECTED = [argument + argument for (argument,) in ARGUMENTS]
FILE_BYTES = 16 << 20
"""The same for all: programs that may write more get another box."""
BREACH = "BREACHED: "
TESTS = "\nassert double(3) == 6 and double('ab') == 'abab'\n"
"""What stands behind a script, in its own process."""

_ODD = {
    "@NUL@": "\0",
    "@SURROGATE@": "\ud800",
    "@CR@": "\r",
    "@FF@": "\f",
    "@BOM@": "\ufeff",
    "@LONG@": "x" * 1_000_000,
    "@DIGITS@": "9" * 5000,
    "@DEEP@": "(" * 500 + ")" * 500,
    "@DEEP_LISTS@": "[" * 150 + "]" * 150,
    "@DEEP_MINUS@": "-" * 100_000,
    "@DEEP_BLOCKS@": "".join(" " * depth + "if 1:\n" for depth in range(200)) + " " * 200 + "x",
    "@DEEP_FSTRINGS@": "f'{" * 300 + "1" + "}'" * 300,
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One program of the corpus; a ``script`` carries `TESTS`, the others are called."""

    kind: str
    name: str
    code: str
    allowed: frozenset[str]
    limits: Limits
    script: bool
    stdin: str
    numpy: bool

    @property
    def benign(self) -> bool:
        """Whether it must be right."""
        return self.kind == BENIGN

    def __str__(self) -> str:
        """What messages call it."""
        return f"{self.kind}: {self.name}"

    def program(self) -> Program:
        """What `sandbox.run` takes, of a script."""
        return Program(code=self.code + TESTS, stdin=self.stdin, limits=self.limits)

    def calls(self) -> Calls:
        """What `sandbox.call` takes, of all others."""
        program = Program(code=self.code, stdin=self.stdin, limits=self.limits, name="solution")
        return Calls(program=program, inputs=INPUTS)


def entries(places: Mapping[str, str] | None = None) -> list[Entry]:
    """The whole corpus, with ``places`` put in: a value for each ``@NAME@`` that is no character."""
    return [entry for path in sorted(FOLDER.glob("*.txt")) for entry in _read(path, {**_ODD, **(places or {})})]


def opening(kind: str) -> str:
    """What stands before each program of one kind."""
    return (FOLDER / f"{kind}.txt").read_text("utf-8").partition("\n#% ")[0].partition("\n")[2] + "\n"


def _read(path: Path, places: Mapping[str, str]) -> Iterator[Entry]:
    head, *parts = path.read_text("utf-8").split("\n#% ")
    _, _, opening = head.partition("\n")
    for part in parts:
        header, _, code = part.partition("\n")
        # In two pieces, so that no line of the program that a message quotes looks like a breach.
        code = f"{opening}\n{code.rstrip()}\n".lstrip("\n").replace("BREACH", f"({BREACH[:4]!r} {BREACH[4:]!r})")
        for name, value in places.items():
            code = code.replace(name, value)
        yield _entry(path.stem, header, code)


def _entry(kind: str, header: str, code: str) -> Entry:
    name, _, rest = header.partition(" : ")
    statuses, _, words = rest.partition(" ; ")
    options = dict(word.partition("=")[::2] for word in words.split())
    return Entry(
        kind=kind,
        name=name,
        code=code,
        allowed=frozenset(statuses.split()),
        limits=_limits(options),
        script="run" in options,
        stdin=options.get("stdin", ""),
        numpy="numpy" in options,
    )


def _limits(options: Mapping[str, str]) -> Limits:
    call = options.get("call")
    return Limits(
        cpu_seconds=float(options.get("cpu", "2")),
        wall_seconds=float(options.get("wall", "4")),
        call_seconds=float(call) if call else None,
        memory_bytes=int(options.get("memory", "384")) << 20,
        file_bytes=FILE_BYTES,
    )
