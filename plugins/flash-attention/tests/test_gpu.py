"""What only a CUDA device shows (`nox -s gpu`): whole trainings in bfloat16, on one GPU and, where there are two, on both.

FlashAttention, Liger and bitsandbytes are optional: what needs one that is not there is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, attention, head

from magicoder_core import RecipeError, jsonl
from magicoder_core.testing import instruction, training_data

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
ROWS = [
    instruction(
        f"Add {number} to x." + " Please." * (number % 5), f"def add(x):\n    return x + {number}\n" * (1 + number % 8)
    )
    for number in range(42)
]
COMMON = {"preset": "cpu-tiny", "dtype": "auto", "examples_per_step": 8, "bin_tokens": 600, "learning_rate": 1e-3}
PADDED = {"arrangement": "padded", "batch_size": 4, "attention": "sdpa"}


@pytest.fixture(autouse=True)
def cuda():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.cuda


@pytest.fixture
def two_gpus(cuda):
    if cuda.device_count() < 2:
        pytest.skip(f"{cuda.device_count()} CUDA device, two are needed")


@pytest.fixture(scope="module")
def base(tmp_path_factory, make_tokenizer):
    """A random llama whose heads are of 64, as the kernels like them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "wide"
    torch.manual_seed(0)
    sizes = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4}
    special = {"bos_token_id": None, "eos_token_id": 258, "pad_token_id": 258}
    config = LlamaConfig(**sizes, **special, num_key_value_heads=2, vocab_size=264, max_position_embeddings=4096)
    LlamaForCausalLM(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_data(ROWS, tmp_path_factory.mktemp("rows"), seed=7)


@pytest.fixture(scope="module")
def padded(base, data, tmp_path_factory):
    """What rows padded as was published come to, by attention that every torch has."""
    made = {}

    def trained(**more):
        name = str(more)
        if name not in made:
            made[name] = train(base, data, tmp_path_factory.mktemp("padded"), **PADDED, **more)
        return made[name]

    return trained


def train(base, data, folder, **more):
    """The folder of the result."""
    checkpoint = FlashAttentionTrainer(base_model=str(base), **{**COMMON, **more}).train(data, folder / "out")
    return Path(checkpoint.path)


def lines(folder):
    return list(jsonl.read(folder / "training.jsonl"))


def facts(folder):
    return json.loads((folder / "training.json").read_text())


def assert_like(one, other):
    """The same training but for the rounding of bfloat16: 8 bits, and sums in another order."""
    assert [line["loss"] for line in lines(one)] == pytest.approx([line["loss"] for line in lines(other)], rel=2e-2)
    assert lines(one)[0]["grad_norm"] == pytest.approx(lines(other)[0]["grad_norm"], rel=5e-2)


@pytest.mark.parametrize("rung", ["auto", *attention.RUNGS])
def test_packed_by_each_rung_trains_as_padded(base, data, tmp_path, padded, rung):
    try:
        folder = train(base, data, tmp_path, attention=rung)
    except RecipeError as error:
        if rung not in attention.FLASH:
            raise
        pytest.skip(str(error))
    said = facts(folder)
    assert said["arrangement"] == "packed"
    assert said["self_test"] == "shown by perturbation"
    if rung == "auto":
        assert said["attention"]["rung"] in (*attention.FLASH, "varlen"), said["attention"]
    else:
        assert said["attention"]["rung"] == rung
    assert lines(folder)[-1]["loss"] < lines(folder)[0]["loss"]
    assert_like(folder, padded())


def test_float32_on_a_gpu_is_as_exact_as_on_a_cpu(base, data, tmp_path):
    import torch
    from safetensors.torch import load_file

    exact = {"dtype": "float32", "attention": "segments"}
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        one = train(base, data, tmp_path / "one", **exact)
        two = train(base, data, tmp_path / "two", **{**PADDED, "dtype": "float32"})
    finally:
        torch.set_float32_matmul_precision(before)
    assert facts(one)["self_test"] == "shown by equality"
    assert [line["loss"] for line in lines(one)] == pytest.approx([line["loss"] for line in lines(two)], rel=1e-4)
    weights = [load_file(folder / "model.safetensors") for folder in (one, two)]
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) < 1e-4


@pytest.mark.parametrize("again", [False, True], ids=["activations kept", "activations computed again"])
def test_adapters(base, data, tmp_path, padded, again):
    pytest.importorskip("peft")
    more = {"lora_rank": 8, "optimizer": "adamw", "learning_rate": 3e-3}
    folder = train(base, data, tmp_path, **more, activation_checkpointing=again)
    assert lines(folder)[-1]["loss"] < lines(folder)[0]["loss"]
    assert_like(folder, padded(**more))


def test_adapters_over_packed_weights(base, data, tmp_path):
    pytest.importorskip("peft")
    pytest.importorskip("bitsandbytes")
    from transformers import AutoModelForCausalLM

    more = {"lora_rank": 8, "quantization": "nf4", "optimizer": "adamw", "learning_rate": 1e-2, "held_out": 0.2}
    folder = train(base, data, tmp_path, **more, activation_checkpointing=True)
    looked = [line["held_out_loss"] for line in lines(folder) if "held_out_loss" in line]
    assert looked[-1] < looked[0]
    assert facts(folder)["self_test"] == "shown by perturbation"
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not hasattr(model.config, "quantization_config")


