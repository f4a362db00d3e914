"""Matrices of runs: their cells, what cells share, one that fails, a kill, the table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from magicoder_core import RecipeError, checking, lineage, matrix, plugins, recipe, rundir, sandbox
from magicoder_core.cli import main as entry

HERE = Path(__file__).parent
PLUGINS = [HERE / "matrix_plugin.py", HERE / "plain_benchmark.py"]

RECIPE = """
name = "lr"
[seed_source]
use = "files"
limit = 6
[method]
use = "once"
[teacher]
use = "words"
words = ["right"]
log = "{folder}/asked"
[trainer]
use = "learner"
log = "{folder}/trained"
[model]
use = "words"
log = "{folder}/answered"
[[benchmark]]
use = "plain"
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))


@pytest.fixture
def write(tmp_path):
    """Write the recipe with a matrix; gives its path."""

    def write(lines, name="r.toml", text=RECIPE):
        (tmp_path / name).write_text(text.format(folder=tmp_path) + lines)
        return tmp_path / name

    return write


@pytest.fixture
def ran(monkeypatch, capsys, tmp_path):
    """Run `magicoder run ARGUMENTS --dir m`; gives status, stdout and stderr."""

    def call(*arguments, command="run", where=("--dir", "m")):
        loaded = [f"--plugin={path}" for path in PLUGINS]
        monkeypatch.setattr(sys, "argv", ["magicoder", *loaded, command, *map(str, arguments), *where])
        status = 0
        try:
            entry.main()
        except SystemExit as ended:
            status = ended.code
        written = capsys.readouterr()
        return status, written.out, written.err

    return call


def noted(tmp_path, name):
    path = tmp_path / name
    return path.read_text().splitlines() if path.exists() else []


def table(tmp_path):
    return json.loads((tmp_path / "m" / "matrix.json").read_text())["cells"]


def stages(tmp_path, cell):
    return json.loads((tmp_path / "m" / cell / "run.json").read_text())["stages"]


def names(path):
    return [cell.name for cell in matrix.cells(recipe.read(path))]


@pytest.mark.parametrize(
    "lines",
    [
        '[matrix]\n"trainer.learning_rate" = [1e-5, 2.0]\nseed = [1, 2]\n',
        "[matrix]\nseed = [1, 2]\n[matrix.trainer]\nlearning_rate = [1e-5, 2.0]\n",
    ],
)
def test_cells_are_the_product_however_it_is_written(write, lines):
    cells = matrix.cells(recipe.read(write(lines)))
    made = {(cell.recipe.table["trainer"][0]["learning_rate"], cell.recipe.table["seed"]) for cell in cells}
    assert made == {(1e-5, 1), (1e-5, 2), (2.0, 1), (2.0, 2)}
    assert len({cell.recipe.key for cell in cells}) == 4
    assert not any("matrix" in cell.recipe.table for cell in cells)


def test_several_tables_are_alternatives_and_a_cell_of_both_runs_once(write):
    lines = '[[matrix]]\nseed = [1]\n"trainer.learning_rate" = [1.0, 2.0]\n[[matrix]]\n"trainer.learning_rate" = [2.0]\nseed = [1, 2]\n'
    assert names(write(lines)) == ["seed=1,learning_rate=1.0", "seed=1,learning_rate=2.0", "learning_rate=2.0,seed=2"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"trainer.learning_rate" = [1e-5, 5e-5]', ["learning_rate=1e-05", "learning_rate=5e-05"]),
        ('"trainer.data" = ["kept"]\n"trainer.learning_rate" = [1]', ["data=kept,learning_rate=1"]),
        ('"trainer.use" = ["learner"]', ["trainer.use=learner"]),
        ('"seed_source.limit" = [1]\n"benchmark.0.limit" = [2]', ["seed_source.limit=1,benchmark.0.limit=2"]),
    ],
)
def test_names_are_made_of_the_values(write, line, expected):
    assert names(write(f"[matrix]\n{line}\n")) == expected


