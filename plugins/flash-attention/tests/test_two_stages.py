"""Magicoder, then MagicoderS, as one recipe: the second trainer begins with the weights that the first one made."""

from __future__ import annotations

import json

from magicoder_core import jsonl, plugins, recipe, stages
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run

OWN = [{"problem": f"Add {number} to x.", "solution": f"x + {number}"} for number in range(8)]
EVOLVED = [{"instruction": f"Evolve {number}.", "output": f"y * {number}"} for number in range(8)]
TRAINER = """
[[trainer]]
use = "flash-attention"
preset = "cpu-tiny"
examples_per_step = 4
epochs = 1
warmup_steps = 0
learning_rate = 1e-2
"""


def work(tmp_path, text, name):
    (tmp_path / "r.toml").write_text(text)
    catalogue = plugins.load()
    read = recipe.read(tmp_path / "r.toml")
    run = Run(read, recipe.bind(read, catalogue), RunDirectory(tmp_path / name), catalogue)
    with run.directory.locked():
        run.directory.begin(run.recipe, run.plan)
        list(stages.run(run, stages.select(run.plan)))
    return run.directory


def test_the_second_stage_goes_on_from_the_first(tiny, tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM

    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    jsonl.write(tmp_path / "own.jsonl", OWN)
    jsonl.write(tmp_path / "evolved.jsonl", EVOLVED)
    first = f'{TRAINER}base_model = "{tiny}"\ndata = "{tmp_path}/own.jsonl"\n'
    second = f'{TRAINER}data = {{ "{tmp_path}/evolved.jsonl" = 1.0, "{tmp_path}/own.jsonl" = 0.5 }}\n'
    both = work(tmp_path, first + second, "both")
    alone = work(tmp_path, first, "alone")
    assert jsonl.digest(both / "checkpoints" / "1") == jsonl.digest(alone / "checkpoint")
    again = f'{second}base_model = "{both / "checkpoints" / "1"}"\n'
    parts = [
        AutoModelForCausalLM.from_pretrained(str(folder)).state_dict()
        for folder in (both / "checkpoint", work(tmp_path, again, "again") / "checkpoint", both / "checkpoints" / "1")
    ]
    assert all(torch.equal(parts[0][name], weight) for name, weight in parts[1].items())
    assert not all(torch.equal(parts[0][name], weight) for name, weight in parts[2].items()), "and it has learned"
    counts = json.loads((both / "run.json").read_text())["stages"]["train"]["counts"]
    assert counts["base_model"] == f"checkpoint {jsonl.digest(both / 'checkpoints' / '1')[:16]}"
    card = (both / "checkpoint" / "README.md").read_text()
    assert "## Training 1\n" in card
    assert "## Training 2, the last\n" in card
    assert f"# Fine-tuned from {tiny.name}\n" in card
    assert next(iter(counts["sources"].values())) == 8
    named = [path.name for path in (both / "checkpoint").iterdir() if str(both.path).encode() in path.read_bytes()]
    assert not named, "a checkpoint is the same wherever its run lies"
