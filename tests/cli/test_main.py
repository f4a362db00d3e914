"""The command line from the outside: one line and a status for whatever is wrong."""

from __future__ import annotations

import errno
import json
import re
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from magicoder_core import MagicoderError, plugins, sandbox
from magicoder_core.cli import main as entry
from magicoder_core.cli.output import Events, Plain

SLOW = Path(__file__).parent.parent / "end_to_end" / "slow_plugin.py"


@pytest.fixture(autouse=True)
def catalogue_in_use():
    """Whatever a test puts into use, the next one finds what is installed."""
    yield
    plugins.use([])


def test_help_lists_every_command(called):
    status, out, _ = called("--help")
    assert status == 0
    for name in entry.COMMANDS:
        assert name in out


@pytest.mark.parametrize("name", entry.COMMANDS)
def test_every_command_is_there_and_has_help(name):
    result = CliRunner().invoke(entry.cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage:")


def test_wrong_usage_is_2_and_names_the_nearest(called):
    status, _, err = called("exlpain")
    assert status == 2
    assert "no command 'exlpain'; did you mean 'explain'?" in err
    assert called("run", "--dri", "x")[0] == 2


def test_a_user_error_is_one_line_and_1(called, tmp_path):
    status, out, err = called("run", tmp_path / "none.toml")
    assert (status, out) == (1, "")
    assert err == f"magicoder: {tmp_path}/none.toml: no such recipe file\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (MagicoderError("what,\n where"), 1, "magicoder: what, where\n"),
        (KeyboardInterrupt(), 130, "magicoder: interrupted; the same command goes on from here\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "kept.jsonl"),
            1,
            "magicoder: kept.jsonl: No space left on device\n",
        ),
    ],
)
def test_whatever_stops_a_command(called, monkeypatch, error, status, line):
    def command():
        raise error

    monkeypatch.setattr(entry.cli, "main", lambda **_: command())
    ended, _, err = called()
    assert ended == status
    assert line in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError(), OSError(errno.EIO, "Input/output error")])
def test_a_bug_keeps_its_traceback(monkeypatch, error):
    def command():
        raise error

    monkeypatch.setattr(entry.cli, "main", lambda **_: command())
    with pytest.raises(type(error)):
        entry.main()


def test_plugins_lists_and_describes(called):
    assert "files" in called("plugins")[1]
    described = called("plugins", "files")[1]
    assert "limit" in described
    listed = json.loads(called("plugins", "--json")[1])
    assert {"kind": "seed_source", "name": "files"}.items() <= listed[0].items()
    schema = json.loads(called("plugins", "files", "--json")[1])[0]["schema"]
    assert "limit" in schema["properties"]
    status, _, err = called("plugins", "fils")
    assert (status, err) == (1, "magicoder: no provider named 'fils'; did you mean 'files'?\n")


def test_a_plugin_file_that_does_not_load_is_one_line(called, tmp_path):
    (tmp_path / "bad.py").write_text("import nothing_of_that_name\n")
    status, _, err = called("plugins", "--plugin", tmp_path / "bad.py")
    assert status == 1
    assert "No module named 'nothing_of_that_name'" in err
    assert err.count("\n") == 1


