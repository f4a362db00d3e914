"""Small providers for matrices of runs: they note in a file what they did, so that work done twice is seen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from magicoder_core import Checkpoint, Instruction, Method, Request, Trainer, hookimpl, jsonl


@dataclass(frozen=True, kw_only=True)
class Once(Method):
    """Asks about a snippet once, and takes the answer for the solution."""

    wording: Annotated[str, "of the question"] = "What is this?"

    async def instruct(self, snippet, ask):
        reply = await ask(Request.of(f"{self.wording} {snippet.id}"))
        return Instruction(
            problem=f"{self.wording} {snippet.id}",
            solution=reply.text,
            language=snippet.language,
            method="once",
            parent=snippet.id,
        )


@dataclass(frozen=True, kw_only=True)
class Learner(Trainer):
    """Learns how many rows there are; its loss is its learning rate."""

    base_model: Annotated[str, "what it starts from"] = "nothing"
    learning_rate: Annotated[float, "its loss in the end; below 0 it fails"] = 1.0
    pause: Annotated[float, "seconds that it takes"] = 0.0
    log: Annotated[Path | None, "a file that gets a line for each training"] = None

    def train(self, data, output):
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{Path(self.base_model).name} {self.learning_rate} {data.rows}\n")
        if self.learning_rate < 0:
            raise ValueError("it climbs")
        time.sleep(self.pause)
        before = Path(self.base_model, "model.json")
        known = before.read_text() if before.is_file() else ""
        (output / "model.safetensors").write_bytes(b"weights")
        jsonl.write_json(output / "model.json", [known, self.learning_rate, [row.id for row in data]])
        jsonl.write(
            data.logs / "training.jsonl", [{"step": step, "loss": self.learning_rate + 1 - step} for step in (0, 1)]
        )
        return Checkpoint(path=str(output), base_model=self.base_model, digest=jsonl.digest(output))


@hookimpl
def method():
    return {"once": Once}


@hookimpl
def trainer():
    return {"learner": Learner}
