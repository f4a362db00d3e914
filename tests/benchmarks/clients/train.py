"""Trains one model on given tokens with one program, and tells its CPU seconds: ``train.py PROGRAM JOB TOLD``.

JOB is a JSON file: ``model`` (folder), ``rows`` (each ``{tokens, prompt}``), ``step`` (rows of an optimizer step),
``batch`` (rows of a micro-batch), ``bin_tokens``, ``published`` (checkout of ise-uiuc/magicoder). TOLD gets ``cpu`` (seconds from
the first step's beginning to the end), ``tokens`` (of the rows, without padding), ``losses``. Only what the program needs is imported, so that
each can stand in an environment of its own.
"""

from __future__ import annotations

import ast
import json
import sys
import time
from pathlib import Path

import torch
import transformers

PAD = 0


class Clock(transformers.TrainerCallback):
    """CPU seconds of the steps, without what comes before them."""

    def __init__(self):
        self.began = self.ended = None

    def on_step_begin(self, *_, **__):
        if self.began is None:
            self.began = time.process_time()

    def on_step_end(self, *_, **__):
        self.ended = time.process_time()


def options(job, folder, **more):
    """What all programs are told alike."""
    return {
        "output_dir": str(folder),
        "num_train_epochs": 1,
        "learning_rate": job.get("learning_rate", 5e-5),
        "lr_scheduler_type": "linear",
        "optim": "adafactor",
        "max_grad_norm": 0.0,
        "use_cpu": True,
        "bf16": False,
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "no",
        "dataloader_pin_memory": False,
        **more,
    }


def model_of(job, attention):
    return transformers.AutoModelForCausalLM.from_pretrained(
        job["model"], dtype=torch.float32, attn_implementation=attention
    )


def collator(checkout, pad):
    """The published collator, taken out of its file: the module as a whole does not run with today's transformers."""
    source = Path(checkout) / "src" / "magicoder"
    names = {"pad_sequences": "llm_wrapper.py", "get_data_collator": "train.py"}
    space = {"torch": torch, "IGNORED_INDEX": -100, "cast": lambda _, value: value, "PaddingSide": str}
    from typing import Literal

    space["Literal"] = Literal
    for name, file in names.items():
        tree = ast.parse((source / file).read_text())
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
        exec(compile(ast.Module(found, []), file, "exec"), space)

    class Options:
        pad_to_max_length = False
        max_training_seq_length = 1216

    return space["get_data_collator"](Options, pad)


def published(job, folder):
    """transformers' Trainer with the published collator: batches as drawn, a mask, all logits."""
    rows = [
        {"input_ids": row["tokens"], "labels": [-100] * row["prompt"] + row["tokens"][row["prompt"] :]}
        for row in job["rows"]
    ]
    arguments = transformers.TrainingArguments(
        **options(
            job,
            folder,
            per_device_train_batch_size=job["batch"],
            gradient_accumulation_steps=job["step"] // job["batch"],
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
        )
    )
    clock = Clock()
    trainer = transformers.Trainer(
        model=model_of(job, "sdpa"),
        args=arguments,
        train_dataset=rows,
        data_collator=collator(job["published"], PAD),
        callbacks=[clock],
    )
    trainer.train()
    return clock, trainer


def trl(job, folder):
    """TRL's SFTTrainer; with ``packing`` by its best-fit-decreasing strategy, else padded."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    packing = job["packing"]
    rows = [
        {
            "input_ids": row["tokens"],
            "completion_mask": [0] * row["prompt"] + [1] * (len(row["tokens"]) - row["prompt"]),
        }
        for row in job["rows"]
    ]
    arguments = SFTConfig(
        **options(
            job,
            folder,
            per_device_train_batch_size=1 if packing else job["batch"],
            gradient_accumulation_steps=max(1, job["accumulation"]) if packing else job["step"] // job["batch"],
            packing=packing,
            packing_strategy="bfd",
            max_length=job["bin_tokens"],
            completion_only_loss=True,
            train_sampling_strategy="sequential",
            gradient_checkpointing=False,
        )
    )
    clock = Clock()
    trainer = SFTTrainer(
        model=model_of(job, "sdpa"),
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(job["model"]),
        callbacks=[clock],
    )
    trainer.train()
    return clock, trainer


def ours(job, folder):
    """This project's trainer, from its plan on."""
    import numpy as np
    from magicoder_flash_attention import head, segments
    from magicoder_flash_attention.examples import Example, Examples
    from magicoder_flash_attention.loop import Loop
    from magicoder_flash_attention.monitor import Monitor
    from magicoder_flash_attention.plan import Arrangement, Plan
    from magicoder_flash_attention.work import Work

    segments.register()
    examples = Examples.of(Example(str(number), row["tokens"], row["prompt"]) for number, row in enumerate(job["rows"]))
    every = np.arange(len(examples))
    plan = Plan(examples.lengths, digest="", epochs=1, examples_per_step=job["step"], seed=0, shuffle=False)
    work = Work(
        examples,
        trained=every,
        held_out=every[:0],
        plan=plan,
        arrangement=Arrangement("packed", job["bin_tokens"]),
        norm="token",
        pair=2,
        pad=PAD,
    )
    model = model_of(job, segments.SEGMENTS)
    head.attach(model)
    arguments = transformers.TrainingArguments(
        **options(job, folder, per_device_train_batch_size=1, remove_unused_columns=False)
    )
    clock = Clock()
    loop = Loop(
        model,
        arguments,
        work=work,
        monitor=Monitor(None, work, lambda *_, **__: None),
        facts={},
        begin=lambda _: None,
    )
    loop.add_callback(clock)
    loop.train()
    return clock, loop


def main():
    program, path, told = sys.argv[1:]
    job = json.loads(Path(path).read_text())
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    folder = Path(told).parent / "work"
    clock, trainer = {"published": published, "trl": trl, "ours": ours}[program](job, folder)
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    if job.get("weights"):
        from safetensors.torch import save_file

        save_file(
            {name: value.detach().contiguous() for name, value in trainer.model.named_parameters()}, job["weights"]
        )
    tokens = sum(len(row["tokens"]) for row in job["rows"])
    Path(told).write_text(json.dumps({"cpu": clock.ended - clock.began, "tokens": tokens, "losses": losses}))


if __name__ == "__main__":
    main()
