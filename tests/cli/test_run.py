"""`magicoder run` on a recipe of one stage: wrong usage, run directories, output that nobody reads."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys

import pytest

from magicoder_core import progress
from magicoder_core.cli.output import shown

RECIPE = '[seed_source]\nuse = "files"\nlimit = 2\n'


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "one.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def ran(called):
    """Run `magicoder run ARGUMENTS`; gives status, stdout, stderr."""
    return lambda *arguments: called("run", *arguments)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--to", "seeds", "--only", "generate"], "--to and --only: they exclude each other; give one of them"),
        (["--redo", "train"], "--redo train: the recipe has no table for this stage; it has: seeds"),
        (["--dir", ""], "Invalid value for '--dir': names no directory"),
    ],
)
def test_wrong_usage_is_2_and_writes_nothing(ran, recipe, tmp_path, arguments, line):
    status, out, err = ran(recipe, *arguments)
    assert (status, out) == (2, "")
    assert f"Error: {line}\n" in err
    assert list(tmp_path.iterdir()) == [recipe]


def test_redo_of_a_stage_that_is_left_out_is_wrong_usage(ran, recipe, tmp_path):
    recipe.write_text(RECIPE + '[method]\nuse = "oss-instruct"\n[teacher]\nuse = "openai-compatible"\nmodel = "x"\n')
    for limit in ("--to", "--only"):
        status, _, err = ran(recipe, limit, "seeds", "--redo", "generate")
        assert status == 2
        assert f"--redo generate: {limit} seeds leaves this stage out" in err
    assert list(tmp_path.iterdir()) == [recipe]


def test_new_where_a_run_is_is_wrong_usage(ran, recipe, tmp_path):
    assert ran(recipe, "--new", "--dir", tmp_path / "run")[0] == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    status, _, err = ran(recipe, "--new", "--dir", tmp_path / "run")
    assert status == 2
    assert "has a run already" in err
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_a_run_directory_alone_means_its_own_recipe(ran, recipe, tmp_path):
    assert ran(recipe, "--dir", tmp_path / "run", "-o", "seed=5")[0] == 0
    status, out, err = ran("--dir", tmp_path / "run")
    assert (status, err) == (0, "")
    assert out.startswith(f"one: {tmp_path / 'run'}\n")
    assert "All of this was done before" in out
    assert (tmp_path / "run" / "recipe.toml").read_text() == RECIPE
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["seed"] == 5


def test_the_resolved_recipe_finds_its_run_again(ran, recipe, tmp_path):
    assert ran(recipe, "-o", "seed=5")[0] == 0
    (directory,) = (tmp_path / "runs").iterdir()
    assert "All of this was done before" in ran(directory / "recipe.json")[1]
    assert list((tmp_path / "runs").iterdir()) == [directory]


def test_another_recipe_in_a_runs_directory_is_refused(ran, recipe, tmp_path):
    assert ran(recipe, "--dir", tmp_path / "run")[0] == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    status, _, err = ran(recipe, "--dir", tmp_path / "run", "-o", "name=two")
    assert status == 1
    assert f"{tmp_path / 'run'}: has a run of the recipe 'one', not of 'two'; give --dir another" in err
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert ran(recipe, "--dir", tmp_path / "run", "-o", "name=two", "--redo", "seeds")[0] == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["name"] == "two"


@pytest.mark.parametrize("nobody_reads", ["stdout", "stderr"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_run_goes_on_when_nobody_reads(recipe, tmp_path, nobody_reads, form):
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {nobody_reads: writing}
    command = [sys.executable, "-m", "magicoder_core", "run", str(recipe), "--dir", "run", *form]
    done = subprocess.run(command, **streams, text=True, check=False, timeout=60)
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert "Broken pipe" not in (done.stderr or "")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["stages"]["seeds"]["status"] == "done"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left", "run.json"), "run.json: No space left; mend that and run the same"),
        (OSError(errno.EIO, "Input/output error"), None),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),
    ],
)
def test_an_error_of_the_system_in_a_stage(ran, recipe, monkeypatch, error, told):
    def broken(*_):
        raise error

    monkeypatch.setattr("magicoder_core.stages.run", broken)
    if told:
        status, _, err = ran(recipe)
        assert status == 1
        assert told in err
    else:
        with pytest.raises((OSError, RuntimeError)):
            ran(recipe)


def test_what_is_said_is_text_and_no_markup(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with shown(as_json=False) as bars, progress.task("judge [/one] [data]", 2) as advance:
        advance(note="[/two] [it]")
        bars._bars.refresh()
        progress.say("wrote [/three] and [rows]")
    for text in ("judge [/one] [data]", "note [/two] [it]", "wrote [/three] and [rows]"):
        assert text in terminal.getvalue()
