"""Recipes with several trainers at work: runs of the stages in `run`, and what was learned in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magicoder_core import jsonl, plugins, recipe, sandbox, stages
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run, answering, evaluate
from magicoder_core.testing import instruction

HERE = Path(__file__).parent.parent
RECIPE = """
seed = 7
[[trainer]]
use = "learner"
base_model = "tiny"
[[trainer]]
use = "learner"
data = "{more}"
"""


@pytest.fixture
def ground(tmp_path, monkeypatch):
    """A run directory with four rows of its own, and a file of three others."""
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))
    for module in (answering, evaluate):
        monkeypatch.setattr(module, "SERVED_BY", "reciter")
    jsonl.write(tmp_path / "more.jsonl", ({"instruction": f"Evolve {number}", "output": "y"} for number in range(3)))
    (tmp_path / "run").mkdir()
    rows = (instruction(f"Add {number}.", f"x + {number}") for number in range(4))
    jsonl.write(tmp_path / "run" / "kept.jsonl", (row.to_dict() for row in rows))


@pytest.fixture(scope="session")
def learning():
    """The catalogue with the trainer `learner`, the teacher `reciter` and the benchmark `plain`."""
    return plugins.load([HERE / "learning_plugin.py", HERE / "plain_benchmark.py"])


@pytest.fixture
def do(ground, tmp_path, learning):
    """Run a recipe's stages in `run`; gives the directory."""

    def do(text=RECIPE, *overrides, redo=None):
        (tmp_path / "r.toml").write_text(text.replace("{more}", str(tmp_path / "more.jsonl")))
        read = recipe.read(tmp_path / "r.toml", overrides)
        run = Run(read, recipe.bind(read, learning), RunDirectory(tmp_path / "run"), learning)
        with run.directory.locked():
            run.directory.begin(run.recipe, run.plan)
            list(stages.run(run, stages.select(run.plan), redo))
        return run.directory

    return do


@pytest.fixture
def learned(tmp_path):
    """What was learned since the last call: the number of rows by the base's name; an option has them logged."""
    log = tmp_path / "log"
    seen = 0

    def learned():
        nonlocal seen
        lines = [json.loads(line)["base"] for line in log.read_text().splitlines()] if log.exists() else []
        new, seen = lines[seen:], len(lines)
        return {base: new.count(base) for base in dict.fromkeys(new)}

    learned.options = [f"trainer.{number}.log={log}" for number in range(2)]
    return learned
