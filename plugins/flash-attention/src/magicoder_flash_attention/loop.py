"""The training itself: transformers' Trainer with our steps, our loss, our checks and our checkpoints.

To the Trainer a batch is a whole optimizer step; that it is computed in micro-batches, as many as the step needs, and
by several processes, is settled here. The loss of a token weighs what the plan says, whatever the arrangement, so all
arrangements take the same steps.

Imported when training starts: it needs torch and transformers.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import safetensors
import torch
import transformers
from accelerate.utils import DistributedType  # type: ignore[import-untyped]  # accelerate's

from magicoder_core import RunError
from magicoder_flash_attention import processes, resume, sharded
from magicoder_flash_attention.monitor import Monitor
from magicoder_flash_attention.work import Step, Work

_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED)
"""Kinds of sharding, in which each micro-batch's gradient is passed on at once: whole ones would not fit."""

_NAMES = (
    "step",
    "epoch",
    "loss",
    "held_out_loss",
    "grad_norm",
    "learning_rate",
    "tokens",
    "supervised_tokens",
    "padding",
)
"""What is kept of each step, see `Loop.history`."""

_UNWRITTEN = ("PytorchStreamWriter", "inline_container")
"""What torch's errors speak of when a file could not be written whole; they are plain RuntimeErrors."""

_NAMED = 8
"""Rows that an error names; a file has all of them."""