def test_check_says_what_is_there_and_what_is_not(called, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    recipe = tmp_path / "r.toml"
    recipe.write_text('[seed_source]\nuse = "files"\npaths = ["nowhere-at-all"]\n')
    status, out, _ = called("check", recipe)
    assert status == 1
    assert "MISSING" in out
    assert "nowhere-at-all" in out
    recipe.write_text('[seed_source]\nuse = "files"\n')
    assert "ok" in called("check", recipe)[1]


@pytest.fixture
def unlocked(monkeypatch):
    """A machine where neither bubblewrap nor Landlock can be had."""
    monkeypatch.setattr("magicoder_core.sandbox.bubblewrap.candidates", list)
    monkeypatch.setattr("magicoder_core.sandbox.inside.locks.abi", lambda: 0)
    monkeypatch.delenv("MAGICODER_ALLOW_WEAK_ISOLATION", raising=False)
    sandbox.probe.cache_clear()
    yield
    sandbox.probe.cache_clear()


def test_check_asks_for_isolation_where_code_runs(called, tmp_path, unlocked):
    recipe = tmp_path / "r.toml"
    recipe.write_text('[seed_source]\nuse = "files"\n')
    status, out, _ = called("check", recipe)
    assert status == 0
    assert re.search(r"ok +sandbox +rlimits: there is no bwrap here; for a stronger one: install bubblewrap", out)
    recipe.write_text('[model]\nuse = "adder"\n[[benchmark]]\nuse = "sums"\n')
    status, out, _ = called("--plugin", SLOW, "check", recipe)
    assert status == 1
    assert "MISSING  isolation  untrusted code cannot be isolated" in out
    status, out, _ = called("--plugin", SLOW, "check", recipe, "-o", "sandbox.allow_weak_isolation=true")
    assert status == 0
    assert "rlimits, weak as allowed: there is no bwrap here; for a stronger one: install bubblewrap" in out


def test_check_says_which_isolation_there_is_and_how_to_get_a_better_one(called, tmp_path, unlocked, monkeypatch):
    monkeypatch.setattr("magicoder_core.sandbox.inside.locks.abi", lambda: 4)
    recipe = tmp_path / "r.toml"
    recipe.write_text('[model]\nuse = "adder"\n[[benchmark]]\nuse = "sums"\n')
    status, out, _ = called("--plugin", SLOW, "check", recipe)
    assert status == 0
    assert re.search(r"ok +isolation +landlock: there is no bwrap here; for a stronger one: install bubblewrap", out)


TWINS = """
from magicoder_core import MagicoderError, RowFilter, Teacher, hookimpl

class Two(Teacher):
    async def complete(self, request): ...
    def check(self):
        raise MagicoderError("no voice")

class Too(RowFilter):
    def reject(self, row): ...

@hookimpl
def teacher():
    return {"twin": Two}

@hookimpl(specname="filter")
def filters():
    return {"twin": Too}
"""


def test_check_shows_two_of_one_name(called, tmp_path):
    (tmp_path / "twins.py").write_text(TWINS)
    recipe = tmp_path / "r.toml"
    recipe.write_text('[method]\nuse = "oss-instruct"\n[teacher]\nuse = "twin"\n[[filter]]\nuse = "twin"\n')
    found = json.loads(called("check", recipe, "--plugin", tmp_path / "twins.py", "--json")[1])
    twins = [item for item in found if item["subject"] == "twin"]
    assert [item["good"] for item in twins] == [False, True]
    assert twins[0]["detail"] == "no voice"
    assert "twins.py" in twins[1]["detail"]


def test_plugin_files_before_and_after_the_command_count_both(called, tmp_path):
    (tmp_path / "twins.py").write_text(TWINS)
    out = called("--plugin", SLOW, "plugins", "--plugin", tmp_path / "twins.py")[1]
    assert "twin" in out
    assert "slow-files" in out


def test_plain_progress_is_quiet_for_a_second_and_then_tells_the_time_left(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("magicoder_core.cli.output.time.monotonic", lambda: clock[0])
    reporter = Plain()
    quick = reporter.begin("quick", 2, "row")
    reporter.end(quick)
    slow = reporter.begin("generate", 8, "row")
    clock[0] = 10.0
    reporter.advance(slow, 2, {"failed": 0})
    reporter.tick()
    reporter.tick()
    err = capsys.readouterr().err
    assert err == "  generate: 2/8 rows in 10.0 s, about 30.0 s left  failed 0\n"
    reporter.end(slow)
    assert capsys.readouterr().err == err


def test_a_task_that_waits_is_heard_of(capsys, monkeypatch):
    monkeypatch.setattr("magicoder_core.cli.output._QUIET", 0.01)
    monkeypatch.setattr("magicoder_core.cli.output._EVERY", 0.02)
    with Plain() as reporter:
        reporter.begin("load", None, "")
        time.sleep(0.3)
    assert "load: 0.0 s" in capsys.readouterr().err


def test_events_are_json(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("magicoder_core.cli.output.time.monotonic", lambda: clock[0])
    reporter = Events()
    task = reporter.begin("train", 4, "step")
    clock[0] = 6.0
    reporter.advance(task, 1, {"loss": 1.5})
    reporter.tick()
    reporter.say("attention: sdpa")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {
        "event": "progress",
        "name": "train",
        "done": 1,
        "total": 4,
        "unit": "step",
        "seconds": 6.0,
        "left": 18.0,
        "loss": 1.5,
    }
    assert events[1] == {"event": "say", "line": "attention: sdpa"}


def test_a_table_pads_all_but_its_last_column():
    from magicoder_core.cli.common import table

    assert table([["a", "bb", "c"], ["aaa", "b", "c c"]]) == "a    bb  c\naaa  b   c c"


def test_click_is_asked_for_exit_codes(called):
    assert isinstance(entry.cli, click.Group)
    assert called("show")[0] == 2


def test_check_tells_what_a_provider_found_and_what_it_does_without(called, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('[model]\nuse = "words"\n[[benchmark]]\nuse = "grouped"\nabsent = ["south"]\n')
    status, out, err = called("--plugin", Path(__file__).parent.parent / "plain_benchmark.py", "check", recipe)
    assert status == 0, err
    assert re.search(r"^ok +grouped +north: tools 1\.0$", out, re.MULTILINE)
    assert re.search(r"^WARNING +grouped +south: the tools are missing: install them$", out, re.MULTILINE)
    assert "south: tools" not in out
