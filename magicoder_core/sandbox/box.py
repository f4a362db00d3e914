"""One box: a warden process behind walls, spoken to over two sockets, gone when the ``with`` block ends."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Self

from magicoder_core.sandbox import bubblewrap
from magicoder_core.sandbox.inside import FRAME_BYTES, frame
from magicoder_core.sandbox.isolation import BUBBLEWRAP, Isolation
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.program import Program

_GRACE = 10.0
"""Seconds beyond the wall limit, which the warden itself keeps, for starting and ending a box on a busy machine."""


class Gone(Exception):  # noqa: N818 - an event, caught by the judge
    """The other side hung up or said nothing in time; ``nonsense``: it said what is no message."""

    def __init__(self, *, nonsense: bool = False) -> None:
        super().__init__()
        self.nonsense = nonsense


@dataclass(frozen=True)
class Ending:
    """The warden's report: exit status (negative: the signal), CPU and wall seconds.

    ``expired``: the wall limit struck; ``crowded``: the limit on processes did.
    """

    status: int
    cpu_seconds: float
    wall_seconds: float
    expired: bool
    crowded: bool


class Line:
    """Frames over a socket, none of them waited for beyond ``deadline`` (of the monotonic clock)."""

    def __init__(self, end: socket.socket, deadline: float) -> None:
        self._socket = end
        self._deadline = deadline

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            Gone: nobody takes it.
        """
        try:
            self._wait()
            self._socket.sendall(frame(message))
        except OSError as error:
            raise Gone from error

    def receive(self) -> dict[str, Any]:
        """The next message, a JSON object of whatever content.

        Raises:
            Gone: there is none.
        """
        size = int.from_bytes(self._exactly(4), "big")
        if size > FRAME_BYTES:
            raise Gone(nonsense=True)
        try:
            message = json.loads(self._exactly(size))
        except (ValueError, RecursionError) as error:
            raise Gone(nonsense=True) from error
        if not isinstance(message, dict):
            raise Gone(nonsense=True)
        return message

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                self._wait()
                more = self._socket.recv(min(size - len(data), 1 << 20))
            except OSError as error:
                raise Gone from error
            if not more:
                raise Gone
            data += more
        return bytes(data)

    def _wait(self) -> None:
        self._socket.settimeout(max(self._deadline - time.monotonic(), 0.001))


class Box:
    """Starts a box for one program.

    ``channel`` reaches the program, ``output`` (a pipe) carries what it prints, ``finish`` ends it and reports.
    """

    def __init__(self, isolation: Isolation, program: Program, *, serve: bool) -> None:
        self._isolation = isolation
        self._program = program
        self._serve = serve
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Start the warden and hand it the job.

        Raises:
            OSError: no process can be started.
        """
        self._deadline = time.monotonic() + self._program.limits.wall + _GRACE
        self._control, control = socket.socketpair()
        self._channel, channel = socket.socketpair()
        try:
            self._process = self._start(control, channel)
        except OSError:
            self._hang_up()
            raise
        finally:
            control.close()
            channel.close()
        self.channel = Line(self._channel, self._deadline)
        self._warden = Line(self._control, self._deadline)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        self.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._hang_up()

    def _start(self, control: socket.socket, channel: socket.socket) -> subprocess.Popen[bytes]:
        numbers = (control.fileno(), channel.fileno())
        arguments = [str(number) for number in numbers]
        pipe = subprocess.PIPE
        if self._isolation.level == BUBBLEWRAP:
            return subprocess.Popen(  # noqa: S603 - our own command
                bubblewrap.command(self._isolation.bwrap, self._program.limits, arguments),
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                pass_fds=numbers,
                process_group=0,
            )
        self._folder = tempfile.TemporaryDirectory(prefix="magicoder-", ignore_cleanup_errors=True)
        return subprocess.Popen(  # noqa: S603 - our own command
            [bubblewrap.interpreter(), *bubblewrap.FLAGS, str(bubblewrap.INSIDE), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            pass_fds=numbers,
            env=bubblewrap.ENVIRONMENT,
            cwd=self._folder.name,
            start_new_session=True,
        )

    def begin(self) -> None:
        """Hand the warden its job.

        Raises:
            Gone: the box did not start; `complaint` says why.
        """
        limits = self._program.limits
        strong = self._isolation.level == BUBBLEWRAP
        sizes = {
            "cpu": math.ceil(limits.cpu_seconds),
            "wall": limits.wall,
            "memory": limits.memory_bytes,
            "file": limits.file_bytes,
            # Outside a namespace the kernel would count all of the user's processes.
            "processes": limits.processes if strong else None,
        }
        job = {"code": self._program.code, "stdin": self._program.stdin, "serve": self._serve, "limits": sizes}
        self._warden.send(job)

    @property
    def limits(self) -> Limits:
        """What the program may take."""
        return self._program.limits

    def finish(self, *, stop: bool) -> Ending:
        """Wait until the program has ended, ending it if ``stop``, and return the warden's report.

        Raises:
            Gone: there is no report: the box itself broke or was killed.
        """
        if stop:
            self._control.shutdown(socket.SHUT_WR)
        report = self._warden.receive()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # The warden ends after its report, and bubblewrap after the namespace is empty.
            self._process.wait(_GRACE)
        try:
            return Ending(
                status=int(report["exit"]),
                cpu_seconds=float(report["cpu"]),
                wall_seconds=float(report["wall"]),
                expired=bool(report["expired"]),
                crowded=bool(report["crowded"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Gone from error

    @property
    def output(self) -> int:
        """File descriptor of the pipe that the program prints to."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout.fileno()

    @property
    def places(self) -> dict[str, str]:
        """Paths of this machine that a program may name, and what to write instead."""
        own = {self._folder.name: bubblewrap.WORKPLACE} if self._folder else {}
        return {**own, bubblewrap.python_folder(): "<python>"} if bubblewrap.python_folder() != "/usr" else own

    def kill(self) -> None:
        """End the box now; from any thread, any number of times."""
        for end in (self._control, self._channel):
            # Whoever waits for the other side need not wait any more, and the warden ends its program.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if self._isolation.level != BUBBLEWRAP:
            # No namespace ends the program together with its warden: let the warden do it first.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        if self._process.poll() is None:
            # The group, because bubblewrap's own child outlives it if it is killed while it sets up the box.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def complaint(self) -> str:
        """Last line that bubblewrap or the interpreter wrote to standard error before ending."""
        self.kill()
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        # Not read to its end: something left behind may still hold the pipe.
        os.set_blocking(self._process.stderr.fileno(), False)
        text = self._process.stderr.read(4096) or b""
        lines = text.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def _hang_up(self) -> None:
        self._control.close()
        self._channel.close()
        if self._folder is not None:
            self._folder.cleanup()
