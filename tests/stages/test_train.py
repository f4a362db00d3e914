"""The stage `train`: several trainers, each with a checkpoint that is used again for as long as its own key holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from magicoder_core import RecipeError, RunError, jsonl, lineage, recipe, stages, summary
from magicoder_core.stages import train
from magicoder_core.testing import instruction

RECIPE = """
seed = 7
[[trainer]]
use = "learner"
base_model = "tiny"
[[trainer]]
use = "learner"
data = "{more}"
"""
ROWS = [instruction(f"Add {number}.", f"x + {number}") for number in range(4)]
MORE = [{"instruction": f"Evolve {number}", "output": "y"} for number in range(3)]


def model(directory, name="checkpoint"):
    return json.loads((directory / name / "model.json").read_text())


def counts(directory):
    return json.loads((directory / "run.json").read_text())["stages"]["train"]["counts"]


def test_one_trainer_keeps_its_names_and_learns_the_runs_own_rows(do):
    run = do('[trainer]\nuse = "learner"\nbase_model = "tiny"\n')
    assert model(run) == ["tiny", ["", 0, *sorted(row.id for row in ROWS)]]
    assert counts(run) == {"rows": 4, "base_model": "tiny", "digest": jsonl.digest(run / "checkpoint")}
    assert json.loads((run / "checkpoint.json").read_text())["path"] == "checkpoint"
    assert len((run / "logs" / "train" / "training.jsonl").read_text().splitlines()) == 4
    assert sorted(path.name for path in run.path.glob("checkpoint*")) == ["checkpoint", "checkpoint.json"]


def test_the_second_trainer_begins_with_the_checkpoint_of_the_first(do):
    run = do()
    first, second = model(run, "checkpoints/1"), model(run)
    assert first == ["tiny", ["", 7, *sorted(row.id for row in ROWS)]]
    assert second[:2] == first
    assert second[2][:2] == ["tiny", 7], "the model card can name the model that all began with"
    assert len(second[2]) == 2 + len(MORE)
    made = counts(run)
    digest = jsonl.digest(run / "checkpoints/1")
    assert (made["rows"], made["base_model"], made["from"]) == (3, f"checkpoint {digest[:16]}", digest)
    assert made["sources"] == {str(run.path.parent / "more.jsonl"): 3}
    assert made["earlier"] == [{"rows": 4, "base_model": "tiny", "digest": digest}]
    assert (run / "logs" / "train-1" / "training.jsonl").exists()
    assert (run / "logs" / "train-2" / "training.jsonl").exists()
    assert summary.counted("train", made) == f"4 rows on tiny, then 3 rows on checkpoint {digest[:16]}"


def test_a_model_of_its_own_begins_anew(do):
    run = do(RECIPE + 'base_model = "small"\n')
    assert model(run)[0] == "small"
    assert counts(run)["base_model"] == "small"


@pytest.mark.parametrize(
    ("override", "anew"),
    [
        ("trainer.1.epochs=2", {"1": 3}),
        ("trainer.1.data=kept", {"1": 4}),
        ("trainer.1.data_limit=2", {"1": 2}),
        ("trainer.1.data_order=as-given", {"1": 3}),
        ("trainer.0.epochs=2", {"tiny": 4, "1": 3}),
        ("trainer.0.data_limit=2", {"tiny": 2, "1": 3}),
        ("seed=8", {"tiny": 4, "1": 3}),
    ],
)
def test_what_a_change_does_not_concern_is_not_done_again(do, learned, override, anew):
    do(RECIPE, *learned.options)
    assert learned() == {"tiny": 4, "1": 3}
    do(RECIPE, *learned.options)
    assert learned() == {}
    do(RECIPE, *learned.options, override)
    assert learned() == anew


def test_other_rows_in_a_file_are_another_training(do, learned, tmp_path):
    do(RECIPE, *learned.options)
    learned()
    jsonl.write(tmp_path / "more.jsonl", [*MORE, {"instruction": "One more", "output": "z"}])
    do(RECIPE, *learned.options)
    assert learned() == {"1": 4}


def test_redo_does_all_again(do, learned):
    do(RECIPE, *learned.options)
    learned()
    do(RECIPE, *learned.options, redo="train")
    assert learned() == {"tiny": 4, "1": 3}


@pytest.mark.parametrize("number", [0, 1])
def test_stopped_in_the_middle_it_goes_on_there(do, learned, tmp_path, number):
    whole = {name: (do() / name).read_bytes() for name in ("checkpoint/model.json", "checkpoints/1/model.json")}
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    for path in (tmp_path / "run").glob("checkpoint*"):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    stop = tmp_path / "stop"
    options = [*learned.options, f"trainer.{number}.stop_at={stop}"]
    stop.write_text("2")
    with pytest.raises(KeyboardInterrupt):
        do(RECIPE, *options)
    assert learned() == ({"tiny": 2} if number == 0 else {"tiny": 4, "1": 2})
    stop.unlink()
    run = do(RECIPE, *options)
    assert learned() == ({"tiny": 2, "1": 3} if number == 0 else {"1": 1})
    assert {name: (run / name).read_bytes() for name in whole} == whole
    logged = (run / "logs" / f"train-{number + 1}" / "training.jsonl").read_text().splitlines()
    assert len(logged) == [4, 3][number], "the log goes on, too"


def test_another_second_trainer_leaves_the_first_one_going_on(do, learned, tmp_path):
    stop = tmp_path / "stop"
    options = [*learned.options, f"trainer.0.stop_at={stop}"]
    stop.write_text("2")
    with pytest.raises(KeyboardInterrupt):
        do(RECIPE, *options)
    stop.unlink()
    do(RECIPE, *options, "trainer.1.epochs=5")
    assert learned() == {"tiny": 4, "1": 3}


def test_a_log_of_another_training_is_not_gone_on_with(do, tmp_path):
    stop = tmp_path / "stop"
    stop.write_text("2")
    with pytest.raises(KeyboardInterrupt):
        do(RECIPE, f"trainer.0.stop_at={stop}")
    run = do(RECIPE, f"trainer.0.stop_at={stop}", "trainer.0.data_limit=2")
    assert len((run / "logs" / "train-1" / "training.jsonl").read_text().splitlines()) == 2


def test_a_later_trainer_can_be_added_and_taken_away(do, learned):
    alone, third = RECIPE.partition('[[trainer]]\nuse = "learner"\ndata')[0], '[[trainer]]\nuse = "learner"\n'
    do(alone, *learned.options[:1])
    first = learned()
    assert first == {"tiny": 4}
    run = do(RECIPE, *learned.options)
    assert learned() == {"1": 3}, "what was the last is the first now"
    assert model(run, "checkpoints/1") == model(run)[:2]
    run = do(RECIPE + third, *learned.options)
    assert learned() == {}, "the third one has no log"
    assert len(model(run)) == 4
    assert model(run)[:3] == model(run, "checkpoints/2")
    assert json.loads((run / "checkpoints/2.json").read_text())["path"] == "checkpoints/2"
    run = do(RECIPE, *learned.options)
    assert learned() == {}
    assert len(model(run)) == 3
    assert (run / "checkpoint.rows.jsonl").exists()


def killed_when(monkeypatch, cls, name, moment):
    """Die (as far as a test can) before or after a call."""
    real = getattr(cls, name)

    def dying(self, *arguments):
        if moment == "after":
            real(self, *arguments)
        raise SystemExit

    monkeypatch.setattr(cls, name, dying)
    return real


@pytest.mark.parametrize(
    ("name", "moment"), [("settle", "before"), ("settle", "after"), ("rename", "before"), ("rename", "after")]
)
def test_killed_between_the_word_and_the_name_nothing_is_trained_twice(do, learned, monkeypatch, name, moment):
    cls = train.Place if name == "settle" else Path
    do()
    with monkeypatch.context() as patched:
        killed_when(patched, cls, name, moment)
        with pytest.raises(SystemExit):
            do(RECIPE, learned.options[1])
    assert learned() == {"1": 3}
    run = do(RECIPE, learned.options[1])
    assert learned() == {}
    assert len(model(run)) == 3
    assert not list(run.path.glob("**/*.part*"))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_a_checkpoint_gets_another_name(do, learned, monkeypatch, moment):
    alone = RECIPE.partition('[[trainer]]\nuse = "learner"\ndata')[0]
    do(alone, learned.options[0])
    learned()
    with monkeypatch.context() as patched:
        killed_when(patched, Path, "rename", moment)
        with pytest.raises(SystemExit):
            do(RECIPE, *learned.options)
    do(RECIPE, *learned.options)
    assert learned() == {"1": 3}


def test_a_checkpoint_that_is_lost_is_made_again(do, learned):
    run = do(RECIPE, *learned.options)
    learned()
    shutil.rmtree(run / "checkpoints")
    do(RECIPE, *learned.options)
    assert learned() == {"tiny": 4}, "the second one began with the very same bytes"
    (run / "checkpoints" / "1" / "model.json").write_text('["tiny", ["mine"]]')
    (run / "checkpoints" / "2").mkdir()
    do(RECIPE, *learned.options, "trainer.1.epochs=2")
    assert model(run)[1] == ["mine"], "what somebody put there is used"


def test_what_began_with_other_bytes_is_made_again(do, learned):
    run = do(RECIPE, *learned.options)
    learned()
    (run / "checkpoints" / "1" / "model.json").write_text('["tiny", ["mine"]]')
    do(RECIPE + '[[trainer]]\nuse = "learner"\n', *learned.options)
    assert learned() == {"1": 3}, "the second, not the first"
    assert model(run, "checkpoints/2")[1] == ["mine"]


def test_the_own_rows_without_a_stage_that_makes_them_are_missed_in_words(do, tmp_path, learning):
    (tmp_path / "run" / "kept.jsonl").unlink()
    text = '[trainer]\nuse = "learner"\nbase_model = "tiny"\n'
    with pytest.raises(
        RunError, match=r"kept.jsonl: missing: the recipe has no \[method\] .* as data = \"rows.jsonl\""
    ):
        do(text)
    plan = recipe.bind(recipe.read(tmp_path / "r.toml"), learning)
    assert [name for name, _ in stages.doubts(plan, stages.select(plan))] == ["learner"]
    run = do(text + 'data = "{more}"\n')
    assert counts(run)["rows"] == 3


def test_files_and_bases_are_looked_at_before_anything_is_spent(ground, tmp_path, learning):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "odd.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "r.toml").write_text(
        RECIPE.format(more=tmp_path / "none.jsonl") + f'[[trainer]]\nuse = "learner"\nbase_model = "large"\n'
        f'data = ["{tmp_path}/empty.jsonl", "{tmp_path}/odd.jsonl", "{tmp_path}/more.jsonl", "kept"]\n'
    )
    plan = recipe.bind(recipe.read(tmp_path / "r.toml"), learning)
    found = [(name, str(why)) for name, why in stages.preflight(plan, stages.select(plan))]
    assert [why for name, why in found if name == "learner"] == [
        "None",
        "None",
        "model 'large': there are ('tiny', 'small')",
    ]
    said = {name.rpartition("/")[2]: why for name, why in found if name.startswith("trainer.data: ")}
    assert said["more.jsonl"] == "None"
    assert said["none.jsonl"].endswith("none.jsonl: no such file or folder of rows")
    assert said["empty.jsonl"].endswith("empty.jsonl: has no rows; leave it out")
    assert "odd.jsonl:1: no columns problem and solution" in said["odd.jsonl"]


SCORED = RECIPE + '[[benchmark]]\nuse = "plain"\ntasks = 3\n[evaluate]\nbaseline = true\ncheckpoints = "{which}"\n'


@pytest.mark.parametrize("which", ["last", "all"])
def test_the_checkpoints_that_are_asked_for_are_scored(do, which):
    run = do(SCORED.replace("{which}", which))
    scores = json.loads((run / "run.json").read_text())["stages"]["evaluate"]["counts"]["plain"]
    values = {label: round(item["pass@1"]["value"], 2) for label, item in scores.items()}
    assert values == {"tuned": 0.67} | ({"trainer 1": 0.33} if which == "all" else {}) | {"baseline": 0.0}
    assert (run / "plain" / "trainer-1" / "report.json").exists() == (which == "all")
    made = json.loads((run / "run.json").read_text())["stages"]["evaluate"]["output"]
    assert ("plain/trainer-1/report.json" in made) == (which == "all")
    assert "plain pass@1, trainer 1: 33.3%" in "\n".join(summary.overview(run)) or which == "last"


def told(run, name):
    return [(line[0], *line[2:].split()[:2]) for line in lineage.tell(lineage.walk(run, name))]


def test_lineage_leads_through_all_checkpoints(do):
    run = do(SCORED.replace("{which}", "all"))
    own, other = ROWS[0].id, next(jsonl.read(run / "checkpoint.rows.jsonl"))["id"]
    assert [step[1:] for step in told(run, own)[2:4]] == [("checkpoint", "checkpoints/1"), ("checkpoint", "checkpoint")]
    assert ("checkpoint", "checkpoints/1") not in [step[1:] for step in told(run, other)]
    assert ("checkpoint", "checkpoint") in [step[1:] for step in told(run, other)]
    first = told(run, "checkpoints/1")
    assert [step for step in first if step[1] == "row"] == [(" ", "row", row.id) for row in ROWS]
    assert [step for step in first if step[1] == "checkpoint"] == [
        (">", "checkpoint", "checkpoints/1"),
        (" ", "checkpoint", "checkpoint"),
    ]
    last = told(run, "checkpoint")
    assert len([step for step in last if step[1] == "row"]) == 7
    assert (">", "checkpoint", "checkpoint") in last
    lines = list(lineage.tell(lineage.walk(run, "plain/1")))
    assert any("plain, trainer-1 model, sample 0: fail" in line for line in lines)
    assert any("plain, scored model, sample 0: pass" in line for line in lines)
    assert any("checkpoints/1 tuned on 3 rows, 3 of " in line for line in lines)


def test_what_was_made_before_is_said(do, said):
    do()
    do(RECIPE, "trainer.1.epochs=2")
    assert "train: runs again, because this changed: trainers[1].options.epochs: 1 -> 2" in said
    assert "trainer 1: checkpoints/1 was made before" in said


def test_all_rows_are_gathered_before_the_first_training(do, learned, tmp_path):
    with (tmp_path / "more.jsonl").open("a") as lines:
        lines.write('{"foo": 1}\n')
    with pytest.raises(RunError, match=r"more.jsonl:4: no columns problem and solution"):
        do(RECIPE, *learned.options)
    assert learned() == {}


def test_redo_with_rows_that_are_wrong_loses_nothing(do, learned, tmp_path):
    more = tmp_path / "more.jsonl"
    do(RECIPE, *learned.options)
    learned()
    rows = more.read_text()
    more.write_text(rows + "{}\n")
    with pytest.raises(RunError, match=r"more.jsonl:4: no columns"):
        do(RECIPE, *learned.options, redo="train")
    more.write_text(rows)
    do(RECIPE, *learned.options)
    assert learned() == {}


def test_a_file_that_changes_while_an_earlier_trainer_is_at_work_does_not_matter(do, monkeypatch, tmp_path):
    more = tmp_path / "more.jsonl"
    whole = (do(RECIPE) / "checkpoint" / "model.json").read_bytes()
    real = train.launched.joined

    def joined(*arguments):
        more.write_text('{"instruction": "Other", "output": "z"}\n')
        real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(train.launched, "joined", joined)
        run = do(RECIPE, redo="train")
    assert (run / "checkpoint" / "model.json").read_bytes() == whole
    assert run.stages["train"]["key"]["trainers"][1]["data"][str(more)]["sha256"] != jsonl.digest(more)
    assert len(model(do(RECIPE))[2]) == 2 + 1, "another file is another training"


def test_rows_that_change_under_a_trainer_are_no_checkpoint(do, monkeypatch, tmp_path):
    real = train.launched.joined

    def joined(name, trainer, data, output):
        rows = data.path.read_text()
        data.path.write_text(rows.replace("Add 1.", "Add 9."))
        real(name, trainer, data, output)

    monkeypatch.setattr(train.launched, "joined", joined)
    alone = '[trainer]\nuse = "learner"\nbase_model = "tiny"\n'
    with pytest.raises(RunError, match=r"kept.jsonl: was changed while the run was at work"):
        do(alone)
    assert not (tmp_path / "run" / "checkpoint.json").exists()


def test_a_trainer_that_works_alone_is_refused_under_a_launcher(do, learned, monkeypatch, tmp_path, learning):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    line = r"trainer 'learner': works alone, and a launcher has started 2 processes; start `magicoder run` by itself"
    with pytest.raises(RecipeError, match=line):
        do(RECIPE, *learned.options)
    assert learned() == {}
    plan = recipe.bind(recipe.read(tmp_path / "r.toml"), learning)
    found = {str(why) for name, why in stages.preflight(plan, stages.select(plan)) if name == "learner"}
    assert len(found) == 1
    assert "works alone" in found.pop()
    for bound in plan.trainers:
        monkeypatch.setattr(type(bound.provider), "joint", True)
    assert {why for name, why in stages.preflight(plan, stages.select(plan)) if name == "learner"} == {None}
    do(RECIPE, *learned.options)
    assert learned() == {"tiny": 4, "1": 3}


@pytest.mark.parametrize("text", [RECIPE, RECIPE.partition('[[trainer]]\nuse = "learner"\ndata')[0]])
def test_folders_of_answers_of_former_trainers_are_gone(do, text):
    scored = '[[benchmark]]\nuse = "plain"\ntasks = 2\n[evaluate]\ncheckpoints = "all"\nbaseline = true\n'
    three = RECIPE + '[[trainer]]\nuse = "learner"\n'
    run = do(three + scored)
    assert {path.name for path in (run / "plain").iterdir() if path.is_dir()} == {"trainer-1", "trainer-2", "baseline"}
    run = do(text + scored.replace("baseline = true", ""))
    left = {path.name for path in (run / "plain").iterdir() if path.is_dir()}
    assert left == {"baseline"} | ({"trainer-1"} if text == RECIPE else set())
    lines = list(lineage.tell(lineage.walk(run, "plain/1")))
    assert [line for line in lines if "baseline model" in line or "trainer-2 model" in line] == []
    assert any("scored model" in line for line in lines)
