"""What a box is given to do, and how its outcome is read."""

from __future__ import annotations

import hmac
import marshal
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from magicoder_core.records import Status
from magicoder_core.sandbox.box import Box, Ending
from magicoder_core.sandbox.commands import BASE, Command, Commands, Ran, contents
from magicoder_core.sandbox.ending import ended, judged
from magicoder_core.sandbox.image import Image
from magicoder_core.sandbox.inside import region, values
from magicoder_core.sandbox.program import Answers, Calls, Inputs, Outcome, Program, tidy

Found = TypeVar("Found", Outcome, Answers, Ran)

_NO_INPUTS = Inputs("", b"", 0, plain=True)
_TWICE = "the sandbox ended under the program, twice"


class Job(ABC, Generic[Found]):
    """What a box is given to do, in one step or several, and how to read what became of it."""

    room: int
    """Bytes that a box must have for what may be written."""

    image: Image

    @abstractmethod
    def found(self, index: int, status: Status, detail: str, isolation: str, **known: Any) -> Found:
        """The outcome, of the job's kind."""

    @abstractmethod
    def refused(self, isolation: str) -> Found | None:
        """The outcome of what cannot be run at all."""

    @abstractmethod
    def give(self, box: Box) -> None:
        """Have ``box`` run it, or the step that is due.

        Raises:
            Gone: the box is no more.
        """

    @abstractmethod
    def outcome(self, index: int, ending: Ending, box: Box) -> Found:
        """What became of it in ``box``."""

    def begin(self) -> None:
        """Begin with the first step, be it anew."""

    def goes_on(self, ending: Ending) -> bool:
        """Whether, after a step with that ending, there is another to be given to the same box."""
        del ending
        return False

    def broken(self, index: int, isolation: str, detail: str) -> Found:
        """The outcome where the sandbox failed."""
        return self.found(index, "harness_error", tidy(detail), isolation)

    def crashed(self, index: int, isolation: str) -> Found:
        """The outcome of a program that ends boxes."""
        return self.found(index, "crash", _TWICE, isolation)


class _ProgramJob(Job[Found]):
    """A program of Python's."""

    script: bool

    def __init__(self, program: Program, inputs: Inputs = _NO_INPUTS, whole: frozenset[int] = frozenset()) -> None:
        self.program = program
        self.inputs = inputs
        self.whole = whole
        self.room = program.limits.file_bytes
        self.image = program.image

    @property
    def most(self) -> int:
        """Bytes of all answers together, at most."""
        each = values.LARGE_BYTES + values.HEAD_BYTES
        return region.END - region.STREAM if self.whole else each * len(self.inputs)

    def refused(self, isolation: str) -> Found | None:
        """See `Job`."""
        program = self.program
        if program.language != "python":
            return self.broken(0, isolation, f"no way to run {program.language} yet")
        if (size := len(program.code) + len(program.stdin)) > region.JOB_BYTES // 8:
            return self.found(0, "fail", f"a program of {size} characters, with its input", isolation)
        if len(self.inputs.data) > region.JOB_BYTES // 2:
            return self.broken(0, isolation, "the arguments of the calls are too large")
        return None

    def give(self, box: Box) -> None:
        """See `Job`."""
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
            tidy(detail, self.image) if detail else "",
            box.isolation.level,
            cpu_seconds=round(ending.report.cpu_seconds, 4),
            wall_seconds=round(ending.report.wall_seconds, 4),
            **known,
        )


class ScriptJob(_ProgramJob[Outcome]):
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


class CallJob(_ProgramJob[Answers]):
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


class CommandJob(Job[Ran]):
    """Commands, each a step of its own."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands
        self.image = commands.image
        self.room = max(command.limits.file_bytes for command in commands.commands)
        self.begin()

    def begin(self) -> None:
        """See `Job`."""
        self._step = 0
        self._spent = (0.0, 0.0)

    @property
    def _command(self) -> Command:
        return self.commands.commands[self._step]

    @property
    def _last(self) -> bool:
        return self._step == len(self.commands.commands) - 1

    def found(self, index: int, status: Status, detail: str, isolation: str, **known: Any) -> Ran:
        """See `Job`."""
        return Ran(index=index, status=status, detail=detail, step=self._step, isolation=isolation, **known)

    def refused(self, isolation: str) -> Ran | None:
        """See `Job`."""
        size = sum(len(path) + len(content) for path, content in self.commands.files.items())
        if size > region.JOB_BYTES // 8:
            return self.found(0, "fail", f"files of {size} characters", isolation)
        return None

    def give(self, box: Box) -> None:
        """See `Job`."""
        command = self._command
        files = [] if self._step else contents(self.commands.files)
        removed = list(self.commands.removed) if self._last else []
        environment = [*BASE, *self.image.environment, *command.environment]
        kind = region.COMMAND | (region.FOLLOWS if self._step else 0) | (0 if self._last else region.KEEP)
        box.give(
            marshal.dumps((files, removed, list(command.argv), environment), values.VERSION),
            command.limits,
            0,
            script=self._last and not command.compiles,
            asked=0,
            kind=kind,
        )

    def goes_on(self, ending: Ending) -> bool:
        """See `Job`."""
        if self._last or ended(ending, self._command.limits, compiles=False, before=""):
            return False
        self._note(ending)
        self._step += 1
        return True

    def outcome(self, index: int, ending: Ending, box: Box) -> Ran:
        """See `Job`."""
        self._note(ending)
        said = region.Said.unpack(ending.printed)
        command, code = self._command, ending.report.status
        finished = self._last and not command.compiles and hmac.compare_digest(said.token, ending.token)
        before = "" if finished else "the program ended before the end of its tests"
        status, detail = ended(ending, command.limits, compiles=command.compiles, before=before) or ("pass", "")
        by_itself = ending.report.reason == region.BY_ITSELF and ending.head.state not in {
            region.NOT_STARTED,
            region.UNFIT,
        }
        return self.found(
            index,
            status,
            tidy(detail) if detail else "",
            box.isolation.level,
            exit_code=code if by_itself and code >= 0 else None,
            stdout=said.stdout.decode("utf-8", "replace"),
            stderr=said.stderr.decode("utf-8", "replace"),
            cpu_seconds=round(self._spent[0], 4),
            wall_seconds=round(self._spent[1], 4),
            finished=finished,
        )

    def _note(self, ending: Ending) -> None:
        report = ending.report
        self._spent = (self._spent[0] + report.cpu_seconds, self._spent[1] + report.wall_seconds)
