"""Recipes: what is wrong is said with its path and the nearest right spelling."""

from __future__ import annotations

import json

import pytest

from magicoder_core import RecipeError, plugins, recipe

GOOD = """
seed = 3
[seed_source]
use = "files"
limit = 3
[[filter]]
use = "length"
[[filter]]
use = "exact-duplicates"
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="r.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def bound(path, *overrides):
    return recipe.bind(recipe.read(path, overrides), plugins.catalogue())


def test_a_recipe_binds_its_providers(write):
    plan = bound(write(GOOD))
    assert plan.seed == 3
    assert plan.seed_source.provider.limit == 3
    assert [item.name for item in plan.filters] == ["length", "exact-duplicates"]
    assert plan.trainer is None
    assert plan.generate.concurrency == 8


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[seed_source]\nuse = 'flies'\n", "seed_source.use: no seed_source named 'flies'; did you mean 'files'?"),
        ("[seed_source]\nuse = 'files'\nlimt = 3\n", "seed_source.limt: no such option; did you mean 'limit'?"),
        ("[seed_source]\nuse = 'files'\nlimit = 'many'\n", "seed_source.limit: Input should be a valid integer"),
        ("[seed_source]\nlimit = 3\n", 'seed_source.use: names the provider, as use = "..."'),
        ("[seedsource]\nuse = 'files'\n", "seedsource: no such table; did you mean 'seed_source'?"),
        ("seed_source = 3\n", "seed_source: a table is needed, as [seed_source]"),
        ("seed = 'x'\n", "seed: an integer is needed (got 'x')"),
        ("[[filter]]\nuse = 'length'\nmin = 3\n", "filter[0].min: no such option"),
        ("[generate]\ntraget = 3\n", "generate.traget: no such option; did you mean 'target'?"),
        ("[method]\nuse = 'oss-instruct'\n", "teacher: missing; [method] and [teacher] are needed together"),
        ("seed = [\n", "not readable as a recipe: Invalid value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(write, text, line):
    with pytest.raises(RecipeError) as error:
        bound(write(text))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_said(tmp_path):
    (tmp_path / "r.toml").write_bytes(b"\xff\xfe[seed_source]")
    with pytest.raises(RecipeError, match=r"r.toml: not readable as a recipe"):
        recipe.read(tmp_path / "r.toml")


def test_missing_recipes_are_said(tmp_path):
    with pytest.raises(RecipeError, match="no such recipe file"):
        recipe.read(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match=r"packaged are: .*quickstart"):
        recipe.read("quikstart")


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("seed_source.limit=5", ("seed_source", "limit"), 5),
        ("filter.0.max_characters=9", ("filter", 0, "max_characters"), 9),
        ("filter.length.note=a b", ("filter", 0, "note"), "a b"),
        ("teacher.model=gpt-4o-mini", ("teacher", "model"), "gpt-4o-mini"),
        ("trainer.learning_rate=1e-5", ("trainer", "learning_rate"), 1e-5),
        ("evaluate.baseline=true", ("evaluate", "baseline"), True),
        ('seed_source.paths=["a", "b"]', ("seed_source", "paths"), ["a", "b"]),
        ("seed=9", ("seed",), 9),
    ],
)
def test_overrides(write, override, where, value):
    text = GOOD + "".join(f'[{name}]\nuse = "x"\n' for name in ("teacher", "trainer"))
    place = recipe.read(write(text), [override]).table
    for step in where:
        place = place[step]
    assert place == value
    assert type(place) is type(value)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("limit", "write it as path.to.option=value"),
        ("filter.min=1", "there are 2 entries; say which"),
        ("filter.7.min=1", "no such entry; there are: length, exact-duplicates"),
        ("seed.x.y=1", "-o seed: is no table but 3"),
    ],
)
def test_wrong_overrides(write, override, line):
    with pytest.raises(RecipeError) as error:
        recipe.read(write(GOOD), [override])
    assert line in str(error.value)


def test_the_resolved_recipe_can_be_read_again(write):
    first = recipe.read(write(GOOD), ["seed=9"])
    again = recipe.read(write(json.dumps(first.table), "recipe.json"))
    assert again.table == first.table
    assert again.key != recipe.read(write(GOOD)).key


def test_every_packaged_recipe_begins_with_the_command_that_runs_it():
    for name in recipe.packaged():
        first = recipe.read(name).source.splitlines()[0]
        assert first.startswith("# magicoder run"), name
