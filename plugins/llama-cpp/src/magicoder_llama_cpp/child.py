"""The child process that serves a model, as its parent sees it: started, asked for its address, ended."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from magicoder_core import ModelError, progress

_TAIL = 100
"""Lines of the child's log that are kept."""

_LINE = 300
"""Characters of one of them."""


def cores() -> int:
    """Cores that this process may use: its affinity, and the quota of its container, if there is one."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no cgroup v2, or "max": no quota
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, int(quota) // int(period)))
    return count


class Child:
    """A server process of our own. Made and ended in the event loop's thread: it dies with the thread that made it.

    Args:
        name: the model as the user named it.
        path: its file.
        parallel: requests answered at a time.
        context: tokens of each.
        threads: cores to use.
        connections: HTTP connections that may be open at a time.
    """

    def __init__(self, name: str, path: Path, *, parallel: int, context: int, threads: int, connections: int) -> None:
        self.key = secrets.token_urlsafe(24)
        self._name = name
        self._loaded = False
        self._log: collections.deque[str] = collections.deque(maxlen=_TAIL)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "magicoder_llama_cpp.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # llama.cpp's threads otherwise spin where they wait: 9 times slower on a machine that has other work.
            env={"OMP_WAIT_POLICY": "passive", **os.environ},
            # Ctrl-C is for us: answers under way are still wanted then.
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._send(
            {
                "parent": os.getpid(),
                "path": str(path),
                "alias": name,
                "key": self.key,
                "parallel": parallel,
                "context": context,
                "threads": threads,
                "connections": connections,
            }
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    async def address(self) -> str:
        """Its address, as ``http://127.0.0.1:40123``, once the model is loaded.

        Raises:
            ModelError: it ended before that; the message has its first error.
        """
        with progress.task(f"load {self._name}"):
            line = await asyncio.to_thread(_pipe(self._process.stdout).readline)
        if line:
            self._loaded = True
            return line.decode("ascii").strip()
        self._process.wait()
        self._listener.join()
        raise ModelError(f"model '{self._name}' cannot be served: {self.last_words()}")

    def last_words(self) -> str:
        """How it ended, and the error that tells most: where loading fails, the later ones only repeat the first."""
        status = self._process.poll()
        how = f"ended with status {status}"
        if status is not None and status < 0:
            how = f"ended by {signal.Signals(-status).name}"
        if status == -signal.SIGKILL:
            how += " (as the kernel does when memory runs out)"
        errors = [line for line in map(_error, self._log) if line]
        return f"its server {how}" + (f": {errors[-1 if self._loaded else 0]}" if errors else "")

    def end(self) -> None:
        """End it now and let go of its pipes. It holds nothing that is worth a farewell."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(BrokenPipeError):
                _pipe(pipe).close()

    def _send(self, settings: dict[str, object]) -> None:
        with contextlib.suppress(BrokenPipeError):  # ended already; `address` says why
            pipe = _pipe(self._process.stdin)
            pipe.write(json.dumps(settings).encode() + b"\n")
            pipe.flush()

    def _listen(self) -> None:
        for line in _pipe(self._process.stderr):
            self._log.append(line.decode("utf-8", "replace")[:_LINE].strip())


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - Popen made it
    return pipe


def _error(line: str) -> str | None:
    """The message of a line of llama.cpp's log (time, level E, function), of its assertions, or of a Python error."""
    found = re.match(r"[\d.]+ E (?:\S+: )?(.*)|(.*GGML_ASSERT.*|(?:\w+\.)*\w*(?:Error|Exception)\b.*)", line)
    return (found[1] or found[2]) if found else None