def test_values_that_make_no_folder_name_are_told_apart_by_their_hash(write):
    line = '"trainer.data" = [{kept = 1.0}, {kept = 1.0, "e/v.jsonl" = 0.5}, {kept = 1.0, "e-v.jsonl" = 0.5}]\nseed = [1]\n'
    first, second, third = names(write(f"[matrix]\n{line}"))
    assert first.startswith("data=kept-1.0-")
    assert second != third
    assert "/" not in second
    # The name of a cell does not depend on what else varies along its axis.
    assert names(write(f"[matrix]\n{line}".replace("[{kept = 1.0}, ", "["))) == [second, third]
    (long,) = names(write(f'[matrix]\nseed = [1]\n"trainer.base_model" = ["{"x/" * 200}"]\n'))
    assert len(long.encode()) < 150


@pytest.mark.parametrize(
    "path", ["trainer.data.outside/evol", "trainer.data.../../evol", "seed_source./tmp/x", "trainer.data." + "x/" * 300]
)
def test_no_part_of_a_name_leads_out_of_the_directory(write, tmp_path, path):
    lines = f'[matrix]\n"{path}" = ["a/b", "..", ".", "../../x"]\n'
    try:
        found = names(write(lines, text=RECIPE.replace("[trainer]", "[trainer]\ndata = {{}}")))
    except RecipeError:
        assert ".." in path, "dots are steps of a path, and none of these has a name"
        return
    for name in found:
        place = tmp_path / "m" / name
        place.mkdir(parents=True)
        assert place.resolve().parent == (tmp_path / "m").resolve()
        assert not name.startswith((".", "-"))
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("table", "axis"),
    [
        ("", '"trainer.data.kept"'),
        ("data = {{kept = 1.0}}\n", '"trainer.data.kept"'),
        ("data = {{kept = 1.0}}\n", '"trainer.0.data.kept"'),
        ("data = {{kept = 1.0}}\n", '"trainer.learner.data.kept"'),
    ],
)
def test_a_table_of_the_only_trainer_varies_as_an_override_does(write, table, axis):
    path = write(f"[matrix]\n{axis} = [0.5, 2.0]\n", text=RECIPE.replace("[trainer]\n", f"[trainer]\n{table}"))
    varied = [cell.recipe.table["trainer"][0]["data"] for cell in matrix.cells(recipe.read(path))]
    assert varied == [{"kept": 0.5}, {"kept": 2.0}]
    plain = write("", "plain.toml", text=RECIPE.replace("[trainer]\n", f"[trainer]\n{table}"))
    overridden = recipe.read(plain, ["trainer.data.kept=0.5"])
    assert overridden.table["trainer"][0]["data"] == varied[0]


def test_a_name_that_several_trainers_have_is_no_axis(write):
    lines = '[[trainer]]\nuse = "learner"\n' * 2 + '[matrix]\n"trainer.learner.learning_rate" = [1.0]\n'
    text = RECIPE.replace('[trainer]\nuse = "learner"\nlog = "{folder}/trained"\n', "")
    with pytest.raises(RecipeError, match=r"matrix\.trainer\.learner: there are 2 of that name; give the number"):
        matrix.cells(recipe.read(write(lines, text=text)))


