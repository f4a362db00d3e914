"""A training that is killed, anywhere, goes on to the very bytes of one that was not."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, resume

from magicoder_core import RunError, jsonl, progress
from magicoder_core.testing import instruction, training_data

ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 3))
    for number in range(11)
]
"""At 4 a step three steps an epoch, the last of them with 3."""

PLACES = {
    "while a checkpoint is written": ("magicoder_flash_attention.loop.Loop._save_optimizer_and_scheduler", 3),
    "before the manifest": ("magicoder_flash_attention.resume.seal", 4),
    "before it gets its name": ("magicoder_flash_attention.resume.shutil.rmtree", 5),
    "before the older ones go": ("magicoder_flash_attention.resume._found", 5),
    "in the middle of a later epoch": ("magicoder_flash_attention.loop.Loop._check_losses", 5),
    "in the first step": ("magicoder_flash_attention.loop.Loop._check_losses", 1),
    "before the result is saved": ("magicoder_flash_attention.result.Result._whole", 1),
    "between the files of the result": ("magicoder_flash_attention.result.moved", 3),
    "before the checkpoints go": ("magicoder_flash_attention.result.clear", 1),
    "when all is there": ("magicoder_flash_attention.tuning.Checkpoint", 1),
}
"""What is called there, and at which call the process ends."""


@pytest.fixture
def data(tmp_path):
    return training_data(ROWS, tmp_path, seed=7)


def trainer(tiny, **more):
    options = {
        "preset": "cpu-tiny",
        "examples_per_step": 4,
        "learning_rate": 1e-3,
        "save_steps": 1,
        "optimizer": "adamw",
    }
    return FlashAttentionTrainer(base_model=str(tiny), **{**options, **more})


@pytest.fixture(scope="module")
def uninterrupted(tiny, tmp_path_factory):
    made = {}

    def train(**more):
        name = str(more)
        if name not in made:
            folder = tmp_path_factory.mktemp("whole")
            made[name] = trainer(tiny, **more).train(training_data(ROWS, folder, seed=7), folder / "out").digest
        return made[name]

    return train


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_killed_and_gone_on_is_bit_equal(tiny, data, tmp_path, uninterrupted, place):
    output = tmp_path / "out"
    killed(trainer(tiny), data, output, *place)
    assert trainer(tiny).train(data, output).digest == uninterrupted()
    assert not (output / "state").exists()


def test_adapters_and_dropout_go_on_too(tmp_path, tiny, data):
    # Dropout draws from torch's random state, which a checkpoint must hold.
    from transformers import AutoModelForCausalLM

    dropping = tmp_path / "dropping"
    shutil.copytree(tiny, dropping)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    model.config.attention_dropout = 0.3
    model.save_pretrained(dropping)
    pytest.importorskip("peft")
    more = {"lora_rank": 2, "arrangement": "padded", "batch_size": 2}
    whole = trainer(dropping, **more).train(data, tmp_path / "whole")
    killed(trainer(dropping, **more), data, tmp_path / "out", "magicoder_flash_attention.loop.Loop._check_losses", 5)
    assert trainer(dropping, **more).train(data, tmp_path / "out").digest == whole.digest


def test_only_what_was_not_saved_is_done_again(tiny, data, tmp_path):
    output = tmp_path / "out"
    killed(trainer(tiny, save_steps=2), data, output, "magicoder_flash_attention.loop.Loop._check_losses", 6)
    assert steps_known(trainer(tiny, save_steps=2), data, output) == 4


def test_the_log_of_a_killed_training_has_each_step_once(tiny, data, tmp_path):
    output, logs = tmp_path / "out", tmp_path / "logs"
    logged = dataclasses.replace(data, logs=logs)
    killed(trainer(tiny, save_steps=2), logged, output, "magicoder_flash_attention.loop.Loop._check_losses", 6)
    assert [line["step"] for line in jsonl.read(logs / "training.jsonl")] == [1, 2, 3, 4, 5]
    with (logs / "training.jsonl").open("ab") as torn:
        torn.write(b'{"step": 6, "lo')
    trainer(tiny, save_steps=2).train(logged, output)
    assert [line["step"] for line in jsonl.read(logs / "training.jsonl")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("harm", ["no manifest", "damaged"])
def test_a_checkpoint_that_is_not_whole_is_not_resumed_from(tiny, data, tmp_path, uninterrupted, harm):
    output = tmp_path / "out"
    killed(trainer(tiny), data, output, "magicoder_flash_attention.loop.Loop._check_losses", 4)
    newest = output / "state" / "checkpoint-3"
    if harm == "no manifest":
        (newest / resume.MANIFEST).unlink()
    else:
        weights = newest / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    assert steps_known(trainer(tiny), data, output) == 2
    assert jsonl.digest(output) == uninterrupted()


def test_a_training_with_other_options_does_not_touch_an_unfinished_one(tiny, data, tmp_path, uninterrupted):
    output = tmp_path / "out"
    killed(trainer(tiny), data, output, "magicoder_flash_attention.loop.Loop._check_losses", 4)
    with pytest.raises(RunError, match=r"unfinished training with other learning_rate \(0.001, now 0.002\)"):
        trainer(tiny, learning_rate=2e-3).train(data, output)
    assert steps_known(trainer(tiny), data, output) == 3
    assert jsonl.digest(output) == uninterrupted()


FASTER = {
    "smaller bins": {"bin_tokens": 200},
    "padded": {"arrangement": "padded"},
    "less memory": {"activation_checkpointing": True},
    "another attention": {"attention": "eager"},
    "other looks": {"eval_steps": 2, "save_steps": 2},
}


@pytest.mark.parametrize("more", FASTER.values(), ids=FASTER)
def test_what_only_decides_the_speed_may_change_while_it_trains(tiny, data, tmp_path, more):
    from safetensors.torch import load_file

    plain = {"optimizer": "adafactor"}
    whole = trainer(tiny, **plain).train(data, tmp_path / "whole")
    output = tmp_path / "out"
    killed(trainer(tiny, **plain), data, output, "magicoder_flash_attention.loop.Loop._check_losses", 4)
    assert steps_known(trainer(tiny, **plain, **more), data, output) == 3
    one, other = (load_file(Path(place) / "model.safetensors") for place in (whole.path, output))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-6
    passing = FlashAttentionTrainer.passing
    assert set(more) <= passing, "and a training that is done stays done"


def test_the_form_of_the_result_may_change_while_it_trains(tiny, data, tmp_path):
    output = tmp_path / "out"
    killed(trainer(tiny), data, output, "magicoder_flash_attention.loop.Loop._check_losses", 4)
    assert steps_known(trainer(tiny, save_dtype="bfloat16"), data, output) == 3


def killed(subject, data, output: Path, called: str, at: int):
    """Train in a process of its own that kills itself when ``called`` is called for the time ``at``."""
    child = multiprocessing.get_context("fork").Process(target=_until, args=(subject, data, output, called, at))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL, (
        f"ended by itself ({child.exitcode}), before {called} was called {at} times"
    )


def _until(subject, data, output, called, at):
    import pkgutil

    path, _, name = called.rpartition(".")
    owner = pkgutil.resolve_name(path)
    kept, calls = getattr(owner, name), []

    def kill(*args, **named):
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return kept(*args, **named)

    setattr(owner, name, kill)
    subject.train(data, output)


def steps_known(subject, data, output):
    """Train on, and say how many steps were not done again."""
    known = []

    class Reporter(progress.Silent):
        def begin(self, name, total, unit):
            return name

        def advance(self, task, amount, figures):
            if task == "train" and not figures:
                known.append(amount)

    with progress.reporting(Reporter()):
        subject.train(data, output)
    return sum(known)
