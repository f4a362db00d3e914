"""How a function is called in the sandbox: many calls in one process, and none of them may spoil the others."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from magicoder_core import sandbox
from magicoder_decontamination.behaviour import shim
from magicoder_decontamination.behaviour.functions import Function

VALUE, RAISED = b"V", b"E"
"""What the record of a value begins with, and that of an exception."""

UNANSWERED = VALUE + marshal.dumps(shim.UNANSWERED, 2)
"""The record of a call that took too long, or was not made."""

_HEAD = struct.Struct("<II")
_NOTHING = VALUE + b"."


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What a function may take, in processor seconds of the nominal machine (`sandbox.speed`).

    Args:
        each: a call is stopped that takes longer, by a millisecond or two.
        stops: after so many the others are not made. Calls with larger arguments come later, and would not fare better.
        all: the calls in one process may take so much; what is left then is not made. A backstop.
        call: what a call may take that cannot be stopped, before its process is ended.
        load: what its definitions and the first call may take, where they import something.
        restarts: so many processes are begun anew behind the call that ended the last.
        stall: elapsed seconds without computing.
        memory_bytes: of a process.
    """

    each: float = 0.004
    stops: int = 5
    all: float = 0.25
    call: float = 0.1
    load: float = 1.0
    restarts: int = 2
    stall: float = 1.0
    memory_bytes: int = 512 << 20

    def limits(self, calls: int, *, loads: bool) -> sandbox.Limits:
        """The same for the sandbox and so many calls; ``loads`` says that the definitions may take their time."""
        return sandbox.Limits(
            cpu_seconds=self.load + 1.0,
            call_seconds=(self.load, *[self.call] * (calls - 1)) if loads else self.call,
            wall_seconds=self.stall,
            memory_bytes=self.memory_bytes,
            processes=4,
        )


@dataclass(frozen=True)
class Question:
    """Calls, for any number of functions: encoded once."""

    calls: Sequence[tuple[Any, ...]]
    patience: Patience

    @property
    def _shim(self) -> bytes:
        return shim.shim_of(self.patience.each, self.patience.stops, self.patience.all)

    @cached_property
    def together(self) -> sandbox.Inputs:
        """All of them at once."""
        return sandbox.Inputs.of(shim.TOGETHER, [(self._shim, list(self.calls))])

    def apart(self, first: int) -> sandbox.Inputs:
        """One after another, from number ``first`` on."""
        return sandbox.Inputs.of(shim.ONE, [(self._shim, *arguments) for arguments in self.calls[first:]])


Record = bytes | sandbox.Value
"""A call's value: its record, as in `sandbox.Answers`, or what was read of one."""

Records = Mapping[int, Record]
"""By the number of the call; `UNANSWERED` where there was no time for it. Calls that raised are left out."""


def answered(function: Function, question: Question) -> sandbox.Errand[Records]:
    """Call ``function`` as ``question`` says, each time with fresh arguments.

    All calls at once take a third less, but where one ends the process they must be made one by one.
    """
    try:
        code = shim.text_of(function.program, function.target, fresh=function.stateful)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # what parses may still be no program
        return {}
    loads = "import" in function.program
    program = sandbox.Program(code=code, limits=question.patience.limits(1, loads=loads), name="solution")
    answers = yield sandbox.Calls(program=program, inputs=question.together, whole=frozenset({0}))
    if answers.records and (found := _unpacked(answers.records[0], len(question.calls))) is not None:
        return found
    return (yield from _one_by_one(code, question, loads=loads))


def _one_by_one(code: str, question: Question, *, loads: bool) -> sandbox.Errand[Records]:
    records: list[bytes] = []
    patience = question.patience
    for _ in range(patience.restarts + 1):
        left = len(question.calls) - len(records)
        program = sandbox.Program(code=code, limits=patience.limits(left, loads=loads), name="solution")
        answers = yield sandbox.Calls(program=program, inputs=question.apart(len(records)))
        records += answers.records[:left]
        if len(records) < len(question.calls):
            records.append(UNANSWERED)  # it ended its process
        if len(records) == len(question.calls):
            break
    records += [UNANSWERED] * (len(question.calls) - len(records))
    return {number: record for number, record in enumerate(records) if record != _NOTHING and record[:1] != RAISED}


def _unpacked(record: bytes, count: int) -> Records | None:
    """What a program says of all calls at once; None if it says nothing. It is not to be trusted."""
    given = sandbox.answer(record)
    value = given.value if isinstance(given, sandbox.Value) else None
    if not (type(value) is tuple and [*map(type, value)] == [bytes, list]):
        return None
    data, odd = value
    found: dict[int, Record] = {number: record for number, record in _pieces(data) if number < count}
    for item in odd:
        if type(item) is tuple and len(item) == 2 and item[0] in range(count):  # noqa: PLR2004 - number and value
            found[item[0]] = sandbox.Value(item[1])
    return found


def _pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    place, end = 0, len(data)
    while place + _HEAD.size <= end:
        number, size = _HEAD.unpack_from(data, place)
        place += _HEAD.size + size
        if size and place <= end:
            yield number, VALUE + data[place - size : place]
