"""What goes into the sandbox, and what comes out."""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from magicoder_core.records import Status
from magicoder_core.sandbox import starting
from magicoder_core.sandbox.image import PLAIN, Image, serving
from magicoder_core.sandbox.inside import values
from magicoder_core.sandbox.limits import Limits

DETAIL_CHARACTERS = 500
DETAIL_BYTES = 2000

_LARGE = 32 + 8
_LAST_LINE = 10_000_000
_FOLDER = re.compile(r"/[^\s:'\"]*/magicoder-[a-z0-9_]{8}(?:/work)?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


@dataclass(frozen=True, kw_only=True)
class Program:
    """One untrusted program in ``python``, the only language that this form knows (see `Commands` for others).

    ``name`` is its ``__name__`` while it runs: a main guard runs only under ``__main__``. ``image`` may name another
    interpreter (`python_image`).
    """

    code: str
    stdin: str = ""
    language: str = "python"
    limits: Limits = field(default_factory=Limits)
    name: str = "__main__"
    image: Image = PLAIN


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a program; ``index`` is its place among those given, from 0.

    ``detail`` says why it did not pass, in at most 2,000 bytes, the same for each run of a deterministic program.
    ``stdout`` is what it printed, up to the limit. ``cpu_seconds`` counts the program with all its processes, without
    the box. ``isolation`` is the level it ran under.
    """

    index: int = 0
    status: Status
    detail: str = ""
    stdout: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    isolation: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.stdout)


@dataclass(frozen=True)
class Inputs:
    """Arguments for calls of one function, encoded once for any number of programs; see `of`."""

    function: str
    data: bytes
    count: int
    plain: bool

    @classmethod
    def of(cls, function: str, arguments: Iterable[Sequence[Any]]) -> Inputs:
        """One call of ``function`` for each sequence of positional arguments, all of them plain data.

        Each program gets fresh objects, none of them shared between calls.

        Raises:
            ValueError: an argument is no plain data.
        """
        calls = [tuple(args) for args in arguments]
        if data := values.quick(calls):
            return cls(function, data, len(calls), plain=True)
        data = values.spell(calls)
        _check(function, values.read(data))
        return cls(function, data, len(calls), plain=_known(calls, data))

    def __len__(self) -> int:
        """How many calls."""
        return self.count


def _check(function: str, value: Any) -> None:
    if isinstance(value, values.Foreign):
        raise ValueError(f"arguments of {function}: {value.kind} is no plain data")  # noqa: TRY004 - of no type at all
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            _check(function, item)
    elif isinstance(value, dict):
        for pair in value.items():
            _check(function, pair)


def _known(calls: list[tuple[Any, ...]], data: bytes) -> bool:
    """Whether marshal alone would have written ``data``, so that it may read it, too."""
    try:
        return marshal.dumps(calls, values.VERSION) == data
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Calls:
    """A program whose function is called from outside, on each of ``inputs`` in turn.

    ``whole`` are the numbers of the calls whose value must come over however large it is (see `Large`).
    """

    program: Program
    inputs: Inputs
    whole: frozenset[int] = frozenset()

    @classmethod
    def of(cls, code: str, inputs: Inputs, limits: Limits | None = None) -> Calls:
        """Calls of a Python program, under the usual limits if none are given."""
        return cls(program=Program(code=code, name="solution", limits=limits or Limits()), inputs=inputs)


@dataclass(frozen=True)
class Value:
    """What a call gave: an object of exact builtin types, or `Foreign`."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """A call that raised: the exception's type, its text, and the line of the program where it came up."""

    kind: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        """One line of at most 500 characters that can be written as UTF-8."""
        return tidy(about(self.kind, self.text, self.line))


@dataclass(frozen=True)
class Large:
    """A value that was not asked for whole: the SHA-256 of its bytes, and how many they are."""

    digest: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a program answered to its calls; ``index`` is its place among those given, from 0.

    ``stream`` holds all answers, encoded: equal bytes mean equal answers. ``status`` is ``pass`` if each call was
    answered, whether by a value or by an exception; else it says how the program ended, ``detail`` why, and
    ``records`` are those before.
    """

    index: int = 0
    status: Status
    detail: str = ""
    stream: bytes = b""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    isolation: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.stream)

    @cached_property
    def records(self) -> list[bytes]:
        """One for each call answered, in order; `answer` reads one."""
        return values.split(self.stream)


def answer(record: bytes) -> Value | Raised | Large:
    """What one of `Answers.records` says. Bytes that say nothing are an answer that equals nothing."""
    kind, data = record[:1], record[1:]
    try:
        if kind == values.LARGE and len(data) == _LARGE:
            return Large(data[:-8], int.from_bytes(data[-8:], "little"))
        value = values.read(data)
        return raised(value) if kind == values.RAISED else Value(value)
    except (ValueError, RecursionError):
        return Value(values.Foreign("no value"))


def raised(value: Any) -> Raised:
    """An exception as the program described it, held to its form."""
    if type(value) is tuple and len(value) == 3 and type(value[0]) is type(value[1]) is str:  # noqa: PLR2004 - kind, text, line
        line = value[2] if type(value[2]) is int and 0 < value[2] <= _LAST_LINE else None
        return Raised(value[0][:100], value[1][:500], line)
    return Raised("Exception", "the program sent what is no value")


def about(kind: str, text: str, line: int | None) -> str:
    """One line on an exception that a program reported."""
    place = f" (line {line} of the program)" if line is not None else ""
    return f"{kind[:100]}: {text[:350]}{place}" if text else f"{kind[:100]}{place}"


def tidy(text: str, image: Image = PLAIN) -> str:
    """A detail without what differs between two runs or tells of this machine."""
    text = _ADDRESS.sub("0x...", " ".join(without_places(text, image).split()))
    text = text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 3] + "..."
    # A lone surrogate would make the record unwritable, and a control character would reach the terminal.
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return shown[: 2 * DETAIL_CHARACTERS].encode()[:DETAIL_BYTES].decode("utf-8", "ignore")


def without_places(text: str, image: Image = PLAIN) -> str:
    """A text without the places of this machine that a program can name: where Python lies, and its own folder."""
    python = serving(image.python)
    for folder in python.packages:
        text = text.replace(folder, "<packages>")
    text = text if python.prefix == "/usr" else text.replace(python.prefix, "<python>")
    return _FOLDER.sub(starting.WORKPLACE, text)
