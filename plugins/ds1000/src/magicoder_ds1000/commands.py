"""`magicoder ds1000 env`: a Python for the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from magicoder_ds1000.libraries import LIBRARIES


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("action", type=click.Choice(["env"]))
@click.argument("place", metavar="PATH", type=click.Path(path_type=Path, file_okay=False))
@click.argument("pip", nargs=-1, metavar="[PIP ARGUMENTS]...", type=click.UNPROCESSED)
@click.option(
    "--kind",
    type=click.Choice(["official", "today", "old"]),
    default="official",
    show_default=True,
    help="The official versions of 2024, today's, or those of the papers of 2022 and 2023.",
)
@click.option(
    "--python",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="PYTHON",
    help="The Python that it is of: 3.9 to 3.11 for official, 3.11 to 3.13 for today, 3.9 or 3.10 for old; by default "
    "the one that runs Magicoder.",
)
@click.option("--without", multiple=True, type=click.Choice(list(LIBRARIES)), help="Leave a library out; repeatable.")
def ds1000(
    *,
    action: Literal["env"],
    place: Path,
    pip: Sequence[str],
    kind: str,
    python: Path | None,
    without: Sequence[str],
) -> list[str]:
    """Make the folder PATH a Python environment with DS-1000's seven libraries, in pinned versions.

    What stands behind PATH goes to pip as it is. On Linux, torch from the public index is a build with CUDA, of some GB; a
    smaller one needs pip's own options, such as --find-links FOLDER or an --extra-index-url with CPU builds. A command that
    was interrupted goes on where it stopped.

    Data sets that a few problems load (seaborn's, California housing) are downloaded, too; programs have no network.

    Then: magicoder score ds1000 SAMPLES.jsonl -o interpreter=PATH/bin/python
    """
    from magicoder_ds1000 import environments, library_data

    del action  # there is one
    installed = environments.make(place, kind=kind, python=python or Path(sys.executable), without=without, pip=pip)
    names = {name for pins in environments.KINDS[kind].pins.values() for name in map(_name, pins)}
    shown = {name: version for name, version in installed.items() if name.lower().replace("_", "-") in names}
    told = list(library_data.fetch(place, without))
    return [
        *(f"  {name} {version}" for name, version in sorted(shown.items())),
        *told,
        f"made: {place / 'bin' / 'python'}",
    ]


def _name(pin: str) -> str:
    """The distribution of a requirement, as pip compares names."""
    return pin.replace("<", "=").partition("=")[0].lower().replace("_", "-")
