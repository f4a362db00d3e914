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
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.filtering.outputs import Growing, naming

FORM = 1
"""Of the state file; another one is not believed."""

_EVERY = 0.5
"""Seconds between two saves: what lies between is done again after a kill."""

_SHOWN = 5
"""Names of a list that a message tells."""


def read(path: Path) -> dict[str, Any]:
    """The state that an earlier try left; empty if there is none that can be read."""
    try:
        state: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("form") == FORM else {}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two keys of a job, one phrase each: which filters, which option of which filter, which files."""
    from magicoder_core import rundir

    names = {"filters": "use", "inputs": "path"}
    lists = [name for name in names if isinstance(before.get(name), list) and isinstance(after.get(name), list)]
    told: list[str] = []
    for name in lists:
        told += _items(name, before[name], after[name], names[name])
    if before.get("outputs") != after.get("outputs"):
        told += [f"outputs: {_named(before.get('outputs') or ())} -> {_named(after.get('outputs') or ())}"]
    apart = {*lists, "outputs"}
    rest = ({name: value for name, value in key.items() if name not in apart} for key in (before, after))
    return told + rundir.differences(*rest)


def _items(
    kind: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], by: str
) -> Iterator[str]:
    """What differs between two lists of items with names: the names, then what is within those of one name."""
    from magicoder_core import rundir

    old, new = [str(item[by]) for item in before], [str(item[by]) for item in after]
    if old != new:
        yield f"{kind}: {_named(old)} -> {_named(new)}"
    earlier = _by_name(before, by)
    for name, item in _by_name(after, by).items():
        for change in rundir.differences(earlier.get(name, item), item):
            yield f"{name}: {change.removeprefix('options.')}"


def _by_name(items: Sequence[Mapping[str, Any]], by: str) -> dict[str, Mapping[str, Any]]:
    """Items by their names; further ones of a name with a number, from 2."""
    found: dict[str, Mapping[str, Any]] = {}
    counts = Counter[str]()
    for item in items:
        name = str(item[by])
        counts[name] += 1
        found[name if counts[name] == 1 else f"{name} ({counts[name]})"] = item
    return found


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state, whole."""
    jsonl.write_json(path, {"form": FORM, **state})


@contextmanager
def locked(*outputs: Path) -> Iterator[None]:
    """Hold the work that writes some files for this process.

    Raises:
        RunError: another process writes one of them.
    """
    with ExitStack() as stack:
        # In an order that is everybody's, so that of two that begin at once one goes on.
        for path in sorted(outputs):
            stack.enter_context(_locked(path.with_name(f"{path.name}.lock")))
        yield


@contextmanager
def _locked(lock: Path) -> Iterator[None]:
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
        files: those that it speaks of.
        snapshot: hands all that was written to the system, and gives the state of now.
    """

    def __init__(self, path: Path, files: Sequence[Growing], snapshot: Callable[[], Mapping[str, Any]]) -> None:
        self._path, self._files, self._snapshot = path, files, snapshot
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
            with naming(part):
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
            for file in self._files:
                file.sync()
        except OSError as error:
            self._failed.append(error)

    def _raise(self) -> None:
        if self._failed:
            raise self._failed[0]
