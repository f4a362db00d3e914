"""`magicoder run` in two processes that `torchrun` starts: two trainings in a row, killed in the middle and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from magicoder_core import jsonl, plugins, recipe, stages
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run

ROWS = [
    {"problem": f"Add {number} to x.", "solution": f"def add(x):\n    return x + {number}\n" * (1 + number % 3)}
    for number in range(14)
]
TRAINER = """
[[trainer]]
use = "flash-attention"
preset = "cpu-tiny"
examples_per_step = 4
bin_tokens = 300
epochs = 1
learning_rate = 1e-3
save_steps = 1
data = "{folder}/rows.jsonl"
"""
PLUGIN = """
from dataclasses import dataclass
from magicoder_core import Benchmark, Problem, Verdict, hookimpl

@dataclass(frozen=True, kw_only=True)
class Any(Benchmark):
    \"\"\"A problem that any answer solves.\"\"\"
    def problems(self):
        yield Problem(id="one", benchmark="any", prompt="Add 3 to x.", entry_point="add")
    def judge(self, submissions):
        for item in submissions:
            yield Verdict(problem_id=item.problem_id, sample=item.sample, status="pass")

@hookimpl
def benchmark():
    return {"any": Any}
"""
HERE = Path(__file__).parent
KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
import sharing
if os.environ["RANK"] == "1":
    sharing.stop_after({steps}, dead=1)
from magicoder_core.cli.main import main
main()
"""


@pytest.fixture
def folder(tiny, tmp_path):
    jsonl.write(tmp_path / "rows.jsonl", ROWS)
    first, second = (TRAINER.format(folder=tmp_path) for _ in range(2))
    text = f'seed = 7\n{first}base_model = "{tiny}"\n{second}held_out = 0.2\n[[benchmark]]\nuse = "any"\n'
    (tmp_path / "r.toml").write_text(text)
    (tmp_path / "scored.py").write_text(PLUGIN)
    return tmp_path


def magicoder(folder, name, *, steps=None):
    """Run the recipe; with ``steps`` rank 1 kills itself in the step after so many, counted over both trainings."""
    program = ["-m", "magicoder_core"]
    if steps is not None:
        (folder / "killed.py").write_text(KILLED.format(tests=str(HERE), steps=steps))
        program = [str(folder / "killed.py")]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    return subprocess.run(
        [*torchrun, *program, "--plugin=scored.py", "run", "r.toml", f"--dir={name}"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def alone(folder):
    """Run the recipe's trainings in this process."""
    catalogue = plugins.load()
    read = recipe.read(folder / "r.toml", ["benchmark=[]"])
    run = Run(read, recipe.bind(read, catalogue), RunDirectory(folder / "alone"), catalogue)
    with run.directory.locked():
        run.directory.begin(run.recipe, run.plan)
        list(stages.run(run, stages.select(run.plan)))


def weights(directory):
    from safetensors.torch import load_file

    return load_file(directory / "checkpoint" / "model.safetensors")


@pytest.mark.timeout(600)
def test_killed_and_gone_on_is_bit_equal_and_as_one_process(folder):
    ended = magicoder(folder, "both")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.count("Everything is in") == 1
    verdicts = list(jsonl.read(folder / "both" / "any" / "verdicts.jsonl"))
    assert [verdict["status"] for verdict in verdicts] == ["pass"], "rank 0 alone asks the model, while rank 1 waits"
    killed = magicoder(folder, "killed", steps=5)  # in the second training, whose steps are 4 to 6
    assert killed.returncode != 0
    assert f"Signal {int(signal.SIGKILL)}" in killed.stderr
    assert [path.name for path in (folder / "killed").rglob("state/checkpoint-*")] == ["checkpoint-1"]
    again = magicoder(folder, "killed")
    assert again.returncode == 0, again.stderr[-3000:]
    for part in ("checkpoints/1", "checkpoint"):
        assert jsonl.digest(folder / "killed" / part) == jsonl.digest(folder / "both" / part)
    for part in ("train-1", "train-2"):
        lines = [line["step"] for line in jsonl.read(folder / "killed" / "logs" / part / "training.jsonl")]
        assert lines == list(range(lines[0], lines[-1] + 1)), "each step once, also after the kill"
    alone(folder)
    one, two = weights(folder / "alone"), weights(folder / "both")
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-6
    facts = [json.loads((folder / name / "checkpoint" / "training.json").read_text()) for name in ("alone", "both")]
    assert [item["processes"] for item in facts] == [1, 2]
