"""The program that serves one model: the child process of the teacher `llama-cpp`.

    python -m magicoder_llama_cpp.server

Its settings come as one line of JSON on stdin, where nobody else on the machine can read the key; its address goes
as one line to stdout once the model answers; what it has to say goes to stderr. It ends when stdin does: its
parent holds the other end and never writes again, so the kernel ends both together, even after a kill -9.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""

_WARNINGS = 2
"""llama.cpp's verbosity from which on it tells of each request."""


def main() -> None:
    """Serve until stdin ends."""
    settings = json.loads(sys.stdin.buffer.readline())
    _end_with(settings["parent"])
    # llama.cpp may print to stdout; that line is ours.
    announce = os.dup(1)
    os.dup2(2, 1)
    server = _serve(settings)
    os.write(announce, f"{server.listening_address}\n".encode())
    sys.stdin.buffer.read()
    # Not sys.exit: requests under way, which nobody waits for now, would be finished first.
    os._exit(0)


def _end_with(parent: int) -> None:
    """Die when the parent does. Linux only; elsewhere the end of stdin must do, which is seen once the model is loaded.

    xllamacpp holds the GIL while it loads a model, so that no thread of ours could watch stdin meanwhile.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(0)


def _serve(settings: dict[str, Any]) -> Any:
    """A running server; its constructor returns when the model is loaded.

    Raises:
        SystemExit: llama.cpp cannot serve the model. Why is in its log, which a thread of its own writes to stderr: a
            traceback of ours would fall into the middle of that.
    """
    import xllamacpp  # type: ignore[import-untyped]  # ships no types

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["alias"]}
    params.port = 0
    params.api_keys = [settings["key"]]
    params.ui = False
    params.offline = True
    params.verbosity = _WARNINGS
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["parallel"] * settings["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    # As many connections as the teacher may open, so that none waits for the idle time-out of another.
    params.n_threads_http = settings["connections"] + 2
    # Up to 8 GiB of old conversations otherwise; each slot still keeps its own last prompt.
    params.cache_ram_mib = 0
    # Fitting to a GPU's memory loads the model twice.
    params.fit_params = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        # The log's thread is not waited for at exit, and on a busy machine it has not written the reason yet.
        time.sleep(0.5)
        sys.exit(1)


if __name__ == "__main__":
    main()
