"""QLoRA: adapters over a base that is packed into 4 bits, on whatever device bitsandbytes runs on. Skipped without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, adapters, student
from magicoder_flash_attention.quiet import quiet
from magicoder_flash_attention.settings import settled

from magicoder_core import RecipeError, RunError, jsonl
from magicoder_core.testing import instruction, training_data

ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 3))
    for number in range(10)
]
OPTIONS = {
    "preset": "cpu-tiny",
    "epochs": 3,
    "examples_per_step": 4,
    "learning_rate": 1e-2,
    "optimizer": "adamw",
    "save_steps": 1,
    "lora_rank": 4,
    "quantization": "nf4",
    "held_out": 0.2,
    "eval_steps": 2,
}


@pytest.fixture
def data(tmp_path):
    return training_data(ROWS, tmp_path, seed=7)


@pytest.fixture
def bitsandbytes():
    return pytest.importorskip("bitsandbytes")


def trainer(tiny, **more):
    return FlashAttentionTrainer(base_model=str(tiny), **{**OPTIONS, **more})


def test_packed_weights_without_bitsandbytes_are_refused_in_one_line(tiny, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(
        RecipeError,
        match=r"trainer.quantization: needs bitsandbytes.*pip install 'magicoder-flash-attention\[bitsandbytes\]'",
    ):
        trainer(tiny).check()


def test_it_learns_and_says_what_it_did(tiny, data, tmp_path, bitsandbytes):
    folder = Path(trainer(tiny).train(data, tmp_path / "out").path)
    lines = list(jsonl.read(folder / "training.jsonl"))
    losses, looked = ([line[name] for line in lines if name in line] for name in ("loss", "held_out_loss"))
    assert losses[-1] < losses[0] - 0.5
    assert looked[-1] < looked[0] - 0.5
    facts = json.loads((folder / "training.json").read_text())
    assert facts["settings"]["quantization"] == "nf4"
    assert facts["versions"]["bitsandbytes"] == bitsandbytes.__version__
    assert facts["self_test"].startswith("shown by")
    assert "| quantization | nf4 |" in (folder / "README.md").read_text()


def test_the_result_is_the_base_as_it_was_and_the_adapters(tiny, data, tmp_path, bitsandbytes, monkeypatch):
    import torch
    from magicoder_flash_attention.tuning import Tuning
    from transformers import AutoModelForCausalLM

    learnt = {}

    def spy(self, loop):
        learnt.update({name: value.detach().clone() for name, value in loop.model.named_parameters() if "lora" in name})
        finish(self, loop)

    finish = Tuning._finish
    monkeypatch.setattr(Tuning, "_finish", spy)
    checkpoint = trainer(tiny, save_dtype="float32").train(data, tmp_path / "out")
    model, report = AutoModelForCausalLM.from_pretrained(checkpoint.path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not hasattr(model.config, "quantization_config")
    base = AutoModelForCausalLM.from_pretrained(tiny)
    plain = base(torch.arange(20)[None]).logits
    from peft import LoraConfig, get_peft_model

    with quiet():
        both = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert not both.load_state_dict(learnt, strict=False).unexpected_keys
    with torch.no_grad():
        merged, together = model(torch.arange(20)[None]).logits, both(input_ids=torch.arange(20)[None]).logits
    assert torch.allclose(merged, together, atol=1e-5)
    assert not torch.allclose(merged, plain, atol=1e-2)


def test_stopped_and_gone_on_is_bit_equal(tiny, data, tmp_path, bitsandbytes, monkeypatch):
    """Looks at held-out rows lie between: they must not change the packed weights."""
    from magicoder_flash_attention.loop import Loop

    whole = trainer(tiny).train(data, tmp_path / "whole")
    kept, calls = Loop._check_losses, []

    def stop(self, *args):
        kept(self, *args)
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_check_losses", stop)
        with pytest.raises(KeyboardInterrupt):
            trainer(tiny).train(data, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "state").iterdir()} == {"checkpoint-2", "checkpoint-3"}
    assert trainer(tiny).train(data, tmp_path / "out").digest == whole.digest


def test_an_evaluation_leaves_the_packed_weights_as_they_are(tiny, bitsandbytes):
    import torch

    with quiet():
        made = student.model_of(str(tiny), torch.bfloat16, "sdpa", adapters.packed_weights("nf4"))
        model = adapters.adapted(made, settled("cpu-tiny", {"lora_rank": 4, "quantization": "nf4"}), seed=1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    with torch.no_grad():
        model.eval()(input_ids=torch.arange(20, device=model.device)[None])
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


@pytest.mark.parametrize("harm", ["missing", "of another model"])
def test_adapters_that_do_not_fit_are_never_left_out_in_silence(tiny, harm):
    import torch

    pytest.importorskip("peft")
    settings = settled("cpu-tiny", {"lora_rank": 4})
    with quiet():
        model = adapters.adapted(student.model_of(str(tiny), torch.float32, "sdpa"), settings, seed=1)
    learnt = dict(model.named_parameters())
    name = next(name for name in learnt if "lora_B" in name)
    value = learnt.pop(name)
    if harm != "missing":
        learnt |= {name: value, name.replace("layers.0", "layers.9"): value}
    with (
        quiet(),
        pytest.raises(RunError, match=r"the adapters cannot be merged: .*lora_B.* has no counterpart \(1 in all\)"),
    ):
        adapters.merged(str(tiny), learnt, settings, torch.float32)
