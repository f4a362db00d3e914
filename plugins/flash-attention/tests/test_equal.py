"""However the rows of a step are arranged, the steps are the same: losses and weights, also over two processes."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer

from magicoder_core import RecipeError, RunError, jsonl
from magicoder_core.testing import instruction, training_data

ROWS = [
    instruction(
        f"Add {number} to x." + " Please." * (number % 5), f"def add(x):\n    return x + {number}\n" * (1 + number % 4)
    )
    for number in range(21)
]
"""At 8 a step three steps an epoch, the last of them with 5."""

COMMON = {
    "preset": "cpu-tiny",
    "examples_per_step": 8,
    "learning_rate": 1e-3,
    "optimizer": "adafactor",
    "max_grad_norm": 1.0,
    "attention": "auto",
}
ARRANGED = {
    "packed": {"bin_tokens": 600},
    "packed, one bin": {"bin_tokens": 100_000},
    "packed, a bin for each row": {"bin_tokens": 1},
    "packed, block mask": {"bin_tokens": 600, "attention": "sdpa"},
    "packed, eager": {"bin_tokens": 600, "attention": "eager"},
    "packed, activations computed again": {"bin_tokens": 600, "activation_checkpointing": True},
    "padded 1": {"arrangement": "padded", "batch_size": 1},
    "padded 2": {"arrangement": "padded", "batch_size": 2},
    "padded 8": {"arrangement": "padded", "batch_size": 8},
    "padded, eager": {"arrangement": "padded", "batch_size": 4, "attention": "eager"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_data(ROWS, tmp_path_factory.mktemp("rows"), seed=7)


@pytest.fixture(scope="module")
def expected(tiny, data, tmp_path_factory):
    made = {}

    def train(**more):
        name = json.dumps(more)
        if name not in made:
            made[name] = trained(tiny, data, tmp_path_factory.mktemp("expected"), **more)
        return made[name]

    return train


def trained(tiny, data, output, **more):
    """Losses of all steps, and the weights."""
    checkpoint = FlashAttentionTrainer(base_model=str(tiny), **{**COMMON, **more}).train(data, output / "out")
    return read(Path(checkpoint.path))


def read(folder):
    from safetensors.torch import load_file

    lines = list(jsonl.read(folder / "training.jsonl"))
    losses = [line[name] for line in lines for name in ("loss", "held_out_loss") if name in line]
    return losses, load_file(folder / "model.safetensors")


def assert_same(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1].keys() == other[1].keys()
    assert max(float((one[1][name] - other[1][name]).abs().max()) for name in one[1]) < 1e-6


@pytest.mark.parametrize("how", list(ARRANGED.values())[1:], ids=list(ARRANGED)[1:])
def test_the_arrangement_changes_nothing(tiny, data, tmp_path, expected, how):
    assert_same(trained(tiny, data, tmp_path, **how), expected(**ARRANGED["packed"]))


@pytest.mark.parametrize("how", [ARRANGED["packed"], ARRANGED["padded 8"]], ids=["packed", "padded"])
def test_the_published_weighting_survives_packing(tiny, data, tmp_path, expected, how):
    paper = {"loss_norm": "paper", "arrangement": "padded", "batch_size": 2}
    # The pairs that the weights are made of are those of batch_size, however the rows lie.
    same = trained(
        tiny, data, tmp_path, **{**how, "loss_norm": "paper", **({"batch_size": 2} if "bin_tokens" in how else paper)}
    )
    assert_same(same, expected(**paper))
    assert same[0] != pytest.approx(expected(**ARRANGED["packed"])[0], rel=1e-5), "another objective"


def test_a_model_that_fails_the_self_test_is_trained_padded_and_as_well(tiny, data, tmp_path, expected, monkeypatch):
    from magicoder_flash_attention import selftest

    from magicoder_core import progress

    said = []

    class Reporter(progress.Silent):
        def say(self, line):
            said.append(line)

    failed = selftest.Proof(False, "equality", 0.9, 0.1, 0.9, "logits 0.9 apart")
    monkeypatch.setattr(selftest, "prove", lambda *_, **__: failed)
    with progress.reporting(Reporter()):
        made = trained(tiny, data, tmp_path, **ARRANGED["packed"])
    assert "warning: rows are padded, because packed does not equal separate here: logits 0.9 apart" in said
    facts = json.loads((tmp_path / "out" / "training.json").read_text())
    assert (facts["arrangement"], facts["self_test"]) == ("sorted", "not shown (equality): rows were padded")
    assert max(line["padding"] for line in jsonl.read(tmp_path / "out" / "training.jsonl")) > 0
    assert_same(made, expected(**ARRANGED["packed"]))


def test_a_plain_padded_trainer_takes_the_same_steps(tiny, data, tmp_path, expected):
    """transformers' own Trainer on the rows padded as was published: right padding, labels and mask by length."""
    assert_same(plain(tiny, data, tmp_path), expected(**ARRANGED["packed"]))


