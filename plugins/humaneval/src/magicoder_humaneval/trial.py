"""One program before the tests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeVar

from magicoder_core import Submission, Verdict, sandbox
from magicoder_humaneval.inside.crossing import Answer, Call, plain, swapped
from magicoder_humaneval.recording import Recording, image_of
from magicoder_humaneval.shipping import question

_ROUNDS = 100
"""How often tests may ask for more."""

_MOST = 4 << 20
"""Bytes of answers that are looked at; to read so many takes half a second."""

_SHORT = 100
"""Bytes: the record of a large value, which holds its digest, is shorter."""

_DETAIL = 500
"""Characters: at most 2,000 bytes."""

_UNSENDABLE = (TypeError, ValueError, RecursionError)
"""What is raised by who encodes what is no plain data, or nested too deeply."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")

T = TypeVar("T")
Asking = Generator[sandbox.Calls, sandbox.Answers, T]
Found = sandbox.Value | sandbox.Raised | sandbox.Large
Said = tuple[Any, ...]
"""What `magicoder_humaneval.inside.player.replay` gives, or ``("ended", status, detail)`` if it came to no end."""


class Trial:
    """One program before the tests; see `errand`."""

    def __init__(self, submission: Submission, recording: Recording, limits: sandbox.Limits) -> None:
        self._submission = submission
        self._recording = recording
        self._limits = limits
        self._program = sandbox.Program(code=recording.code(submission.code), limits=limits, name="solution")
        self._calls: list[Call] = recording.calls
        self._inputs = recording.inputs
        self._answers = sandbox.Answers(status="harness_error", detail=recording.broken)
        self._fickle = False

    def errand(self) -> sandbox.Errand[Verdict]:
        """Ask the program, then the tests, until these are content or not."""
        if self._recording.broken:
            return self._verdict("harness_error", f"{self._recording.task.id}: {self._recording.broken}")
        first = self._answers = yield self._question()
        said = yield from self._known()
        if said is None:
            said = yield from self._judged()
            # Of answers that were fetched it is not known whether they are the first ones.
            if first is self._answers and first.status == "pass" and said[0] in {"pass", "fail"}:
                self._recording.remember(first.stream, passed=said[0] == "pass", detail=str(said[1]))
        for _ in range(_ROUNDS):
            if (calls := self._wanted(said)) is None:
                return self._concluded(said)
            said = yield from self._judged_on(calls)
        if self._fickle:
            return self._verdict("fail", "the program answers the same calls differently each time")
        return self._verdict("harness_error", f"the tests asked for more {_ROUNDS} times")

    def _question(self, whole: frozenset[int] = frozenset()) -> sandbox.Calls:
        return sandbox.Calls(program=self._program, inputs=self._inputs, whole=whole)

    def _judged_on(self, calls: list[Call]) -> Asking[Said]:
        """Ask again, with other calls from some place on; what the tests say then."""
        before, same = self._records(), _common(calls, self._calls)
        try:
            self._calls, self._inputs = calls, self._recording.inputs_of(calls)
        except _UNSENDABLE:
            return "fail", "the program is asked for what it gave, which is no plain data"
        self._answers = yield self._question()
        self._fickle = self._fickle or before[:same] != self._records()[:same]
        return (yield from self._judged())

    def _records(self) -> list[bytes]:
        """The answers to the calls. The program's own process wrote them: there may be any number, of any size."""
        return self._answers.records[: len(self._calls)] if len(self._answers.stream) <= _MOST else []

    def _large(self) -> dict[int, int]:
        """Which answers came as digests, and how many bytes each has."""
        short = [(number, sandbox.answer(one)) for number, one in enumerate(self._records()) if len(one) < _SHORT]
        return {number: found.size for number, found in short if isinstance(found, sandbox.Large)}

    def _known(self) -> Asking[Said | None]:
        """What is known of the first answers without the tests; None if nothing is."""
        answers, recording = self._answers, self._recording
        if answers.status != "pass":
            return None
        settled = recording.known(answers.stream)
        if settled is None and not recording.compared and (self._large() or len(answers.stream) > _MOST):
            # Large values cross as digests, of which only the reference's own can tell more.
            recording.compared = True
            program = replace(self._program, code=recording.code(recording.task.prompt + recording.task.solution))
            reference = yield sandbox.Calls(program=program, inputs=self._inputs)
            if reference.status == "pass":
                recording.remember(reference.stream, passed=True, detail="")
            settled = recording.known(answers.stream)
        if settled is None:
            return None
        passed, detail = settled
        return ("pass", len(self._calls)) if passed else ("fail", detail)

    def _judged(self) -> Asking[Said]:
        """What the tests say to the answers."""
        large = self._large()
        size = len(self._answers.stream) + sum(large.values())
        if large and size <= _MOST:
            self._answers = yield self._question(frozenset(large))
            size = len(self._answers.stream)
        if size > _MOST:
            return "fail", f"its answers, not the reference's, take {size} bytes; at most {_MOST} are looked at"
        read = [self._answer(sandbox.answer(record)) for record in self._records()]
        recording = self._recording
        # As long as a program answers like the reference, the tests ask what they asked the reference.
        if self._calls is recording.calls and [image_of(one) for one in read] == recording.expected[: len(read)]:
            return ("pass" if len(read) == len(self._calls) else "unanswered", len(read))
        return (yield from self._played(read))

    def _answer(self, found: Found) -> Answer:
        if isinstance(found, sandbox.Raised):
            # A line of what was put behind the program would lead the reader astray.
            own = found.line is not None and found.line <= self._submission.code.count("\n") + 1
            return "raised", found.kind, found.text, found.line if own else None
        value = found.value if isinstance(found, sandbox.Value) else sandbox.Foreign("large value")
        if self._recording.shared and not (type(value) is tuple and [*map(type, value[1:])] == [tuple, dict]):
            return "raised", "TypeError", "the program spoilt what hands its values on", None
        return "value", value

    def _played(self, read: list[Answer]) -> Asking[Said]:
        mark, answers = _sendable(read)
        parts, shared = self._recording.task.parts, self._recording.shared
        try:
            asked = question("player", "replay", [(parts, plain(self._calls), answers, shared, mark)], self._limits)
        except _UNSENDABLE:
            return "fail", "its answers are nested too deeply"
        played = yield asked
        if not played.records:
            return "ended", played.status, f"the tests, on its answers: {played.detail}"
        said = sandbox.answer(played.records[0])
        if isinstance(said, sandbox.Value) and type(said.value) is tuple and said.value:
            return said.value
        return "ended", "harness_error", f"the tests, on its answers: {said}"

    def _wanted(self, said: Said) -> list[Call] | None:
        """What must be asked before the tests can say more; None if they have said all."""
        match said:
            case ("more", int(number), tuple(args), dict(kwargs)):
                # What follows is likely to be asked as before.
                return [*self._calls[:number], (args, kwargs), *self._calls[number + 1 :]]
            case ("pass", int(asked)) if self._answers.status != "pass" and asked < len(self._calls):
                # It stumbled over a call that the tests do not make.
                return self._calls[:asked]
        return None

    def _concluded(self, said: Said) -> Verdict:
        answers = self._answers
        match said:
            case ("fail", str(why)):
                return self._verdict("fail", why)
            case ("ended", status, str(detail)):
                return self._verdict(status, detail)
            case ("unanswered", _) if answers.status == "pass":
                return self._verdict("fail", "the program gave fewer answers than it was asked for")
        return self._verdict(answers.status, answers.detail)

    def _verdict(self, status: Any, detail: str) -> Verdict:
        return Verdict(
            problem_id=self._submission.problem_id,
            sample=self._submission.sample,
            status=status,
            detail="" if status == "pass" else _line(detail),
            cpu_seconds=self._answers.cpu_seconds,
            isolation=self._answers.isolation,
        )


def _common(one: list[Call], other: list[Call]) -> int:
    """How many calls are the same, from the first on."""
    same = [mine is yours for mine, yours in zip(one, other, strict=False)]
    return same.index(False) if False in same else len(same)


def _sendable(answers: list[Answer]) -> tuple[str, list[Answer]]:
    """What texts begin with that stand for foreign objects, nothing if there is none; the answers with these texts.

    No program can have written such a text: it is drawn afterwards.
    """
    mark = f"{secrets.token_hex(16)}:"
    found = []

    def text(value: Any) -> Any:
        if not isinstance(value, sandbox.Foreign):
            return value
        found.append(value)
        return mark + value.kind

    changed = [swapped(answer, text) for answer in answers]
    return (mark if found else ""), changed


def _line(text: str) -> str:
    """A detail on one line, without what differs from run to run."""
    # A lone surrogate would make the record unwritable.
    text = " ".join(sandbox.without_places(text).encode("utf-8", "backslashreplace").decode().split())
    text = _ADDRESS.sub("0x...", text)
    return text if len(text) <= _DETAIL else text[: _DETAIL - 3] + "..."
