"""Which toolchains are here: found, too old, or missing with the packages to install."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from magicoder_multipl_e.languages.looking import home, said
from magicoder_multipl_e.languages.model import Kit, Language, Tool
from magicoder_multipl_e.languages.table import LANGUAGES

Found = Kit
"""A toolchain that is whole: its version, the commands it was found as, notes."""

_SEEN = ("/bin", "/usr/bin", "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")
"""What a box shows of itself."""

_BESIDE = (
    "~/.cargo/bin",
    "/usr/local/go/bin",
    "~/.juliaup/bin",
    "~/.ghcup/bin",
    "~/.volta/bin",
    "~/.nvm/versions/node/*/bin",
    "~/.sdkman/candidates/*/current/bin",
    "$CONDA_PREFIX/bin",
    "~/miniconda3/bin",
    "~/miniforge3/bin",
    "~/anaconda3/bin",
    "/opt/homebrew/bin",
    "$HOMEBREW_PREFIX/bin",
    "/usr/local/bin",
    "/usr/games",
)
"""Where installers put tools that a shell without its settings does not find; of several versions the newest is taken."""


@dataclass(frozen=True, kw_only=True)
class TooOld:
    """A tool is there in a version that programs of the benchmark cannot be judged with."""

    language: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A tool or a library of the tests is not there."""

    language: str
    message: str


@cache
def probe(language: str) -> Found | TooOld | Missing:
    """What there is for a language, looked for once; about 0.1 seconds, for a few languages more.

    Args:
        language: a key of `languages.LANGUAGES`.
    """
    return _probed(LANGUAGES[language])


def _probed(language: Language) -> Found | TooOld | Missing:
    commands: dict[str, str] = {}
    versions: list[str] = []
    for tool in language.tools:
        found = _tool(language, tool)
        if not isinstance(found, tuple):
            return found
        commands[tool.names[0]], version = found
        versions += [f"{Path(found[0]).name} {version}"] if version else []
    places: dict[str, str] = {}
    for library in language.libraries:
        where = library.look(commands)
        if where is None:
            return Missing(language=language.key, message=_missing(language, library.name, library.packages.told()))
        places[library.name] = where
    return Found(
        language=language.key,
        version=", ".join(versions),
        commands=commands,
        places={name: where for name, where in places.items() if where},
        folders=tuple(dict.fromkeys(_folders(language, commands, places))),
    )


def _tool(language: Language, tool: Tool) -> tuple[str, str] | TooOld | Missing:
    """Place and version of the first of a tool's names that will do; else what is wrong with the first that there is."""
    refused: TooOld | None = None
    for name in tool.names:
        if (place := find(name, itself=tool.itself)) is None:
            continue
        version = _version(tool, place)
        if not isinstance(version, TooOld):
            return place, version
        # Chicken Scheme, too, has a csc.
        refused = refused or TooOld(language=language.key, message=f"{language.spoken}: {version.message}")
    return refused or Missing(
        language=language.key, message=_missing(language, " or ".join(tool.names), tool.packages.told())
    )


def _missing(language: Language, what: str, how: str) -> str:
    return f"{language.spoken}: {what} is missing; {how}"


def _version(tool: Tool, place: str) -> str | TooOld:
    """The version that a tool says it is, empty if it is not asked."""
    if not tool.asks:
        return ""
    status, told = said(place, *tool.asks)
    found = (re.search(tool.pattern, told) or re.search(r"(\d+(?:\.\d+)*)", told)) if status == 0 else None
    if found is None:
        return TooOld(
            language="", message=f"{place} does not tell its version ({told.strip()[:80]!r}); {tool.packages.told()}"
        )
    if tuple(int(part) for part in found[1].split(".")) < tool.least:
        least = ".".join(str(part) for part in tool.least)
        return TooOld(
            language="", message=f"{place} is {found[1]} and too old, {least} is needed; {tool.packages.told()}"
        )
    return found[1]


