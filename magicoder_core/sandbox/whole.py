"""Whole programs: run as a script, passed if they run to their end without an exception."""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import replace

from magicoder_core.sandbox.box import Box, Gone
from magicoder_core.sandbox.ending import failed, judged, silent
from magicoder_core.sandbox.isolation import Isolation
from magicoder_core.sandbox.program import Outcome


class _Printed:
    """Reads what a program prints, all of it, and keeps the first ``most`` bytes."""

    def __init__(self, box: Box, most: int) -> None:
        # A descriptor of its own: the box closes the other one when it ends, which could be while we read.
        self._pipe = os.dup(box.output)
        self._most = most
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with os.fdopen(self._pipe, "rb", buffering=0) as pipe:
            while block := pipe.read(1 << 16):
                self._kept += block[: self._most - len(self._kept)]

    def text(self) -> str:
        """What was printed. Waits a second for the rest: something left behind may hold the pipe open."""
        self._thread.join(1.0)
        return bytes(self._kept).decode("utf-8", "replace")


def run_one(isolation: Isolation, box: Box) -> Outcome:
    """Judge the program in ``box`` (begun, not serving) by whether it runs to its end.

    An exit status says nothing: only a program that ran past its last line fetches the token of this run, which
    is in no memory and no file of the box before, and gives it back.
    """
    printed = _Printed(box, box.limits.output_bytes)
    token = secrets.token_hex(16)
    try:
        box.channel.send({"token": token})
        message = box.channel.receive()
    except Gone as gone:
        outcome = silent(box, isolation, gone, "the program ended before its last line")
    else:
        done = isinstance(said := message.get("done"), str) and secrets.compare_digest(said.encode(), token.encode())
        outcome = judged(box, isolation, "pass", "", stop=True) if done else failed(box, isolation, message)
    return replace(outcome, stdout=printed.text())
