"""A training from rows to a checkpoint: encode, plan, load, prove, train, save.

Imported when training starts: it needs torch and transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers

from magicoder_core import Checkpoint, TrainingData, jsonl, progress
from magicoder_flash_attention import (
    adapters,
    attention,
    fitness,
    gguf,
    head,
    lineage,
    processes,
    result,
    resume,
    selftest,
    student,
    trackers,
)
from magicoder_flash_attention.encoding import encode
from magicoder_flash_attention.loop import Loop, written
from magicoder_flash_attention.monitor import Monitor
from magicoder_flash_attention.plan import Arrangement, Plan
from magicoder_flash_attention.template import Template
from magicoder_flash_attention.work import Work, held_out

if TYPE_CHECKING:
    from magicoder_flash_attention.trainer import FlashAttentionTrainer

_SPEED = ("arrangement", "bin_tokens", "activation_checkpointing")
"""Settings by which the same steps are computed otherwise."""


class Tuning:
    """One call of the trainer.

    Args:
        options: the trainer.
        data: the rows.
        output: where the model goes; ``output/state`` holds what resumes.
    """

    def __init__(self, options: FlashAttentionTrainer, data: TrainingData, output: Path) -> None:
        self._options = options
        self._settings = processes.fitted(options.settings, options.parallel, named=options.optimizer is not None)
        self._data = data
        self._output = output
        self._state = output / "state"

    def run(self) -> Checkpoint:
        """Train, or see that it is done; see `FlashAttentionTrainer.train`."""
        self._options.check_machine()
        self._output.mkdir(parents=True, exist_ok=True)
        with _determinism_kept():
            arguments = self._arguments  # the first to be made: with it the processes find each other
            self._check_base()
            self._settings = replace(self._settings, warmup_steps=self._warmup())
            arguments.warmup_steps = self._settings.warmup_steps
            processes.all_same(json.dumps(self._facts, sort_keys=True), "what they train on")
            if not self._is_done():
                self._train(arguments)
        processes.barrier()
        # Read by one, and before anybody goes on: rank 0's caller moves the folder as soon as it has it.
        digest = processes.gathered(jsonl.digest(self._output) if processes.leads() else "")[0]
        return Checkpoint(path=str(self._output), base_model=self._options.base_model, digest=digest)

    def _train(self, arguments: transformers.TrainingArguments) -> None:
        checkpoint = self._newest()
        model = self._model
        told = trackers.told(self._options.report_to, self._data.logs)
        with told, progress.task("train", total=len(self._work), unit="step") as advance:
            monitor = Monitor(self._data.logs, self._work, advance)
            loop = Loop(
                model,
                arguments,
                work=self._work,
                monitor=monitor,
                facts=self._facts,
                begin=self._prove,
                eval_steps=self._options.eval_steps,
            )
            loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            monitor.draw()
        self._finish(loop)

    # What is trained on.

    def _check_base(self) -> None:
        """Look at the base model once more: only now is one of the Hub or the catalogue here."""
        fitness.fits(self._config, self._settings.max_length)
        if self._options.gguf != "none":
            gguf.check(Path(self._where))

    @cached_property
    def _where(self) -> str:
        with processes.first_one():
            return student.source(self._options.base_model)

    @cached_property
    def _template(self) -> Template:
        return Template(student.tokenizer_of(self._where), self._options.template)

    @cached_property
    def _work(self) -> Work:
        settings, seed = self._settings, self._data.seed
        template = self._template
        with processes.first_one():
            examples = encode(self._data, template, settings.max_length, settings.truncate)
        fitness.knows(self._config, examples)
        _ = self._lineage, self._earlier  # as they are now: the files may be gone when the card is written
        apart = held_out(examples, self._options.held_out, seed)
        trained = np.flatnonzero(~apart)
        plan = Plan(
            examples.lengths[trained],
            digest=examples.digest,
            epochs=settings.epochs,
            examples_per_step=settings.examples_per_step,
            seed=seed,
            max_steps=self._options.max_steps,
            shuffle=self._data.shuffle,
        )
        return Work(
            examples,
            trained=trained,
            held_out=np.flatnonzero(apart),
            plan=plan,
            arrangement=Arrangement(settings.arrangement, settings.bin_tokens, settings.batch_size),
            norm=settings.loss_norm,
            pair=settings.batch_size,
            pad=template.pad,
        )

    @cached_property
    def _lineage(self) -> dict[str, Any]:
        return lineage.rows(self._data)

    @cached_property
    def _earlier(self) -> list[dict[str, Any]]:
        return lineage.before(Path(self._where))

    @cached_property
    def _config(self) -> Any:
        return student.config_of(self._where)

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """What decides the weights that come out; what only decides how fast they do is left out."""
        base = Path(self._where)
        deciding = {name: value for name, value in self._settings.to_dict().items() if name not in _SPEED}
        if self._settings.loss_norm == "token":
            del deciding["batch_size"]
        return {
            "base model": jsonl.digest(base) if base.is_dir() else self._where,
            "rows or template": self._work.examples.digest,
            "order": self._work.plan.key,
            "options": {**deciding, "held_out": self._options.held_out},
            "seed": self._data.seed,
        }

    @property
    def _result_facts(self) -> dict[str, Any]:
        """What decides the files that come out."""
        return {**self._facts, "files": {"save_dtype": self._options.save_dtype, "gguf": self._options.gguf}}

    def _warmup(self) -> int:
        named = self._options.warmup_steps is not None
        return fitness.warmed(self._settings.warmup_steps, len(self._work), named=named)

    # The model.

    @cached_property
    def _device(self) -> str:
        return student.device_of("auto")

    @property
    def _pure(self) -> bool:
        """Whether bfloat16 weights stay that: FSDP would tune float32 copies of them, were it told to compute in it."""
        return processes.kind(self._options.parallel) == "fsdp" and self._settings.dtype == "bfloat16"

    @cached_property
    def _weights(self) -> Any:
        """The torch dtype of the weights; adapters are float32 in any case."""
        settings = self._settings
        if settings.quantization != "none":
            return torch.bfloat16
        automatic = student.fast_dtype(self._device, training=True) if settings.lora_rank else torch.float32
        return student.dtype_of(settings.dtype, automatic)

    @cached_property
    def _choice(self) -> attention.Choice:
        # Under autocast attention computes in another dtype than the weights have.
        computing = torch.bfloat16 if self._arguments.bf16 else self._weights
        choice = attention.choose(
            self._options.attention,
            self._device,
            computing,
            packed=self._settings.arrangement == "packed",
            config=self._config,
            max_length=self._settings.max_length,
        )
        kind = str(self._weights).removeprefix("torch.")
        progress.say(f"on {self._device}, weights in {kind}: {choice.line}")
        return choice

    @cached_property
    def _model(self) -> Any:
        settings = self._settings
        model = student.model_of(
            self._where, self._weights, self._choice.implementation, adapters.packed_weights(settings.quantization)
        )
        fitness.finite(model)
        if settings.lora_rank:
            model = adapters.adapted(model, settings, self._data.seed)
        self._head = head.attach(model)
        return model

    def _prove(self, loop: Loop) -> None:
        """See whether packed rows are strangers to each other in this very model; if not, pad them instead."""
        progress.say(f"loss at supervised positions: {self._head.kind}, {self._head.reason}")
        work = loop.work
        if work.arrangement.kind != "packed":
            self._proof = "not packed"
            return
        progress.say("trying a few rows packed and separately, before the first step")
        proof = selftest.prove(
            loop.accelerator.unwrap_model(loop.model_wrapped),
            self._choice.implementation,
            work.samples(vocabulary=self._config.get_text_config().vocab_size),
            autocast=torch.bfloat16 if self._arguments.bf16 else None,
        )
        self._proof = f"shown by {proof.method}"  # its figures hang on the weights, and so on where it was resumed
        fine = all(processes.gathered(proof.ok))
        if fine:
            progress.say(f"packed equals separate: {proof.detail}")
        else:
            # The attention itself may be what fails: padded rows go by one that transformers brings.
            model = student.base_of(loop.accelerator.unwrap_model(loop.model_wrapped))
            chosen: attention.Rung = "sdpa" if getattr(model, "_supports_sdpa", False) else "eager"
            model.config._attn_implementation = chosen  # noqa: SLF001 - as `selftest` does
            why = "packed was not shown to equal separate, so rows are padded"
            self.__dict__["_choice"] = attention.Choice(chosen, chosen, why, self._choice.skipped)
            self._proof = f"not shown ({proof.method}): rows were padded"
            work.arrangement = Arrangement("sorted", work.arrangement.bin_tokens, work.arrangement.batch_size)
            progress.say(f"warning: rows are padded, because packed does not equal separate here: {proof.detail}")

    @cached_property
    def _arguments(self) -> transformers.TrainingArguments:
        options, settings = self._options, self._settings
        cuda = self._device == "cuda"
        made = transformers.TrainingArguments(
            output_dir=str(self._state),
            per_device_train_batch_size=1,
            num_train_epochs=1,  # a batch is a step, and all steps are one long epoch: resuming is skipping
            learning_rate=settings.learning_rate,
            lr_scheduler_type="constant_with_warmup" if settings.schedule == "constant" else settings.schedule,
            warmup_steps=settings.warmup_steps,
            optim=_OPTIMIZERS[settings.optimizer],
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm,
            # Weights in float32 compute in bfloat16 on a GPU: small updates are not rounded away.
            bf16=cuda and settings.dtype != "float32" and not self._pure,
            use_cpu=not cuda,
            seed=self._data.seed,
            full_determinism=options.deterministic,
            save_strategy="steps" if options.save_steps else "no",
            save_steps=options.save_steps or 1,
            logging_steps=1,
            logging_nan_inf_filter=False,
            log_level="error",
            disable_tqdm=True,
            report_to=list(options.report_to) if processes.leads() else [],
            project=trackers.PROJECT,
            run_name=self._output.resolve().parent.name,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            **processes.arguments(
                options.parallel,
                checkpointing=settings.activation_checkpointing,
                quantized=settings.quantization != "none",
            ),
        )
        if made.n_gpu > 1:
            # One process with several GPUs would split each row of a batch; each GPU needs a process of its own.
            progress.say(f"one of {made.n_gpu} GPUs is used: start with torchrun --nproc_per_node {made.n_gpu} for all")
            made._n_gpu = 1  # noqa: SLF001 - there is no public way
        return made

    # Beginning and end.

    def _newest(self) -> Path | None:
        found = resume.newest(self._state, self._facts) if processes.leads() else None
        name: str | None = processes.gathered(found.name if found else None)[0]
        return self._state / name if name else None

    def _is_done(self) -> bool:
        """Whether an interrupted call had finished but for its return."""
        done = resume.is_whole(self._output, self._result_facts) if processes.leads() else False
        if done:
            result.clear(self._state)
        return bool(processes.gathered(done)[0])

    def _finish(self, loop: Loop) -> None:
        """Save the result beside the checkpoints, then move it to its place, then remove the checkpoints."""
        self._head.detach()
        final = self._state / "final"
        made = result.Result(
            options=self._options, settings=self._settings, where=self._where, template=self._template, loop=loop
        )
        with written(final):
            made.save(final, self._said(loop.history()), self._result_facts)
        if processes.leads():
            result.move(final, self._output)
            result.clear(self._state)

    def _said(self, history: list[dict[str, Any]]) -> dict[str, Any]:
        """What the checkpoint says of itself."""
        work, choice = self._work, self._choice
        trained = [line["loss"] for line in history if "loss" in line]
        looked = [line["held_out_loss"] for line in history if "held_out_loss" in line]
        loss = {"first": trained[0], "last": trained[-1]}
        if looked:
            loss |= {"held_out_first": looked[0], "held_out_last": looked[-1]}
        named = lineage.shown(self._data.base_model or self._options.base_model)
        return {
            "base_model": "the checkpoint of the training before" if self._earlier else named,
            "before": self._earlier,
            "preset": self._options.preset,
            "settings": self._settings.to_dict(),
            "seed": self._data.seed,
            "template": self._template.name,
            "rows": work.examples.counts.to_dict(),
            "trained": len(work.examples) - len(work.held_out),
            "held_out": len(work.held_out),
            "data": self._lineage,
            "steps": len(work),
            "loss": loss,
            "attention": {
                "rung": choice.rung,
                "reason": choice.reason,
                "skipped": [list(item) for item in choice.skipped],
            },
            "arrangement": work.arrangement.kind,
            "self_test": self._proof,
            "head": f"{self._head.kind}: {self._head.reason}",
            "processes": processes.world(),
            "versions": dict(lineage.versions()),
        }


@contextmanager
def _determinism_kept() -> Iterator[None]:
    """Within the block torch may be told to be deterministic; afterwards it is as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


_OPTIMIZERS = {"adafactor": "adafactor", "adamw": "adamw_torch_fused", "adamw-8bit": "adamw_bnb_8bit"}
