"""Trainers in a recipe: what they learn from, which model each begins with, and what is wrong said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from magicoder_core import RecipeError, plugins, recipe, trainers

PLUGIN = Path(__file__).parent / "learning_plugin.py"
FIRST = '[[trainer]]\nuse = "learner"\nbase_model = "tiny"\n'
NEXT = '[[trainer]]\nuse = "learner"\n'
PREVIOUS = 'base_model = "previous"\n'


@pytest.fixture(scope="module")
def catalogue():
    return plugins.load([PLUGIN])


@pytest.fixture
def bound(tmp_path, catalogue):
    def bound(text, *overrides):
        (tmp_path / "r.toml").write_text(text)
        return recipe.bind(recipe.read(tmp_path / "r.toml", overrides), catalogue)

    return bound


@pytest.mark.parametrize(
    ("text", "chains", "origin"),
    [
        (FIRST, [[0]], "tiny"),
        (FIRST + NEXT, [[0], [0, 1]], "tiny"),
        (FIRST + NEXT + PREVIOUS, [[0], [0, 1]], "tiny"),
        (FIRST + NEXT + NEXT + PREVIOUS, [[0], [0, 1], [0, 1, 2]], "tiny"),
        (FIRST + FIRST.replace("tiny", "small"), [[0], [1]], "small"),
        (FIRST + FIRST.replace("tiny", "small") + NEXT, [[0], [1], [1, 2]], "small"),
    ],
)
def test_each_begins_with_the_checkpoint_before_it_unless_it_names_a_model(bound, text, chains, origin):
    providers = [item.provider for item in bound(text).trainers]
    assert [trainers.chain(providers, number) for number in range(len(providers))] == chains
    assert trainers.origin(providers, len(providers) - 1) == origin
    assert [trainers.goes_on(item) for item in providers] == [len(chain) > 1 for chain in chains]


def test_the_model_is_put_in_when_it_is_there(bound):
    _, second = (item.provider for item in bound(FIRST + NEXT + "epochs = 3\n").trainers)
    made = trainers.beginning_with(second, "/some/folder")
    assert (made.base, made.epochs, second.base) == ("/some/folder", 3, "previous")


def test_one_table_is_a_list_of_one(bound):
    (alone,) = bound(FIRST.replace("[[trainer]]", "[trainer]"), "trainer.epochs=4").trainers
    assert alone.provider.epochs == 4


@pytest.mark.parametrize(
    ("data", "weights"),
    [
        ('"kept"', {"kept": 1.0}),
        ('["a.jsonl", "kept"]', {"a.jsonl": 1.0, "kept": 1.0}),
        ('{ kept = 1, "b/c.jsonl" = 0.5 }', {"kept": 1.0, "b/c.jsonl": 0.5}),
    ],
)
def test_sources_have_weights(bound, data, weights):
    (alone,) = bound(f"{FIRST}data = {data}\n").trainers
    assert trainers.weights(alone.provider.data) == weights
    assert list(trainers.weights(alone.provider.data)) == list(weights)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (NEXT + PREVIOUS, "trainer.base_model: there is no trainer before this one; name the model to tune"),
        (NEXT + PREVIOUS + NEXT, "trainer[0].base_model: there is no trainer before this one"),
        (NEXT, "trainer.base_model: required, but not given"),
        (FIRST + NEXT + "epohcs = 2\n", "trainer[1].epohcs: no such option; did you mean 'epochs'?"),
        (FIRST + NEXT + "epochs = 'x'\n", "trainer[1].epochs: Input should be a valid integer"),
        (
            FIRST + "[[trainer]]\nuse = 'fixed'\n",
            "trainer[1].use: has no option base_model, so that it can only be the",
        ),
        (FIRST + "[[trainer]]\nuse = 'lerner'\n", "trainer[1].use: no trainer named 'lerner'; did you mean 'learner'?"),
        (
            FIRST + "data = 3\n",
            "trainer.data: a path, a list of paths or a table of weights is needed, as {kept = 1.0}",
        ),
        (FIRST + "data = []\n", "trainer.data: names no source of rows; leave it out for the run's own"),
        (FIRST + "data = {}\n", "trainer.data: names no source of rows"),
        (FIRST + "data = ''\n", "trainer.data: 'kept' or a path of rows is needed (got '')"),
        (FIRST + "data = [3]\n", "trainer.data: 'kept' or a path of rows is needed (got 3)"),
        (FIRST + "data = ['a', 'a']\n", "trainer.data: 'a' stands twice; give it a weight, as {'a' = 2}"),
        *(
            (
                FIRST + f"data = {{ kept = {weight} }}\n",
                "trainer.data: 'kept': a weight above 0 and up to 1000 is needed (got ",
            )
            for weight in ("0", "-1", "nan", "inf", "-inf", "true", "'x'", "1000.1", "1" + 400 * "0", "-1" + 400 * "0")
        ),
        (FIRST + "data_limit = 0\n", "trainer.data_limit: at least 1 is needed (got 0)"),
        *(
            (FIRST + f"data_limit = {flag}\n", f"trainer.data_limit: at least 1 is needed (got {flag.title()})")
            for flag in ("true", "false")
        ),
        (
            FIRST + "data = ['b/a', './b//a']\n",
            "trainer.data: './b//a' is 'b/a': it stands twice; give it a weight, as {'b/a' = 2}",
        ),
        (FIRST + "data = {'a' = 1, 'b/../a' = 1}\n", "trainer.data: 'b/../a' is 'a': it stands twice"),
        (FIRST + "data_order = 'sorted'\n", "trainer.data_order: Input should be 'mixed' or 'as-given'"),
        (FIRST + "[evaluate]\ncheckpoints = 'some'\n", "evaluate.checkpoints: Input should be 'last' or 'all'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(bound, text, line):
    with pytest.raises(RecipeError) as caught:
        bound(text)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("weight", [1000, 1e-9])
def test_the_largest_and_a_very_small_weight(bound, weight):
    (alone,) = bound(FIRST + f"data = {{ kept = {weight} }}\n").trainers
    assert trainers.weights(alone.provider.data) == {"kept": weight}


@pytest.mark.parametrize("kind", ["trainer", "filter"])
def test_a_name_that_several_have_does_not_choose_one_of_them(bound, kind):
    text = FIRST + NEXT + "[[filter]]\nuse = 'length'\n[[filter]]\nuse = 'length'\n"
    name, option = {"trainer": ("learner", "epochs"), "filter": ("length", "min_problem")}[kind]
    with pytest.raises(RecipeError, match=rf"^-o {kind}.{name}: there are 2 of that name; give the number \(0, 1\)$"):
        bound(text, f"{kind}.{name}.{option}=3")
    plan = bound(text, f"{kind}.1.{option}=3")
    providers = [item.provider for item in (plan.trainers if kind == "trainer" else plan.filters)]
    assert getattr(providers[1], option) == 3 != getattr(providers[0], option)
