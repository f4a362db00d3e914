"""What the reference programs are asked and answer: run in the sandbox once, then kept in the cache as bytes.

    evalplus/answers/<environment>/<task>-<suite>   a line of JSON, then the inputs and the answers as they crossed

A file's name says all that its content depends on: the task's record, Python, the machine's kind, numpy, and the
sandbox. Nothing is ever unpickled; a damaged file is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, models, sandbox
from magicoder_evalplus.comparing import is_floats
from magicoder_evalplus.data import Task
from magicoder_evalplus.oracles import NOT_NONE
from magicoder_evalplus.retype import rule_of

_FORMAT = 4
_SHORT = 0.2
"""Seconds; no limit depends on what a shorter call took."""

_LONGEST = 600.0

# The last call asks for the times of those before. A time ends where the next begins, so that it has in it what the
# sandbox does with the value: that of one call of Mbpp/255 takes a gigabyte.
_TIMED = """

pass


def magicoder_timed(asked, *arguments, _clock=__import__("time").process_time, _times=[]):
    _times.append(_clock())
    if asked:
        return {entry_point}(*arguments)
    return [after - before for before, after in zip(_times, _times[1:])]
"""
_LIMITS = sandbox.Limits(cpu_seconds=_LONGEST, memory_bytes=4 << 30)


@dataclass(frozen=True)
class Expected:
    """What the reference answers to one suite.

    ``inputs`` are the arguments of all calls. ``stream`` is as in `sandbox.Answers`. ``floats`` is the first call that gives floats only, from 0; a value that
    crosses as a digest is never looked at for this. ``seconds`` is what each call took, in processor time of the nominal
    machine; empty where all are short.
    """

    inputs: sandbox.Inputs
    stream: bytes
    floats: int | None
    seconds: tuple[float, ...]

    @cached_property
    def records(self) -> list[bytes]:
        """One for each call."""
        return sandbox.Answers(status="pass", stream=self.stream).records


@dataclass(frozen=True)
class Broken:
    """A task whose reference does not answer each call here, and why."""

    reason: str


References = Mapping[str, Expected] | Broken
"""Of a task, by suite."""


def known(task: Task, suites: Sequence[str]) -> Mapping[str, Expected] | None:
    """What the cache has of a task, if it has all of these suites."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return {suite: _read(task, place(task, suite).read_bytes()) for suite in suites}
    return None


def kept(task: Task, suites: Sequence[str]) -> bool:
    """Whether the cache has something for all of these suites of a task, without a look at it."""
    return all(place(task, suite).exists() for suite in suites)


def learn(tasks: Sequence[Task], suites: Sequence[str]) -> Iterator[tuple[Task, References]]:
    """Run the references of ``tasks`` on those suites, and keep what they answer.

    Raises:
        SandboxError: programs cannot be isolated here.
    """
    jobs = [(task, suite) for task in tasks for suite in suites]
    answers = asked(_timed(task, suite) for task, suite in jobs)
    with contextlib.closing(answers):
        for task in tasks:
            references = _references(task, {suite: next(answers) for suite in suites})
            if not isinstance(references, Broken):
                for suite, expected in references.items():
                    _keep(task, suite, expected)
            yield task, references


def asked(calls: Iterable[sandbox.Calls]) -> Generator[sandbox.Answers, None, None]:
    """`sandbox.call`, as a generator: closing it ends all boxes."""
    yield from sandbox.call(calls)


def arguments_of(task: Task, suite: str) -> Iterator[tuple[Any, ...]]:
    """The arguments of each call, of the types that the task takes."""
    return map(rule_of(task.id), task.arguments(suite))


def _timed(task: Task, suite: str) -> sandbox.Calls:
    given = [(True, *arguments) for arguments in arguments_of(task, suite)]
    code = task.program + _TIMED.format(entry_point=task.entry_point)
    return sandbox.Calls(
        program=sandbox.Program(code=code, name="solution", limits=_LIMITS),
        inputs=sandbox.Inputs.of("magicoder_timed", [*given, (False,)]),
        whole=frozenset({len(given)}),
    )


def _references(task: Task, answers: Mapping[str, sandbox.Answers]) -> References:
    found = {}
    for suite, answer in answers.items():
        if reason := _reason(task, answer):
            return Broken(f"its {suite} tests: {reason}")
        found[suite] = _expected(task, suite, answer)
    return found


