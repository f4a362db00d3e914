"""What a box is given to do, and how its outcome is read."""

from __future__ import annotations

import hmac
import marshal
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from magicoder_core.records import Status
from magicoder_core.sandbox.box import Box, Ending
from magicoder_core.sandbox.ending import judged
from magicoder_core.sandbox.inside import region, values
from magicoder_core.sandbox.program import Answers, Calls, Inputs, Outcome, Program, tidy

Found = TypeVar("Found", Outcome, Answers)

_NO_INPUTS = Inputs("", b"", 0, plain=True)
_TWICE = "the sandbox ended under the program, twice"


class Job(ABC, Generic[Found]):
    """One program to run, and how to read what became of it."""

    script: bool

    def __init__(self, program: Program, inputs: Inputs = _NO_INPUTS, whole: frozenset[int] = frozenset()) -> None:
        self.program = program
        self.inputs = inputs
        self.whole = whole

    @property
    def room(self) -> int:
        """Bytes that a box must have for what the program may write."""
        return self.program.limits.file_bytes

    @property
    def most(self) -> int:
        """Bytes of all answers together, at most."""
        each = values.LARGE_BYTES + values.HEAD_BYTES
        return region.END - region.STREAM if self.whole else each * len(self.inputs)

    @abstractmethod
    def found(self, index: int, status: Status, detail: str, isolation: str, **known: Any) -> Found:
        """The outcome, of the job's kind."""

    @abstractmethod
    def outcome(self, index: int, ending: Ending, box: Box) -> Found:
        """What became of the program in ``box``."""

    def refused(self, isolation: str) -> Found | None:
        """The outcome of what cannot be run at all."""
        program = self.program
        if program.language != "python":
            return self.broken(0, isolation, f"no way to run {program.language} yet")
        if (size := len(program.code) + len(program.stdin)) > region.JOB_BYTES // 8:
            return self.found(0, "fail", f"a program of {size} characters, with its input", isolation)
        if len(self.inputs.data) > region.JOB_BYTES // 2:
            return self.broken(0, isolation, "the arguments of the calls are too large")
        return None

    def broken(self, index: int, isolation: str, detail: str) -> Found:
        """The outcome where the sandbox failed."""
        return self.found(index, "harness_error", tidy(detail), isolation)

    def crashed(self, index: int, isolation: str) -> Found:
        """The outcome of a program that ends boxes."""
        return self.found(index, "crash", _TWICE, isolation)

    def give(self, box: Box) -> None:
        """Have ``box`` run it.

        Raises:
            Gone: the box is no more.
        """
        program, inputs = self.program, self.inputs
        calls = (inputs.function, (inputs.data, inputs.plain), tuple(sorted(self.whole)))
        job = (program.code, program.name, program.stdin, box.packages, calls)
        box.give(marshal.dumps(job, values.VERSION), program.limits, self.most, script=self.script, asked=len(inputs))

    def read(self, index: int, ending: Ending, box: Box, *, done: bool, before: str, **known: Any) -> Found:
        """The outcome of an ended program."""
        status, detail = judged(ending, self.program.limits, done=done, before=before)
        return self.found(
            index,
            status,
            tidy(detail) if detail else "",
            box.isolation.level,
            cpu_seconds=round(ending.report.cpu_seconds, 4),
            wall_seconds=round(ending.report.wall_seconds, 4),
            **known,
        )


class ScriptJob(Job[Outcome]):
    """A whole program: passed if it gives back the token of its run, which it gets after its last line."""

    script = True

    def found(self, index: int, status: Status, detail: str, isolation: str, **known: Any) -> Outcome:
        """See `Job`."""
        return Outcome(index=index, status=status, detail=detail, isolation=isolation, **known)

    def outcome(self, index: int, ending: Ending, box: Box) -> Outcome:
        """See `Job`; an exit status says nothing."""
        return self.read(
            index,
            ending,
            box,
            done=hmac.compare_digest(ending.head.token, ending.token),
            before="the program ended before its last line",
            stdout=ending.printed.decode("utf-8", "replace"),
        )


class CallJob(Job[Answers]):
    """A program that answers calls."""

    script = False

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls.program, calls.inputs, calls.whole)

    def found(self, index: int, status: Status, detail: str, isolation: str, **known: Any) -> Answers:
        """See `Job`."""
        return Answers(index=index, status=status, detail=detail, isolation=isolation, **known)

    def outcome(self, index: int, ending: Ending, box: Box) -> Answers:
        """See `Job`. A program may have written anything; what is no answer to a call is left out."""
        count, end = values.extent(ending.stream, len(self.inputs))
        return self.read(
            index,
            ending,
            box,
            done=ending.head.state == region.FINISHED and count == len(self.inputs) and end == len(ending.stream),
            before="the program ended before it had answered each call",
            stream=ending.stream[:end],
        )
