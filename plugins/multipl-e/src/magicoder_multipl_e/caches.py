"""What is made once for a toolchain and kept: a precompiled header, Go's compiled library, our resident compilers.

    multipl-e/<kind>-<key>/    whole, or not there; the key is of the toolchain and of what makes it

It is made from files of the system and of this package alone, outside the sandbox, and shown to boxes read-only.
Several processes may make the same at once: the first that is done wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from magicoder_core import RunError, models, progress
from magicoder_multipl_e.languages import headers
from magicoder_multipl_e.languages.looking import ran, said
from magicoder_multipl_e.languages.model import Kit

_OLD = 60 * 24 * 3600
"""Seconds after which what nobody used is removed."""

_GO_NOT = frozenset({"plugin", "runtime/cgo", "runtime/race", "runtime/msan", "runtime/asan", "testing", "unsafe"})
"""Packages that need no warming, or a C compiler to be linked; the rest of Go's library is compiled and kept."""

_GO_SECONDS = 1800.0
"""For Go to compile all of its library: 10 seconds with Go 1.19, which brings most of it compiled; later ones do not."""


def folder() -> Path:
    """Where all of this plugin's kept things are."""
    return models.cache_dir() / "multipl-e"


def kept(kind: str, key: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` fills, made now if it is not there.

    Args:
        kind: what it is, for its name.
        key: all that it depends on.
        make: given an empty folder; what it leaves there must not depend on where that is.

    Raises:
        RunError: it cannot be made; what and why.
    """
    digest = hashlib.sha256(json.dumps(list(key)).encode("utf-8")).hexdigest()[:24]
    place = folder() / f"{kind}-{digest}"
    if not place.is_dir():
        _make(place, make)
        _tidy(kind, place)
    with contextlib.suppress(OSError):
        os.utime(place)
    return place


def _make(place: Path, make: Callable[[Path], None]) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{place.name}.", suffix=".part", dir=place.parent))
    except OSError as error:
        raise RunError(
            f"{place.parent}: {error.strerror or error}; MAGICODER_CACHE can name a folder elsewhere"
        ) from error
    try:
        make(part)
        _show(part)
        try:
            part.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    except OSError as error:
        raise RunError(f"{place}: {error.strerror or error}; MAGICODER_CACHE can name a folder elsewhere") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _show(folder: Path) -> None:
    """Let everybody read it, however strict the umask is: a box's user is somebody else."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _tidy(kind: str, but: Path) -> None:
    """Remove what nobody has used for long, and what a killed process left half made."""
    for other in folder().glob(f"{kind}-*"):
        with contextlib.suppress(OSError):
            if other != but and time.time() - other.stat().st_mtime > _OLD:
                shutil.rmtree(other, ignore_errors=True)


def stamp(place: str) -> tuple[str, str]:
    """A tool's or jar's place and when it was installed: an update may keep its version. ``place`` may be no file at all."""
    try:
        return place, str(Path(place).stat().st_mtime_ns)
    except OSError:
        return place, ""


def with_linker(kit: Kit, *names: str) -> Kit:
    """The kit with the first of these linkers that its C compiler takes, under the place ``linker``."""
    compiler = kit.commands.get("g++") or kit.commands["cc"]
    found = next((name for name in names if _links(compiler, name)), "")
    return replace(kit, places={**kit.places, **({"linker": found} if found else {})})


@cache
def _links(compiler: str, linker: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="magicoder-") as place:
        argv = (compiler, "-x", "c", "-", f"-fuse-ld={linker}", "-o", f"{place}/linked")
        return said(*argv, given="int main(void) { return 0; }\n")[0] == 0


def with_header(kit: Kit) -> Kit:
    """The kit with all headers of the C++ library, precompiled, under the place ``header``; and with a linker.

    The programs' own first lines include them; a compiler takes them ready-made only if they come before all else.
    """
    kit = with_linker(kit, "mold", "lld")
    compiler = kit.commands["g++"]
    try:
        place = kept(
            "header",
            [kit.version, *stamp(compiler), *headers.CPP, *headers.RARE],
            lambda part: headers.make(compiler, part),
        )
    except RunError as error:
        return replace(kit, notes=(*kit.notes, f"without a precompiled header, so several times slower ({error})"))
    return replace(kit, places={**kit.places, "header": str(place)}, folders=(*kit.folders, str(place)))


def go_environment(cache: str) -> tuple[tuple[str, str], ...]:
    """What makes Go use this folder for all that it keeps, and ask nobody."""
    return (
        ("GOCACHE", f"{cache}/build"),
        ("GOPATH", f"{cache}/path"),
        ("GOFLAGS", "-mod=mod"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOENV", "off"),
        ("GOTELEMETRY", "off"),
    )


def with_go_cache(kit: Kit) -> Kit:
    """The kit with all of Go's library compiled and looked over for a test of it, under the place ``cache``.

    All of it, since a box shows the folder read-only: where Go can write nothing down, it does not even find a package
    that it has not listed there.

    Raises:
        RunError: Go does not even compile its own library.
    """
    go = kit.commands["go"]
    recipe = [_GO_PACKAGES, *sorted(_GO_NOT), *(f"{name}={value}" for name, value in go_environment(""))]
    place = kept("go", [kit.version, *stamp(go), *recipe], lambda part: _go_cache(go, part))
    return replace(kit, places={**kit.places, "cache": str(place)}, folders=(*kit.folders, str(place)))


_GO_PACKAGES = "std"


def _go_cache(go: str, part: Path) -> None:
    for name in ("build", "path", "source"):
        (part / name).mkdir()
    # As in a box: whether there is a C compiler decides how some packages are compiled.
    path = f"PATH={Path(go).parent}:/usr/bin:/bin"
    command = (
        "env",
        "-C",
        str(part / "source"),
        path,
        *(f"{name}={value}" for name, value in go_environment(str(part))),
    )
    progress.say(
        "multipl-e: Go's library is compiled once for this machine and then kept; with Go 1.20 and later, in minutes"
    )
    names = [name for name in ran(*command, go, "list", _GO_PACKAGES, seconds=_GO_SECONDS).split() if _importable(name)]
    test = part / "source" / "warm_test.go"
    imports = "\n".join(f'\t_ "{name}"' for name in names)
    body = 'package warm\n\nimport (\n\t"testing"\n%s\n)\n\nfunc TestNothing(t *testing.T) {}\n'
    test.write_text(body % imports, encoding="utf-8")
    ran(*command, go, "test", "-count=1", "-exec", "/bin/true", test.name, seconds=_GO_SECONDS)
    shutil.rmtree(test.parent)


def _importable(package: str) -> bool:
    """Whether a program may import this package of Go's library, and it is not in `_GO_NOT`."""
    return package not in _GO_NOT and not {"internal", "vendor"} & set(package.split("/"))


def javac(kit: Kit) -> str | None:
    """The Java compiler of a kit, or the one beside its virtual machine."""
    beside = str(Path(kit.commands["java"]).with_name("javac"))
    return kit.commands.get("javac") or (beside if os.access(beside, os.X_OK) else None)


def compile_server(kit: Kit) -> dict[str, bytes]:
    """The class files of our resident compiler for Java and Scala.

    Raises:
        RunError: it cannot be compiled here.
    """
    source = files("magicoder_multipl_e.services").joinpath("CompileServer.java").read_text("utf-8")
    if (compiler := javac(kit)) is None:
        raise RunError(f"multipl-e: {kit.commands['java']} has no javac beside it; apt install default-jdk-headless")
    place = kept(
        "compiler", [kit.version, *stamp(compiler), source], lambda part: _compile_server(compiler, source, part)
    )
    return {path.name: path.read_bytes() for path in sorted(place.glob("*.class"))}


def _compile_server(compiler: str, source: str, part: Path) -> None:
    path = part / "CompileServer.java"
    path.write_text(source, encoding="utf-8")
    ran(compiler, "-encoding", "UTF8", "-proc:none", "-d", str(part), str(path))
    path.unlink()
