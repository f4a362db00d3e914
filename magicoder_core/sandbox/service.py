"""A resident program of ours in a box: a compiler that is asked again and again, on input that nobody trusts."""

from __future__ import annotations

import contextlib
import marshal
import select
import socket
import struct
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from magicoder_core.errors import SandboxError
from magicoder_core.records import Status
from magicoder_core.sandbox.box import Box, Ending, Gone
from magicoder_core.sandbox.commands import BASE, Command, Commands, contents
from magicoder_core.sandbox.ending import ended
from magicoder_core.sandbox.image import PLAIN, Image
from magicoder_core.sandbox.inside import region, values, watch
from magicoder_core.sandbox.isolation import required
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.program import tidy
from magicoder_core.sandbox.speed import speed

MOST_BYTES = 64 << 20
"""Of a request, and of a reply."""

_LENGTH = struct.Struct(">I")
_BLOCK = 1 << 18
_FOREVER = 1e9
_FAREWELL = 10.0
"""Seconds for a box to say why its resident has ended."""

_LONGEST = 0.1
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class ServiceEnded(SandboxError):  # noqa: N818 - it says what happened
    """A resident ended instead of answering: ``status`` (``timeout``, ``out_of_memory``, ``crash``, ``harness_error``)."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class Service:
    """A program of ours that answers requests in a box; started at the first, and anew after it has ended.

    It reads a request from standard input and writes a reply to standard output, each with its length before it (4
    bytes, big-endian), until the input ends. It must not run what it is sent. One thread at a time may ask.

    Args:
        argv: as `Command.argv`.
        image: what the box shows.
        files: as `Commands.files`, in the folder where it starts.
        memory_bytes: of all its processes together.
        processes: at one time.
        environment: as `Command.environment`.
        file_bytes: of all files that it writes.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        *,
        image: Image = PLAIN,
        files: Mapping[str, str | bytes] | None = None,
        memory_bytes: int = 2 << 30,
        processes: int = 64,
        environment: tuple[tuple[str, str], ...] = (),
        file_bytes: int = 256 << 20,
    ) -> None:
        limits = Limits(
            cpu_seconds=_FOREVER,
            wall_seconds=_FOREVER,
            memory_bytes=memory_bytes,
            processes=processes,
            file_bytes=file_bytes,
            address_bytes=0,
        )
        command = Command(argv=tuple(argv), limits=limits, environment=tuple(environment))
        self._commands = Commands(files=dict(files or {}), commands=(command,), image=image)
        self._resident: _Resident | None = None
        self._proven = False

    def ask(self, request: bytes, *, cpu_seconds: float) -> bytes:
        """The reply; of a new resident, if one that was asked before ends for another reason than its time.

        Args:
            request: at most 64 MiB.
            cpu_seconds: processor time of a nominal machine that it may take, from now on, with all its processes; the
                first request pays for its start. Elapsed time ends it as it ends a program (`Limits`).

        Raises:
            ServiceEnded: there is none; the next request meets a new resident.
            SandboxError: programs cannot be isolated here.
            ValueError: a longer request.
        """
        if len(request) > MOST_BYTES:
            raise ValueError(f"a request of {len(request)} bytes; at most {MOST_BYTES} are sent")
        if self._resident is not None and not self._resident.ready():
            self.close()
        used = self._resident is not None
        try:
            return self._asked(request, Limits(cpu_seconds=cpu_seconds))
        except ServiceEnded as error:
            if not used or error.status == "timeout":
                raise
        # What it was sent before may be to blame, such as what it still keeps of that: a new one has been sent nothing.
        return self._asked(request, Limits(cpu_seconds=cpu_seconds))

    def _asked(self, request: bytes, limits: Limits) -> bytes:
        """What the resident, or a new one, replies."""
        if self._resident is None:
            self._resident = _Resident(self._commands)
        try:
            reply = self._resident.ask(request, limits)
        except ServiceEnded as error:
            self.close()
            if error.status == "crash" and not self._proven:
                # Nothing that was sent can be to blame for what never answered.
                raise ServiceEnded("harness_error", error.detail) from None
            raise
        except BaseException:
            self.close()
            raise
        self._proven = True
        return reply

    def close(self) -> None:
        """End it; any number of times."""
        if self._resident is not None:
            self._resident.close()
            self._resident = None

    def __enter__(self) -> Self:
        """Itself; it ends with the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()


class _Resident:
    """One resident in its box, until it ends."""

    def __init__(self, commands: Commands) -> None:
        isolation = required()
        [self._command] = commands.commands
        self._stream, theirs = socket.socketpair()
        self._stream.setblocking(False)
        limits = self._command.limits
        try:
            self._box = Box(isolation, limits.file_bytes, commands.image, stream=theirs.detach())
        except OSError as error:
            self._stream.close()
            raise _broken(f"the sandbox did not start: {error.strerror or error}") from error
        except SandboxError as error:
            self._stream.close()
            raise _broken(str(error)) from error
        self._meter = _Meter(self._box.process)
        environment = [*BASE, *commands.image.environment, *self._command.environment]
        job = marshal.dumps((contents(commands.files), [], list(self._command.argv), environment), values.VERSION)
        with contextlib.suppress(Gone):  # which is found out by who waits for it
            self._box.give(job, limits, 0, script=False, asked=0, kind=region.COMMAND | region.ATTACHED)

    def ready(self) -> bool:
        """Whether it waits for a request, as far as can be seen: it lives, and has said nothing unasked."""
        return not _ready(0, self._stream.fileno(), self._box.fileno())

    def ask(self, request: bytes, limits: Limits) -> bytes:
        """See `Service.ask`."""
        out, reply = memoryview(_LENGTH.pack(len(request)) + request), bytearray()
        stream, box = self._stream.fileno(), self._box.fileno()
        self._meter.mark()
        due = time.monotonic() + watch.GLANCE
        while True:
            ready = _ready(due - time.monotonic(), stream, box, writing=stream if out else -1)
            try:
                if ready.get(stream, 0) & select.POLLOUT:
                    out = out[self._stream.send(out) :]
                if ready.get(stream, 0) & _READABLE and self._received(reply):
                    return bytes(reply[_LENGTH.size :])
            except (BrokenPipeError, ConnectionResetError):
                raise self._ended() from None
            if box in ready and (ending := self._taken()) is not None:
                raise self._why(ending)
            if time.monotonic() >= due:
                due = time.monotonic() + self._looked(limits)

    def _received(self, reply: bytearray) -> bool:
        """Read some more; whether the reply is there.

        Raises:
            ServiceEnded: it has hung up, or says what is no reply.
        """
        block = self._stream.recv(_BLOCK)
        if not block:
            raise self._ended()
        reply += block
        if len(reply) < _LENGTH.size:
            return False
        size: int = _LENGTH.unpack_from(reply)[0]
        if size > MOST_BYTES or len(reply) > _LENGTH.size + size:
            raise ServiceEnded("crash", f"it sent what is no reply: {len(reply) - _LENGTH.size} of {size} bytes")
        return len(reply) == _LENGTH.size + size

    def _looked(self, limits: Limits) -> float:
        """Measure; seconds until it is to be measured again.

        Raises:
            ServiceEnded: it has taken too much.
        """
        scale = speed()
        spent, stalled, elapsed = self._meter.look()
        if spent > scale * limits.cpu_seconds:
            raise ServiceEnded("timeout", f"used up its {limits.cpu_seconds:g} s of CPU time")
        if stalled > scale * limits.wall or elapsed > scale * limits.ceiling:
            raise ServiceEnded("timeout", f"still no reply after {limits.wall:g} s in which it did nothing")
        return min(max((scale * limits.cpu_seconds - spent) / 2, 0.02), _LONGEST)

    def _taken(self) -> Ending | None:
        try:
            return self._box.take()
        except Gone:
            complaint = self._box.complaint()
            word = "the sandbox ended under it" if self._box.greeted else "the sandbox did not start"
            raise _broken(f"{word}: {complaint}") from None

    def _ended(self) -> ServiceEnded:
        """Why it has hung up."""
        deadline = time.monotonic() + _FAREWELL
        while (left := deadline - time.monotonic()) > 0:
            if _ready(left, self._box.fileno()) and (ending := self._taken()) is not None:
                return self._why(ending)
        return ServiceEnded("crash", "it hung up")

    def _why(self, ending: Ending) -> ServiceEnded:
        found = ended(ending, self._command.limits, compiles=False, before="it ended before it replied")
        status, detail = found or ("crash", "")
        return ServiceEnded("crash" if status == "fail" else status, tidy(detail))

    def close(self) -> None:
        """End it."""
        self._stream.close()
        self._box.close()


def _ready(seconds: float, *reading: int, writing: int = -1) -> dict[int, int]:
    """What can be done now, or within so many seconds, with which of these descriptors."""
    poll = select.poll()
    for place in reading:
        poll.register(place, select.POLLIN | (select.POLLOUT if place == writing else 0))
    return dict(poll.poll(max(seconds, 0) * 1000))


def _broken(detail: str) -> ServiceEnded:
    return ServiceEnded("harness_error", tidy(detail))


class _Meter:
    """What a process with all that came of it has taken since a mark."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[int, watch.Use] = {}
        self._living: list[int] = []
        self.mark()

    def mark(self) -> None:
        """Begin."""
        # Not all processes are looked through for each request: those that are there to stay are known by now.
        self._begin = time.monotonic()
        self._then = self._measured(self._living)

    def look(self) -> tuple[float, float, float]:
        """Seconds: of processor time; in which it neither computed nor waited for a processor; elapsed."""
        elapsed = time.monotonic() - self._begin
        if sys.platform != "linux":
            return elapsed, 0.0, elapsed  # nothing else can be seen from outside
        self._living = [self._root, *watch.family(self._root)]
        cpu, queued = self._measured(self._living)
        spent = cpu - self._then[0]
        return spent, elapsed - spent - (queued - self._then[1]), elapsed

    def _measured(self, living: list[int]) -> tuple[float, float]:
        for process in living:
            if use := watch.measured(process):
                self._seen[process] = use
        return watch.spent(self._seen, set(living)), sum(use.queued for use in self._seen.values())
