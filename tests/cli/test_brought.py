"""Commands that plugins bring."""

import pytest
from click.testing import CliRunner

from magicoder_core.cli.main import cli

MODULE = '''
"""A command."""

import click

from magicoder_core import progress


@click.command()
@click.argument("word")
def weigh(word):
    """Weigh a word."""
    with progress.task("weigh", total=1) as advance:
        advance()
    return [f"{word}: {len(word)}", "done"]


@click.command()
def run():
    """Never seen: the name is taken."""
'''


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """A package that is installed, with commands of which one does not load."""
    (tmp_path / "weigh_commands.py").write_text(MODULE, "utf-8")
    (tmp_path / "weigh_broken.py").write_text("import no_such_module_anywhere", "utf-8")
    facts = tmp_path / "magicoder_weigh-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: magicoder-weigh\nVersion: 1.0\n", "utf-8")
    (facts / "entry_points.txt").write_text(
        "[magicoder.commands]\nweigh = weigh_commands:weigh\nrun = weigh_commands:run\nlost = weigh_broken:lost\n"
        "[magicoder]\nweigh = weigh_commands\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.usefixtures("brought")
def test_the_overview_has_them_and_a_broken_one_breaks_nothing():
    done = run("--help")
    assert done.exit_code == 0
    theirs = done.output.partition("Commands of plugins:")[2]
    assert "weigh" in theirs
    assert "Weigh a word." in theirs
    assert "Never seen" not in done.output
    assert "does not load: ModuleNotFoundError" in " ".join(theirs.split())


@pytest.mark.usefixtures("brought")
def test_lines_that_a_command_returns_are_printed():
    done = run("weigh", "feather")
    assert (done.exit_code, done.output) == (0, "feather: 7\ndone\n")


@pytest.mark.usefixtures("brought")
def test_a_command_that_does_not_load_says_whose_it_is():
    done = run("lost")
    assert done.exit_code == 2
    assert "command 'lost' (magicoder-weigh) does not load: ModuleNotFoundError" in " ".join(done.output.split())


@pytest.mark.usefixtures("brought")
def test_a_mistyped_one_is_guessed():
    assert "no command 'weight'; did you mean 'weigh'?" in run("weight").output


def test_a_plugin_that_is_left_out_brings_none(brought, monkeypatch):
    monkeypatch.setenv("MAGICODER_BLOCK_PLUGINS", "weigh")
    assert "Weigh a word." not in run("--help").output
    assert run("weigh", "feather").exit_code == 2
