"""How far a chain has come: what an interrupted try left, believed only where it fits the same work and the files.

The state is written from time to time, and only when the disk has what it speaks of: after a power cut a state without
its rows would be believed.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError

FORM = 1
"""Of the state file; another one is not believed."""

_EVERY = 0.5
"""Seconds between two saves: what lies between is done again after a kill."""


def read(path: Path) -> dict[str, Any]:
    """The state that an earlier try left; empty if there is none that can be read."""
    try:
        state: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("form") == FORM else {}


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state, whole."""
    jsonl.write_json(path, {"form": FORM, **state})


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the work whose state is at ``path`` for this process.

    Raises:
        RunError: another process holds it.
    """
    lock = path.with_name(f"{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(held)
            raise RunError(f"{lock}: another magicoder writes these files; wait for it or end it") from error
        if lock.exists() and os.path.samestat(os.fstat(held), lock.stat()):
            break
        os.close(held)  # its holder took it away meanwhile
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(held)


class Saver:
    """Saves a state now and then, while the work goes on.

    Args:
        path: of the state.
        descriptors: files that it speaks of.
        snapshot: hands all that was written to the system, and gives the state of now.
    """

    def __init__(self, path: Path, descriptors: Sequence[int], snapshot: Callable[[], Mapping[str, Any]]) -> None:
        self._path, self._descriptors, self._snapshot = path, descriptors, snapshot
        self._next: Mapping[str, Any] = {}
        self._saved = time.monotonic()
        self._disk: threading.Thread | None = None
        self._failed: list[OSError] = []

    def now_and_then(self) -> None:
        """Begin to save the state of now, if the last time is a while ago; it is written when the disk has what it says.

        Raises:
            OSError: the disk failed.
        """
        if self._disk is not None:
            if self._disk.is_alive():
                return
            self._disk = None
            self._raise()
            # Half of one is none; it need not be durable itself.
            part = self._path.with_name(f"{self._path.name}.part")
            part.write_text(json.dumps({"form": FORM, **self._next}), encoding="ascii")
            part.replace(self._path)
        now = time.monotonic()
        if now - self._saved >= _EVERY:
            self._saved = now
            self._next = self._snapshot()
            self._disk = threading.Thread(target=self._sync, name="state", daemon=True)
            self._disk.start()

    def last(self, **more: Any) -> None:
        """Save the state of now, once the disk has what it speaks of.

        Raises:
            OSError: the disk failed.
        """
        self.close()
        state = self._snapshot()
        self._sync()
        self._raise()
        write(self._path, {**state, **more})

    def close(self) -> None:
        """Wait for the disk."""
        if self._disk is not None:
            self._disk.join()
            self._disk = None

    def _sync(self) -> None:
        try:
            for descriptor in self._descriptors:
                os.fdatasync(descriptor)
        except OSError as error:
            self._failed.append(error)

    def _raise(self) -> None:
        if self._failed:
            raise self._failed[0]
