"""Our cache of model files: one checked file for each model, and a stamp beside it.

    models/<file>            the whole model, or a link to where the Hugging Face cache keeps it
    models/<file>.json       its stamp: what sha256 was found for a file of this size and time
    models/<file>.lock       held by the one process that fetches
    models/<file>.part       what has arrived so far, see `download`
    models/<file>.*.tmp/     where a source leaves what it downloads

A file gets its name only when it is whole and checked. The stamp saves hashing half a gigabyte at each start; it
holds for one size and one time of change, so a file that was changed later is checked again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from magicoder_core import jsonl, progress
from magicoder_core.models.catalogue import Model


def cache_dir() -> Path:
    """Where Magicoder keeps what it can fetch or make again: ``$MAGICODER_CACHE``, else the XDG cache folder."""
    if given := os.environ.get("MAGICODER_CACHE"):
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "magicoder"


def place(model: Model) -> Path:
    """Where the model's file lies once it is there."""
    return cache_dir() / "models" / model.file


def found(model: Model) -> Path | None:
    """The model's file if it is there and was checked as it is now; reads no more than its stamp."""
    path = place(model)
    try:
        stamp = json.loads(_stamp(path).read_bytes())
        status = path.stat()
    except (OSError, ValueError):
        return None
    return path if stamp == _content(model.sha256, status) else None


def mark(path: Path, sha256: str) -> Path:
    """Note that ``path`` was found to have this sha256; returns ``path``."""
    jsonl.write_json(_stamp(path), _content(sha256, path.stat()))
    return path


def _stamp(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _content(sha256: str, status: os.stat_result) -> dict[str, object]:
    return {"sha256": sha256, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


@contextmanager
def alone(model: Model) -> Iterator[None]:
    """Within the block no other process fetches this model. The kernel frees the lock even after a kill -9."""
    path = place(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"{model.name}: another process is fetching it; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch(model: Model) -> Iterator[Path]:
    """An empty folder on the cache's own disk, gone after the block; also clears away what a kill -9 left."""
    path = place(model)
    for stale in path.parent.glob(f"{path.name}.*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=f"{path.name}.", suffix=".tmp", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
