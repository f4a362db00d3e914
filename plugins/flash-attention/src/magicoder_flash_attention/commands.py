"""`magicoder gguf`: a checkpoint as one file that llama.cpp serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from magicoder_flash_attention.gguf import Kind


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", metavar="OUT.gguf", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type",
    "kind",
    type=click.Choice(["f16", "bf16", "q8_0"]),
    default="f16",
    show_default=True,
    help="How matrices are stored; q8_0 takes half the room.",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="BASE.gguf",
    help="A file of the base model, asked for the name of a pre-tokenizer that is not known here.",
)
def gguf(*, checkpoint: Path, out: Path, kind: Kind, base: Path | None) -> list[str]:
    """Write the model in the folder CHECKPOINT as one file, OUT.gguf, that llama.cpp serves.

    The file carries the tokenizer, the chat template and the stop tokens.

    Serve it: magicoder run RECIPE -o teacher.use=llama-cpp -o teacher.model=OUT.gguf
    """
    from magicoder_flash_attention.gguf import export

    export(checkpoint, out, kind, base)
    return [f"written: {out} ({out.stat().st_size / 1e6:.1f} MB, {kind})"]
