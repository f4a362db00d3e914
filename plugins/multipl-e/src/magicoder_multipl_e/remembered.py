"""Verdicts that are kept: the same program, judged by the same tools under the same limits, needs no second run.

    multipl-e/verdicts/<2 hex>/<key>.json

A file is whole or not there; any number of processes may write and read. What depends on how busy or how broken the
machine was is not kept: time-outs, and whatever could not be judged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from magicoder_core import Status, Verdict
from magicoder_multipl_e import caches

_MOST = 512
"""Verdicts of each of the 256 folders; the oldest go first."""

_KEPT: frozenset[Status] = frozenset({"pass", "fail", "compile_error", "crash", "out_of_memory"})
_CODE = (".py", ".java", ".js")


def key(*parts: Any) -> str:
    """Names what a verdict depends on: any JSON values, and the code of this package and of the sandbox."""
    return hashlib.sha256(json.dumps([_code(), *parts], sort_keys=True).encode("utf-8")).hexdigest()


@cache
def _code() -> str:
    """A hash of all modules of this package and of the sandbox, which decide verdicts."""
    whole = hashlib.sha256()
    for root in (Path(str(files("magicoder_multipl_e"))), Path(str(files("magicoder_core.sandbox")))):
        for path in sorted(root.rglob("*")):
            if path.suffix in _CODE:
                whole.update(path.relative_to(root).as_posix().encode("utf-8") + b"\0" + path.read_bytes())
    return whole.hexdigest()


@dataclass(frozen=True)
class Remembered:
    """The kept verdicts; with ``on`` false there are none, and none are kept."""

    on: bool = True

    def found(self, name: str, problem_id: str, sample: int) -> Verdict | None:
        """The verdict of this key for a submission; None if there is none, or none that can be read and is this user's own."""
        if not self.on:
            return None
        try:
            kept = json.loads(_own(_place(name)))
            return Verdict(problem_id=problem_id, sample=sample, **_checked(kept))
        except (OSError, ValueError, RecursionError):
            return None

    def keep(self, name: str, verdict: Verdict) -> None:
        """Keep a verdict, if it is of a kind that is kept. That it cannot be written costs time later and no more."""
        if not self.on or verdict.status not in _KEPT:
            return
        fields = {"status": verdict.status, "detail": verdict.detail}
        content = json.dumps({**fields, "cpu_seconds": verdict.cpu_seconds, "isolation": verdict.isolation})
        with contextlib.suppress(OSError):
            _write(_place(name), content.encode("utf-8"))


def _checked(kept: Any) -> dict[str, Any]:
    """The fields of a kept verdict.

    Raises:
        ValueError: they are not those that `Remembered.keep` writes.
    """
    kinds = {"status": str, "detail": str, "cpu_seconds": float, "isolation": str}
    if not isinstance(kept, dict) or kept.keys() != kinds.keys() or kept["status"] not in _KEPT:
        raise ValueError("no verdict")
    if not all(isinstance(kept[name], kind) for name, kind in kinds.items()):
        raise ValueError("no verdict")
    return dict(kept)


def _own(path: Path) -> bytes:
    """The content of a file that belongs to this user: in a folder that several may write to, anybody could pass anything.

    Raises:
        OSError: it cannot be read, or is somebody else's.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            raise PermissionError(path)
        return file.read()


def _place(name: str) -> Path:
    return caches.folder() / "verdicts" / name[:2] / f"{name}.json"


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    _make_room(place.parent)
    number, part = tempfile.mkstemp(suffix=".part", dir=place.parent)
    try:
        with os.fdopen(number, "wb") as out:
            out.write(content)
        Path(part).replace(place)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    paths = list(folder.iterdir())
    if len(paths) < _MOST:
        return
    ages: list[tuple[float, Path]] = []
    for path in paths:
        # Another process may be making room, too.
        with contextlib.suppress(OSError):
            ages.append((path.stat().st_mtime, path))
    for _, path in sorted(ages)[: _MOST // 8]:
        path.unlink(missing_ok=True)