@pytest.mark.parametrize(
    ("lines", "overrides", "message"),
    [
        ("matrix = 3\n", [], "matrix: a table of lists is needed"),
        ("[matrix]\n", [], "matrix: a table of lists is needed"),
        ("[matrix]\nseed = 3\n", [], r"matrix.seed: a list of values is needed \(got 3\)"),
        ("[matrix]\nseed = []\n", [], r"matrix.seed: a list of values is needed \(got \[\]\)"),
        ('[matrix]\nname = ["a"]\n', [], "matrix.name: this cannot vary"),
        ('[matrix]\n"a.b" = [1]\n[matrix.a]\nb = [1]\n', [], "matrix.a.b: stands there twice"),
        ('[matrix]\n"a" = [1]\n"a.b" = [1]\n', [], "matrix.a.b: stands there twice, or within another"),
        ("[matrix]\nseed = [1]\n", ["seed=3"], r"-o seed: the recipe's matrix varies it; set -o matrix.seed='\[...\]'"),
    ],
)
def test_a_matrix_that_is_none_is_an_error(tmp_path, lines, overrides, message):
    text = lines if lines.startswith("matrix =") else f'[seed_source]\nuse = "files"\n{lines}'
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        recipe.read(tmp_path / "r.toml", overrides)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[matrix]\n"trainr.learning_rate" = [1]\n', r"lr, matrix: trainr: no such table; did you mean 'trainer'\?"),
        ('[matrix]\n"seed.x" = [1]\n', "matrix.seed: is no table but 3"),
        ('[matrix]\n"filter.nobody.x" = [1]\n', "matrix.filter.nobody: no such entry"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error(tmp_path, write, lines, message):
    text = f"seed = 3\n{RECIPE}\n[[filter]]\nuse = 'exact-duplicates'\n[[filter]]\nuse = 'length'\n"
    with pytest.raises(RecipeError, match=message):
        matrix.cells(recipe.read(write(lines, text=text)))


def test_an_override_reaches_the_lists(write):
    path = write('[matrix]\n"trainer.learning_rate" = [1.0]\n')
    read = recipe.read(path, ["matrix.trainer.learning_rate=[2.0, 3.0]"])
    assert [cell.name for cell in matrix.cells(read)] == ["learning_rate=2.0", "learning_rate=3.0"]


def test_a_wrong_value_names_its_cell_and_nothing_is_written(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [1.0, "fast"]\n')
    status, _, err = ran(path)
    assert (status, (tmp_path / "m").exists()) == (1, False)
    assert "learning_rate=fast: trainer.learning_rate:" in err


def test_what_cells_have_in_common_is_done_once(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [0.5, 0.25]\n')
    status, out, _ = ran(path)
    assert status == 0
    assert len(noted(tmp_path, "asked")) == 6
    assert noted(tmp_path, "trained") == ["nothing 0.5 6", "nothing 0.25 6"]
    # The model under test is the same for both, so that its answers and verdicts are, too.
    assert len(noted(tmp_path, "answered")) == 5
    first, second = "learning_rate=0.5", "learning_rate=0.25"
    taken = {name: stage.get("taken_from") for name, stage in stages(tmp_path, second).items()}
    assert taken == {"seeds": first, "generate": first, "filter": first, "train": None, "evaluate": first}
    assert f"as in {first}" in out
    for name in ("snippets.jsonl", "kept.jsonl", "plain/report.json", "plain/timings.jsonl"):
        own, its = (tmp_path / "m" / cell / name for cell in (second, first))
        assert own.read_bytes() == its.read_bytes()
        with own.open("a") as edited:
            edited.write("{}\n")
        assert own.read_bytes() != its.read_bytes(), "what is edited in one cell stays as it was in the other"
        own.write_bytes(its.read_bytes())
    row = json.loads((tmp_path / "m" / second / "kept.jsonl").read_text().splitlines()[0])
    steps = lineage.walk(rundir.existing(tmp_path / "m" / second), row["id"])
    assert {"snippet", "request"} <= {step.kind for step in steps}


def test_a_stage_that_was_taken_when_a_kill_came_is_taken_again(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [0.5, 0.25]\n')
    ran(path, "--to", "filter")
    second = tmp_path / "m" / "learning_rate=0.25"
    facts = json.loads((second / "run.json").read_text())
    del facts["stages"]["filter"]  # the files were there, and the word was not
    (second / "run.json").write_text(json.dumps(facts))
    assert ran(path, "--to", "filter")[0] == 0
    assert stages(tmp_path, second.name)["filter"]["taken_from"] == "learning_rate=0.5"
    assert list(second.rglob("*.taken")) == []


def test_the_table_has_a_line_for_each_cell(ran, write, tmp_path):
    ran(write('[matrix]\n"trainer.learning_rate" = [0.5, 0.25]\n"trainer.data_limit" = [2, 6]\n'))
    cells = table(tmp_path)
    assert [(cell["values"]["trainer.learning_rate"], cell["rows"], cell["loss"]) for cell in cells] == [
        (0.5, 2, 0.5),
        (0.5, 6, 0.5),
        (0.25, 2, 0.25),
        (0.25, 6, 0.25),
    ]
    assert {cell["status"] for cell in cells} == {"done"}
    assert cells[0]["scores"]["plain"]["model"]["pass@1"]["value"] == 1.0
    lines = (tmp_path / "m" / "matrix.md").read_text().splitlines()
    assert lines[2].startswith("| learning_rate | data_limit | rows | loss | plain ")
    assert lines[4].startswith("| 0.5 | 2 | 2 | 0.5000 | 100.0% [")
    status, out, _ = ran("m", command="show", where=())
    assert status == 0
    assert out.startswith("lr  m  4 of 4 cells done\n")
    assert "0.25           6           6     0.2500  100.0%" in out
    shown = json.loads(ran("m", "--json", command="show", where=())[1])
    assert shown["cells"] == cells


def test_a_further_run_does_nothing_and_says_so(ran, write, tmp_path):
    path = write("[matrix]\nseed = [1, 2]\n")
    assert ran(path)[0] == 0
    before = [noted(tmp_path, name) for name in ("asked", "trained", "answered")]
    assert "All of this was done before" in ran(path)[1]
    assert "All of this was done before" in ran()[1], "the directory alone means its own recipe"
    assert [noted(tmp_path, name) for name in ("asked", "trained", "answered")] == before


def test_without_a_directory_the_same_command_finds_its_matrix_again(ran, write, tmp_path):
    path = write("[matrix]\nseed = [1, 2]\n")
    assert ran(path, where=())[0] == 0
    assert "All of this was done before" in ran(path, where=())[1]
    (directory,) = (tmp_path / "runs").iterdir()
    assert {"seed=1", "seed=2", "matrix.json", "matrix.md"} <= {item.name for item in directory.iterdir()}


def test_an_answer_is_paid_once_though_stages_differ(ran, write, tmp_path):
    ran(write('[matrix]\n"seed_source.limit" = [2, 6, 4]\n'))
    assert len(noted(tmp_path, "asked")) == 6
    assert [cell["rows"] for cell in table(tmp_path)] == [2, 6, 4]
    generated = [stages(tmp_path, f"limit={limit}")["generate"]["counts"] for limit in (2, 6, 4)]
    assert [(counts["asked"], counts["cached"]) for counts in generated] == [(2, 0), (4, 2), (0, 4)]
    # Each journal is whole: the run gives the same without the others.
    rows = (tmp_path / "m" / "limit=6" / "instructions.jsonl").read_bytes()
    assert ran("--from", "generate", where=("--dir", "m/limit=6"))[0] == 0
    assert (tmp_path / "m" / "limit=6" / "instructions.jsonl").read_bytes() == rows
    assert len(noted(tmp_path, "asked")) == 6


def test_limits_count_what_a_cell_paid_itself(ran, write, tmp_path):
    path = write('[matrix]\n"seed_source.limit" = [3, 6]\n[generate]\nmax_requests = 3\n')
    status, _, err = ran(path)
    assert status == 0, f"{err}; three of the six answers were paid by the first cell"
    assert len(noted(tmp_path, "asked")) == 6


def test_what_another_cell_has_paid_does_not_count_against_this_one(ran, write, tmp_path):
    """The second takes the first one's rows, journal and all; later it makes others, and may spend its own limit."""
    text = RECIPE + "[generate]\nmax_requests = 6\n"
    assert ran(write('[matrix]\n"trainer.learning_rate" = [0.5, 0.25]\n', text=text), "--to", "generate")[0] == 0
    asked = [stages(tmp_path, f"learning_rate={rate}")["generate"]["counts"]["asked"] for rate in (0.5, 0.25)]
    assert (asked, len(noted(tmp_path, "asked"))) == ([6, 6], 6)
    alone = ("-o", "method.wording=Why?", "--to", "generate")
    status, _, err = ran("m/learning_rate=0.25/recipe.json", *alone, where=("--dir", "m/learning_rate=0.25"))
    assert status == 0, err
    counts = stages(tmp_path, "learning_rate=0.25")["generate"]["counts"]
    assert (counts["asked"], counts["requests"]) == (6, 6)


def test_the_loss_is_that_of_the_last_trainer_by_its_number(ran, write, tmp_path):
    lines = "".join(f'[[trainer]]\nuse = "learner"\nlearning_rate = {number}.0\n' for number in range(1, 11))
    text = RECIPE.replace('[trainer]\nuse = "learner"\nlog = "{folder}/trained"\n', "")
    assert ran(write(lines + "[matrix]\nseed = [1]\n", text=text), "--to", "train")[0] == 0
    assert [cell["loss"] for cell in table(tmp_path)] == [10.0]


def test_cells_that_failed_come_last(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [-1.0, 0.5]\n')
    assert ran(path, "--to", "train")[0] == 1
    path = write('[matrix]\n"trainer.learning_rate" = [-1.0, 0.5, 0.25]\n')
    status, out, _ = ran(path, "--to", "train")
    assert status == 1
    assert [line[6:] for line in out.splitlines() if line.startswith("[")] == [
        "learning_rate=0.5",
        "learning_rate=0.25",
        "learning_rate=-1.0",
    ]
    assert [cell["status"] for cell in table(tmp_path)] == ["failed", "done", "done"], "the table keeps its order"
    mended = write('[matrix]\n"trainer.learning_rate" = [1.0, 0.5, 0.25]\n')
    assert ran(mended, "--to", "train")[0] == 0
    assert json.loads((tmp_path / "m" / "run.json").read_text())["failed"] == {}


def test_a_failed_cell_is_told_and_the_others_run(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [-1.0, 0.5]\n')
    status, out, err = ran(path)
    assert status == 1
    assert "failed: learning_rate=-1.0: trainer 'learner' failed: ValueError: it climbs" in out
    assert "1 of 2 cells failed; the same command tries them again" in err
    failed, done = table(tmp_path)
    assert (failed["status"], done["status"]) == ("failed", "done")
    assert "it climbs" in failed["error"]
    assert "- learning_rate=-1.0: trainer 'learner' failed" in (tmp_path / "m" / "matrix.md").read_text()
    assert ran(path)[0] == 1
    assert noted(tmp_path, "trained").count("nothing 0.5 6") == 1
    assert noted(tmp_path, "trained").count("nothing -1.0 6") == 2


def test_a_limit_in_every_cell_is_status_3(ran, write):
    assert ran(write("[matrix]\nseed = [1, 2]\n[generate]\nmax_requests = 1\n"))[0] == 3


def test_redo_does_a_shared_stage_once(ran, write, tmp_path):
    path = write('[matrix]\n"benchmark.limit" = [2, 3]\n')
    ran(path)
    assert len(noted(tmp_path, "trained")) == 1
    assert ran(path, "--redo", "train")[0] == 0
    assert len(noted(tmp_path, "trained")) == 2
    first, second = (tmp_path / "m" / f"limit={limit}" / "checkpoint" for limit in (2, 3))
    assert (first / "model.safetensors").samefile(second / "model.safetensors"), "weights are large"
    assert not (first / "model.json").samefile(second / "model.json")
    assert (first / "model.json").read_bytes() == (second / "model.json").read_bytes()


def test_to_and_only_hold_for_each_cell(ran, write, tmp_path):
    path = write("[matrix]\nseed = [1, 2]\n")
    ran(path, "--to", "seeds")
    assert [list(cell["stages"]) for cell in table(tmp_path)] == [["seeds"], ["seeds"]]
    assert ran(path, "--pilot", "1")[0] == 2
    assert ran(path, "--redo", "nothing")[0] == 1


def test_a_first_trainer_is_shared_where_the_second_differs(ran, write, tmp_path):
    lines = '[[trainer]]\nuse = "learner"\nlearning_rate = 0.5\nlog = "{folder}/trained"\n'.replace(
        "{folder}", str(tmp_path)
    )
    text = RECIPE.replace('[trainer]\nuse = "learner"\nlog = "{folder}/trained"\n', "")
    path = write(f'{lines}{lines}[matrix]\n"trainer.1.learning_rate" = [0.1, 0.2]\n', text=text)
    assert ran(path)[0] == 0
    assert noted(tmp_path, "trained") == ["nothing 0.5 6", "1 0.1 6", "1 0.2 6"]
    folders = [tmp_path / "m" / f"learning_rate={rate}" for rate in (0.1, 0.2)]
    first, second = (folder / "checkpoints" / "1" for folder in folders)
    assert (first / "model.safetensors").samefile(second / "model.safetensors")
    assert {"path": "checkpoints/1", "logs": "train-1"}.items() <= json.loads(
        first.with_suffix(".json").read_text()
    ).items()
    assert (folders[1] / "logs" / "train-1" / "training.jsonl").is_file(), "its losses come with a checkpoint"
    assert ran(path)[1].count("All of this was done before") == 1


def test_a_value_more_leaves_the_others_as_they_are(ran, write, tmp_path):
    ran(write('[matrix]\n"trainer.learning_rate" = [0.5]\n'))
    ran(write('[matrix]\n"trainer.learning_rate" = [0.25, 0.5]\n'))
    assert noted(tmp_path, "trained") == ["nothing 0.5 6", "nothing 0.25 6"]
    assert [cell["name"] for cell in table(tmp_path)] == ["learning_rate=0.25", "learning_rate=0.5"]


def test_what_somebody_changed_by_hand_stays_that_runs_own(ran, write, tmp_path):
    path = write('[matrix]\n"trainer.learning_rate" = [0.5, 0.25]\n')
    ran(path, "--to", "seeds")
    kept = tmp_path / "m" / "learning_rate=0.5" / "snippets.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:2]))
    ran(path)
    assert [cell["rows"] for cell in table(tmp_path)] == [2, 6]


def test_a_matrix_and_a_run_do_not_share_a_directory(ran, write):
    assert ran(write("[matrix]\nseed = [1]\n"), "--to", "seeds")[0] == 0
    status, _, err = ran(write("", "plain.toml"))
    assert (status, "m: has a matrix of runs of this recipe; give --dir another directory" in err) == (1, True)
    assert ran(write("", "plain.toml"), "--to", "seeds", where=("--dir", "n"))[0] == 0
    status, _, err = ran(write("[matrix]\nseed = [1]\n"), where=("--dir", "n"))
    assert (status, "n: has a run without a matrix of this recipe" in err) == (1, True)


@pytest.mark.parametrize("command", ["export", "explain"])
def test_commands_on_one_run_say_that_there_are_several(ran, write, command):
    ran(write("[matrix]\nseed = [1, 2]\n"), "--to", "seeds")
    arguments = {"export": ("m", "--as", "messages"), "explain": ("m", "0123")}[command]
    status, _, err = ran(*arguments, command=command, where=())
    assert (status, err) == (
        1,
        "magicoder: m: a matrix of runs (`magicoder show` has its table); name one of them, as m/seed=1\n",
    )


def test_events_name_their_cell(ran, write):
    _, out, _ = ran(write('[matrix]\n"trainer.learning_rate" = [0.5, -1.0]\n'), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    told = [
        (event["event"], event.get("cell"), event.get("stage"))
        for event in events
        if event["event"] in {"cell", "stage", "failed"}
    ]
    good, bad = "learning_rate=0.5", "learning_rate=-1.0"
    every = ["seeds", "generate", "filter", "train", "evaluate"]
    assert told == [
        ("cell", good, None),
        *(("stage", good, stage) for stage in every),
        ("cell", bad, None),
        *(("stage", bad, stage) for stage in every[:3]),
        ("failed", bad, None),
    ]
    assert events[0] == {"event": "run", "name": "lr", "directory": "m", "cells": [good, bad]}
    assert events[-1]["event"] == "done"
    assert events[-1]["failed"] == [bad]


def test_check_looks_at_every_cell(write, tmp_path, monkeypatch):
    catalogue = plugins.load(PLUGINS)
    monkeypatch.setattr(plugins, "catalogue", lambda: catalogue)
    (tmp_path / "here.py").write_text("def double(x):\n    return 2 * x\n")
    path = write('[matrix]\n"seed_source.paths" = [["*.py"], ["nowhere/*.py"]]\n[generate]\nmax_requests = 50\n')
    found = checking.check_recipe(str(path), [])
    count, limit = (item.detail for item in found if item.subject == "matrix")
    assert count.startswith("2 cells: ")
    assert limit == "max_requests = 50 holds for each cell: up to 2 times, 100 in all"
    wrong = [item for item in found if not item.good]
    assert wrong
    assert all("nowhere" in item.detail.split(":")[0] for item in wrong), "only of the cell that it concerns"
    assert len([item for item in found if item.subject == "words" and item.good]) == 2, "teacher and model, each once"


def test_a_kill_at_any_moment_costs_no_training_and_no_answer(write, tmp_path):
    lines = '[matrix]\n"trainer.learning_rate" = [0.5, 0.25, 0.125]\n'
    path = write(lines, text=RECIPE.replace('[trainer]\nuse = "learner"', '[trainer]\nuse = "learner"\npause = 0.2'))
    loaded = [f"--plugin={plugin}" for plugin in PLUGINS]
    command = [sys.executable, "-m", "magicoder_core", "run", *loaded, str(path), "--dir", "m", "--to", "train"]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    for number in range(3):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(noted(tmp_path, "trained")) <= number:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    # Each kill was within a training, so that this very one is begun again, and no other.
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert noted(tmp_path, "trained") == ["nothing 0.5 6"] * 4 + ["nothing 0.25 6", "nothing 0.125 6"]
    assert len(noted(tmp_path, "asked")) == 6
    assert [cell["status"] for cell in table(tmp_path)] == ["done"] * 3
