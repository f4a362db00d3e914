"""The trainer `flash-attention`, on a tiny random model."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, resume

from magicoder_core import ModelError, RecipeError, RunError, TrainingData, jsonl, options, progress
from magicoder_core.testing import TrainerContract, instruction, training_data

ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 3))
    for number in range(10)
]
QUICK = {"epochs": 2, "batch_size": 2, "accumulation": 2, "learning_rate": 1e-3, "warmup_steps": 1, "save_steps": 1}


@pytest.fixture
def data(tmp_path):
    return training_data(ROWS, tmp_path, seed=7)


def trainer(tiny, **more):
    return FlashAttentionTrainer(base_model=str(tiny), **{**QUICK, **more})


class TestContract(TrainerContract):
    @pytest.fixture(params=[0, 2], ids=["full", "lora"])
    def subject(self, tiny, request):
        return trainer(tiny, lora_rank=request.param, epochs=1)

    def load(self, checkpoint):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        AutoTokenizer.from_pretrained(checkpoint.path)
        model, report = AutoModelForCausalLM.from_pretrained(checkpoint.path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert model.config.use_cache


@pytest.mark.parametrize("rank", [0, 4], ids=["full", "lora"])
def test_a_killed_training_goes_on_to_the_same_bytes(tiny, data, tmp_path, rank):
    subject = trainer(tiny, lora_rank=rank)
    whole = subject.train(data, tmp_path / "whole")
    killed = _killed(subject, data, tmp_path / "killed", after="checkpoint-2.json")
    assert not (killed / "model.safetensors").exists()
    done = _steps_done(subject, data, killed)
    assert done >= 2
    assert jsonl.digest(killed) == whole.digest


def test_a_training_ended_after_its_last_step_goes_on(tiny, data, tmp_path, monkeypatch):
    subject = trainer(tiny)
    whole = subject.train(data, tmp_path / "whole")
    ended = _interrupted(subject, data, tmp_path / "ended", monkeypatch, after=5)
    assert subject.train(data, ended).digest == whole.digest


@pytest.mark.parametrize("harm", ["torn", "damaged", "foreign"])
def test_a_checkpoint_that_is_not_whole_is_not_resumed_from(tiny, data, tmp_path, monkeypatch, harm):
    subject = trainer(tiny)
    whole = subject.train(data, tmp_path / "whole")
    killed = _interrupted(subject, data, tmp_path / "killed", monkeypatch, after=3)
    newest = max((killed / "state").glob("checkpoint-*/"))
    if harm == "torn":
        (newest.parent / f"{newest.name}.json").unlink()
        (newest / "optimizer.pt").unlink()
    elif harm == "damaged":
        weights = newest / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    else:
        subject = trainer(tiny, learning_rate=2e-3)
        whole = subject.train(data, tmp_path / "other")
    done = _steps_done(subject, data, killed)
    assert (done == 0) == (harm == "foreign")
    assert jsonl.digest(killed) == whole.digest


def test_the_same_bytes_wherever_they_are_written(tiny, data, tmp_path):
    one = trainer(tiny).train(data, tmp_path / "one")
    assert trainer(tiny, save_steps=0).train(data, tmp_path / "unsaved").digest == one.digest
    text = "".join(path.read_text("utf-8") for path in Path(one.path).iterdir() if path.suffix in {".json", ".jsonl"})
    assert str(tmp_path) not in text
    assert str(tiny) not in text
    assert {path.suffix for path in Path(one.path).iterdir()} <= {".json", ".jsonl", ".jinja", ".safetensors"}


def test_the_log_has_each_step(tiny, data, tmp_path):
    checkpoint = trainer(tiny).train(data, tmp_path / "out")
    lines = list(jsonl.read(Path(checkpoint.path) / "training.jsonl"))
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert all(set(line) == {"step", "loss", "grad_norm", "learning_rate"} for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_max_steps_stops_early(tiny, data, tmp_path):
    checkpoint = trainer(tiny, max_steps=2).train(data, tmp_path / "out")
    assert len(list(jsonl.read(Path(checkpoint.path) / "training.jsonl"))) == 2


def test_accumulation_changes_only_the_arrangement(tiny, data, tmp_path):
    def losses(**sizes):
        checkpoint = trainer(tiny, **sizes).train(data, tmp_path / str(sizes))
        return [line["loss"] for line in jsonl.read(Path(checkpoint.path) / "training.jsonl")]

    together = losses(batch_size=4, accumulation=1)
    assert losses(batch_size=1, accumulation=4) == pytest.approx(together, rel=1e-4)


def test_seeds_differ(tiny, data, tmp_path):
    one = trainer(tiny).train(data, tmp_path / "one")
    two = trainer(tiny).train(dataclasses.replace(data, seed=8), tmp_path / "two")
    assert one.digest != two.digest


def test_merged_adapters_answer_as_the_trained_model_did(tiny, data, tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM

    seen = {}

    def spy(self, model, template, folder):
        with torch.no_grad():
            seen["logits"] = model(torch.arange(20)[None]).logits
        return finish(self, model, template, folder)

    finish = FlashAttentionTrainer._finish
    monkeypatch.setattr(FlashAttentionTrainer, "_finish", spy)
    checkpoint = trainer(tiny, lora_rank=4, dtype="float32").train(data, tmp_path / "out")
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(checkpoint.path)(torch.arange(20)[None]).logits
        base = AutoModelForCausalLM.from_pretrained(tiny)(torch.arange(20)[None]).logits
    assert torch.allclose(merged, seen["logits"], atol=1e-5)
    assert not torch.allclose(merged, base, atol=1e-3)


def test_a_loss_that_is_not_finite_stops_and_names_the_rows(tiny, data, tmp_path):
    with pytest.raises(RunError, match=r"the (loss|gradient) became (nan|inf)") as caught:
        trainer(tiny, learning_rate=1e30, max_grad_norm=0.0).train(data, tmp_path / "out")
    assert any(row.id in str(caught.value) for row in ROWS) or "gradient" in str(caught.value)


def test_progress_shows_loss_and_speed(tiny, data, tmp_path):
    heard = []

    class Reporter(progress.Silent):
        def begin(self, name, total, unit):
            heard.append((name, total, unit))
            return 0

        def advance(self, task, amount, figures):
            heard.append((amount, set(figures)))

        def say(self, line):
            heard.append(line)

    with progress.reporting(Reporter()):
        trainer(tiny).train(data, tmp_path / "out")
    assert ("train", 5, "step") in heard
    assert heard.count((1, {"loss", "tokens_per_second"})) == 5
    if not _cuda():
        assert any("attention sdpa on cpu" in str(line) and "needs a CUDA device" in str(line) for line in heard)


def test_required_flash_attention_is_an_error_without_it(tiny, data, tmp_path):
    if _cuda():
        pytest.skip("there is a CUDA device")
    with pytest.raises(RecipeError, match="'require-flash', but it needs a CUDA device"):
        trainer(tiny, attention="require-flash").train(data, tmp_path / "out")


def test_a_base_model_that_is_nowhere_is_one_line(data, tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        trainer("no-such-model").train(data, tmp_path / "out")


def test_a_folder_without_a_model_is_one_line(data, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="cannot load"):
        trainer(tmp_path / "empty").train(data, tmp_path / "out")


@pytest.mark.parametrize("name", ["epochs", "batch_size", "accumulation", "max_length"])
def test_numbers_that_make_no_training_are_refused(name):
    with pytest.raises(RecipeError, match=f"{name} must be at least 1"):
        options.bind(FlashAttentionTrainer, {"base_model": "x", name: 0}, "trainer")


def test_a_local_model_needs_no_network_and_says_nothing(tiny, data, tmp_path, no_network, capfd):
    trainer(tiny, lora_rank=2).train(data, tmp_path / "out")
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""


def test_every_argument_given_to_transformers_exists(tiny, data, tmp_path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = trainer(tiny)._plan([], 0)
        trainer(tiny)._arguments(tmp_path, plan, 0)


@pytest.mark.gpu
def test_flash_attention_trains(tiny, data, tmp_path):
    if not _cuda():
        pytest.skip("no CUDA device")
    pytest.importorskip("flash_attn")
    checkpoint = trainer(tiny, attention="require-flash", dtype="bfloat16").train(data, tmp_path / "out")
    assert len(list(jsonl.read(Path(checkpoint.path) / "training.jsonl"))) == 5


def _cuda():
    import torch

    return torch.cuda.is_available()


def _steps_done(subject, data, output):
    """Train on, and say how many steps were not done again."""
    first = []

    class Reporter(progress.Silent):
        def advance(self, task, amount, figures):
            if not figures:
                first.append(amount)

    with progress.reporting(Reporter()):
        subject.train(data, output)
    return sum(first)


SLOW = """
import json, sys, time
from pathlib import Path
from magicoder_core import TrainingData
from magicoder_flash_attention import FlashAttentionTrainer, resume
options, path, rows, output, after = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
seal = resume.seal
def wait(checkpoint, key):
    seal(checkpoint, key)
    if checkpoint.name + ".json" == after:
        time.sleep(600)
resume.seal = wait
FlashAttentionTrainer(**options).train(TrainingData(path, rows, 7), output)
"""


def _interrupted(subject, data, output, monkeypatch, after):
    """Train in this process, which stops when checkpoint ``after`` is sealed."""
    seal = resume.seal

    def stop(checkpoint, key):
        seal(checkpoint, key)
        if checkpoint.name == f"checkpoint-{after}":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resume, "seal", stop)
        with pytest.raises(KeyboardInterrupt):
            subject.train(data, output)
    return output


def _killed(subject, data: TrainingData, output: Path, after: str) -> Path:
    """Train in a process of its own that is killed when the file ``after`` is in the state folder."""
    arguments = [json.dumps(options.values(subject)), str(data.path), str(data.rows), str(output), after]
    child = subprocess.Popen([sys.executable, "-c", SLOW, *arguments])
    try:
        while not (output / "state" / after).exists():
            assert child.poll() is None, "the training ended before it could be killed"
            time.sleep(0.05)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    return output
