"""`magicoder export`: kept rows for other tools."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from magicoder_core.cli.common import run_argument

if TYPE_CHECKING:
    from magicoder_core.exporting import Tally
    from magicoder_core.rundir import RunDirectory


@click.command()
@run_argument
@click.option(
    "--as",
    "form",
    default="messages",
    show_default=True,
    help="messages, instruction-response, oss-instruct or sharegpt.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(),
    help="The file to write; or a folder for rows and card (one that exists, or a name that ends in /); default: "
    "standard output.",
)
@click.option("--format", "kind", help="jsonl or parquet; default: what the file's name ends in, or else jsonl.")
@click.option("--card", is_flag=True, help="Write the data set's card, README.md, beside the file.")
@click.option("--push-to-hub", "repository", metavar="OWNER/NAME", help="Upload rows and card to the Hugging Face Hub.")
@click.option("--public", is_flag=True, help="Let everybody see the repository; default: private.")
def export(
    run: Path, form: str, target: str | None, kind: str | None, repository: str | None, *, card: bool, public: bool
) -> None:
    """Write the kept rows of RUN as JSON Lines or Parquet, for trainers and for the Hub."""
    from magicoder_core import rundir
    from magicoder_core.exporting import hub, tables

    _check_together(target, kind, repository, card=card, public=public)
    directory = rundir.existing(run)
    kind = kind or ("parquet" if str(target).endswith(".parquet") else "jsonl")
    tables.check(kind)
    if repository is not None:
        hub.check(repository)
        _push(directory, form, Path(target) if target else None, kind, repository, public=public)
    elif target is None:
        _print(directory, form)
    elif _is_folder(target):
        _told(_folder(directory, form, Path(target), kind), form, target)
    else:
        _file(directory, form, Path(target), kind, card=card)


def _check_together(target: str | None, kind: str | None, repository: str | None, *, card: bool, public: bool) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: they do not; the message says what to add or leave out.
    """
    if repository is None and target is None and (card or kind == "parquet"):
        raise click.UsageError("a card and Parquet need a place to be written to: add --to")
    if repository is not None and target is not None and not _is_folder(target):
        raise click.UsageError("--push-to-hub uploads a folder: end --to with a /, or leave it out")
    if public and repository is None:
        raise click.UsageError("--public speaks of --push-to-hub")


def _is_folder(target: str) -> bool:
    return target.endswith("/") or Path(target).is_dir()


def _print(directory: RunDirectory, form: str) -> None:
    from magicoder_core import exporting, jsonl

    for row in exporting.rows(directory, form):
        click.echo(jsonl.dumps(row))


def _file(directory: RunDirectory, form: str, target: Path, kind: str, *, card: bool) -> None:
    from magicoder_core import exporting
    from magicoder_core.exporting import card as cards

    page = target.parent / exporting.README
    if card:
        cards.check(page)
    tally = exporting.table(directory, form, target, kind)
    if card:
        cards.write(page, directory, tally, form, target.name)
    _told(tally, form, str(target))


def _folder(directory: RunDirectory, form: str, target: Path, kind: str) -> Tally:
    from magicoder_core import exporting

    return exporting.folder(directory, form, target, kind)


def _push(directory: RunDirectory, form: str, target: Path | None, kind: str, repository: str, *, public: bool) -> None:
    from magicoder_core.exporting import hub

    with TemporaryDirectory(prefix="magicoder-export-") as made:
        folder = target or Path(made)
        tally = _folder(directory, form, folder, kind)
        address = hub.push(folder, repository, private=not public)
    _told(tally, form, address)


def _told(tally: Tally, form: str, place: str) -> None:
    """Say what was written where."""
    if tally.orphans:
        click.echo(f"{tally.orphans} rows name a snippet that is not in snippets.jsonl", err=True)
    click.echo(f"{tally.rows} rows as {form} in {place}")
