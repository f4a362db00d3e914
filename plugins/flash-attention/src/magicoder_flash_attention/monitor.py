"""What is seen of a training while it runs: a line of JSON for each step, a picture of the loss, the progress bar.

What hangs on the machine (seconds, speed, memory) is kept apart from what does not: only the latter becomes part of
the checkpoint, whose bytes are the same wherever it is made.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
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
        self._before = 0
        self._lines: list[dict[str, Any]] = []
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)

    def begin(self, history: Iterable[Mapping[str, Any]], done: int) -> None:
        """Go on after ``done`` steps: lines of steps that are done again are dropped from the log."""
        self._lines = [dict(line) for line in history]
        self._before = done
        self._since = time.monotonic()
        if done:
            self._advance(done)
        if self._folder:
            kept = [line for line in _read(self._folder / LOG) if line.get("step", done + 1) <= done]
            jsonl.write(self._folder / LOG, kept if done else [])

    def start(self, _: int) -> None:
        """A step begins."""
        self._began = time.monotonic()

    def lasting(self, number: int) -> dict[str, Any]:
        """What is true of a step on any machine: tokens of its rows, supervised ones, share of padding."""
        size = self._work.size(number)
        return {
            "tokens": size.useful,
            "supervised_tokens": size.supervised,
            "padding": round(1 - size.useful / size.processed, 6) if size.processed else 0.0,
        }

    def step(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """A step is done; gives what else there is to know of it."""
        seconds = time.monotonic() - self._began
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
        with (self._folder / LOG).open("ab") as log:
            log.write(jsonl.encoded(line) + b"\n")
        if time.monotonic() - self._drawn > _REDRAWN:
            self.draw()

    def draw(self) -> None:
        """Draw the loss."""
        if self._folder is None:
            return
        loss = [(line["step"], line["loss"]) for line in self._lines if "loss" in line]
        held = [(line["step"], line["held_out_loss"]) for line in self._lines if "held_out_loss" in line]
        jsonl.write_text(self._folder / PICTURE, curve.picture("Loss (nats per supervised token)", loss, held))
        self._drawn = time.monotonic()

    def keep(self, name: str, value: Any) -> Path | None:
        """Write a JSON file beside the log; gives where."""
        if self._folder is None:
            return None
        jsonl.write_json(self._folder / name, value)
        return self._folder / name


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
