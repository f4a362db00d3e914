"""The stage `filter`: the chain of `magicoder filter` within a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from magicoder_core import BudgetError, RunError, jsonl, plugins, recipe, stages, summary
from magicoder_core.filtering import reading, state
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run
from magicoder_core.testing import instruction, snippet

PLUGIN = Path(__file__).parent.parent / "filtering_plugin.py"
RECIPE = """
[method]
use = "oss-instruct"
[teacher]
use = "oracle"
log = "{log}"
[generate]
concurrency = 4
"""


@pytest.fixture
def rows():
    """What a method has made."""
    made = []
    for number in range(30):
        word = "bad" if number % 5 == 1 else "odd" if number % 5 == 2 else "good"
        row = instruction(f"A {word} problem {number}", "x" * (number * 3))
        made.append(row.to_dict() | {"parent": f"{number:016x}", "requests": [f"r{number}"]})
    return made


@pytest.fixture
def run(tmp_path, rows):
    """Run the stage with these filters; gives the run and its counts."""

    def run(*filters, name="run", redo=None, more="", last=""):
        tables = [f'[[filter]]\nuse = "{use}"\n{more}' for use in filters] + [last]
        (tmp_path / "r.toml").write_text(RECIPE.format(log=tmp_path / "asked.log") + "\n".join(tables))
        catalogue = plugins.use([PLUGIN])
        read = recipe.read(tmp_path / "r.toml")
        made = Run(read, recipe.bind(read, catalogue), RunDirectory(tmp_path / name), catalogue)
        chosen = stages.select(made.plan, only="filter")
        with made.directory.locked():
            made.directory.begin(made.recipe, made.plan)
            if not (made / "instructions.jsonl").exists():
                jsonl.write(made / "instructions.jsonl", rows)
            for _, problem in stages.preflight(made.plan, chosen):
                if problem:
                    raise problem
            (result,) = stages.run(made, chosen, redo)
        return made, result

    yield run
    plugins.use([])


def written(made, name):
    return [json.loads(line) for line in (made / name).read_text().splitlines()]


def asked(tmp_path):
    log = tmp_path / "asked.log"
    return [line for line in log.read_text().splitlines() if line.startswith("answered")] if log.exists() else []


def test_scores_and_flags_stand_beside_rows_and_are_counted(run, rows):
    made, result = run("without", "measure")
    kept, rejected = written(made, "kept.jsonl"), written(made, "rejected.jsonl")
    assert result.counts == {
        "rows": 30,
        "kept": 24,
        "rejected": {"without: has bad": 6},
        "flagged": {"measure: long": 8},
    }
    assert [row["problem"] for row in kept] == [row["problem"] for row in rows if "bad" not in row["problem"]]
    assert all(row["scores"] == {"length": len(row["solution"])} for row in kept)
    assert [row["flags"][0]["reason"] for row in kept if "flags" in row] == ["long"] * 8
    assert {row["rejected"]["reason"] for row in rejected} == {"has bad"}
    assert "24 of 30 rows kept (6 without: has bad)" in summary.stage_line(result)


def test_rows_are_what_was_made_and_nothing_else_stays(run, rows):
    made, _ = run("without")
    bare = [
        {name: value for name, value in row.items() if name != "rejected"} for row in written(made, "rejected.jsonl")
    ]
    assert sorted(map(json.dumps, written(made, "kept.jsonl") + bare)) == sorted(map(json.dumps, rows))
    left = {path.name for path in made.directory.path.iterdir() if path.is_file()}
    assert left == {"recipe.toml", "recipe.json", "run.json", "instructions.jsonl", "kept.jsonl", "rejected.jsonl"}


def test_without_filters_all_rows_are_kept(run, rows):
    made, result = run()
    assert written(made, "kept.jsonl") == rows
    assert (result.counts["kept"], written(made, "rejected.jsonl")) == (30, [])


def test_filters_that_ask_have_the_teacher_of_the_recipe_and_a_journal_of_their_own(run, tmp_path):
    made, result = run("opinion")
    assert result.counts["kept"] == 24
    assert result.counts["flagged"] == {"opinion: hm,": 6}
    assert result.counts["asked"][0]["asked"] == len(asked(tmp_path)) == 30
    assert (made / "filter-journal.jsonl").read_text().count("\n") == 30
    again, result = run("opinion", redo="filter")
    assert result.counts["asked"][0]["replayed"] == 30
    assert len(asked(tmp_path)) == 30
    assert "teacher" in again.directory.stages["filter"]["key"]


def test_a_filter_may_have_a_teacher_of_its_own(run, tmp_path):
    made, result = run(
        "opinion", more=f'teacher = {{ use = "oracle", model = "wise", log = "{tmp_path / "own.log"}" }}'
    )
    assert result.counts["asked"][0]["teacher"] == "oracle:wise"
    assert asked(tmp_path) == []
    assert "teacher" not in made.directory.stages["filter"]["key"]


def test_limits_count_what_the_rows_took(run, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "RECIPE", RECIPE + "max_requests = 20\n")
    real = RunDirectory.begin

    def begun(self, *arguments):
        real(self, *arguments)
        self.stages["generate"] = {"status": "done", "counts": {"requests": 12}, "key": {}, "seconds": 1}

    monkeypatch.setattr(RunDirectory, "begin", begun)
    with pytest.raises(BudgetError, match=r"generate\.max_requests = 20 is reached \(20 spent\)"):
        run("opinion")
    assert len(asked(tmp_path)) == 8


@pytest.fixture
def snippets(tmp_path, rows):
    """Snippets of the first rows that a method has made; three of them are one text."""
    same = snippet("def f(x):\n    return x\n")
    texts = {
        0: same,
        3: replace(same, code="def f(x):\n\n\n    return  x\n\n"),
        4: replace(same, origin=replace(same.origin, path="copy.py")),
        5: replace(same, code="def g(x):\n    return x\n"),
    }
    for number, made in texts.items():
        rows[number] |= {"parent": made.id}
    assert len({made.id for made in texts.values()}) == 4
    return list(texts.values())


@pytest.fixture
def small(monkeypatch):
    """Batches of few rows, so that a stop lies between two of them."""
    monkeypatch.setattr(reading, "_BLOCK", 700)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("stopped", [False, True])
def test_snippets_that_differ_in_white_space_or_place_alone_are_one(run, rows, snippets, tmp_path, stopped):
    for folder in ("run", "bare"):
        (tmp_path / folder).mkdir()
    jsonl.write(tmp_path / "run" / "snippets.jsonl", [item.to_dict() for item in snippets])
    if stopped:
        (tmp_path / "stop").write_text("3")
        more = f'stop = "{tmp_path / "stop"}"'
        with pytest.raises(RunError, match="was too much"):
            run("exact-duplicates", "turns", last=more)
        assert state.read(tmp_path / "run" / "kept.jsonl.filter.json")["position"][1] > 0
        (tmp_path / "stop").unlink()
        made, result = run("exact-duplicates", "turns", last=more)
    else:
        made, result = run("exact-duplicates")
    assert result.counts["rejected"]["exact-duplicates: duplicate seed"] == 2
    rejected = written(made, "rejected.jsonl")
    same = [row for row in rejected if row["rejected"]["filter"] == "exact-duplicates"]
    assert [row["id"] for row in same] == [rows[3]["id"], rows[4]["id"]]
    assert {row["rejected"]["evidence"]["duplicate_of"] for row in same} == {rows[0]["id"]}
    kept = {row["id"]: row["parent"] for row in written(made, "kept.jsonl") + rejected}
    assert kept == {row["id"]: row["parent"] for row in rows}, "rows keep their own snippet's id"
    assert run("exact-duplicates", name="bare")[1].counts["kept"] == 30, "without snippets there is nothing to compare"


def test_a_broken_snippet_is_told(run, tmp_path):
    (tmp_path / "run").mkdir()
    jsonl.write(tmp_path / "run" / "snippets.jsonl", [snippet().to_dict(), {"id": 3}])
    with pytest.raises(RunError, match=r"snippets\.jsonl: snippet 2 has no texts 'id' and 'code'; draw them anew"):
        run("exact-duplicates")


def test_other_snippets_are_another_work(run, snippets, tmp_path):
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "snippets.jsonl"
    jsonl.write(path, [item.to_dict() for item in snippets])
    assert run("exact-duplicates")[1].counts["kept"] == 28
    jsonl.write(path, [snippet(str(number)).to_dict() for number in range(4)])
    assert run("exact-duplicates")[1].counts["kept"] == 30
    jsonl.write(path, [])
    assert not run("without")[1].reused
    jsonl.write(path, [snippet().to_dict()])
    assert run("without")[1].reused, "filters that look at single rows see no two snippets"


def test_rows_that_are_all_dropped_end_the_run(run):
    with pytest.raises(RunError) as caught:
        run("length", more="min_solution = 8000")
    assert str(caught.value).startswith("filter: none of 30 rows was kept: ")
    assert "each is in " in str(caught.value)


def test_a_stopped_stage_goes_on(run, tmp_path):
    whole, _ = run("turns", name="whole")
    stop = tmp_path / "stop"
    stop.write_text("10")
    more = f'stop = "{stop}"'
    with pytest.raises(RunError, match="filter 'turns' failed: RuntimeError: row 11 was too much"):
        run("turns", more=more)
    stop.unlink()
    made, _ = run("turns", more=more)
    for name in ("kept.jsonl", "rejected.jsonl"):
        assert (made / name).read_bytes() == (whole / name).read_bytes()


def test_a_row_that_somebody_broke_is_told_with_its_line(run):
    made, _ = run("without")
    with (made / "instructions.jsonl").open("a") as more:
        more.write('{"problem": "only"}\n')
    with pytest.raises(RunError, match=r"instructions\.jsonl:31: no columns problem and solution"):
        run("without")
