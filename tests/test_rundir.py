"""Run directories: found again, held by one process, reused only unchanged."""

from __future__ import annotations

import json

import pytest

from magicoder_core import RunError, recipe, rundir
from magicoder_core.rundir import RunDirectory


@pytest.fixture
def directory(tmp_path):
    run = RunDirectory(tmp_path / "run")
    with run.locked():
        yield run


def finish(directory, key, name="seeds"):
    directory.begin_stage(name, key)
    (directory / "out").write_text("x")
    directory.end_stage(name, "done", counts={"n": 1})


def test_a_finished_stage_is_reused_with_the_same_key_only(directory):
    finish(directory, {"options": {"a": 1, "b": (1, 2)}})
    again = RunDirectory(directory.path)
    assert again.is_done("seeds", {"options": {"a": 1, "b": [1, 2]}}, ["out"])
    assert not again.is_done("seeds", {"options": {"a": 2, "b": [1, 2]}}, ["out"])
    assert not again.is_done("seeds", {"options": {"a": 1, "b": [1, 2]}}, ["out", "missing"])


def test_what_changed_is_named(directory):
    finish(directory, {"options": {"a": 1, "b": [1, 2]}, "input": "x" * 64})
    changes = directory.changes("seeds", {"options": {"a": 2, "b": [1, 3]}, "input": "x" * 64})
    assert changes == ["options.a: 1 -> 2", "options.b[1]: 2 -> 3"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([1, 2], [1, 3], ["a[1]: 2 -> 3"]),
        ([1], [1, 2], ["a[1]: new: 2"]),
        ([1, 2], [0, 1, 2], ["a[0]: new: 0"]),
        ([1, 2, 3], [1, 3], ["a[1]: gone: 2"]),
        ([{"b": 1}, 2], [{"b": 3}], ["a[0].b: 1 -> 3", "a[1]: gone: 2"]),
        ([], [1], ["a[0]: new: 1"]),
        ([1, 1], [1], ["a[1]: gone: 1"]),
        ([{"b": 1, "c": 1}, 2], [{"b": 3, "c": 1}, 2, 4], ["a[0].b: 1 -> 3", "a[2]: new: 4"]),
        ([1], 1, ["a: [1] -> 1"]),
    ],
)
def test_lists_are_compared_entry_by_entry(before, after, told):
    assert rundir.differences({"a": before}, {"a": after}) == told


def test_an_interrupted_try_is_known_and_its_time_counts(directory):
    directory.begin_stage("train", {"a": 1})
    directory.stages["train"]["seconds"] = 5.0
    assert directory.was_interrupted("train", {"a": 1})
    assert not directory.was_interrupted("train", {"a": 2})
    directory.begin_stage("train", {"a": 1})
    directory.end_stage("train", "done", counts={})
    assert directory.stages["train"]["seconds"] >= 5.0


def test_a_second_process_is_refused(directory):
    with pytest.raises(RunError, match="another magicoder is at work"), RunDirectory(directory.path).locked():
        pass


def test_a_damaged_run_json_says_what_to_do(tmp_path):
    (tmp_path / "run.json").write_text('{"stages": ')
    with pytest.raises(RunError, match=r"run.json: damaged .*; delete it"):
        RunDirectory(tmp_path)


def test_a_run_that_is_none(tmp_path):
    with pytest.raises(RunError, match=r"no run here \(no run.json\)"):
        rundir.existing(tmp_path)


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be used as a run directory"), RunDirectory(tmp_path / "file").locked():
        pass


def test_the_same_recipe_finds_its_latest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text('[seed_source]\nuse = "files"\n')
    read = recipe.read(tmp_path / "r.toml")
    for stamp in ("20260101-000000", "20260102-000000"):
        (tmp_path / "runs" / f"r-{stamp}-{read.key}").mkdir(parents=True)
    assert rundir.locate(read, None, new=False).name == f"r-20260102-000000-{read.key}"
    assert rundir.locate(read, None, new=True).name > f"r-20260102-000000-{read.key}"
    assert rundir.locate(read, tmp_path / "mine", new=False) == tmp_path / "mine"


def test_run_json_tells_versions_and_platform(directory, tmp_path):
    (tmp_path / "r.toml").write_text('[seed_source]\nuse = "files"\n')
    from magicoder_core import plugins

    read = recipe.read(tmp_path / "r.toml")
    directory.begin(read, recipe.bind(read, plugins.catalogue()))
    facts = json.loads((directory / "run.json").read_text())
    assert {"created", "name", "recipe_key", "versions", "python", "platform", "git_commit"} <= set(facts)
    assert "magicoder-core" in facts["versions"]
    assert recipe.read(directory / "recipe.json").table == read.table