def plain(tiny, data, output):
    import torch
    import transformers
    from magicoder_flash_attention.encoding import encode
    from magicoder_flash_attention.plan import Plan
    from magicoder_flash_attention.template import Template

    examples = encode(data, Template(transformers.AutoTokenizer.from_pretrained(tiny)), 1216)
    plan = Plan(examples.lengths, digest=examples.digest, epochs=2, examples_per_step=8, seed=7)
    order = [int(number) for step in range(plan.steps) for number in plan.window(step)]
    per_epoch = len(order) // 2
    losses = []

    class Plain(transformers.Trainer):
        def _get_train_sampler(self, *_):
            return torch.utils.data.SequentialSampler(self.train_dataset)

        def log(self, logs, *_):
            losses.extend([logs["loss"]] if "loss" in logs else [])

    def collate(items):
        width = max(len(item["tokens"]) for item in items)
        ids = torch.full((len(items), width), 258)
        labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
        for line, item in enumerate(items):
            end = len(item["tokens"])
            ids[line, :end] = torch.tensor(item["tokens"])
            labels[line, item["prompt"] : end] = ids[line, item["prompt"] : end]
            mask[line, :end] = 1
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}

    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32, attn_implementation="sdpa")
    arguments = {
        "output_dir": str(output),
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "num_train_epochs": 1,
        "optim": "adafactor",
        "learning_rate": 1e-3,
        "use_cpu": True,
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "no",
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }
    # One epoch after the other: the stock Trainer, too, ends an epoch with a smaller step.
    rows = [{"tokens": examples[number].tokens, "prompt": examples[number].prompt} for number in order]
    for epoch in range(2):
        part = rows[epoch * per_epoch : (epoch + 1) * per_epoch]
        options = transformers.TrainingArguments(**arguments)
        trainer = Plain(model=model, args=options, train_dataset=part, data_collator=collate)
        trainer.remove_callback(transformers.PrinterCallback)
        if epoch == 0:
            trainer.create_optimizer()
            optimizer = trainer.optimizer
            schedule = transformers.get_linear_schedule_with_warmup(optimizer, 0, plan.steps)
        trainer.optimizer, trainer.lr_scheduler = optimizer, schedule
        trainer.create_scheduler = functools.partial(lambda made, *_, **__: made, schedule)
        trainer.train()
    return losses, {name: weight.detach() for name, weight in model.named_parameters()}


PROCESSES = """
import json, os, sys
from pathlib import Path
from magicoder_core import TrainingData
from magicoder_flash_attention import FlashAttentionTrainer
rows, output, cases = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
for number, case in enumerate(cases):
    FlashAttentionTrainer(**case).train(TrainingData(rows, 21, 7), output / str(number))
"""


def launched(processes, data, output, cases, **environment):
    arguments = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
    script = output / "train.py"
    script.write_text(PROCESSES)
    return subprocess.run(
        [sys.executable, *arguments, str(script), str(data.path), str(output), json.dumps(cases)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_processes_take_the_same_steps_as_one(tiny, data, tmp_path, expected):
    common = {"base_model": str(tiny), "world_size": 2, **COMMON}
    cases = [
        {**common, **ARRANGED["packed"]},
        {**common, **ARRANGED["padded 2"]},
        {**common, **ARRANGED["packed"], "loss_norm": "paper", "held_out": 0.2},
        {**common, **ARRANGED["packed, one bin"], "examples_per_step": 20},  # the last step has one row for two
    ]
    ended = launched(2, data, tmp_path, cases)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert_same(read(tmp_path / "0"), expected(**ARRANGED["packed"]))
    assert_same(read(tmp_path / "1"), expected(**ARRANGED["packed"]))
    paper = {**ARRANGED["packed"], "loss_norm": "paper", "held_out": 0.2}
    assert_same(read(tmp_path / "2"), expected(**paper))
    assert_same(read(tmp_path / "3"), expected(**ARRANGED["packed, one bin"], examples_per_step=20))


def test_fewer_processes_than_were_asked_for_are_an_error(tiny, data, tmp_path):
    subject = FlashAttentionTrainer(base_model=str(tiny), world_size=2)
    with pytest.raises(RecipeError, match=r"world_size: 2 processes were asked for, 1 run; start them with `torchrun"):
        subject.check()
    with pytest.raises(RecipeError, match="world_size: 2 processes were asked for, 1 run"):
        subject.train(data, tmp_path / "out")


def test_a_loss_that_is_not_finite_in_one_process_stops_all(tiny, data, tmp_path):
    case = {"base_model": str(tiny), "world_size": 2, **COMMON, "learning_rate": 1e30, "max_grad_norm": 0.0}
    ended = launched(2, data, tmp_path, [case])
    assert ended.returncode != 0
    assert ended.stderr.count("is not finite at step") >= 2, ended.stderr[-3000:]
    assert RunError.__name__ in ended.stderr
