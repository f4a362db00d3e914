"""Training on a CPU: useful tokens a CPU second beside the published collator and TRL's packing, and whether all learn the same.

The rows are functions of the libraries that are installed here (`library_rows`), encoded by SmolLM2's tokenizer and
Magicoder's markers: real lengths, of a long tail. A second set has the lengths that are told of OSS-Instruct-75K (lognormal: mean
494 tokens, 95 of 100 below 809, at most 1,216, half of them supervised). The model is a random llama (hidden size 256, 4 layers, 8,192
tokens), in float32 on one thread; ``--scale 2`` takes twice the rows.

Each program is a process of its own (clients/train.py), in rounds that turn; the ratio of each round counts, and their
median. The CPU seconds are those of the steps, optimizer and all, without loading. The published collator is taken from a checkout
of ise-uiuc/magicoder (3ef43f0) that `MAGICODER_PEER_PUBLISHED` names, and runs in today's Trainer. TRL stands in an environment of its own.

Goals: 1.3 times the published collator at its batch size of 2, 1.8 times at 8, twice TRL's packing.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

import driving
import pytest
from benchmarks import library_rows

from magicoder_core import MagicoderError

CLIENT = Path(__file__).parent / "clients" / "train.py"
PUBLISHED = os.environ.get("MAGICODER_PEER_PUBLISHED", "")
TRL = driving.PEERS / "trl" / "bin" / "python"
STEP, BIN, VOCABULARY, LONGEST = 16, 2048, 8192, 1216

PROGRAMS = {
    "ours, packed": ("ours", sys.executable, {}, None),
    "published, batch 2": ("published", sys.executable, {"batch": 2}, 1.3),
    "published, batch 8": ("published", sys.executable, {"batch": 8}, 1.8),
    "TRL, packed": ("trl", str(TRL), {"packing": True}, 2.0),
}
"""Name: program, its Python, its job, how many times its tokens ours should do in a CPU second."""


def model(folder):
    """The model and a tokenizer of bytes beside it, which TRL wants to see."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        vocab_size=VOCABULARY,
        max_position_embeddings=8192,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words = {f"t{number}": number for number in range(VOCABULARY)}
    inner = Tokenizer(models.WordLevel(words, unk_token="t3"))
    PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="t0", bos_token="t1", eos_token="t2").save_pretrained(
        folder
    )
    return folder


def library(count):
    """Rows of real code and real words, as they come."""
    from magicoder_flash_attention import student
    from magicoder_flash_attention.template import Template

    try:
        tokenizer = student.tokenizer_of(student.source("smollm2-135m-instruct"))
    except MagicoderError as error:
        pytest.skip(f"no tokenizer of SmolLM2 here ({error})")
    template = Template(tokenizer, "magicoder")
    rows = []
    for row in library_rows.rows(2 * count, seed=3):
        prompt, learnt = template.pair(
            f"Write a solution to the following coding problem:\n{row['problem']}", row["solution"]
        )
        if len(prompt) + len(learnt) <= LONGEST:
            rows.append({"tokens": [3 + token % (VOCABULARY - 3) for token in prompt + learnt], "prompt": len(prompt)})
    return rows[:count]


