"""The trainers `joint`, whose processes meet in each of its trainings, and `alone`, which knows of no others.

They meet by torch's own means, or by files, which needs no torch and is as strict: all trainings of a process have one
group, as with accelerate, and what two of them send at once is paired, whoever meant it for whom.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from magicoder_core import Checkpoint, Trainer, hookimpl, jsonl

_sent = []


@dataclass(frozen=True, kw_only=True)
class Joint(Trainer):
    """Sums the ranks, each counted from 1; a line for each rank's call goes to a file."""

    joint: ClassVar[bool] = True

    base_model: Annotated[str, "what it starts from"] = "nothing"
    log: Annotated[Path, "the file"]
    mode: Annotated[str, "fine; or which rank fails, as fail-1 (early-1: before it meets anybody); or hang"] = "fine"
    way: Annotated[str, "how the processes meet: files or gloo"] = "files"
    pause: Annotated[float, "seconds before it begins"] = 0.0
    linger: Annotated[float, "seconds that all ranks but the first stay after the rest is done"] = 0.0

    def train(self, data, output):
        rank = int(os.environ["RANK"])
        rows = [row.id for row in data]
        jsonl.write_json(self.log.with_name(f"call-{rank}-{time.monotonic_ns()}.json"), self._call(data, rows, output))
        self._fail("early", rank)
        total = self._sum(rank, output)
        self._fail("fail", rank)
        time.sleep(60 if self.mode == "hang" else self.pause)
        self._sum(rank, output)
        time.sleep(self.linger if rank else 0.0)
        if rank == 0:
            jsonl.write_json(output / "model.json", [total, rows, self.base_model])
        return Checkpoint(
            path=str(output), base_model=self.base_model, digest=jsonl.digest(output) if rank == 0 else ""
        )

    def _fail(self, when, rank):
        if self.mode == f"{when}-{rank}":
            raise ValueError(f"rank {rank} is tired")

    def _sum(self, rank, output):
        return self._by_gloo(rank) if self.way == "gloo" else self._by_files(rank, output)

    def _by_gloo(self, rank):
        import torch
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group("gloo", timeout=timedelta(seconds=60))
        total = torch.tensor([rank + 1])
        dist.all_reduce(total)
        return int(total)

    def _by_files(self, rank, output):
        group = self.log.with_name(f"group-{os.environ['MASTER_PORT']}")
        ranks = range(int(os.environ["WORLD_SIZE"]))
        number = len(_sent)
        _sent.append(output)
        jsonl.write_json(group / f"{number}-{rank}", {"rank": rank + 1, "output": str(output)})
        deadline = time.monotonic() + 60
        while not all((group / f"{number}-{other}").is_file() for other in ranks):
            if time.monotonic() > deadline:
                raise TimeoutError("nobody is there")
            time.sleep(0.01)
        met = [json.loads((group / f"{number}-{other}").read_text()) for other in ranks]
        if len({each["output"] for each in met}) > 1:
            raise RuntimeError("two trainings were paired")
        return sum(each["rank"] for each in met)

    def _call(self, data, rows, output):
        """What a rank was called with, all of it."""
        return {
            "rows": rows,
            "data": [str(data.path), data.rows, data.seed, data.shuffle, str(data.logs), dict(data.sources)],
            "output": str(output),
            "options": [self.base_model, self.mode, self.pause],
        }


@dataclass(frozen=True, kw_only=True)
class Alone(Trainer):
    """Does all of its work in one process."""

    def train(self, data, output):
        raise AssertionError("it was begun in a launch")


@hookimpl
def trainer():
    return {"joint": Joint, "alone": Alone}
