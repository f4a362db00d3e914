"""Programs in other languages: files, and commands on them, one after another in the same empty folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from magicoder_core.records import Status
from magicoder_core.sandbox.image import PLAIN, Image
from magicoder_core.sandbox.inside.command import TOKEN_FROM, TOKEN_TO
from magicoder_core.sandbox.limits import Limits

__all__ = ["TOKEN_FROM", "TOKEN_TO", "Command", "Commands", "Ran"]

BASE = (("LANG", "C.UTF-8"), ("MALLOC_ARENA_MAX", "2"))
"""The environment of each command, beside its folder as ``HOME`` and ``TMPDIR``, and ``PATH``."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; standard input is empty.

    Args:
        argv: its words. The first is an absolute path, a path in the folder (``./program``; it is made executable), or
            a name that is looked up in ``/usr/bin`` and ``/bin``.
        limits: what it may take.
        environment: names and values, beside the image's and ``PATH``, ``HOME``, ``TMPDIR`` (both the folder), ``LANG``.
        compiles: its failing is the status ``compile_error``, and it gets no token.
    """

    argv: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    environment: tuple[tuple[str, str], ...] = ()
    compiles: bool = False

    def __post_init__(self) -> None:
        """Refuse what no kernel takes.

        Raises:
            ValueError: no words, or a zero byte in them.
        """
        if not self.argv or not self.argv[0]:
            raise ValueError("a command without words")
        if any("\0" in text for text in (*self.argv, *(part for pair in self.environment for part in pair))):
            raise ValueError(f"command {self.argv[0]!r}: a zero byte in its words or environment")


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Files and commands on them.

    Args:
        files: contents by relative path (``a/b.txt``), written before the first command; text as UTF-8.
        commands: one after another, until one fails; between two of them all processes are ended, and files stay.
        image: what the box shows.
        removed: relative paths of files and folders that are removed before the last command: sources, so that a
            compiled program cannot read its tests.
    """

    files: Mapping[str, str | bytes] = field(default_factory=dict)
    commands: tuple[Command, ...]
    image: Image = PLAIN
    removed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse paths that lead out of the folder.

        Raises:
            ValueError: no command, or such a path.
        """
        if not self.commands:
            raise ValueError("no command to run")
        for path in (*self.files, *self.removed):
            check_path(path)


def contents(files: Mapping[str, str | bytes]) -> list[tuple[str, bytes]]:
    """Files as they are written."""
    return [
        (path, text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text) for path, text in files.items()
    ]


def check_path(path: str) -> None:
    """Refuse what is no plain relative path.

    Raises:
        ValueError: it is none.
    """
    if path != str(PurePosixPath(path)) or path.startswith("/") or "\0" in path or {".", ".."} & set(path.split("/")):
        raise ValueError(f"file {path!r}: not a plain relative path, as 'folder/name.txt'")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What became of `Commands`; ``index`` is their place among those given, from 0.

    ``status`` is ``pass`` if every command exited with 0 and the last gave back its token; else ``detail`` says why
    not, in at most 2,000 bytes. ``step`` is the place of the command that decided, from 0; ``exit_code``, ``stdout``
    and ``stderr`` are that command's. The exit code is None where a signal or the sandbox ended it. Of longer output
    than ``limits.output_bytes`` the first and the last half are kept, with a line ``...`` between them. The seconds are
    those of all commands together. ``finished``: the last command gave back its token.
    """

    index: int = 0
    status: Status
    detail: str = ""
    step: int = 0
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    isolation: str = ""
    finished: bool = False

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.stdout) + len(self.stderr)
