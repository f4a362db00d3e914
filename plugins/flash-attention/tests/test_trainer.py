"""The trainer `flash-attention`, on a tiny random model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer

from magicoder_core import ModelError, RecipeError, RunError, jsonl, progress
from magicoder_core.testing import TrainerContract, instruction, training_data

ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 3))
    for number in range(10)
]
QUICK = {"preset": "cpu-tiny", "epochs": 2, "examples_per_step": 4, "learning_rate": 1e-3, "save_steps": 1}


@pytest.fixture
def data(tmp_path):
    return training_data(ROWS, tmp_path, seed=7)


def lines_of(checkpoint):
    return list(jsonl.read(Path(checkpoint.path) / "training.jsonl"))


def trainer(tiny, **more):
    return FlashAttentionTrainer(base_model=str(tiny), **{**QUICK, **more})


class TestContract(TrainerContract):
    @pytest.fixture(params=[0, 2], ids=["full", "lora"])
    def subject(self, tiny, request):
        if request.param:
            pytest.importorskip("peft")
        return trainer(tiny, lora_rank=request.param, epochs=1)

    def load(self, checkpoint):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        AutoTokenizer.from_pretrained(checkpoint.path)
        model, report = AutoModelForCausalLM.from_pretrained(checkpoint.path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert model.config.use_cache


def test_the_same_bytes_wherever_they_are_written(tiny, data, tmp_path):
    one = trainer(tiny).train(data, tmp_path / "one")
    assert trainer(tiny, save_steps=0).train(data, tmp_path / "unsaved").digest == one.digest
    kinds = {".json", ".jsonl", ".jinja", ".md"}
    text = "".join(path.read_text("utf-8") for path in Path(one.path).iterdir() if path.suffix in kinds)
    assert str(tmp_path) not in text
    assert str(tiny) not in text
    assert {path.suffix for path in Path(one.path).iterdir()} <= kinds | {".safetensors"}


def test_the_log_has_each_step(tiny, data, tmp_path):
    checkpoint = trainer(tiny).train(data, tmp_path / "out")
    lines = lines_of(checkpoint)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["epoch"] for line in lines] == [1, 1, 1, 2, 2, 2]
    names = {"step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "supervised_tokens", "padding"}
    assert all(set(line) == names for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert sum(line["tokens"] for line in lines[:3]) == sum(line["tokens"] for line in lines[3:])


def test_what_is_seen_while_it_runs_lies_beside_the_checkpoint(tiny, data, tmp_path):
    logs = tmp_path / "logs"
    checkpoint = trainer(tiny, held_out=0.2).train(dataclasses.replace(data, logs=logs), tmp_path / "out")
    lines = list(jsonl.read(logs / "training.jsonl"))
    steps = json.loads((Path(checkpoint.path) / "training.json").read_text())["steps"]
    assert [line["step"] for line in lines] == list(range(steps + 1))
    passing = {"seconds", "useful_tokens_per_second", "peak_memory_gib", "seconds_left"}
    assert all(passing <= set(line) for line in lines[1:])
    assert lines[-1]["seconds_left"] == 0
    assert "held-out rows" in (logs / "loss.svg").read_text("utf-8")
    lasting = [{name: value for name, value in line.items() if name not in passing} for line in lines]
    assert lasting == lines_of(checkpoint)


def test_held_out_rows_are_looked_at_before_between_and_after(tiny, data, tmp_path):
    checkpoint = trainer(tiny, held_out=0.3, eval_steps=2, epochs=3).train(data, tmp_path / "out")
    looked = {line["step"]: line["held_out_loss"] for line in lines_of(checkpoint) if "held_out_loss" in line}
    facts = json.loads((Path(checkpoint.path) / "training.json").read_text())
    assert 0 < facts["held_out"] < len(ROWS)
    assert facts["held_out"] + facts["trained"] == len(ROWS)
    assert set(looked) == {0, 2, 4, facts["steps"]} - ({4} if facts["steps"] < 4 else set())
    assert looked[facts["steps"]] < looked[0]
    assert (facts["loss"]["held_out_first"], facts["loss"]["held_out_last"]) == (looked[0], looked[facts["steps"]])


def test_the_checkpoint_says_what_it_was_made_of(tiny, data, tmp_path):
    folder = Path(trainer(tiny, max_length=110).train(data, tmp_path / "out").path)
    facts = json.loads((folder / "training.json").read_text())
    assert facts["rows"]["rows"] == 10
    assert facts["rows"]["overlong"] > 0
    assert facts["trained"] == facts["rows"]["kept"] == 10 - facts["rows"]["overlong"]
    assert facts["data"]["sha256"] == jsonl.digest(data.path)
    assert facts["self_test"] == "shown by equality"
    card = (folder / "README.md").read_text()
    assert f"| left out: longer than max_length | {facts['rows']['overlong']} |" in card
    assert facts["data"]["sha256"] in card
    assert f"| learning_rate | {facts['settings']['learning_rate']} |" in card
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}


def test_max_steps_stops_early(tiny, data, tmp_path):
    checkpoint = trainer(tiny, max_steps=2).train(data, tmp_path / "out")
    assert len(lines_of(checkpoint)) == 2


def test_seeds_differ(tiny, data, tmp_path):
    one = trainer(tiny).train(data, tmp_path / "one")
    two = trainer(tiny).train(dataclasses.replace(data, seed=8), tmp_path / "two")
    assert one.digest != two.digest


def test_merged_adapters_answer_as_the_trained_model_did(tiny, data, tmp_path, monkeypatch):
    pytest.importorskip("peft")
    import torch
    from magicoder_flash_attention.tuning import Tuning
    from transformers import AutoModelForCausalLM

    seen = {}

    def spy(self, loop):
        with torch.no_grad():
            seen["logits"] = loop.model.eval()(input_ids=torch.arange(20)[None]).logits
        return finish(self, loop)

    finish = Tuning._finish
    monkeypatch.setattr(Tuning, "_finish", spy)
    checkpoint = trainer(tiny, lora_rank=4, dtype="float32").train(data, tmp_path / "out")
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(checkpoint.path)(torch.arange(20)[None]).logits
        base = AutoModelForCausalLM.from_pretrained(tiny)(torch.arange(20)[None]).logits
    assert torch.allclose(merged, seen["logits"], atol=1e-5)
    assert not torch.allclose(merged, base, atol=1e-3)


def test_a_loss_that_is_not_finite_stops_and_names_the_rows(tiny, data, tmp_path):
    logs = tmp_path / "logs"
    subject, logged = trainer(tiny, learning_rate=1e30, max_grad_norm=0.0), dataclasses.replace(data, logs=logs)
    with pytest.raises(RunError, match=r"the (loss|gradient) is not finite at step [23] on the rows") as caught:
        subject.train(logged, tmp_path / "out")
    written = json.loads((logs / "not-finite.json").read_text())
    assert written["rows"]
    assert all(row in {item.id for item in ROWS} for row in written["rows"])
    assert all(row in str(caught.value) for row in written["rows"])


def test_a_gradient_that_is_not_finite_stops_before_it_is_taken(tiny, data, tmp_path, monkeypatch):
    from magicoder_flash_attention.loop import Loop

    def broken(self, model, batch):
        loss = kept(self, model, batch)
        if self.state.global_step == 1:  # the loss is as it was, its slope is not
            loss = loss + (next(model.parameters()).sum() * 0).sqrt()
        return loss

    kept = Loop._loss
    monkeypatch.setattr(Loop, "_loss", broken)
    with pytest.raises(RunError, match="the gradient is not finite at step 2 on the rows"):
        trainer(tiny, save_steps=1).train(data, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "state").iterdir()] == ["checkpoint-1"]
    monkeypatch.undo()
    whole = trainer(tiny).train(data, tmp_path / "whole")
    assert trainer(tiny).train(data, tmp_path / "out").digest == whole.digest


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
    assert ("train", 6, "step") in heard
    assert heard.count((1, {"loss", "tokens_per_second"})) == 6
    if not _cuda():
        lines = [line for line in heard if isinstance(line, str)]
        assert any("attention segments" in line and "needs a CUDA device" in line for line in lines)
        assert any("packed equals separate: by equality" in line for line in lines)
        assert any("10 of 10 rows" in line for line in lines)


def test_required_flash_attention_is_an_error_without_it(tiny, data, tmp_path):
    if _cuda():
        pytest.skip("there is a CUDA device")
    with pytest.raises(RecipeError, match=r"'require-flash', but .*needs a CUDA device"):
        trainer(tiny, attention="require-flash").train(data, tmp_path / "out")


def test_a_base_model_that_is_nowhere_is_one_line(data, tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        trainer("no-such-model").train(data, tmp_path / "out")


def test_a_folder_without_a_model_is_one_line(data, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="cannot load"):
        trainer(tmp_path / "empty").train(data, tmp_path / "out")


def test_a_local_model_needs_no_network_and_says_nothing(tiny, data, tmp_path, no_network, capfd):
    pytest.importorskip("peft")
    trainer(tiny, lora_rank=2).train(data, tmp_path / "out")
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""


@pytest.mark.parametrize("preset", ["paper", "fast-full", "lora-24g", "cpu-tiny"])
def test_every_argument_given_to_transformers_exists_and_is_not_deprecated(tiny, data, tmp_path, preset):
    import warnings

    from magicoder_flash_attention.tuning import Tuning

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arguments = Tuning(FlashAttentionTrainer(base_model=str(tiny), preset=preset), data, tmp_path)._arguments
    assert arguments.report_to == []
    assert not arguments.logging_nan_inf_filter


@pytest.mark.parametrize("preset", ["paper", "fast-full", "lora-24g"])
def test_each_preset_trains_here(tiny, data, tmp_path, preset):
    pytest.importorskip("peft")
    subject = FlashAttentionTrainer(base_model=str(tiny), preset=preset, epochs=1, warmup_steps=0, lora_rank=None)
    folder = Path(subject.train(data, tmp_path / "out").path)
    facts = json.loads((folder / "training.json").read_text())
    assert facts["steps"] == 1
    assert facts["arrangement"] == ("padded" if preset == "paper" else "packed")
    assert facts["rows"]["kept"] == 10


def test_the_published_format_is_saved_with_the_model(tiny, data, tmp_path):
    from transformers import AutoTokenizer

    checkpoint = trainer(tiny, template="magicoder").train(data, tmp_path / "out")
    asked = [{"role": "user", "content": "Add."}]
    shown = AutoTokenizer.from_pretrained(checkpoint.path).apply_chat_template(
        asked, tokenize=False, add_generation_prompt=True
    )
    assert shown.endswith("@@ Instruction\nAdd.\n\n@@ Response\n")


def test_rows_that_may_not_be_mixed_come_in_their_order(tiny, data, tmp_path, monkeypatch):
    from magicoder_flash_attention.work import Work

    seen = []
    kept = Work.__getitem__
    monkeypatch.setattr(Work, "__getitem__", lambda self, number: seen.append(self.ids(number)) or kept(self, number))
    trainer(tiny).train(dataclasses.replace(data, shuffle=False), tmp_path / "out")
    ids = [row.id for row in ROWS]
    assert seen == [ids[:4], ids[4:8], ids[8:]] * 2


def test_weights_are_saved_as_the_base_has_them_or_as_was_asked_for(tiny, data, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    halves = tmp_path / "halves"
    AutoModelForCausalLM.from_pretrained(tiny).to(torch.bfloat16).save_pretrained(halves)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (halves / name).write_bytes((Path(tiny) / name).read_bytes())
    for wanted, kind in (("base", torch.bfloat16), ("float32", torch.float32)):
        checkpoint = trainer(halves, save_dtype=wanted, max_steps=1).train(data, tmp_path / wanted)
        assert AutoModelForCausalLM.from_pretrained(checkpoint.path, dtype="auto").dtype == kind


def test_a_tracker_that_is_not_installed_is_one_line(tiny, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(
        RecipeError, match=r"trainer.report_to: needs wandb.*pip install 'magicoder-flash-attention\[wandb\]'"
    ):
        trainer(tiny, report_to=("wandb",)).check()


def test_a_full_disk_is_one_line_and_loses_nothing(tiny, data, tmp_path, monkeypatch):
    import errno

    from magicoder_flash_attention import resume

    whole = trainer(tiny).train(data, tmp_path / "whole")
    seal = resume.seal

    def full(folder, facts, **more):
        if folder.name == "checkpoint-3":
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        seal(folder, facts, **more)

    with monkeypatch.context() as patch:
        patch.setattr(resume, "seal", full)
        with pytest.raises(RunError, match="cannot be written: No space left on device; make room and run the same"):
            trainer(tiny).train(data, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "state").iterdir()} == {"checkpoint-1", "checkpoint-2"}
    assert trainer(tiny).train(data, tmp_path / "out").digest == whole.digest


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