class Loop(transformers.Trainer):
    """Trains a model along its `Work`.

    Args:
        model: what is trained; takes what `batches.collate` makes, and gives ``loss``.
        args: of transformers; ``output_dir`` holds the checkpoints.
        work: the steps.
        monitor: told of each step.
        facts: what the training is made of, for its checkpoints.
        begin: called when model and optimizer are in place, before the first step.
        eval_steps: after how many steps the held-out rows are looked at; 0: before the first and after the last only.
    """

    def __init__(
        self,
        model: Any,
        args: transformers.TrainingArguments,
        *,
        work: Work,
        monitor: Monitor,
        facts: resume.Facts,
        begin: Any,
        eval_steps: int = 0,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=work, callbacks=[_Begin(self)])
        self.remove_callback(transformers.PrinterCallback)
        sharded.exact(self.accelerator)
        self.work = work
        self._monitor = monitor
        self._facts = facts
        self._prepared = begin
        self._eval_steps = eval_steps
        self._saving: str | None = None

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Step]:
        """One step after another; each process makes its own part, so nothing is dealt out between them."""
        return torch.utils.data.DataLoader(self.work, batch_size=1, shuffle=False, collate_fn=_only)

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: transformers.TrainingArguments, model: Any = None) -> tuple[Any, Any]:
        """The Trainer's choice, but an Adafactor that takes spread weights as well."""
        chosen, options = transformers.Trainer.get_optimizer_cls_and_kwargs(args, model)
        return (sharded.Adafactor if chosen is transformers.optimization.Adafactor else chosen), options

    def training_step(self, model: Any, inputs: Step, *_: Any, **__: Any) -> torch.Tensor:  # type: ignore[override]
        """Forward and backward of a whole step; gives its loss, before it was tuned on it.

        Raises:
            RunError: a loss is not finite; names the rows.
        """
        model.train()
        self._monitor.start()
        losses = []
        batches: list[Any] = self._prepare_inputs(list(inputs.batches))  # type: ignore[arg-type, assignment]  # nested
        for number, batch in enumerate(batches):
            with self._exchange(model, last=number + 1 == len(inputs.batches)):
                # The processes' gradients are averaged, and each holds its part of the step's sum.
                loss = self._loss(model, batch) * processes.world()
                self.accelerator.backward(loss, **self._backward_options())
            losses.append(loss.detach())
        summed = torch.stack(losses)
        self._check_losses(inputs, summed)
        return summed.sum()

    def _loss(self, model: Any, batch: dict[str, Any]) -> torch.Tensor:
        with self.compute_loss_context_manager():
            loss: torch.Tensor = model(**batch, use_cache=False).loss
        return loss

    def _backward_options(self) -> dict[str, Any]:
        return {"scale_wrt_gas": False} if self.accelerator.distributed_type == DistributedType.DEEPSPEED else {}

    def _exchange(self, model: Any, *, last: bool) -> AbstractContextManager[Any]:
        """The processes exchange gradients once a step, or at each micro-batch where these are sharded."""
        self.accelerator.gradient_state._set_sync_gradients(last)  # noqa: SLF001 - as the Trainer does
        if last or self.accelerator.distributed_type in _SHARDED:
            return nullcontext()
        alone: AbstractContextManager[Any] = self.accelerator.no_sync(model)
        return alone

    def _check_losses(self, step: Step, losses: torch.Tensor) -> None:
        finite = torch.isfinite(losses)
        bad = processes.total((~finite.all()).float())
        if not bad:
            return
        rows = [ids for ids, fine in zip(step.ids, finite.tolist(), strict=True) if not fine]
        found = [name for part in processes.gathered(rows) for ids in part for name in ids]
        raise self._not_finite("loss", found)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """The norm of the whole gradient, looked at before the optimizer takes it.

        Raises:
            RunError: it is not finite; names the rows.
        """
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[no-untyped-call]  # transformers'
        if norm is not None and not math.isfinite(float(norm)):  # DeepSpeed may have none yet
            raise self._not_finite("gradient", self.work.ids(self.state.global_step))
        return norm

    def _not_finite(self, what: str, rows: list[str]) -> RunError:
        step = self.state.global_step + 1
        place = self._monitor.keep("not-finite.json", {"step": step, "what": what, "rows": rows})
        left = len(rows) - _NAMED
        shown = ", ".join(rows[:_NAMED]) + (f" and {left} more, all in {place}" if left > 0 else "")
        return RunError(
            f"trainer: the {what} is not finite at step {step} on the rows {shown}; "
            "look at these rows, or take a lower learning_rate"
        )

    def begin(self) -> None:
        """Look at what is there before the first step: the model, and the held-out rows' loss."""
        self._prepared(self)
        self._monitor.begin(self.state.log_history, self.state.global_step)
        if not self.state.global_step and len(self.work.held_out):
            first = {"step": 0, "held_out_loss": self.held_out_loss()}
            self.state.log_history.append(first)
            self._monitor.line(first)
            self.control = self.callback_handler.on_log(self.args, self.state, self.control, dict(first))

    def log(self, logs: dict[str, float], *_: Any, **__: Any) -> None:
        """Take note of a step, before it is saved."""
        if "loss" not in logs:
            return  # the Trainer's summary at the end
        self._monitor.end()
        step = self.state.global_step
        logs["epoch"] = self.work.plan.epoch(step - 1) + 1
        if len(self.work.held_out) and (step == len(self.work) or (self._eval_steps and step % self._eval_steps == 0)):
            logs["held_out_loss"] = self.held_out_loss()
        lasting = {"step": step, **logs, **self._monitor.lasting(step - 1)}
        self.state.log_history.append(lasting)
        passing = self._monitor.step(lasting)
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, {**lasting, **passing})

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The mean loss over the supervised tokens of the rows that are not trained on."""
        model = self.model_wrapped
        model.eval()
        losses = [self._loss(model, self._prepare_inputs(batch)) for batch in self.work.held_out_batches()]
        return float(processes.total(torch.stack(losses).sum()))

    def _get_num_items_in_batch(self, *_: Any, **__: Any) -> None:
        """Not counted either: the plan knows."""

    def floating_point_ops(self, *_: Any, **__: Any) -> int:
        """Not counted: the Trainer would look for token ids where we have steps."""
        return 0

    def _get_output_dir(self, *_: Any, **__: Any) -> str:
        return self._saving or str(self.args.output_dir)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint beside the others, and move it to its name when it is whole.

        Raises:
            RunError: the disk is full or not writable; the checkpoints before it are as they were.
        """
        state = Path(self.args.output_dir)  # type: ignore[arg-type]  # given
        self._saving = str(state / resume.STAGING)
        try:
            with written(Path(self._saving)):
                super()._save_checkpoint(model, trial)
                processes.barrier()
                if processes.leads():
                    name = f"checkpoint-{self.state.global_step}"
                    resume.commit(state / resume.STAGING / name, state / name, self._facts, world=processes.world())
                    shutil.rmtree(self._saving)
        finally:
            self._saving = None
        processes.barrier()

    def history(self) -> list[dict[str, float]]:
        """All that is known of each step since the very first, also after a resume."""
        # In one order: what a checkpoint has held comes back sorted.
        return [{name: line[name] for name in _NAMES if name in line} for line in self.state.log_history]


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """Within the block ``folder`` is written; if that fails what is in it is removed, since it takes up the disk.

    Raises:
        RunError: the disk is full or not writable.
    """
    if processes.leads():
        shutil.rmtree(folder, ignore_errors=True)
    processes.barrier()
    try:
        yield
    except (OSError, safetensors.SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(name in str(error) for name in _UNWRITTEN):
            raise
        free = shutil.disk_usage(folder.parent).free / 2**20
        shutil.rmtree(folder, ignore_errors=True)
        why = getattr(error, "strerror", None) or f"{str(error).splitlines()[0]} ({free:.1f} MiB are free there)"
        raise RunError(
            f"trainer: {folder} cannot be written: {why}; make room and run the same command again: "
            "it goes on from the last whole checkpoint"
        ) from error


class _Begin(transformers.TrainerCallback):
    """Calls the loop back when the Trainer has put model and optimizer in place."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Before the first step."""
        self._loop.begin()


def _only(steps: list[Step]) -> Step:
    return steps[0]
