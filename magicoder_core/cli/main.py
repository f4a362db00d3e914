"""The entry point `magicoder`: finds the command, and says each user error in one line.

Exit status: 0 done; 1 an error that the line on stderr explains; 2 wrong usage; 3 a limit of ``[generate]`` is
reached, and a raised one goes on; 130 interrupted. Anything else is a bug
of ours and keeps its traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from magicoder_core.errors import BudgetError, MagicoderError

if TYPE_CHECKING:
    from magicoder_core.installed import EntryPoint

COMMANDS = {
    "run": ("magicoder_core.cli.run", "Run a recipe, from seed snippet to benchmark score."),
    "check": ("magicoder_core.cli.check", "Look whether a recipe can run here, and say what is missing."),
    "plugins": ("magicoder_core.cli.plugins", "List the providers there are, or one with its options."),
    "new": ("magicoder_core.cli.new", "Write a plugin package that installs and passes its tests."),
    "show": ("magicoder_core.cli.show", "Show what a run made: stages, counts, scores."),
    "explain": ("magicoder_core.cli.explain", "Walk the lineage of any record of a run, in both directions."),
    "filter": ("magicoder_core.cli.filter", "Put any rows through filters: de-duplicate, decontaminate, clean."),
    "score": ("magicoder_core.cli.score", "Score any model's samples by a benchmark."),
    "report": ("magicoder_core.cli.report", "Put scores into one table, beside the published ones."),
    "export": ("magicoder_core.cli.export", "Write a run's kept rows in a format that trainers read."),
    "models": ("magicoder_core.cli.models", "List and fetch the models of the catalogue."),
}
"""Each command with its module and its line in the overview, so that `--help` imports none of them."""

GROUP = "magicoder.commands"
"""The entry points by which plugins bring commands: ``NAME = module:click_command``. Ours win over theirs.

What such a command tells through `progress` is shown as for ours, and the lines that it returns are printed.
"""


class LazyGroup(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands, in the order of their use, and those of plugins."""
        return [*COMMANDS, *_brought()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        command: click.Command
        if cmd_name in COMMANDS:
            command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
            return command
        if (point := _brought().get(cmd_name)) is None:
            return None
        try:
            command = point.load()
        except Exception as error:  # noqa: BLE001 - boundary: whatever a plugin does at import
            ctx.fail(f"command '{cmd_name}' ({point.distribution}) does not load: {type(error).__name__}: {error}")
        return _told(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command in the message."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and args[0] not in _brought():
            from magicoder_core.plugins import did_you_mean

            known = self.list_commands(ctx)
            hint = did_you_mean(args[0], known) or f"; there are: {', '.join(known)}"
            ctx.fail(f"no command '{args[0]}'{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        if brought := _brought():
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, _line(ctx, self, name)) for name in brought])


def _brought() -> dict[str, EntryPoint]:
    """The commands that plugins bring, by name; `MAGICODER_BLOCK_PLUGINS` leaves out a plugin's commands, too."""
    from magicoder_core import installed

    blocked = {name.strip() for name in os.environ.get("MAGICODER_BLOCK_PLUGINS", "").split(",")}
    left_out = {point.distribution for point in installed.entry_points("magicoder") if point.name in blocked}
    points = installed.entry_points(GROUP)
    return {point.name: point for point in points if point.name not in COMMANDS and point.distribution not in left_out}


def _told(command: click.Command) -> click.Command:
    """A plugin's command with our progress around it; the lines that it returns are printed when that is gone."""
    work = command.callback

    def callback(*args: Any, **kwargs: Any) -> None:
        from magicoder_core.cli.output import shown

        with shown(as_json=False):
            lines = work(*args, **kwargs) if work else ()
        for line in lines or ():
            click.echo(line)

    told = copy(command)
    told.callback = callback
    return told


def _line(ctx: click.Context, group: LazyGroup, name: str) -> str:
    """What a plugin's command says of itself; a broken one breaks no overview."""
    try:
        command = group.get_command(ctx, name)
    except click.UsageError as error:
        return error.message
    return command.get_short_help_str(limit=100) if command else ""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="magicoder-core", prog_name="magicoder")
@click.option(
    "--plugin", "files", multiple=True, type=click.Path(path_type=Path), help="A plugin file to load; repeatable."
)
def cli(files: tuple[Path, ...]) -> None:
    """Make a code model better from open-source code alone."""
    load_plugins(files)


def load_plugins(files: tuple[Path, ...]) -> None:
    """Load plugin files beside what is installed."""
    if files:
        from magicoder_core import plugins

        plugins.use(files)


def main() -> None:
    """Run the command line; the console script `magicoder`."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BudgetError as error:
        _stop(str(error), 3)
    except MagicoderError as error:
        _stop(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        _stop("interrupted; the same command goes on from here", 130)
    except OSError as error:
        if error.filename is None:
            raise
        _stop(f"{error.filename}: {error.strerror}", 1)


def _stop(line: str, status: int) -> None:
    print(f"magicoder: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(status)