def like_oss(count):
    """Random tokens in the lengths that are told of OSS-Instruct-75K."""
    draw = random.Random(11)
    rows = []
    for _ in range(count):
        prompt, learnt = (min(max(8, round(draw.lognormvariate(5.42, 0.42))), LONGEST // 2) for _ in range(2))
        rows.append({"tokens": [draw.randrange(3, VOCABULARY) for _ in range(prompt + learnt)], "prompt": prompt})
    return rows


def trained(program, python, job, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.json").write_text(json.dumps(job))
    output = folder / "output"
    with output.open("wb") as written:
        ended = subprocess.run(
            [python, str(CLIENT), program, str(folder / "job.json"), str(folder / "told.json")],
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"},
            stdout=written,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert ended.returncode == 0, output.read_text(errors="replace")[-3000:]
    return json.loads((folder / "told.json").read_text())


def missing(program):
    if program == "published" and not PUBLISHED:
        return "MAGICODER_PEER_PUBLISHED names no checkout of ise-uiuc/magicoder"
    if program == "trl" and not TRL.exists():
        return f"no {TRL}: nox -s bench makes it"
    return None


@pytest.mark.parametrize("rows", [library, like_oss], ids=["library", "like_oss"])
def test_useful_tokens(bench, tmp_path, rows):
    made = rows(round(64 * bench.scale))
    lengths = sorted(len(row["tokens"]) for row in made)
    supervised = sum(len(row["tokens"]) - row["prompt"] for row in made)
    bench.say(
        f"\n{len(made)} rows, tokens: mean {statistics.mean(lengths):.0f}, median {lengths[len(lengths) // 2]}, "
        f"95 of 100 below {lengths[len(lengths) * 95 // 100]}, longest {lengths[-1]}; {supervised / sum(lengths):.0%} supervised"
    )
    common = {
        "model": str(model(tmp_path / "model")),
        "rows": made,
        "step": STEP,
        "batch": 2,
        "bin_tokens": BIN,
        "published": PUBLISHED,
        # As many packed rows as hold the tokens of a step.
        "accumulation": round(STEP * statistics.mean(lengths) / BIN),
    }
    speeds = {name: [] for name, (program, *_) in PROGRAMS.items() if not missing(program)}
    for round_ in range(bench.rounds):
        turn = round_ % len(speeds)
        for name in [*list(speeds)[turn:], *list(speeds)[:turn]]:
            program, python, more, _ = PROGRAMS[name]
            told = trained(program, python, {**common, **more}, tmp_path / f"{name} {round_}")
            speeds[name].append(told["tokens"] / told["cpu"])
    table = []
    for name, (program, _, _, _) in PROGRAMS.items():
        if why := missing(program):
            bench.say(f"{name} is left out: {why}")
            continue
        ratios = [ours / theirs for ours, theirs in zip(speeds["ours, packed"], speeds[name], strict=True)]
        table.append(
            {
                "program": name,
                "tokens/CPU s": statistics.median(speeds[name]),
                "ours is": statistics.median(ratios),
                "least": min(ratios),
                "most": max(ratios),
            }
        )
    bench.table(f"training, useful tokens a CPU second ({rows.__name__})", table)
    for line in table:
        if goal := PROGRAMS[line["program"]][3]:
            bench.goal(f"{goal} times {line['program']}: {line['ours is']:.2f}", line["ours is"] >= goal)


def test_all_take_the_same_steps(bench, tmp_path):
    """Losses and weights of ours, of the published collator and of TRL (padded) on the same rows, a partial last step included."""
    from safetensors.torch import load_file

    made = like_oss(4 * STEP + 6)
    common = {
        "model": str(model(tmp_path / "model")),
        "rows": made,
        "step": STEP,
        "batch": 2,
        "bin_tokens": BIN,
        "published": PUBLISHED,
        "packing": False,
        "learning_rate": 1e-3,
    }
    found = {}
    for program, python in (("ours", sys.executable), ("published", sys.executable), ("trl", str(TRL))):
        if why := missing(program):
            bench.say(f"{program} is left out: {why}")
            continue
        weights = tmp_path / f"{program}.safetensors"
        told = trained(program, python, {**common, "weights": str(weights)}, tmp_path / program)
        found[program] = (told["losses"], load_file(weights))
    table = []
    for program, (losses, weights) in found.items():
        apart = max(float((weights[name] - found["ours"][1][name]).abs().max()) for name in found["ours"][1])
        loss = max(abs(one / other - 1) for one, other in zip(losses, found["ours"][0], strict=True))
        table.append(
            {"program": program, "first": losses[0], "last": losses[-1], "losses apart": loss, "weights apart": apart}
        )
    bench.table("training, the same steps", table)
    bench.goal(
        "losses and weights within 1e-5 and 1e-6",
        all(row["losses apart"] < 1e-5 and row["weights apart"] < 1e-6 for row in table),
    )
