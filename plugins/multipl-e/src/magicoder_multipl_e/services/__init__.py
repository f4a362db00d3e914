"""Resident compilers: each a program of ours in a box, which compiles one program after another and runs none.

The command of a compiler spends most of its time on starting: to read itself, its own libraries and the language's.
A resident one has done that. Each request has a compiler of its own inside, so that no program sees another's names.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from threading import Semaphore
from typing import Protocol

from magicoder_core import RunError, Status, sandbox
from magicoder_multipl_e import caches, composing
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.managed import scala_jars, typescript_folder
from magicoder_multipl_e.languages.model import MEGABYTE, Files, Kit, main

_MEMORY = 1536 * MEGABYTE
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx1g", "-Xss8m")
"""How the virtual machine of a resident compiler is started: it pays to compile what is hot once, and not well."""

_START_SECONDS = 120.0
"""Of a nominal machine, for a compiler to start and compile its first program; Scala's takes 5."""

_LONGEST_NAME = 255
"""Bytes that a file's name may have; with a longer one a compiler fails to write its class."""


class NotCompiled(Exception):  # noqa: N818 - an outcome, caught where verdicts are made
    """A program that came to nothing before it ran: the verdict's status and why."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status: Status = status
        self.detail = detail


class Compiler(Protocol):
    """A resident compiler; for one thread at a time."""

    def compile(self, program: Files, seconds: float) -> Mapping[str, bytes]:
        """The files that a program becomes, by name, within so many seconds of processor time.

        Raises:
            NotCompiled: it is no program of the language, or its compiler takes too much.
        """

    def close(self) -> None:
        """End it."""


def opened(kind: str, kit: Kit) -> Compiler | None:
    """The resident compiler of a kind (`Language.compiler`); None where there is none for this toolchain.

    Raises:
        RunError: what it is made of cannot be made here.
    """
    if kind == "typescript":
        return TypeScript(kit) if typescript_folder(kit) else None
    if kind == "scala" and not (scala_jars(kit) and caches.javac(kit)):
        return None
    return Jvm(kind, kit)


class Residents:
    """Some resident compilers of one language, for more threads than that: each has to learn anew what is hot.

    Args:
        kind: `Language.compiler`.
        kit: the toolchain.
        most: how many there are at most.
    """

    def __init__(self, kind: str, kit: Kit, most: int) -> None:
        self._kind, self._kit = kind, kit
        self._free: list[Compiler | None] = []
        self._places = Semaphore(most)

    @contextmanager
    def one(self) -> Iterator[Compiler | None]:
        """The one that was used last, for this thread alone; None where there is none for this toolchain.

        Raises:
            RunError: what it is made of cannot be made here.
        """
        with self._places:
            compiler = self._free.pop() if self._free else opened(self._kind, self._kit)
            try:
                yield compiler
            finally:
                self._free.append(compiler)

    def close(self) -> None:
        """End all of them; nobody uses one any more."""
        while self._free:
            if (compiler := self._free.pop()) is not None:
                compiler.close()


class _Resident:
    """What both have: the service, and what becomes of a request that ends it."""

    def __init__(self, service: sandbox.Service, first: bytes) -> None:
        """``first`` is a request with a program of ours, which is made before any other: no program pays for the start."""
        self._service = service
        self._first = first
        self._started = False

    def _ask(self, request: bytes, seconds: float) -> bytes:
        try:
            self._start()
            return self._service.ask(request, cpu_seconds=seconds)
        except sandbox.ServiceEnded as ended:
            self._started = False
            if ended.status in ("timeout", "harness_error"):
                raise NotCompiled(ended.status, f"the compiler: {ended.detail}") from ended
            # The command would have ended with an error, too.
            raise NotCompiled("compile_error", f"the compiler: {ended.detail}") from ended

    def _start(self) -> None:
        if self._started:
            return
        try:
            self._service.ask(self._first, cpu_seconds=_START_SECONDS)
        except sandbox.ServiceEnded as ended:
            raise NotCompiled("harness_error", f"the compiler does not start: {ended.detail}") from ended
        self._started = True

    def close(self) -> None:
        """End it; another request starts it anew."""
        self._service.close()
        self._started = False


class Jvm(_Resident):
    """Java or Scala: `CompileServer.java`."""

    def __init__(self, kind: str, kit: Kit) -> None:
        jars = scala_jars(kit) if kind == "scala" else ()
        library = ":".join(jars) if jars else kit.places["javatuples"]
        argv = (kit.commands["java"], *_JVM, "-cp", ":".join((".", *jars)), "CompileServer", kind, library)
        image = sandbox.Image(folders=kit.folders)
        classes = caches.compile_server(kit)
        service = sandbox.Service(argv, image=image, files=classes, memory_bytes=_MEMORY)
        super().__init__(service, self._request(_example(kind)))

    @staticmethod
    def _request(program: Files) -> bytes:
        return _packed({name: text.encode("utf-8", "replace") for name, text in program.items()})

    def compile(self, program: Files, seconds: float) -> Mapping[str, bytes]:
        """See `Compiler`."""
        good, messages, classes = unpacked(self._ask(self._request(program), seconds))
        if not good:
            raise NotCompiled("compile_error", first_error(messages))
        for name in classes:
            # Both can be in a name of Java's, and no file has such a one.
            if "\0" in name or any(len(part.encode("utf-8")) > _LONGEST_NAME for part in name.split("/")):
                raise NotCompiled("compile_error", f"no file can have the name of the class {name[:60]!r}")
        return classes


class TypeScript(_Resident):
    """TypeScript up to 6, whose compiler can be called: `compile_server.js`."""

    def __init__(self, kit: Kit) -> None:
        script = files("magicoder_multipl_e.services").joinpath("compile_server.js").read_bytes()
        argv = (kit.commands["node"], "--max-old-space-size=1024", "compile_server.js", typescript_folder(kit))
        image = sandbox.Image(folders=kit.folders)
        service = sandbox.Service(argv, image=image, files={"compile_server.js": script}, memory_bytes=_MEMORY)
        super().__init__(service, self._request(_example("ts")))

    @staticmethod
    def _request(program: Files) -> bytes:
        name = main(program)
        return json.dumps({"name": name, "text": program[name]}).encode("ascii")

    def compile(self, program: Files, seconds: float) -> Mapping[str, bytes]:
        """See `Compiler`."""
        reply = json.loads(self._ask(self._request(program), seconds))
        if not reply["good"]:
            raise NotCompiled("compile_error", first_error(reply["messages"]))
        return {made: text.encode("utf-8", "replace") for made, text in reply["files"].items()}


def _example(language: str) -> Files:
    """A program of our own."""
    golden = gold(language)
    return composing.plain(language, golden.right, golden.tests)


def first_error(messages: str) -> str:
    """The line of a compiler's messages that says most: the first one with an error, else the first."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    return next(
        (line for line in lines if "error" in line), lines[0] if lines else "the compiler refused it without a word"
    )


