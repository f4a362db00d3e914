"""What lets a killed training go on: checkpoints that are sealed when they are whole.

transformers writes a checkpoint in place, file by file, and would resume from an empty folder. Here a checkpoint
counts only with its seal, a file beside it that is written afterwards and holds the sha256 of what it seals and
the key of the training: a torn, damaged or foreign one is thrown away.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from magicoder_core import jsonl, progress

KEPT = 2
"""Checkpoints that transformers keeps: it removes the older one before the newer one is sealed."""


def seal(checkpoint: Path, key: str) -> None:
    """Declare a checkpoint folder whole."""
    jsonl.write_json(_seal(checkpoint), {"key": key, "digest": jsonl.digest(checkpoint)})


def newest(state: Path, key: str) -> Path | None:
    """The newest whole checkpoint in ``state`` that was made under ``key``; whatever else lies there is removed."""
    found = sorted(state.glob("checkpoint-*/"), key=_step, reverse=True)
    whole = next((folder for folder in found if _is_whole(folder, key)), None)
    kept = {whole, _seal(whole)} if whole else set()
    for path in state.glob("*"):
        if path not in kept:
            _remove(path)
    if whole is None and found:
        progress.say("the interrupted training left no whole checkpoint of these rows and options: it starts anew")
    return whole


def _is_whole(checkpoint: Path, key: str) -> bool:
    if not _seal(checkpoint).is_file():
        return False
    said = json.loads(_seal(checkpoint).read_text("utf-8"))
    return bool(said["key"] == key and said["digest"] == jsonl.digest(checkpoint))


def _seal(checkpoint: Path) -> Path:
    return checkpoint.with_name(checkpoint.name + ".json")


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
