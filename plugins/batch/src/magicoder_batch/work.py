"""A batch that a program on this machine works through: its files, its process, and what is left of earlier ones.

<name>.jsonl        all requests
<name>.in.jsonl     those still without an answer, when a process is not the first
<name>.out.jsonl    what the process writes; or what somebody has put here
<name>.done.jsonl   answers of processes before it
<name>.lock         held by the process as long as it lives, whatever became of this one
<name>.log          what it says
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from magicoder_batch import lines
from magicoder_core import RunError, http
from magicoder_core.deferring import Batch

_GRACE = 10.0
"""Seconds that a process has to end when it is asked to; an engine lets go of its GPUs in that time."""

_TAIL = 4096
"""Bytes at the end of a log in which its last words are looked for."""

_PRIVATE = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""vLLM reports its use to its makers unless it is told not to."""


@dataclass
class Work:
    """The files and the process of one batch."""

    batch: Batch
    told: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _answered: set[str] = field(default_factory=set, repr=False)
    _place: int = 0

    def __post_init__(self) -> None:
        """Count what earlier processes have answered."""
        self._answered = {custom_id for custom_id, _ in _whole(self._file("done"))}

    @property
    def output(self) -> Path:
        """Where answers are expected."""
        return self._file("out")

    @property
    def log(self) -> Path:
        """What the process says."""
        return self.batch.folder / f"{self.batch.name}.log"

    def _file(self, name: str) -> Path:
        return self.batch.folder / f"{self.batch.name}.{name}.jsonl"

    def answered(self) -> int:
        """How many requests have an answer, or a failure. Only what is new in the output is read."""
        size = self.output.stat().st_size if self.output.exists() else 0
        if size < self._place:
            self._place = 0  # somebody has put another file here
        for custom_id, end in _whole(self.output, self._place):
            self._answered.add(custom_id)
            self._place = end
        return len(self._answered)

    def lines(self) -> Iterator[bytes]:
        """All whole lines of results."""
        for path in (self._file("done"), self.output):
            yield from (raw for _, raw in _lines(path) if _custom_id(raw))

    def runs(self) -> bool:
        """Whether a process works on it, this one's child or one that outlived its parent."""
        if self._process is not None:
            return self._process.poll() is None
        lock = self._locked()
        if lock is not None:
            os.close(lock)
        return lock is None

    def ended(self) -> int | None:
        """How the process that was started here has ended; None if it runs, or none was started."""
        return self._process.poll() if self._process else None

    def start(self, arguments: Callable[[Path, Path], list[str]]) -> None:
        """Start a process for what is still missing.

        Raises:
            RunError: it cannot be started.
        """
        lock = self._locked()
        if lock is None:
            return
        try:
            command = arguments(self._missing(), self.output)
            with self.log.open("ab") as log:
                # A session of its own: Ctrl-C is for us to answer, and all of its children can be ended together.
                self._process = subprocess.Popen(  # noqa: S603 - the recipe's own command
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock,),
                    env={**os.environ, **_PRIVATE},
                )
        except OSError as error:
            raise RunError(f"teacher.command: {error.strerror}: {error.filename}") from error
        finally:
            os.close(lock)

    async def stop(self) -> None:
        """End the process and its children, if it runs."""
        import asyncio

        process, self._process = self._process, None
        if process is None:
            return
        _signal(process, signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, _GRACE)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    def last_words(self) -> str:
        """The last line of the log that says something."""
        if not self.log.exists():
            return "it said nothing"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL))
            said = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return http.one_line(said[-1]) if said else "it said nothing"

    def _locked(self) -> int | None:
        """The lock's descriptor, held; None if a process holds it."""
        lock = os.open(self.batch.folder / f"{self.batch.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _missing(self) -> Path:
        """The file of the requests that have no answer; what answers there are is put by before."""
        if not self.answered():
            return self.batch.input
        with self._file("done").open("ab") as done:
            for custom_id, raw in [(_custom_id(raw), raw) for _, raw in _lines(self.output)]:
                if custom_id:
                    done.write(raw + b"\n")
            done.flush()
            os.fsync(done.fileno())
        self.output.unlink(missing_ok=True)
        self._place = 0
        with self.batch.input.open("rb") as given, self._file("in").open("wb") as out:
            out.writelines(line for line in given if _custom_id(line) not in self._answered)
        return self._file("in")


def _lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Where each line with an end ends, and the line without it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            start += len(line)
            if line.endswith(b"\n"):
                yield start, line[:-1]


def _whole(path: Path, start: int = 0) -> Iterator[tuple[str, int]]:
    """The custom id of each whole line of results, and where the line ends."""
    for end, raw in _lines(path, start):
        if custom_id := _custom_id(raw):
            yield custom_id, end


def _custom_id(raw: bytes) -> str | None:
    """The custom id in a line of a batch; None if the line is none, as one that a killed process left torn."""
    try:
        return lines.outcome(raw)[0]
    except ValueError:
        return None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