def _packed(entries: Mapping[str, bytes]) -> bytes:
    parts = [struct.pack(">I", len(entries))]
    for name, content in entries.items():
        parts += [_sized(name.encode("utf-8")), _sized(content)]
    return b"".join(parts)


def _sized(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def unpacked(reply: bytes) -> tuple[bool, str, dict[str, bytes]]:
    """Whether it compiled, the messages, and the files by name, of a reply of `CompileServer.java`.

    Raises:
        RunError: it is none.
    """
    try:
        pieces = _pieces(reply, 1)
        messages = next(pieces).decode("utf-8", "replace")
        rest = list(pieces)
        names = [name.decode("utf-8") for name in rest[::2]]
        return reply[0] == 1, messages, dict(zip(names, rest[1::2], strict=True))
    except (struct.error, IndexError, StopIteration, UnicodeDecodeError, ValueError) as error:
        raise RunError(f"multipl-e: the resident compiler's reply cannot be read ({error})") from error


def _pieces(reply: bytes, place: int) -> Iterator[bytes]:
    """The messages, and then names and contents in turn."""
    left = 1
    first = True
    while left:
        (size,) = struct.unpack_from(">I", reply, place)
        if place + 4 + size > len(reply):
            raise ValueError("it ends too early")
        yield reply[place + 4 : place + 4 + size]
        place += 4 + size
        left -= 1
        if first:
            (count,) = struct.unpack_from(">I", reply, place)
            place, left, first = place + 4, 2 * count, False
