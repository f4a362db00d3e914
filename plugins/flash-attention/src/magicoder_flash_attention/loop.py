"""The training itself: transformers' Trainer with our order, our finiteness check and our seals.

Imported when training starts: it needs torch and transformers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from magicoder_core import RunError
from magicoder_core.progress import Advance
from magicoder_flash_attention import resume
from magicoder_flash_attention.encoding import Example, collate


@dataclass(frozen=True)
class Plan:
    """What is trained on, step by step: ``order`` numbers the examples, ``step`` of them make an optimizer step."""

    examples: Sequence[Example]
    order: Sequence[int]
    step: int
    key: str

    @property
    def steps(self) -> int:
        """Optimizer steps; the last may be smaller."""
        return math.ceil(len(self.order) / self.step)

    def tokens(self, step: int) -> int:
        """Tokens of the step with that number, counted from 0."""
        numbers = self.order[step * self.step : (step + 1) * self.step]
        return sum(len(self.examples[number].tokens) for number in numbers)


class Loop(transformers.Trainer):
    """Trains a model along a `Plan`.

    Args:
        model: what is trained.
        args: of transformers; ``output_dir`` holds the checkpoints.
        plan: the examples and their order.
        pad: id of the padding token.
        advance: told of each step, with its loss and tokens per second.
    """

    def __init__(
        self, model: Any, args: transformers.TrainingArguments, plan: Plan, pad: int, advance: Advance
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            # One long epoch in the plan's order: resuming is skipping, whatever epoch the kill fell into.
            train_dataset=[(number, plan.examples[number]) for number in plan.order],
            data_collator=partial(collate, pad=pad),
            callbacks=[Watch(plan, advance)],
        )
        self.remove_callback(transformers.PrinterCallback)
        self._plan = plan

    def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler[int]:
        return torch.utils.data.SequentialSampler(self.train_dataset)  # type: ignore[arg-type]  # the list above

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """One micro-batch forward and backward.

        Raises:
            RunError: the loss is not finite; names the rows.
        """
        rows = inputs.pop("rows")
        loss = super().training_step(model, inputs, *args, **kwargs)
        if not torch.isfinite(loss):
            ids = ", ".join(self._plan.examples[int(number)].id for number in rows)
            raise RunError(
                f"trainer: the loss became {loss.item()} at step {self.state.global_step + 1} on the rows {ids}; "
                "a lower learning_rate may help"
            )
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Take note of a step, before it is saved.

        Raises:
            RunError: the gradient is not finite.
        """
        if not math.isfinite(logs.get("grad_norm", 0.0)):
            raise RunError(
                f"trainer: the gradient became {logs['grad_norm']} at step {self.state.global_step}; "
                "a lower learning_rate may help"
            )
        super().log(logs, *args, **kwargs)

    def history(self) -> list[dict[str, float]]:
        """Loss, gradient norm and learning rate of each step since the very first, also after a resume."""
        names = ("step", "loss", "grad_norm", "learning_rate")
        lines = [line for line in self.state.log_history if "loss" in line]
        return [{name: line[name] for name in names if name in line} for line in lines]


class Watch(transformers.TrainerCallback):
    """Tells of progress, and seals each checkpoint when it is written."""

    def __init__(self, plan: Plan, advance: Advance) -> None:
        self._plan = plan
        self._advance = advance
        self._began = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Count the steps that an interrupted call has done."""
        if state.global_step:
            self._advance(state.global_step)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Show the step's loss and speed; the summary at the end is no step."""
        logs = more["logs"]
        if "loss" in logs:
            speed = self._plan.tokens(state.global_step - 1) / max(time.monotonic() - self._began, 1e-9)
            self._advance(1, loss=round(logs["loss"], 4), tokens_per_second=round(speed))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Seal the checkpoint."""
        resume.seal(Path(args.output_dir) / f"checkpoint-{state.global_step}", self._plan.key)
