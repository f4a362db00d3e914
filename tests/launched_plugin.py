"""The trainer `joint`, whose processes meet by torch's own means: it ends only if all ranks of the launch call it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from magicoder_core import Checkpoint, Trainer, hookimpl, jsonl


@dataclass(frozen=True, kw_only=True)
class Joint(Trainer):
    """Sums the ranks, each counted from 1; a line for each rank's call goes to a file."""

    base_model: Annotated[str, "what it starts from"] = "nothing"
    log: Annotated[Path, "the file"]
    mode: Annotated[str, "fine; or which rank fails, as fail-1; or hang"] = "fine"
    pause: Annotated[float, "seconds before it begins"] = 0.0

    def train(self, data, output):
        import torch
        import torch.distributed as dist

        rank = int(os.environ["RANK"])
        rows = [row.id for row in data]
        jsonl.write_json(self.log.with_name(f"call-{rank}-{time.monotonic_ns()}.json"), self._call(data, rows, output))
        if not dist.is_initialized():  # once for all trainers of the process, as accelerate does
            dist.init_process_group("gloo", timeout=timedelta(seconds=60))
        total = torch.tensor([rank + 1])
        dist.all_reduce(total)
        if self.mode == f"fail-{rank}":
            raise ValueError(f"rank {rank} is tired")
        if self.mode == "hang":
            time.sleep(60)
        time.sleep(self.pause)
        dist.barrier()
        if rank == 0:
            jsonl.write_json(output / "model.json", [int(total), rows, self.base_model])
        return Checkpoint(
            path=str(output), base_model=self.base_model, digest=jsonl.digest(output) if rank == 0 else ""
        )

    def _call(self, data, rows, output):
        """What a rank was called with, all of it."""
        return {
            "rows": rows,
            "data": [str(data.path), data.rows, data.seed, data.shuffle, str(data.logs), dict(data.sources)],
            "output": str(output),
            "options": [self.base_model, self.mode, self.pause],
        }


@hookimpl
def trainer():
    return {"joint": Joint}
