"""Weights that are spread over two processes take the steps that whole ones take. On CPUs, by gloo; see `sharing`."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer

from magicoder_core import jsonl
from magicoder_core.testing import instruction, training_data

HERE = Path(__file__).parent
ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 4))
    for number in range(21)
]
COMMON = {
    "preset": "cpu-tiny",
    "examples_per_step": 8,
    "bin_tokens": 600,
    "learning_rate": 1e-3,
    "epochs": 1,
    "save_steps": 1,
}
WAYS = {
    "adafactor": {"optimizer": "adafactor", "activation_checkpointing": True, "held_out": 0.2, "weight_decay": 0.1},
    "adapters": {"optimizer": "adamw", "lora_rank": 4, "activation_checkpointing": True},
    "paper": {"optimizer": "adafactor", "arrangement": "padded", "batch_size": 2, "loss_norm": "paper"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_data(ROWS, tmp_path_factory.mktemp("rows"), seed=7)


@pytest.fixture(scope="module")
def trained(tiny, data, tmp_path_factory):
    """By FSDP2: all of it in one pair of processes, since starting them takes longest."""
    pytest.importorskip("peft")
    return together(tmp_path_factory.mktemp("fsdp2"), tiny, data, WAYS, parallel="fsdp2", how="fsdp-on-cpus")


def together(folder, tiny, data, ways, *, parallel, how):
    """Train in each way, and in some of them stop and go on."""
    common = {"base_model": str(tiny), "world_size": 2, "parallel": parallel, **COMMON}
    cases = {name: {"options": {**common, **more}} for name, more in ways.items()}
    stopped = {f"{name}, stopped": {**cases[name], "stopped": 1} for name in list(ways)[:2]}
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"),
            *(str(HERE / "sharing.py"), str(data.path), str(folder), json.dumps({**cases, **stopped}), how),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder


def losses(folder):
    lines = list(jsonl.read(folder / "training.jsonl"))
    return [line[name] for line in lines for name in ("loss", "held_out_loss", "grad_norm") if name in line]


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.timeout(420)
def test_as_one_process_with_whole_weights(name, tiny, data, tmp_path, trained):
    assert_as_alone(tiny, data, tmp_path, trained / name, WAYS[name])
    facts = json.loads((trained / name / "training.json").read_text())
    assert facts["head"] == "logits: FSDP2 shards the head by itself", "it was spread indeed"
    assert facts["self_test"] == ("not packed" if "arrangement" in WAYS[name] else "shown by equality")


def assert_as_alone(tiny, data, tmp_path, folder, options):
    alone = Path(FlashAttentionTrainer(base_model=str(tiny), **COMMON, **options).train(data, tmp_path / "out").path)
    assert losses(folder) == pytest.approx(losses(alone), rel=1e-5)
    one, other, base = weights(alone), weights(folder), weights(tiny)
    assert one.keys() == other.keys()
    assert max(float((one[key] - other[key]).abs().max()) for key in one) < 1e-6
    assert max(float((one[key] - base[key]).abs().max()) for key in base) > 1e-4, "and something was learnt"


@pytest.mark.parametrize("name", ["adafactor", "adapters"])
@pytest.mark.timeout(420)
def test_stopped_and_gone_on_is_bit_equal(name, trained):
    assert jsonl.digest(trained / f"{name}, stopped") == jsonl.digest(trained / name)


@pytest.mark.timeout(420)
def test_the_result_loads_with_transformers_alone(trained):
    from transformers import AutoModelForCausalLM

    for name in WAYS:
        model, report = AutoModelForCausalLM.from_pretrained(trained / name, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert type(model).__name__ == model.config.architectures[0] == "LlamaForCausalLM"


@pytest.mark.timeout(600)
def test_deepspeed_takes_the_same_steps_too(tiny, data, tmp_path):
    """ZeRO-3. It makes a kernel for CPUs when it first runs: give it a compiler and ninja."""
    if importlib.util.find_spec("deepspeed") is None:
        pytest.skip("deepspeed is not installed")
    ways = {
        "whole": {"optimizer": "adamw", "held_out": 0.2},
        "adapters": {"optimizer": "adamw", "lora_rank": 4, "activation_checkpointing": True, "held_out": 0.2},
    }
    (tmp_path / "zero3").mkdir()
    folder = together(tmp_path / "zero3", tiny, data, ways, parallel="deepspeed-zero3", how="deepspeed-on-cpus")
    for name, options in ways.items():
        assert_as_alone(tiny, data, tmp_path / name, folder / name, options)
        assert jsonl.digest(folder / f"{name}, stopped") == jsonl.digest(folder / name)
        facts = json.loads((folder / name / "training.json").read_text())
        assert facts["head"] == "logits: DeepSpeed partitions the head", "it was spread indeed"
