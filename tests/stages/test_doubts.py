"""What a recipe can do and hardly means, and is told of: filters without rows, rows without filters, a model too many."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from magicoder_core import jsonl, recipe, stages
from magicoder_core.cli.main import cli

RECIPE = """
[[trainer]]
use = "learner"
base_model = "tiny"
[[trainer]]
use = "learner"
data = "{more}"
"""


def doubted(tmp_path, learning, text):
    (tmp_path / "r.toml").write_text(text.replace("{more}", str(tmp_path / "more.jsonl")))
    plan = recipe.bind(recipe.read(tmp_path / "r.toml"), learning)
    return dict(stages.doubts(plan, stages.select(plan)))


MADE = '[seed_source]\nuse = "files"\n[method]\nuse = "oss-instruct"\n[teacher]\nuse = "words"\n'
FILTERS = '[[filter]]\nuse = "exact-duplicates"\n[[filter]]\nuse = "length"\n'


def test_filters_that_do_not_touch_rows_of_files_are_said(ground, tmp_path, learning):
    path = tmp_path / "more.jsonl"
    found = doubted(tmp_path, learning, RECIPE + MADE + FILTERS)
    assert found["filter"] == (
        f"trainer.data: the rows of {path} go through no [[filter]], which judges the run's own rows alone: "
        f"`magicoder filter {path} --use exact-duplicates --use length --kept KEPT.jsonl --rejected R.jsonl`, and name KEPT.jsonl"
    )
    assert doubted(tmp_path, learning, RECIPE + MADE) == {}
    assert doubted(tmp_path, learning, RECIPE.replace('data = "{more}"', "") + MADE + FILTERS) == {}


def test_a_file_that_went_through_the_filters_by_command_is_none_to_doubt(ground, tmp_path, learning):
    path = tmp_path / "more.jsonl"
    state = {
        "status": "done",
        "written": [{"bytes": path.stat().st_size}],
        "key": {"filters": [{"use": "exact-duplicates"}]},
    }
    jsonl.write_json(tmp_path / "more.jsonl.filter.json", state)
    assert "--use length --kept" in doubted(tmp_path, learning, RECIPE + MADE + FILTERS)["filter"]
    state["key"]["filters"].append({"use": "length"})
    jsonl.write_json(tmp_path / "more.jsonl.filter.json", state)
    assert doubted(tmp_path, learning, RECIPE + MADE + FILTERS) == {}
    with path.open("a") as lines:
        lines.write('{"instruction": "New", "output": "z"}\n')
    assert "filter" in doubted(tmp_path, learning, RECIPE + MADE + FILTERS)


def test_what_magicoder_filter_leaves_is_what_is_looked_for(ground, tmp_path, learning):
    kept = tmp_path / "kept.jsonl"
    command = ["filter", str(tmp_path / "more.jsonl"), "--use", "exact-duplicates", "--kept", str(kept)]
    done = CliRunner().invoke(cli, [*command, "--rejected", str(tmp_path / "rejected.jsonl")])
    assert done.exit_code == 0, done.output
    filters = FILTERS.partition('[[filter]]\nuse = "length"')[0]
    assert "filter" in doubted(tmp_path, learning, RECIPE + MADE + filters)
    assert doubted(tmp_path, learning, RECIPE.replace("{more}", str(kept)) + MADE + filters) == {}


def test_filters_with_nothing_to_filter_are_said(ground, tmp_path, learning):
    alone = '[trainer]\nuse = "learner"\nbase_model = "tiny"\n'
    found = doubted(tmp_path, learning, alone + FILTERS)
    assert found["filter"].startswith("[[filter]] judges the rows that a [method] makes, and the recipe has none")


@pytest.mark.parametrize(
    ("evaluate", "named"),
    [
        ('checkpoints = "all"', 'evaluate.checkpoints = "all"'),
        ("baseline = true", "evaluate.baseline = true"),
        ('baseline = true\ncheckpoints = "all"', 'evaluate.checkpoints = "all" and evaluate.baseline = true'),
        ("concurrency = 2", None),
    ],
)
def test_a_model_of_its_own_beside_the_wish_to_score_checkpoints_is_said(ground, tmp_path, learning, evaluate, named):
    text = RECIPE + MADE + f'[model]\nuse = "words"\n[[benchmark]]\nuse = "plain"\n[evaluate]\n{evaluate}\n'
    found = doubted(tmp_path, learning, text)
    assert found == ({} if named is None else {"words": found["words"]})
    if named:
        assert f"that one alone is scored, and {named} means nothing" in found["words"]
    assert doubted(tmp_path, learning, text.replace('[model]\nuse = "words"\n', "")) == {}