def find(*names: str, itself: tuple[str, ...] = ()) -> str | None:
    """The real place of the first of these commands that there is, in ``PATH`` or where installers put them.

    ``itself`` are arguments that make it print that, see `Tool`.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_beside()])
    for name in names:
        if found := shutil.which(name, path=path):
            return _real(found, name, itself)
    return None


def _beside() -> Iterator[str]:
    """`_BESIDE` on this machine."""
    for place in map(home, _BESIDE):
        if not place.is_absolute():
            continue  # a variable that is not set
        if "*" in place.parts:
            found = Path(place.anchor).glob(str(place.relative_to(place.anchor)))
            yield from sorted(map(str, found), key=_natural, reverse=True)
        else:
            yield str(place)


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts v9 before v18."""
    return [(int(part or 0), word) for word, part in re.findall(r"(\D+)(\d*)", text)]


def _real(found: str, name: str, itself: tuple[str, ...]) -> str:
    real = os.path.realpath(found)
    if itself and Path(real).read_bytes()[:2] == b"#!":
        status, told = said(found, *itself)
        there = Path(told.strip())
        return os.path.realpath(there) if status == 0 and there.is_file() else real
    if Path(real).name != "rustup":
        return real
    # rustup's own program stands for each tool, and looks up in its settings which one is meant.
    status, told = said(found, "--print", "sysroot")
    tool = Path(told.strip(), "bin", name)
    return os.path.realpath(tool) if status == 0 and tool.is_file() else real


def _folders(language: Language, commands: Mapping[str, str], places: Mapping[str, str]) -> Iterator[str]:
    """What of the system the language's tools read beside libraries and tools, at its real place."""
    for shown in language.shows:
        path = home(shown)
        for one in sorted(path.parent.glob(path.name)):
            yield os.path.realpath(one)
    for place in commands.values():
        yield from _around(Path(place))
    for place in places.values():
        yield from (os.path.realpath(part) for part in place.split(os.pathsep) if part and _apart(part))


def _apart(place: str) -> bool:
    return not any(place.startswith(f"{seen}/") for seen in _SEEN)


def _around(tool: Path) -> Iterator[str]:
    """What must be seen for a tool to run: nothing if it is the system's, else the folder it was installed to."""
    if not _apart(str(tool)):
        return
    if "Cellar" in tool.parts:
        # Homebrew: a tool needs libraries of other packages.
        yield str(Path(*tool.parts[: tool.parts.index("Cellar")]))
        return
    prefix = tool.parent.parent if tool.parent.name in ("bin", "sbin", "libexec") else tool.parent
    # Not all of somebody's home for one tool in ~/bin.
    yield str(tool) if home("~").is_relative_to(prefix) else str(prefix)


def probes(languages: Iterable[str]) -> Mapping[str, Found | TooOld | Missing]:
    """`probe` of several languages at once, in their order."""
    keys = list(languages)
    with ThreadPoolExecutor(max_workers=4) as several:
        return dict(zip(keys, several.map(probe, keys), strict=True))


def told(languages: Iterable[str]) -> Iterator[tuple[str, bool, str]]:
    """For each language its key, whether it can be judged here, and a line: what was found, or what to install."""
    for key, found in probes(languages).items():
        spoken = LANGUAGES[key].spoken
        if isinstance(found, Kit):
            yield key, True, "; ".join([f"{spoken}: {found.version}", *found.notes])
        else:
            yield key, False, found.message


def doubts(languages: Iterable[str]) -> Iterator[str]:
    """A line for each language that cannot be judged here, or in which right answers may not compile."""
    for key, found in probes(languages).items():
        language = LANGUAGES[key]
        if not isinstance(found, Kit):
            yield found.message
        elif language.doubt and (line := language.doubt(found)):
            yield f"{language.spoken}: {line}"


def forget() -> None:
    """Look anew the next time: tools were installed, or ``PATH`` is another."""
    probe.cache_clear()
