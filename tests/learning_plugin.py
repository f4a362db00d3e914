"""The trainer `learner` and the teacher `reciter`, which serves its checkpoints: no model, and all that a stage can see.

A checkpoint is ``model.json``: the base's lessons and one more, the rows in the order in which they were learned.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from magicoder_core import Checkpoint, ModelError, Reply, Teacher, Trainer, hookimpl, jsonl

BASES = ("tiny", "small")


@dataclass(frozen=True, kw_only=True)
class Learner(Trainer):
    """Learns ids by heart, one row after another, and keeps its state as it goes."""

    base_model: Annotated[str, "tiny, small or a folder"]
    epochs: Annotated[int, "changes the key and nothing else"] = 1
    pause: Annotated[float, "seconds for each row"] = 0.0
    stop_at: Annotated[Path | None, "while this file is there, training stops after the rows that it names"] = None
    log: Annotated[Path | None, "a file that gets a line for each row that is learned"] = None

    def check(self):
        if self.base_model not in BASES:
            raise ModelError(f"model '{self.base_model}': there are {BASES}")

    def train(self, data, output):
        assert data.logs.is_dir()
        state = output / "state.json"
        seen = json.loads(state.read_text()) if state.exists() else []
        rows = list(data) if not data.shuffle else sorted(data, key=lambda row: row.id)
        assert len(rows) == data.rows
        for row in rows[len(seen) :]:
            if self.stop_at and self.stop_at.exists() and len(seen) == int(self.stop_at.read_text()):
                raise KeyboardInterrupt
            time.sleep(self.pause)
            seen.append(row.id)
            jsonl.write_json(state, seen)
            for file in (self.log, data.logs / "training.jsonl"):
                if file:
                    with file.open("a") as lines:
                        lines.write(f'{{"base": "{Path(self.base_model).name}", "row": "{row.id}"}}\n')
        state.unlink(missing_ok=True)
        base = Path(self.base_model) / "model.json"
        before = json.loads(base.read_text()) if base.exists() else [self.base_model]
        jsonl.write_json(output / "model.json", [*before, [data.base_model, data.seed, *seen]])
        return Checkpoint(path=str(output), base_model=self.base, digest=jsonl.digest(output))


@dataclass(frozen=True, kw_only=True)
class Fixed(Trainer):
    """Has no option for its base."""

    def train(self, data, output):
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Reciter(Teacher):
    """Is right as often as it has had lessons."""

    model: Annotated[str, "a folder, or the name of a base"]

    @property
    def lessons(self):
        path = Path(self.model) / "model.json"
        return len(json.loads(path.read_text())) - 1 if path.exists() else 0

    @property
    def identity(self):
        return f"{Path(self.model).name} {self.lessons}"

    async def complete(self, request):
        number = int(request.messages[-1].content.split(":")[0].split("/")[1])
        return Reply(text="right" if number < self.lessons else "wrong")


@hookimpl
def trainer():
    return {"learner": Learner, "fixed": Fixed}


@hookimpl
def teacher():
    return {"reciter": Reciter}
