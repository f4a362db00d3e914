"""Which rows a trainer is given: sources, weights, a limit, their order."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from magicoder_core import RunError, TrainingData, jsonl, plugins, recipe
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run, mixing
from magicoder_core.testing import instruction

HERE = Path(__file__).parent.parent
OWN = [instruction(f"Add {number}.", f"x + {number}") for number in range(1000)]


@pytest.fixture
def catalogue():
    return plugins.load([HERE / "learning_plugin.py"])


@pytest.fixture
def gathered(tmp_path, catalogue):
    """The rows that a trainer with these options is given."""
    (tmp_path / "run").mkdir()
    jsonl.write(tmp_path / "run" / "kept.jsonl", (row.to_dict() for row in OWN))
    (tmp_path / "r.toml").write_text('[trainer]\nuse = "learner"\nbase_model = "tiny"\n')

    def gathered(*options, seed=3):
        read = recipe.read(tmp_path / "r.toml", [f"seed={seed}", *(f"trainer.{option}" for option in options)])
        run = Run(read, recipe.bind(read, catalogue), RunDirectory(tmp_path / "run"), catalogue)
        (bound,) = run.plan.trainers
        return mixing.gathered(run, bound.provider, tmp_path / "run" / "checkpoint.rows.jsonl")

    return gathered


@pytest.fixture
def file(tmp_path):
    def file(name, rows):
        jsonl.write(tmp_path / name, rows)
        return tmp_path / name

    return file


def ids(data):
    return [row.id for row in data]


def test_the_runs_own_rows_are_not_copied(gathered, tmp_path):
    (tmp_path / "run" / "checkpoint.rows.jsonl").touch()
    data = gathered()
    assert data == TrainingData(path=tmp_path / "run" / "kept.jsonl", rows=1000, seed=3)
    assert ids(data) == [row.id for row in OWN]
    assert not (tmp_path / "run" / "checkpoint.rows.jsonl").exists(), "rows of an earlier mixture"


@pytest.mark.parametrize("option", ["data=kept", 'data=["kept"]', "data={kept = 1}"])
def test_three_ways_to_say_it(gathered, option):
    assert gathered(option).path.name == "kept.jsonl"


def test_weights_of_whole_numbers_take_a_source_again_after_itself(gathered, file):
    path = file("more.jsonl", [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d"}])
    data = gathered(f'data={{"{path}" = 2, kept = 1}}')
    assert [row.problem for row in data][:5] == ["a", "c", "a", "c", "Add 0."]
    assert (data.rows, dict(data.sources)) == (1004, {str(path): 4, "kept": 1000})


@pytest.mark.parametrize(("weight", "rows"), [(0.1, 100), (0.5, 500), (1.5, 1500), (2.25, 2250)])
def test_a_fraction_takes_about_that_share_of_the_rows(gathered, weight, rows):
    often = Counter(ids(gathered(f"data={{kept = {weight}}}")))
    assert abs(often.total() - rows) < 60, "four standard deviations"
    assert set(often.values()) <= {int(weight), int(weight) + 1}
    assert len(often) == (1000 if weight > 1 else often.total())


def test_a_row_is_taken_or_not_whatever_else_is_there(gathered, file):
    half = set(ids(gathered("data={kept = 0.5}")))
    part = file("part.jsonl", (row.to_dict() for row in OWN[::3]))
    assert set(ids(gathered(f'data={{"{part}" = 0.5}}'))) == half & {row.id for row in OWN[::3]}
    assert set(ids(gathered("data={kept = 0.25}"))) < half
    assert set(ids(gathered("data={kept = 0.5}", seed=4))) != half


def test_a_limit_draws_evenly_and_smaller_draws_are_part_of_larger_ones(gathered, file):
    more = file("more.jsonl", ({"instruction": f"Evolve {number}", "output": "y"} for number in range(1000)))
    both = f'data={{kept = 1, "{more}" = 0.5}}'
    drawn = {limit: gathered(both, f"data_limit={limit}") for limit in (1, 300, 600)}
    rows = {}
    for limit, told in drawn.items():
        rows[limit] = ids(gathered(both, f"data_limit={limit}"))  # the file is written anew for each
        assert len(rows[limit]) == told.rows == sum(told.sources.values()) == limit
    assert set(rows[1]) < set(rows[300]) < set(rows[600])
    shares = drawn[600].sources
    assert abs(shares["kept"] - 400) < 60, "two rows of the one for each of the other"
    whole = ids(gathered(both))
    assert [name for name in whole if name in set(rows[300])] == rows[300], "in the files' order"
    assert ids(gathered(both, "data_limit=1000000")) == whole
    assert set(ids(gathered(both, "data_limit=300", seed=4))) != set(rows[300])


def test_a_limit_may_draw_one_copy_of_a_row_and_not_the_other(gathered):
    often = Counter(ids(gathered("data={kept = 2}", "data_limit=1000")))
    assert often.total() == 1000
    assert set(often.values()) == {1, 2}


def test_the_same_bytes_whenever_it_is_written(gathered):
    options = ("data={kept = 1.5}", "data_limit=700")
    once = gathered(*options).path.read_bytes()
    assert gathered(*options).path.read_bytes() == once


@pytest.mark.parametrize(("order", "shuffle"), [("mixed", True), ("as-given", False)])
def test_the_trainer_is_told_whether_it_may_shuffle(gathered, order, shuffle):
    assert gathered(f"data_order={order}").shuffle is shuffle
    assert gathered(f"data_order={order}", "data_limit=3").shuffle is shuffle


def test_a_source_may_be_of_any_layout_and_format(gathered, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.jsonl").write_text('{"id": "first", "problem": "p", "solution": "s"}\n')
    (tmp_path / "files" / "b.json").write_text('[{"instruction": "q", "input": "3", "output": "t"}]')
    with gzip.open(tmp_path / "files" / "c.jsonl.gz", "wt") as out:
        turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}]
        out.write(json.dumps({"messages": turns}) + "\n")
    data = gathered(f'data="{tmp_path}/files"')
    rows = list(data)
    asked = "Write a solution to the following coding problem:\np"
    assert [(row.instruction, row.solution) for row in rows] == [(asked, "s"), ("q\nInput: 3", "t"), ("u", "v")]
    assert rows[0].id == "first", "a row keeps the name that it has"


def test_no_row_is_an_error_and_a_damaged_one_is_named(gathered, file, tmp_path):
    path = file("more.jsonl", [{"instruction": "a", "output": "b"}])
    with pytest.raises(RunError, match=r"trainer: no row is left of .*more.jsonl; look at data and data_limit"):
        gathered(f'data={{"{path}" = 1e-9}}')
    with path.open("a") as lines:
        lines.write("{\n")
    with pytest.raises(RunError, match=r"more.jsonl:2: not JSON"):
        gathered(f'data="{path}"')
    assert not list(tmp_path.glob("run/*.rows.jsonl*"))
