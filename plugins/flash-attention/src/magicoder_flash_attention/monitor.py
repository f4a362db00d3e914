"""What is seen of a training while it runs: a line of JSON for each step, a picture of the loss, the progress bar.

What hangs on the machine (seconds, speed, memory) is kept apart from what does not: only the latter becomes part of
the checkpoint, whose bytes are the same wherever it is made.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.progress import Advance
from magicoder_flash_attention import curve, processes
from magicoder_flash_attention.work import Work

LOG = "training.jsonl"
PICTURE = "loss.svg"

_REDRAWN = 10.0
"""Seconds after which the picture is drawn anew, at the earliest."""


class Monitor:
    """Tells of each step.

    Args:
        folder: where `LOG` and `PICTURE` go; None: nowhere.
        work: the steps.
        advance: of the progress bar.
    """

    def __init__(self, folder: Path | None, work: Work, advance: Advance) -> None:
        self._folder = folder if processes.leads() else None
        self._work = work
        self._advance = advance
        self._began = self._since = self._drawn = time.monotonic()
        self._before, self._seconds = 0, 0.0
        self._lines: list[dict[str, Any]] = []
        if self._folder:
            with self._kept():
                self._folder.mkdir(parents=True, exist_ok=True)

    def begin(self, history: Iterable[Mapping[str, Any]], done: int) -> None:
        """Go on after ``done`` steps: lines of steps that are done again are dropped from the log."""
        self._lines = [dict(line) for line in history]
        self._before = done
        self._since = time.monotonic()
        if done:
            self._advance(done)
        if self._folder is None:
            return
        with self._kept():
            kept = [line for line in _read(self._folder / LOG) if line.get("step", done + 1) <= done]
            jsonl.write(self._folder / LOG, kept if done else [])

    def start(self) -> None:
        """A step begins."""
        self._began = time.monotonic()

    def end(self) -> None:
        """A step is done; what is looked at between steps does not count."""
        self._seconds = time.monotonic() - self._began

    def lasting(self, number: int) -> dict[str, Any]:
        """What is true of a step on any machine: tokens of its rows, supervised ones, share of padding."""
        size = self._work.size(number)
        return {
            "tokens": size.useful,
            "supervised_tokens": size.supervised,
            "padding": round(1 - size.useful / size.processed, 6) if size.processed else 0.0,
        }

    def step(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Take note of a step; gives what else there is to know of it."""
        seconds = self._seconds
        done = line["step"] - self._before
        left = (len(self._work) - line["step"]) * (time.monotonic() - self._since) / max(done, 1)
        passing = {
            "seconds": round(seconds, 3),
            "useful_tokens_per_second": round(line["tokens"] / max(seconds, 1e-9), 1),
            "peak_memory_gib": round(_peak() / 2**30, 3),
            "seconds_left": round(left, 1),
        }
        self.line({**line, **passing})
        shown = {"held_out_loss": round(line["held_out_loss"], 4)} if "held_out_loss" in line else {}
        self._advance(
            1, loss=round(line["loss"], 4), tokens_per_second=round(passing["useful_tokens_per_second"]), **shown
        )
        return passing

    def line(self, line: Mapping[str, Any]) -> None:
        """Add a line to the log, and draw the picture anew now and then."""
        self._lines.append(dict(line))
        if self._folder is None:
            return
        with self._kept():
            with (self._folder / LOG).open("ab") as log:
                log.write(jsonl.encoded(line) + b"\n")
            if time.monotonic() - self._drawn > _REDRAWN:
                self._draw(self._folder)

    def draw(self) -> None:
        """Draw the loss."""
        if self._folder is not None:
            with self._kept():
                self._draw(self._folder)

    def _draw(self, folder: Path) -> None:
        loss = [(line["step"], line["loss"]) for line in self._lines if "loss" in line]
        held = [(line["step"], line["held_out_loss"]) for line in self._lines if "held_out_loss" in line]
        jsonl.write_text(folder / PICTURE, curve.picture("Loss (nats per supervised token)", loss, held))
        self._drawn = time.monotonic()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """The log and the picture are not worth a training: if they cannot be written, that is said, once."""
        try:
            yield
        except OSError as error:
            progress.say(
                f"warning: {self._folder} cannot be written ({error.strerror}): the training goes on without its log"
            )
            self._folder = None

    def keep(self, name: str, value: Any) -> Path | None:
        """Write a JSON file beside the log; gives where."""
        if self._folder is None:
            return None
        path = self._folder / name
        with self._kept():
            jsonl.write_json(path, value)
        return path


def _read(path: Path) -> list[dict[str, Any]]:
    """The log's lines; a torn one, which a kill leaves, is dropped."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(jsonl.decoded(line))
        except ValueError:
            continue
    return found


def _peak() -> float:
    """The most memory so far, in bytes: the GPU's, or without one this process's."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
