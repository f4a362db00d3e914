"""What a language needs to be judged: tools, libraries, commands, limits, and what its output says of how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Packages:
    """What has a tool: the names of its packages in Debian, Homebrew, conda-forge and npm; empty where there is none.

    ``other`` is a sentence for what no package manager has.
    """

    debian: str = ""
    brew: str = ""
    conda: str = ""
    npm: str = ""
    other: str = ""

    def told(self) -> str:
        """How to install it, in one line, nearest first."""
        ways = [
            f"apt install {self.debian}" if self.debian else "",
            f"brew install {self.brew}" if self.brew else "",
            f"conda install -c conda-forge {self.conda}" if self.conda else "",
            f"npm install -g {self.npm}" if self.npm else "",
            self.other,
        ]
        return " | ".join(way for way in ways if way)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program that is looked for: the first of ``names`` that there is.

    ``asks`` are the arguments that make it tell its version, ``pattern`` finds that in what it says, and ``least`` is
    the oldest that the benchmark's programs can be judged with. ``itself`` are the arguments that make it print where it
    really lies, for version managers (pyenv, rbenv) that put a script in its place.
    """

    names: tuple[str, ...]
    packages: Packages
    asks: tuple[str, ...] = ("--version",)
    pattern: str = r"(\d+(?:\.\d+)+)"
    least: tuple[int, ...] = ()
    itself: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The tools of a language that are here: `toolchains.Found`, and what the commands of a language are made of.

    Args:
        language: its key.
        version: one line, the main tool's version first.
        commands: the real place of each tool, by the first of its names.
        places: what else was found, by name: a jar, a folder.
        folders: what a box must show.
        notes: what is worth a line: the slower way that was taken and why.
    """

    language: str
    version: str
    commands: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Library:
    """What a language's tests import beside its tools.

    ``look`` says where it is (or an empty text if the tool finds it by itself), or None if it is missing. It is given
    the commands found.
    """

    name: str
    packages: Packages
    look: Callable[[Mapping[str, str]], str | None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command: what it is, whether it compiles, and the seconds that the official runner gives it."""

    argv: tuple[str, ...]
    seconds: float
    compiles: bool = False
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Patterns (regular expressions) for what a program of a language says on standard error or output as it ends.

    Args:
        assertion: a failed test, where it ends the process by a signal.
        syntax: no program of the language at all; looked for only where nothing compiles it beforehand.
        depth: too deep a recursion.
        memory: no memory left.
        refused: a failure whatever the exit status, where it stands in what `Language.polled` or its opposite keeps.
        refused_in: the streams in which it is looked for.
        tells: the line that says why a program failed, that of its last group if it has one; else the last line does.
        silent: anything on standard error is a failure whatever the exit status.
    """

    assertion: str = ""
    syntax: str = ""
    depth: str = ""
    memory: str = ""
    refused: str = ""
    refused_in: tuple[Literal["stdout", "stderr"], ...] = ("stderr", "stdout")
    tells: str = ""
    silent: bool = False


Files = Mapping[str, str]
"""A program: the text of each of its files by name, the one with the program itself first."""

Steps = Callable[[Kit, Files], tuple[Step, ...]]
"""The commands for a program; the last one runs it."""


def main(files: Files) -> str:
    """The name of the file with the program itself."""
    return next(iter(files))


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language of the suite and its toolchain.

    Args:
        key: as in the suite's file names.
        spoken: as people call it.
        tools: what must be there; the first one's version is the language's.
        libraries: the same.
        steps: the commands.
        marks: how its output is read.
        shows: folders of the system that its tools read, as far as they are there.
        polled: whether the official runner reads 1 KB of each stream every 0.1 seconds, so that a program that writes more
            than it reads never ends, and keeps 2,048 bytes; else it reads and keeps all.
        doubt: what the tools that were found cannot do that right answers need, in a line; empty if nothing.
        compiler: the resident compiler that does the first step where it can: ``java``, ``scala``, ``typescript``.
        makes: what is made once before the first program, and kept in the cache; gives the kit with it.
        memory_bytes: of a program with all its processes.
        reserves: whether its runtime reserves far more addresses than it uses, so that only memory is limited.
        processes: at one time.
        proven: whether it was run with a real toolchain by those who wrote it.
    """

    key: str
    spoken: str
    tools: tuple[Tool, ...]
    steps: Steps
    libraries: tuple[Library, ...] = ()
    marks: Marks = field(default_factory=Marks)
    shows: tuple[str, ...] = ()
    polled: bool = True
    doubt: Callable[[Kit], str] | None = None
    compiler: str = ""
    makes: Callable[[Kit], Kit] | None = None
    memory_bytes: int = 1024 * MEGABYTE
    reserves: bool = False
    processes: int = 32
    proven: bool = True
