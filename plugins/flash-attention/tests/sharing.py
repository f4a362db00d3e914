"""Run by several processes: trainings one after the other, some of them stopped and gone on with."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def force_fsdp():
    """Have FSDP2 as transformers and accelerate prepare it, though on CPUs.

    accelerate 1.15 passes over FSDP where it finds no GPU, and is told here that it shall not. All else is what runs on
    GPUs.
    """
    from accelerate import state
    from accelerate.utils import DistributedType
    from magicoder_flash_attention import processes

    kept = state.AcceleratorState.__init__

    def init(self, *args, fsdp_plugin=None, **named):
        kept(self, *args, fsdp_plugin=fsdp_plugin, **named)
        if fsdp_plugin is not None:
            if self._mixed_precision != "no":
                fsdp_plugin.set_mixed_precision(self._mixed_precision)
            self.distributed_type = DistributedType.FSDP
            self.fsdp_plugin = fsdp_plugin
            state.PartialState._shared_state["distributed_type"] = self.distributed_type

    state.AcceleratorState.__init__ = init
    processes.possible = lambda _: None


def force_deepspeed():
    """Have DeepSpeed on CPUs, where transformers, told to use these, would leave it out."""
    import transformers
    from magicoder_flash_attention import processes

    os.environ["DS_ACCELERATOR"] = "cpu"
    kept = transformers.TrainingArguments.__init__

    def init(self, *args, use_cpu=None, **named):
        kept(self, *args, use_cpu=False, **named)

    transformers.TrainingArguments.__init__ = init
    processes.possible = lambda _: None


class StoppedError(Exception):
    """In the middle of a training."""


def stop_after(steps, *, dead=None):
    """Have the next training stop after so many steps; or have one of the processes killed there, without a word."""
    from magicoder_flash_attention.loop import Loop

    kept, calls = Loop._check_losses, []

    def stop(self, *args):
        kept(self, *args)
        calls.append(1)
        if len(calls) == steps + 1:
            Loop._check_losses = kept
            if dead is None:
                raise StoppedError
            if int(os.environ.get("RANK", "0")) == dead:
                os.kill(os.getpid(), signal.SIGKILL)

    Loop._check_losses = stop


def main(rows, output, cases):
    from magicoder_flash_attention import FlashAttentionTrainer

    from magicoder_core import TrainingData

    for name, case in cases.items():
        subject, stopped, data = (
            FlashAttentionTrainer(**case["options"]),
            case.get("stopped"),
            TrainingData(rows, 21, 7),
        )
        if stopped:
            stop_after(stopped)
            try:
                subject.train(data, output / name)
            except StoppedError:
                found = [path.name for path in (output / name / "state").iterdir()]
                assert found == [f"checkpoint-{stopped}"], found
            else:
                raise AssertionError("it was not stopped")
        subject.train(data, output / name)


if __name__ == "__main__":
    if sys.argv[4:] == ["fsdp-on-cpus"]:
        force_fsdp()
    elif sys.argv[4:] == ["deepspeed-on-cpus"]:
        force_deepspeed()
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
