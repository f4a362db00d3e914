"""What a task's tests ask, found out once by its reference, and what is known of programs' answers to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from magicoder_core import sandbox
from magicoder_humaneval.data import Task
from magicoder_humaneval.inside.crossing import Answer, Call, image, plain
from magicoder_humaneval.shipping import question

SHIM = "magicoder_call"
"""What a program is called by where its arguments must come back, or have names."""

_CHUNK = 32
"""Tasks for each process."""

_ATTEMPTS = 2
"""How many times a program's own limit it may take to find out what a task's tests ask."""

_REMEMBERED = 64
"""Streams of answers that are remembered for each task."""

# It begins with a statement of its own, so that a program that ends in a decorator or in an open string is a syntax
# error.
_SHIM = """

pass


def {shim}(args, kwargs):
    return {entry_point}(*args, **kwargs), args, kwargs
"""


@dataclass(kw_only=True)
class Recording:
    """What a task's tests ask a program. ``broken`` says why they cannot be asked, and is empty if they can.

    ``shared``: arguments cross as a whole and come back with the value. ``expected``: an image of each answer of the
    reference. ``compared``: its answers as they stand in a stream are known, too.
    """

    task: Task
    calls: list[Call] = field(default_factory=list)
    shared: bool = False
    broken: str = ""
    inputs: sandbox.Inputs = field(default_factory=lambda: sandbox.Inputs.of("", ()))
    expected: list[Any] = field(default_factory=list)
    compared: bool = False
    _known: dict[bytes, tuple[bool, str]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, task: Task, found: Any) -> Recording:
        """The recording that ``found`` says, which `magicoder_humaneval.inside.recorder.record` gave."""
        match found:
            case ("asked", list(calls), list(answers), bool(shared)):
                recording = cls(
                    task=task, calls=calls, shared=shared, expected=[image_of(answer) for answer in answers]
                )
                recording.inputs = recording.inputs_of(calls)
                return recording
            case ("apart", str(why)):
                return cls(task=task, broken=f"its tests cannot be kept apart from the program: {why}")
            case ("broken", str(why)):
                return cls(task=task, broken=f"its own reference does not pass: {why}")
        return cls(task=task, broken="its tests spoil the process they run in")

    def inputs_of(self, calls: Iterable[Call]) -> sandbox.Inputs:
        """Arguments as the program's function takes them."""
        # A copy: whoever encodes an iterator uses it up.
        own = plain(list(calls))
        if self.shared:
            return sandbox.Inputs.of(SHIM, own)
        return sandbox.Inputs.of(self.task.entry_point, [args for args, _ in own])

    def code(self, program: str) -> str:
        """The text to run for a program."""
        return program + _SHIM.format(shim=SHIM, entry_point=self.task.entry_point) if self.shared else program

    def known(self, stream: bytes) -> tuple[bool, str] | None:
        """Whether a program with these answers passes, and if not, why; None if that is not known yet."""
        return self._known.get(_digest(stream))

    def remember(self, stream: bytes, *, passed: bool, detail: str) -> None:
        """Keep a verdict on answers, which never differs for the same ones."""
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[_digest(stream)] = (passed, detail)


def image_of(answer: Answer) -> Any:
    """What is equal for two answers only if the tests cannot tell them apart; lines do not count."""
    return image(answer[1]) if answer[0] == "value" else answer[:3]


def _digest(stream: bytes) -> bytes:
    return hashlib.blake2b(stream, digest_size=16).digest()


def learn(tasks: Iterable[Task], known: dict[str, Recording], desk: sandbox.Desk, limits: sandbox.Limits) -> None:
    """Add the recording of each task to ``known``, under its id; those that are there are left as they are.

    Raises:
        SandboxError: programs cannot be isolated here.
    """
    waiting = [task for task in {task.id: task for task in tasks}.values() if task.id not in known]
    size = _CHUNK
    while waiting:
        found = _recorded(waiting[:size], desk, limits)
        known.update({recording.task.id: recording for recording in found})
        # One that ends the process is asked about by itself, so that others did not end it.
        size = _CHUNK if found else 1
        waiting = waiting[len(found) :]


def _recorded(tasks: list[Task], desk: sandbox.Desk, limits: sandbox.Limits) -> list[Recording]:
    """Those of the first tasks that could be had in one process; none only if there are several."""
    answers = desk.ask(_question(tasks, limits))
    pairs = zip(tasks, answers.records, strict=False)
    found = [_recording(task, sandbox.answer(record)) for task, record in pairs]
    if len(found) < len(tasks) and (len(tasks) == 1 or answers.status == "timeout"):
        why = f"its own reference does not pass: {answers.status}: {answers.detail}"
        found.append(Recording(task=tasks[len(found)], broken=why))
    return found


def _recording(task: Task, answer: sandbox.Value | sandbox.Raised | sandbox.Large) -> Recording:
    if isinstance(answer, sandbox.Value):
        return Recording.of(task, answer.value)
    return Recording(task=task, broken=f"its tests cannot be read: {answer}")


def _question(tasks: list[Task], limits: sandbox.Limits) -> sandbox.Calls:
    seconds = _ATTEMPTS * limits.cpu_seconds
    # Who waits for nothing is not waited for longer because others are asked in the same process.
    most = sandbox.Limits(cpu_seconds=seconds * len(tasks), call_seconds=seconds, wall_seconds=limits.wall)
    return question("recorder", "record", [task.parts for task in tasks], most)
