"""A command in the place of a Python program: the child that becomes it, and what the server reads of it.

Until it has become the command, the child is ours. The command has nothing but its standard streams and, if it is the
last of its job, two pipes: the token of the run can be read from one and has to be written to the other.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enumerations, as in `program`
import contextlib
import marshal
import mmap
import os
import socket
import stat
from typing import NoReturn

from . import program, region, scratch

TOKEN_FROM = 198
"""The descriptor from which the last command of a job reads its token: 32 characters of ASCII."""

TOKEN_TO = 199
"""The descriptor to which it writes them when its tests have succeeded, once and nothing else."""

PATH = "/usr/bin:/bin"
_BLOCK = 1 << 16
_DEFAULT = (_signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ)
"""Signals that Python ignores, or we; a new program would inherit it."""


class Kept:
    """The first and the last bytes of a stream, half of ``most`` each."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = False

    def add(self, block: bytes) -> None:
        """More of the stream."""
        if room := self._half - len(self._head):
            self._head += block[:room]
            block = block[room:]
        if len(block) > self._half:
            self._cut = self._cut or bool(self._tail) or len(block) > self._half
            self._tail, block = bytearray(), block[len(block) - self._half :]
        self._tail += block
        if len(self._tail) > self._half + _BLOCK:
            self._shorten()

    def _shorten(self) -> None:
        self._cut = self._cut or len(self._tail) > self._half
        self._tail = self._tail[len(self._tail) - self._half :]

    def read(self) -> bytes:
        """What is kept, with a line between the parts if something is left out."""
        if len(self._tail) > self._half:
            self._shorten()
        return bytes(self._head + (b"\n...\n" if self._cut else b"") + self._tail)


class Streams:
    """The pipes of a command, in the place of `program.Pipes`."""

    def __init__(self, order: region.Order, control: socket.socket, attached: int) -> None:
        self._pairs = [os.pipe(), os.pipe()]
        self._kept = [Kept(order.output), Kept(order.output)]
        self._back = bytearray()
        self._attached = attached if order.kind & region.ATTACHED else -1
        self._given = -1
        if order.script:
            self._given, giver = os.pipe()
            os.write(giver, region.receive(control, region.TOKEN_BYTES) or b"")
            os.close(giver)
            self._pairs.append(os.pipe())

    def keep_ours(self) -> None:
        """On the server's side: let go of the command's ends."""
        for reader, writer in self._pairs:
            os.close(writer)
            os.set_blocking(reader, False)
        for place in (self._given, self._attached):
            if place >= 0:
                os.close(place)

    def take_theirs(self) -> None:
        """On the command's side: put all in its place; what is not closes when it begins."""
        os.dup2(self._attached if self._attached >= 0 else self._pairs[0][1], 1)
        if self._attached >= 0:
            os.dup2(1, 0)
            os.close(self._attached)
        os.dup2(self._pairs[1][1], 2)
        if self._given >= 0:
            os.dup2(self._given, TOKEN_FROM)
            os.dup2(self._pairs[2][1], TOKEN_TO)

    def places(self) -> tuple[int, ...]:
        """Descriptors for the server to wait for."""
        return tuple(reader for reader, _ in self._pairs)

    def serve(self, ready: set[int], printed: bytearray, order: region.Order, control: socket.socket) -> list[int]:
        """Take what was written; the descriptors on which nothing more will come. See `program.Pipes.serve`."""
        del printed, order, control
        return [place for number, place in enumerate(self.places()) if place in ready and not self._drain(number)]

    def finish(self, most: int, control: socket.socket) -> bytes:
        """All that was written, when nobody writes any more; see `region.Said`."""
        del most, control
        for number, place in enumerate(self.places()):
            while self._drain(number):
                pass
            os.close(place)
        first, second = self._kept
        return region.Said(first.read(), second.read(), bytes(self._back)).pack()

    def _drain(self, number: int) -> bool:
        """Read a block and keep what there is room for; whether there may be more."""
        try:
            block = program.taken(self._pairs[number][0])
        except OSError:
            return False
        if number < len(self._kept):
            self._kept[number].add(block)
        else:
            # One more than the token, so that who writes it twice is found out.
            self._back += block[: region.TOKEN_BYTES + 1 - len(self._back)]
        return bool(block)


def main(
    shared: mmap.mmap, order: region.Order, control: int, streams: Streams, locked: program.Locks | None
) -> NoReturn:
    """Become the command of an order; exit status 70 and a word in the region if that fails."""
    state, name = region.NOT_STARTED, ""
    try:
        os.close(control)
        os.setsid()
        for number in _DEFAULT:
            _signal.signal(number, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        files, removed, argv, environment = marshal.loads(shared[: order.job])  # noqa: S302 - it came from outside
        _write(files)
        here, name = os.getcwd(), argv[0]  # noqa: PTH109 - pathlib is not loaded here
        where = _found(name, here)
        # What the steps before left of the untrusted files may be anything: that is not our fault.
        state = region.UNFIT
        _remove(removed)
        state = region.NOT_STARTED
        streams.take_theirs()
        program.limit(order, locked.others if locked else 0)
        if locked:
            locked.close()
        state = region.UNFIT if where.startswith(f"{here}/") else state
        os.execve(where, argv, {"PATH": PATH, "HOME": here, "TMPDIR": here, **dict(environment)})  # noqa: S606 - this is the sandbox
    except BaseException as error:  # noqa: BLE001 - boundary: whatever it is, the outside is told
        reason = getattr(error, "strerror", None) or error
        program.note(shared, state, f"{name}: {reason}".encode("utf-8", "replace"))
    finally:
        os._exit(70)


def _write(files: list[tuple[str, bytes]]) -> None:
    for path, content in files:
        if "/" in path:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - pathlib is not loaded here
        with open(path, "wb", 0) as file:  # noqa: PTH123 - as above
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]


def _remove(paths: list[str]) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISDIR(os.lstat(path).st_mode):
                scratch.empty([path])
                os.rmdir(path)  # noqa: PTH106 - pathlib is not loaded here
            else:
                os.unlink(path)  # noqa: PTH108 - as above


def _found(name: str, here: str) -> str:
    """Where the program of a command is.

    Raises:
        OSError: there is none of that name.
    """
    if "/" not in name:
        for folder in PATH.split(":"):
            if os.access(f"{folder}/{name}", os.X_OK):
                return f"{folder}/{name}"
        raise FileNotFoundError(2, "there is no such program in the box", name)
    real = os.path.realpath(name)
    if real.startswith(f"{here}/"):
        # What a linker makes is no program yet where the filter lets no file's mode be changed.
        with contextlib.suppress(OSError):
            os.chmod(real, 0o755)  # noqa: PTH101, S103 - pathlib is not loaded here; it lies in a folder of the box's own
    return name if name.startswith("/") else f"{here}/{name}"
