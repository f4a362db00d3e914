"""What lets a killed training go on: checkpoints that are whole, or not there.

transformers writes a checkpoint in place, file by file, and would resume from an empty folder. Here it is written into
``saving/``, gets a manifest with the size and sha256 of each file, is flushed to the disk, and only then moved to its
name. Older ones are removed after that. A checkpoint counts only with its manifest, and only for the very training that
it was made by: its ``facts`` (rows, template, options) must be the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from magicoder_core import RunError, jsonl, progress

KEPT = 2
"""Whole checkpoints that are kept: should the newest be damaged, there is one before it."""

STAGING = "saving"
"""Where a checkpoint is written before it is whole, within the folder of all of them."""

MANIFEST = "manifest.json"

Facts = Mapping[str, Any]
"""What a training is made of, by name; plain JSON values."""


def commit(staged: Path, target: Path, facts: Facts, **more: Any) -> None:
    """Make a checkpoint that is written in ``staged`` whole under the name ``target``, and remove all but the newest.

    Args:
        staged: its folder, on the same file system as ``target``.
        target: ``checkpoint-<step>``.
        facts: of the training; see `newest`.
        more: what else the manifest shall say.

    Raises:
        OSError: the disk is full, or not writable; ``target`` is then not there.
    """
    seal(staged, facts, **more)
    shutil.rmtree(target, ignore_errors=True)
    staged.rename(target)
    flush(target.parent)
    for older in _found(target.parent)[KEPT:]:
        shutil.rmtree(older)


def seal(folder: Path, facts: Facts, **more: Any) -> None:
    """Write the manifest of a folder, when all else in it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    files = {str(path.relative_to(folder)): _facts(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    jsonl.write_json(folder / MANIFEST, {"facts": dict(facts), **more, "files": files})
    for inner in [path for path in folder.rglob("*") if path.is_dir()] + [folder]:
        flush(inner)


def is_whole(folder: Path, facts: Facts) -> bool:
    """Whether a folder is as it was when the training of ``facts`` sealed it."""
    said = _manifest(folder)
    return said is not None and not _changed(said["facts"], facts) and _harm(folder, said["files"]) is None


def newest(state: Path, facts: Facts) -> Path | None:
    """The newest whole checkpoint in ``state``; what a kill left of others is removed.

    One that is damaged is said in a line.

    Raises:
        RunError: the newest whole one was made by a training of other ``facts``; nothing is removed.
    """
    whole = None
    for folder in _found(state):
        said = _manifest(folder)
        if said is not None and (changed := _changed(said["facts"], facts)):
            raise RunError(
                f"trainer: {state} has an unfinished training with other {', '.join(changed)}; go on with those, or "
                "remove that folder to begin anew"
            )
        if said is not None and (harm := _harm(folder, said["files"])) is None:
            whole = folder
            break
        progress.say(f"{folder.name} is not whole ({harm if said else f'no {MANIFEST}'}) and is left out")
    if state.is_dir():
        for path in state.iterdir():
            # What is older than a whole one may still be needed when that is damaged.
            if whole is None or path not in _found(state) or step_of(path) > step_of(whole):
                _remove(path)
    return whole


def step_of(checkpoint: Path) -> int:
    """The optimizer steps that were done when the checkpoint was made."""
    return int(checkpoint.name.rpartition("-")[2])


def flush(path: Path) -> None:
    """Have a file's or a folder's content on the disk before what is done next.

    Raises:
        OSError: it cannot be written there.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _facts(path: Path) -> dict[str, Any]:
    flush(path)
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _found(state: Path) -> list[Path]:
    """The checkpoint folders, the newest first."""
    named = [path for path in state.glob("checkpoint-*/") if path.name.rpartition("-")[2].isdecimal()]
    return sorted(named, key=step_of, reverse=True)


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) and said.keys() >= {"facts", "files"} else None


def _changed(before: Facts, now: Facts) -> list[str]:
    """What differs, in words: options each with its values."""
    plain = json.loads(json.dumps(dict(now)))
    found = []
    for name in sorted(before.keys() | plain.keys()):
        old, new = before.get(name), plain.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += [
                f"{inner} ({old.get(inner)}, now {new.get(inner)})"
                for inner in sorted(old.keys() | new.keys())
                if old.get(inner) != new.get(inner)
            ]
        elif old != new:
            found.append(name)
    return found


def _harm(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> str | None:
    """What is wrong with the files, in a few words; None: nothing."""
    for name, said in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != said["bytes"] or _sha256(path) != said["sha256"]:
            return f"{name} is damaged"
    return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
