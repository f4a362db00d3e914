"""One box: a fork server behind walls, for one program after another; see `inside`."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from magicoder_core.errors import SandboxError
from magicoder_core.sandbox import starting
from magicoder_core.sandbox.image import PLAIN, Image
from magicoder_core.sandbox.inside import region, scratch
from magicoder_core.sandbox.isolation import BUBBLEWRAP, Isolation
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.speed import speed

_GRACE = 10.0
"""Seconds beyond the most that a program may take, for starting and ending on a busy machine."""

_FAREWELL = 2.0
"""Seconds for a box to end by itself; its walls end all of it if it does not."""

_LONG_FAREWELL = 60.0
"""The same where there are no walls, and nobody but its server can end what is in it."""


class Gone(Exception):  # noqa: N818 - an event, caught by the pool
    """The box is no more; its last words are `Box.complaint`'s."""


@dataclass(frozen=True)
class Ending:
    """How a program ended, and a copy of all that it said; nothing but ``report`` is to be believed."""

    report: region.Report
    printed: bytes
    head: region.Head
    info: bytes
    stream: bytes
    token: bytes


class Box:
    """Started at once, ready some 100 ms later; orders may be given before that.

    ``room`` is how many bytes programs can write in it, all files together; ``image`` what it shows. ``busy`` while a
    program runs. ``stream`` is the descriptor of a socket for a resident, see `region.ATTACHED`; it is closed here.

    Raises:
        OSError: no process can be started, or something of the image is not there.
        SandboxError: the image's Python is none.
    """

    def __init__(self, isolation: Isolation, room: int, image: Image = PLAIN, *, stream: int = -1) -> None:
        self.isolation = isolation
        self.room = room
        self.image = image
        self.busy = False
        self.greeted = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._deadline = 0.0
        self._token = b""
        self._most = 0
        self._line, theirs = socket.socketpair()
        self._shared, place = _region()
        try:
            self._process = self._start(theirs.fileno(), place, stream)
        except (OSError, SandboxError):
            self._line.close()
            self._shared.close()
            raise
        finally:
            theirs.close()
            os.close(place)
            if stream >= 0:
                os.close(stream)

    @property
    def kind(self) -> tuple[Isolation, int, Image]:
        """What has to be the same where it is used again."""
        return self.isolation, self.room, self.image

    @property
    def process(self) -> int:
        """The number of the process that all others in the box came of."""
        return self._process.pid

    def _start(self, line: int, shared: int, stream: int) -> subprocess.Popen[bytes]:
        arguments = [str(line), str(shared)]
        if self.isolation.level == BUBBLEWRAP:
            as_root = self.isolation.as_root
            command = starting.walled(
                self.isolation.bwrap, self.room, arguments, as_root=as_root, image=self.image, stream=stream
            )
            own: dict[str, Any] = {"process_group": 0}
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="magicoder-", ignore_cleanup_errors=True)
            command = starting.unwalled(
                self.isolation.level, self._folder.name, arguments, image=self.image, stream=stream
            )
            surroundings = starting.surroundings(self.image)
            own = {"start_new_session": True, "env": surroundings, "cwd": self._folder.name}
        with starting.filter_for(self.isolation.level) as extra:
            return subprocess.Popen(  # noqa: S603 - our own command
                command(extra),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(line, shared, *([stream] if stream >= 0 else []), *extra),
                **own,
            )

    def fileno(self) -> int:
        """What can be waited for: readable when the program has ended, or the box has."""
        return self._line.fileno()

    def give(self, job: bytes, limits: Limits, most: int, *, script: bool, asked: int, kind: int = 0) -> None:
        """Have a program run; its answers to the calls that it is ``asked`` take ``most`` bytes at most.

        ``script`` says that it gets a token, ``kind`` what else it is (of `region.COMMAND` and its like).

        Raises:
            Gone: the box is no more.
        """
        calls = limits.call_seconds if isinstance(limits.call_seconds, tuple) else ()
        scale = 1.0 if limits.clock == "wall" else speed()
        behind = struct.pack(f"<{len(calls)}d", *(scale * seconds for seconds in calls))
        self._most = most
        self._wipe()
        self._shared[: len(job)] = job
        self._shared[len(job) : len(job) + len(behind)] = behind
        # Of ASCII, because languages read text.
        self._token = secrets.token_hex(region.TOKEN_BYTES // 2).encode()
        order = _order(len(job), len(calls), limits, scale, script=script, asked=asked, kind=kind)
        self._deadline = time.monotonic() + order.ceiling_seconds + _GRACE
        self.busy = True
        try:
            self._line.sendall(order.pack() + (self._token if script else b""))
        except OSError as error:
            raise Gone from error

    def take(self) -> Ending | None:
        """What became of the program, if `fileno` is readable; None if the box has only said that it is ready.

        Raises:
            Gone: the box is no more.
        """
        self._line.settimeout(_GRACE)
        try:
            if not self.greeted:
                self.greeted = region.receive(self._line, len(region.HELLO)) == region.HELLO
                if not self.greeted:
                    raise Gone
                return None
            raw = region.receive(self._line, region.Report.size())
            if raw is None:
                raise Gone
            report = region.Report.unpack(raw)
            printed = region.receive(self._line, report.printed) if report.printed else b""
        except OSError as error:
            raise Gone from error
        self.busy = False
        return self._ending(report, printed or b"")

    def _ending(self, report: region.Report, printed: bytes) -> Ending:
        head = region.Head.read(self._shared)
        info = self._shared[region.INFO : region.INFO + min(head.info, region.INFO_BYTES)]
        end = min(max(head.end, region.STREAM), region.STREAM + self._most, region.END)
        stream = self._shared[region.STREAM : end]
        return Ending(report, printed, head, info, stream, self._token)

    def _wipe(self) -> None:
        """Empty the region, so that no program finds what those before it were asked or answered."""
        if hasattr(mmap, "MADV_REMOVE"):
            self._shared.madvise(mmap.MADV_REMOVE)
        else:
            self._shared[:] = bytes(region.SIZE)

    def lives(self) -> bool:
        """Whether it could take an order, as far as can be seen."""
        self._line.setblocking(False)
        try:
            return bool(self._line.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self._line.settimeout(_GRACE)

    def overdue(self, now: float) -> bool:
        """Whether even the server should have ended its program long ago."""
        return self.busy and now > self._deadline

    @property
    def packages(self) -> str:
        """The folder of packages that programs may import, as they see it; empty if there is none."""
        return starting.packages_in_box(self.isolation.level, self._folder.name if self._folder else "", self.image)

    def kill(self) -> None:
        """End the box now and leave nothing behind; any number of times."""
        # The server ends its program and itself when nobody is on the line any more.
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL if self.isolation.level == BUBBLEWRAP else _LONG_FAREWELL)
        if self._process.poll() is None:
            # The group, because bubblewrap's own child outlives it if it is killed while it sets up the box.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the box, and let go of what it took here."""
        self.kill()
        self._line.close()
        self._shared.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._folder is not None:
            # Made by a program, its folders may be too deep for the library's way of removing them.
            with contextlib.suppress(scratch.Spoilt):
                scratch.empty([f"{self._folder.name}/{starting.WORK}"], sys.maxsize)
            with contextlib.suppress(OSError, RecursionError):
                self._folder.cleanup()

    def complaint(self) -> str:
        """Last line that bubblewrap or the interpreter wrote to standard error; ends the box."""
        self.kill()
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        # Not read to its end: something left behind may still hold the pipe.
        os.set_blocking(self._process.stderr.fileno(), False)
        text = self._process.stderr.read(4096) or b""
        lines = text.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"


def _region() -> tuple[mmap.mmap, int]:
    """Memory to share with a box, and a descriptor of it.

    It is sealed against shrinking: reading where a program had cut it off would end us.
    """
    if hasattr(os, "memfd_create"):
        place = os.memfd_create("box", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(place, region.SIZE)
        fcntl.fcntl(place, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    else:
        with tempfile.TemporaryFile() as file:
            place = os.dup(file.fileno())
        os.ftruncate(place, region.SIZE)
    return mmap.mmap(place, region.SIZE), place


def _order(job: int, calls: int, limits: Limits, scale: float, *, script: bool, asked: int, kind: int) -> region.Order:
    given = limits.call_seconds or 0.0
    kept = 0 if script or kind else region.KEPT_BYTES
    call = max(given, default=0.0) if isinstance(given, tuple) else given
    return region.Order(
        job=job,
        calls=calls,
        asked=asked,
        kind=kind,
        script=script,
        wall_clock=limits.clock == "wall",
        cpu_seconds=scale * limits.cpu_seconds,
        call_seconds=scale * call,
        stall_seconds=scale * limits.wall,
        ceiling_seconds=scale * limits.ceiling,
        memory=limits.memory_bytes + kept,
        addresses=limits.addresses and limits.addresses + kept,
        processes=limits.processes,
        file=limits.file_bytes,
        output=limits.output_bytes,
    )