def _reason(task: Task, answers: sandbox.Answers) -> str:
    """Why these are no expected answers, if so."""
    if answers.status != "pass":
        return f"{answers.status} at call {len(answers.records) + 1}: {answers.detail}"
    for number, record in enumerate(answers.records, 1):
        answer = sandbox.answer(record)
        if isinstance(answer, sandbox.Raised):
            return f"call {number} raised {answer}"
        if isinstance(answer, sandbox.Value) and task.entry_point not in NOT_NONE and _has_foreign(answer.value):
            return f"call {number} gave an object that cannot be compared"
    return ""


def _has_foreign(value: Any) -> bool:
    if isinstance(value, sandbox.Foreign):
        return True
    if isinstance(value, dict):
        return any(map(_has_foreign, (*value.keys(), *value.values())))
    return isinstance(value, list | tuple | set | frozenset) and any(map(_has_foreign, value))


def _expected(task: Task, suite: str, answers: sandbox.Answers) -> Expected:
    """The answers without the last, which says how long the others took."""
    *records, last = answers.records
    return Expected(
        inputs=sandbox.Inputs.of(task.entry_point, arguments_of(task, suite)),
        stream=_without_last(answers.stream, records, last),
        floats=next((number for number, record in enumerate(records) if _gives_floats(record)), None),
        seconds=_seconds(last),
    )


def _seconds(record: bytes) -> tuple[float, ...]:
    """What the calls took on the nominal machine, as the reference's own process says."""
    said = sandbox.answer(record)
    given = said.value if isinstance(said, sandbox.Value) and isinstance(said.value, list) else []
    nominal = tuple(round(one / sandbox.speed(), 4) for one in given if isinstance(one, float) and 0 <= one <= _LONGEST)
    return nominal if len(nominal) == len(given) and max(nominal, default=0.0) >= _SHORT else ()


def _without_last(stream: bytes, records: Sequence[bytes], last: bytes) -> bytes:
    # Each record stands in the stream with the same number of bytes around it.
    around = (len(stream) - len(last) - sum(map(len, records))) // (len(records) + 1)
    return stream[: len(stream) - len(last) - around]


def _gives_floats(record: bytes) -> bool:
    answer = sandbox.answer(record)
    return isinstance(answer, sandbox.Value) and is_floats(answer.value)


def place(task: Task, suite: str) -> Path:
    """Where the answers to a suite are kept."""
    name = hashlib.sha256(task.line.encode()).hexdigest()
    return models.cache_dir() / "evalplus" / "answers" / _environment() / f"{name[:32]}-{suite}"


@cache
def _environment() -> str:
    """Names what the answers of a reference depend on beside its text."""
    facts = (_FORMAT, platform.python_version(), platform.machine(), *platform.libc_ver(), numpy_version(), _encoding())
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def numpy_version() -> str:
    """The numpy that programs can import, or ``none``."""
    try:
        return metadata.version("numpy")
    except metadata.PackageNotFoundError:
        return "none"


def _encoding() -> str:
    """A name for how the sandbox writes values down: the hash of its source."""
    total = hashlib.sha256()
    for file in sorted(Path(sandbox.__file__).parent.rglob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()


def _keep(task: Task, suite: str, expected: Expected) -> None:
    """Write answers down, if the cache can be written: without it they are made anew, no more."""
    inputs = expected.inputs
    content = inputs.data + expected.stream
    head = {
        "task": task.id,
        "sha256": hashlib.sha256(content).hexdigest(),
        "inputs": {"bytes": len(inputs.data), "count": inputs.count, "plain": inputs.plain},
        "floats": expected.floats,
        "seconds": expected.seconds,
    }
    with contextlib.suppress(OSError), jsonl.whole(place(task, suite)) as out:
        out.write(json.dumps(head).encode() + b"\n" + content)


def _read(task: Task, content: bytes) -> Expected:
    """The answers in a file of the cache.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    line, _, rest = content.partition(b"\n")
    head = json.loads(line)
    if hashlib.sha256(rest).hexdigest() != head["sha256"]:
        raise ValueError("damaged")
    size, count, plain = (head["inputs"][name] for name in ("bytes", "count", "plain"))
    inputs = sandbox.Inputs(task.entry_point, rest[:size], count, plain)
    return Expected(inputs, rest[size:], head["floats"], tuple(head["seconds"]))
