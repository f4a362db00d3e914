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
        mixed = tmp_path / "run" / "checkpoint.rows.jsonl"
        return mixing.gathered(run, bound.provider, mixed, mixing.key(run, bound.provider))

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
    path = tmp_path / "run" / "kept.jsonl"
    assert data == TrainingData(path=path, rows=1000, seed=3, sha256=jsonl.digest(path))
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


def test_files_that_number_their_rows_alike_are_drawn_from_independently(gathered, file):
    rows = {name: [{"id": n, "problem": f"{name}{n}", "solution": "s"} for n in range(2000)] for name in "ab"}
    paths = {name: file(f"{name}.jsonl", rows[name]) for name in "ab"}
    data = list(gathered(f'data={{"{paths["a"]}" = 0.5, "{paths["b"]}" = 0.5}}'))
    drawn = {name: {row.id for row in data if row.problem[0] == name} for name in "ab"}
    assert abs(len(drawn["a"] & drawn["b"]) - 500) < 80, "a half of a half; by id it were all"


def test_rows_that_a_file_calls_all_alike_are_drawn_one_by_one(gathered, file):
    path = file("same.jsonl", ({"id": "x", "problem": f"p{n}", "solution": "s"} for n in range(1000)))
    assert abs(gathered(f'data={{"{path}" = 0.5}}').rows - 500) < 70
    assert len({row.problem for row in gathered(f'data={{"{path}" = 2}}', "data_limit=500")}) > 400


def test_the_same_words_as_a_problem_and_as_an_instruction_are_two_rows(gathered, file):
    kinds = {"problem": ("problem", "solution"), "instruction": ("instruction", "output")}
    halves = {}
    for kind, (one, other) in kinds.items():
        path = file(f"{kind}.jsonl", ({one: f"p{n}", other: "s"} for n in range(1000)))
        halves[kind] = {row.problem for row in gathered(f'data={{"{path}" = 0.5}}')}
    assert abs(len(halves["problem"] & halves["instruction"]) - 250) < 60


@pytest.mark.parametrize("again", ["link", "hard", "folder"])
def test_one_file_by_two_ways_is_an_error(gathered, file, tmp_path, again):
    (tmp_path / "rows").mkdir()
    path = file("rows/a.jsonl", [{"instruction": "a", "output": "b"}])
    other = tmp_path / "rows" if again == "folder" else tmp_path / "b.jsonl"
    if again == "link":
        other.symlink_to(path)
    elif again == "hard":
        other.hardlink_to(path)
    line = rf"trainer.data: .*a?b?.jsonl is in '{path}' and in '{other}'; name it once, with a weight"
    with pytest.raises(RunError, match=line):
        gathered(f'data=["{path}", "{other}"]')
    assert gathered(f'data="{other}"').rows == 1


def turns(*said, key="messages"):
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    if key == "messages":
        return {key: [{"role": names[one[0]], "content": one[1:]} for one in said]}
    spelled = {"s": "system", "u": "human", "a": "gpt", "t": "tool"}
    return {key: [{"from": spelled[one[0]], "value": one[1:]} for one in said]}


@pytest.mark.parametrize("key", ["messages", "conversations"])
@pytest.mark.parametrize(
    ("said", "line"),
    [
        (("uQ1", "aA1", "uQ2", "aA2"), "has more than one exchange, .* make a row of each, or leave it out"),
        (
            ("sIn French.", "uQ", "aA"),
            "has a turn of the system, .* put what it says into the question, or leave it out",
        ),
        (("uQ", "tcalled", "aA"), r"is no question with its answer \(got .*, tool, .*\), .* mend it, or leave it out"),
        (("uQ", "aA", "aA2"), "is no question with its answer"),
        (("aA", "uQ"), "is no question with its answer"),
        (("uQ",), "is no question with its answer"),
        ((), r"is no question with its answer \(got no turn\)"),
    ],
)
def test_a_conversation_that_is_no_single_exchange_is_refused_not_joined(gathered, file, key, said, line):
    path = file("chat.jsonl", [turns("uQ", "aA", key=key), turns(*said, key=key)])
    with pytest.raises(RunError, match=rf"chat.jsonl:2: the conversation in '{key}' {line}") as caught:
        gathered(f'data="{path}"')
    assert "a trainer learns one question with one answer" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match=rf"chat.jsonl:2: the conversation in '{key}' "):
        mixing.check(path)
    assert not list(path.parent.glob("run/*.rows.jsonl*"))


def test_a_turn_of_the_system_that_says_nothing_is_no_turn(gathered, file):
    path = file("chat.jsonl", [turns("s ", "uQ", "aA")])
    assert [(row.problem, row.solution) for row in gathered(f'data="{path}"')] == [("Q", "A")]


def test_advice_about_columns_is_what_a_recipe_can_do(gathered, file):
    path = file("odd.jsonl", [{"prompt": "p", "completion": "c"}])
    with pytest.raises(RunError, match=r"there are: prompt, completion; rename those that hold them$") as caught:
        gathered(f'data="{path}"')
    assert "--columns" not in str(caught.value)


@pytest.mark.parametrize("own", [True, False])
def test_what_is_changed_while_it_is_read_is_not_learned_under_the_key_of_what_was_there(
    gathered, file, tmp_path, monkeypatch, own
):
    path = tmp_path / "run" / "kept.jsonl" if own else file("more.jsonl", [{"instruction": "a", "output": "b"}])
    real = mixing._counted if own else mixing._write

    def changing(*arguments):
        made = real(*arguments)
        with path.open("a") as lines:
            lines.write(json.dumps(instruction("New", "y").to_dict()) + "\n")
        return made

    monkeypatch.setattr(mixing, real.__name__, changing)
    line = rf"trainer.data: {'kept' if own else path}: was changed while it was read; run the same command again"
    with pytest.raises(RunError, match=line):
        gathered("data=kept" if own else f'data="{path}"')
    assert not list(tmp_path.glob("run/*.rows.jsonl*"))


def test_rows_that_change_between_the_look_and_the_reading_are_refused(gathered, tmp_path):
    data = gathered()
    path = tmp_path / "run" / "kept.jsonl"
    path.write_text(path.read_text().replace("Add 7.", "Add 8."))
    with pytest.raises(
        RunError, match=r"kept.jsonl: was changed while the run was at work; run the same command again"
    ):
        list(data)


@pytest.mark.parametrize("line", ['{"problem": "p"}', "[]", "{", '"x"', '{"problem": "p", "solution": "s"}'])
def test_a_row_of_the_run_that_is_none_is_named_before_training(gathered, tmp_path, line):
    with (tmp_path / "run" / "kept.jsonl").open("a") as lines:
        lines.write(f"{line}\n")
    with pytest.raises(
        RunError, match=r"kept.jsonl:1001: no row of a run \(.*\); mend it, or name the file in trainer"
    ):
        gathered()
