"""Recipes: what is wrong is said with its path and the nearest right spelling."""

from __future__ import annotations

import json
from pathlib import Path

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
    assert plan.trainers == ()
    assert plan.generate.concurrency == 64


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
        ("seed = true\n", "seed: an integer is needed (got True)"),
        ("[generate]\nconcurrency = 0\n", "generate: concurrency: at least 1 is needed (got 0)"),
        ("[generate]\ntarget = -3\n", "generate: target: at least 1 is needed (got -3)"),
        ("[generate]\nattempts = 0\n", "generate: attempts: at least 1 is needed (got 0)"),
        ("[generate]\nmax_requests = 0\n", "generate: max_requests: at least 1 is needed (got 0)"),
        ("[generate]\nmax_tokens = 0\n", "generate: max_tokens: at least 1 is needed (got 0)"),
        ("[generate]\nmax_usd = 0\n", "generate: max_usd: more than 0 is needed (got 0.0)"),
        ("[generate]\nmax_usd = nan\n", "generate: max_usd: more than 0 is needed (got nan)"),
        ("[evaluate]\nconcurrency = 0\n", "evaluate: concurrency: at least 1 is needed (got 0)"),
        ("name = 2024-01-01\n", "name: a date is no value here; write it in quotes (got 2024-01-01)"),
        ("[[filter]]\nuse = 'length'\nof = [07:32:00]\n", "filter.0.of.0: a date is no value here"),
        *(
            (f"name = {name}\n", "name: letters, digits and _ . + - are needed, in quotes (got ")
            for name in ("3", "''", "'.'", "'..'", "'a/b'", "'../x'", "'[a]'", "'a*'", "'a b'", "'a\\n'")
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(write, text, line):
    with pytest.raises(RecipeError) as error:
        bound(write(text))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_benchmark_needs_somebody_to_score(write):
    catalogue = plugins.load([Path(__file__).parent / "end_to_end" / "slow_plugin.py"])
    sums = "[[benchmark]]\nuse = 'sums'\n"
    with pytest.raises(RecipeError, match=r"^benchmark: needs \[model\] or \[trainer\], "):
        recipe.bind(recipe.read(write(sums)), catalogue)
    for enough in ("[model]\nuse = 'adder'\n", "[trainer]\nuse = 'count'\n"):
        assert recipe.bind(recipe.read(write(sums + enough)), catalogue).benchmarks


@pytest.mark.parametrize("text", ["[3]", "3", "null", '"text"'])
def test_json_that_is_no_table_is_said(write, text):
    with pytest.raises(RecipeError, match=r"r.json: no recipe: its tables are needed, as {...} \(got "):
        recipe.read(write(text, "r.json"))


def test_json_without_end_is_said(write):
    with pytest.raises(RecipeError, match=r"r.json: not readable as a recipe"):
        recipe.read(write("[" * 100_000, "r.json"))


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
        ("trainer.learning_rate=1e-5", ("trainer", 0, "learning_rate"), 1e-5),
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
        ("limit", "(path.to.option=value)"),
        ("filter.min=1", "there are 2 entries; say which"),
        ("filter.7.min=1", "no such entry; there are: length, exact-duplicates"),
        ("seed.x.y=1", "-o seed: is no table but 3"),
        ("filter.0.use.x=1", "-o filter.0.use: is no table but 'length'"),
        ("name=2024-01-01", "name: a date is no value here"),
        ("name=a/b", "name: letters, digits and _ . + - are needed"),
        ("name=", "name: letters, digits and _ . + - are needed"),
    ],
)
def test_wrong_overrides(write, override, line):
    with pytest.raises(RecipeError) as error:
        recipe.read(write(GOOD), [override])
    assert line in str(error.value)


@pytest.mark.parametrize("override", ["filter.0.use=x", "filter.use=x", "filter.x.use=y", "filter.0=x"])
def test_overrides_of_what_is_no_table(write, override):
    with pytest.raises(RecipeError) as error:
        recipe.read(write("filter = [3]\n"), [override])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", 'name = "mine"\n'])
def test_the_resolved_recipe_is_the_same_recipe(write, name):
    given = write(name + GOOD, "my recipe.toml")
    first = recipe.read(given, ["seed=9"])
    again = recipe.read(write(json.dumps(first.table), "recipe.json"))
    assert (again.name, again.key, again.table) == (first.name, first.key, first.table)
    assert again.name == ("mine" if name else "my-recipe")
    assert again.key != recipe.read(given).key


def test_the_text_of_a_resolved_recipe_is_what_people_wrote(write):
    resolved = write('{"seed": 9}', "recipe.json")
    assert recipe.read(resolved).source == '{"seed": 9}'
    write("seed = 3 # why\n", "recipe.toml")
    assert recipe.read(resolved).source == "seed = 3 # why\n"
    assert recipe.read(resolved).table["seed"] == 9


def test_every_packaged_recipe_begins_with_the_command_that_runs_it():
    for name in recipe.packaged():
        first = recipe.read(name).source.splitlines()[0]
        assert first.startswith("# magicoder run"), name


def test_the_two_stages_of_the_paper_are_a_recipe():
    first, second = recipe.read("magicoders").table["trainer"]
    assert "base_model" in first
    assert "base_model" not in second