def test_an_optimizer_of_8_bits(base, data, tmp_path):
    pytest.importorskip("bitsandbytes")
    folder = train(base, data, tmp_path, optimizer="adamw-8bit")
    assert lines(folder)[-1]["loss"] < lines(folder)[0]["loss"]


def test_ligers_head_trains_as_ours(base, data, tmp_path, monkeypatch):
    pytest.importorskip("liger_kernel")
    liger = train(base, data, tmp_path / "liger")
    assert facts(liger)["head"].startswith("liger: ")
    kept = head.attach
    monkeypatch.setattr(head, "attach", lambda model, **more: kept(model, **{**more, "liger": "off"}))
    ours = train(base, data, tmp_path / "ours")
    assert facts(ours)["head"].startswith("chunked: ")
    assert_like(liger, ours)


def test_the_published_preset(base, data, tmp_path):
    folder = train(base, data, tmp_path, preset="paper", dtype="bfloat16", learning_rate=5e-4)
    assert facts(folder)["arrangement"] == "padded"
    assert lines(folder)[-1]["loss"] < lines(folder)[0]["loss"]


@pytest.mark.parametrize("way", ["segments", "sdpa"])
def test_killed_and_gone_on_is_bit_equal(base, data, tmp_path, way):
    """In processes of their own: cuBLAS reads what makes it repeatable once, when it is loaded."""
    options = {"base_model": str(base), **COMMON, "attention": way, "deterministic": True, "save_steps": 2}

    def run(name, killed=None):
        kill = f"sharing.stop_after({killed}, dead=0)" if killed else ""
        program = (
            f"import sys, json; sys.path.insert(0, {str(HERE)!r}); import sharing; from pathlib import Path; {kill}\n"
        )
        case = {name: {"options": options}}
        program += f"sharing.main(Path({str(data.path)!r}), Path({str(tmp_path)!r}), json.loads({json.dumps(case)!r}))"
        environment = {**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    whole = run("whole")
    assert whole.returncode == 0, whole.stderr[-3000:]
    assert run("killed", killed=5).returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "state" / "checkpoint-4").is_dir()
    again = run("killed")
    assert again.returncode == 0, again.stderr[-3000:]
    assert jsonl.digest(tmp_path / "killed") == jsonl.digest(tmp_path / "whole")


def test_the_loss_takes_a_part_of_the_memory_of_all_logits(cuda):
    """A vocabulary of 32,768 and 8,192 tokens, of which half are learnt; full logits as transformers computes them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=32768, max_position_embeddings=8192)).cuda()
    tokens = torch.randint(0, 32768, (1, 8192), device="cuda")
    labels = torch.where(torch.arange(8192, device="cuda") % 2 == 0, tokens, -100)
    positions = torch.arange(0, 8190, 2, device="cuda") + 1
    learnt = {"predicts": positions, "targets": tokens[0, positions + 1]}
    learnt["token_weights"] = torch.rand(len(positions), device="cuda") / len(positions)

    def risen(**inputs):
        model.zero_grad(set_to_none=True)
        cuda.synchronize()
        before = cuda.memory_allocated()
        cuda.reset_peak_memory_stats()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(input_ids=tokens, use_cache=False, **inputs).loss
        loss.backward()
        return cuda.max_memory_allocated() - before

    risen(labels=labels)  # what is made once
    full = risen(labels=labels)
    head.attach(model, liger="off")
    assert risen(**learnt) < 0.4 * full


@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
@pytest.mark.usefixtures("two_gpus")
def test_two_gpus_train_as_one(base, data, tmp_path, padded, parallel):
    case = {"options": {"base_model": str(base), **COMMON, "world_size": 2, "parallel": parallel, "save_steps": 2}}
    cases = {"whole": case, "stopped": {**case, "stopped": 2}}
    if parallel == "fsdp2":
        adapted = {**case["options"], "lora_rank": 8, "optimizer": "adamw", "activation_checkpointing": True}
        cases["adapters"] = {"options": adapted}
    started = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    ended = subprocess.run(
        [*started, str(HERE / "sharing.py"), str(data.path), str(tmp_path), json.dumps(cases)],
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert facts(tmp_path / "whole")["processes"] == 2
    assert_like(tmp_path / "whole", padded())
    assert_like(tmp_path / "stopped", padded())
    if parallel == "fsdp2":
        assert facts(tmp_path / "whole")["head"] == "logits: FSDP2 shards the head by itself"
        assert_like(tmp_path / "adapters", padded(lora_rank=8, optimizer="adamw"))


def test_how_fast(base, data, tmp_path, capsys):
    """Says it; nothing is demanded, since machines differ. The first steps, in which kernels are loaded, are left out."""
    import dataclasses

    told = []
    for name, more in (("packed", {"bin_tokens": 8192}), ("padded 2", {**PADDED, "batch_size": 2})):
        folder = tmp_path / name
        folder.mkdir()
        logged = dataclasses.replace(data, logs=folder / "logs")
        train(base, logged, folder, **more, examples_per_step=16, epochs=8)
        steps = [line for line in jsonl.read(folder / "logs" / "training.jsonl") if "seconds" in line][3:]
        speed = statistics.median(line["useful_tokens_per_second"] for line in steps)
        told.append(f"{name}: {speed:,.0f} useful tokens/s, peak {steps[-1]['peak_memory_gib']} GiB")
        assert speed > 0
    with capsys.disabled():
        sys.stdout.write(f"\n{' | '.join(told)}\n")
