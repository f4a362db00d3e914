"""Encoded rows that are kept for the next run: one folder for each set of rows, tokenizer, template and options.

    encoded/<key>/           whole: it got this name when all of it was written
    encoded/<key>.*.part/    being written, or left by a kill; the next writer of the key clears it away
    encoded/<digit>.lock     held by the one process that encodes a key which begins with this digit

What is found is checked against the digest that was written with it before it is used.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from magicoder_core import RunError, models, progress
from magicoder_flash_attention.examples import Examples

KEPT = 8
"""Sets of rows that are kept: those used last."""

_FORGOTTEN = 24 * 3600
"""Seconds after which a folder that nobody writes to is one that a kill left."""


def examples(key: str, write: Callable[[Path], None]) -> tuple[Examples, bool]:
    """The examples of ``key``, and whether they were there before; else ``write`` fills a folder with them.

    Several processes may ask at once (the ranks of one training do): one writes, the others wait for it.

    Args:
        key: hex digits; other rows or options have another.
        write: is given an empty folder; what it raises passes, and leaves nothing.

    Raises:
        RunError: the cache cannot be written.
    """
    folder = models.cache_dir() / "encoded"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, key):
            if found := _found(folder / key):
                return found, True
            _write(folder, key, write)
            _tidy(folder)
            return Examples.load(folder / key), False
    except OSError as error:
        raise RunError(
            f"trainer: {folder}: cannot keep the encoded rows there ({error.strerror or error}); "
            "make room, or name another folder by MAGICODER_CACHE"
        ) from error


def _found(entry: Path) -> Examples | None:
    if not entry.is_dir():
        return None
    try:
        made = Examples.load(entry)
    except (OSError, ValueError) as error:
        progress.say(f"encoded rows in the cache are damaged ({' '.join(str(error).split())}): encoding them anew")
        shutil.rmtree(entry)
        return None
    os.utime(entry)
    return made


def _write(folder: Path, key: str, write: Callable[[Path], None]) -> None:
    for stale in folder.glob(f"{key}.*.part"):
        shutil.rmtree(stale, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".part", dir=folder))
    try:
        write(part)
        part.chmod(0o755)
        part.rename(folder / key)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Remove all but the sets used last, and what a kill left of other keys."""
    ranked = sorted(_aged(folder, "*"), reverse=True)
    whole = [(age, path) for age, path in ranked if path.suffix != ".part"]
    torn = [path for age, path in ranked if path.suffix == ".part" and age < time.time() - _FORGOTTEN]
    for path in [*(path for _, path in whole[KEPT:]), *torn]:
        shutil.rmtree(path, ignore_errors=True)


def _aged(folder: Path, pattern: str) -> Iterator[tuple[float, Path]]:
    """Folders with the time of their last use; of one that is being written, of the last write."""
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # another process tidies too
            if path.is_dir():
                inner = path.iterdir() if path.suffix == ".part" else ()
                yield max(item.stat().st_mtime for item in (path, *inner)), path


@contextmanager
def _alone(folder: Path, key: str) -> Iterator[None]:
    """Within the block no other process encodes this key. The kernel frees the lock even after a kill -9."""
    # By the first digit: few lock files, which nobody has to remove.
    with (folder / f"{key[0]}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another process is encoding rows; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
