"""Run directories that an earlier version made: its training is used again, or asked about, never replaced unasked."""

from __future__ import annotations

import json

import pytest

from magicoder_core import RunError, jsonl, lineage, recipe, stages
from magicoder_core.content import content_id
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run

ALONE = 'seed = 3\n[[trainer]]\nuse = "learner"\nbase_model = "tiny"\n'
NEXT = '[[trainer]]\nuse = "learner"\ndata = "{more}"\n'
LATER = ("data", "data_limit", "data_order", "pause")
"""Options that the trainer did not have then."""


@pytest.fixture
def former(do, learned):
    """Make a run directory as it was before recipes could have several trainers; what is given changes its key."""

    def former(status="done", options=(), **changed):
        run = do(ALONE, learned.options[0])
        learned()
        (now,) = run.stages["train"]["key"]["trainers"]
        then = {name: value for name, value in now["options"].items() if name not in LATER} | dict(options)
        trainer = {"use": now["use"], "version": now["version"], "options": then}
        key = {"input": jsonl.digest(run / "kept.jsonl"), "trainer": trainer, "seed": 3} | changed
        note = json.loads((run / "checkpoint.json").read_text())
        made = {name: note[name] for name in ("path", "base_model", "digest")}
        jsonl.write_json(run / "checkpoint.json", made | {"key": content_id(key)})
        run.stages["train"] |= {"key": key, "status": status}
        run.stages["train"]["output"]["checkpoint.json"] = jsonl.digest(run / "checkpoint.json")
        run.save()
        return run

    return former


def test_the_same_training_is_used_again(do, former, learned, said):
    run = former()
    before = (run / "checkpoint" / "model.json").read_bytes()
    run = do(ALONE, learned.options[0])
    assert learned() == {}
    assert (run / "checkpoint" / "model.json").read_bytes() == before
    assert "train: checkpoint is used: an earlier version of Magicoder made it from the same rows and options" in said
    assert not [line for line in said if "was changed since" in line or "runs again" in line]
    said.clear()
    do(ALONE, learned.options[0])
    assert said == [], "from then on it is one of ours"
    assert learned() == {}


def test_it_is_known_before_anything_is_looked_at(tmp_path, former, learned, learning):
    run = former("outdated")
    read = recipe.read(tmp_path / "r.toml", learned.options[:1])
    plan = recipe.bind(read, learning)
    before = (run / "run.json").read_bytes()
    assert stages.pending(Run(read, plan, RunDirectory(run.path), learning), stages.select(plan)) == []
    assert (run / "run.json").read_bytes() == before, "nothing is written by that"


def test_a_second_trainer_goes_on_from_it(do, former, learned, said):
    former()
    run = do(ALONE + NEXT, *learned.options)
    assert learned() == {"1": 3}
    assert lineage.Graph(run).chain("checkpoint") == ["checkpoints/1", "checkpoint"]
    assert (run / "logs" / "train-1").is_dir()
    assert "train: runs again, because this changed: trainers[1]: new: " in "\n".join(said)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"options": {"epochs": 2}}, "options.epochs: 2 -> 1"),
        ({"options": {"base_model": "small"}}, 'options.base_model: "small" -> "tiny"'),
        ({"options": {"accumulation": 8}}, "options.accumulation: 8 -> null"),
        ({"seed": 4}, "seed: 4 -> 3"),
        ({"input": "0" * 64}, 'data.kept.sha256: "000'),
    ],
)
def test_another_training_is_asked_about(do, former, learned, changed, why):
    run = former(**changed)
    before = {path: path.read_bytes() for path in run.path.glob("checkpoint*/*")}
    with pytest.raises(RunError) as caught:
        do(ALONE, learned.options[0])
    line = str(caught.value)
    assert line.startswith(f"{run / 'checkpoint'}: was made by an earlier version of Magicoder, and is not what this")
    assert why in line
    assert line.endswith("--redo train trains anew in its place, another --dir leaves it as it is")
    assert learned() == {}
    assert {path: path.read_bytes() for path in run.path.glob("checkpoint*/*")} == before
    do(ALONE, learned.options[0], redo="train")
    assert learned() == {"tiny": 4}


def test_an_option_that_came_later_and_is_not_at_its_default_is_another_training(do, former, learned):
    former()
    with pytest.raises(RunError, match=r"options.pause: null -> 0.01"):
        do(ALONE + "pause = 0.01\n", learned.options[0])


def test_several_differences_are_counted(do, former, learned):
    former(options={"epochs": 2, "a": 1, "b": 2}, seed=4)
    with pytest.raises(RunError, match=r"\(options.epochs: 2 -> 1; options.a: 1 -> null; .* and 1 more\)"):
        do(ALONE, learned.options[0])


def test_a_training_that_it_did_not_finish_is_begun_anew(do, former, learned):
    former("failed")
    do(ALONE, learned.options[0])
    assert learned() == {"tiny": 4}
