"""Two trainers on files alone, killed (SIGKILL) in either of them: nothing is learned twice, and the bytes are the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent.parent / "learning_plugin.py"
RECIPE = """
[[trainer]]
use = "learner"
base_model = "tiny"
data = "{rows}"
pause = 0.1
[[trainer]]
use = "learner"
data = {{ "{rows}" = 1.5 }}
data_order = "as-given"
pause = 0.1
"""
FINAL = ("checkpoint.json", "checkpoint.rows.jsonl", "checkpoint/model.json", "checkpoints/1.json")


@pytest.fixture
def recipe(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"instruction": f"Do {n}", "output": "x"}) + "\n" for n in range(10)))
    path = tmp_path / "two.toml"
    path.write_text(RECIPE.format(rows=rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("after", [0.4, 1.6])
def test_killed_in_either_trainer_it_goes_on_there(cli, recipe, tmp_path, after):
    log = tmp_path / "log"
    command = ("run", recipe, "--plugin", PLUGIN, "-o", f"trainer.0.log={log}", "-o", f"trainer.1.log={log}")
    cli.kill_in("train", tmp_path / "killed", *command, "--dir", tmp_path / "killed", after=after)
    before = Counter(json.loads(line)["base"] for line in log.read_text().splitlines())
    assert set(before) == ({"tiny"} if after < 1 else {"tiny", "1"}), "killed in the trainer that was meant"
    done = cli(*command, "--dir", tmp_path / "killed")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    learned = Counter((line["base"], line["row"]) for line in lines)
    whole = cli(*command, "--dir", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    for name in FINAL:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    # A row whose state was being written at the kill is learned again; it is one at most.
    rows = len((tmp_path / "whole" / "checkpoint.rows.jsonl").read_text().splitlines())
    assert learned.total() <= 10 + rows + 1
    assert "10 rows on tiny, then" in done.stdout
