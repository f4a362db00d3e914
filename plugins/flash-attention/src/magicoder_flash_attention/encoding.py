"""Rows become labelled tokens: what is given, what is learnt, and what is left out and counted.

Imported when training starts: it needs numpy.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import Instruction, RunError, TrainingData, jsonl, progress
from magicoder_flash_attention import encoded
from magicoder_flash_attention.examples import Counts, Example, Examples, Writer
from magicoder_flash_attention.settings import Truncate
from magicoder_flash_attention.student import KEPT_OUT
from magicoder_flash_attention.template import Template

__all__ = ["Counts", "Example", "Examples", "Truncate", "encode"]

_VERSION = 2
"""Of what this module makes of a row; a new one encodes anew."""

_BATCH = 1000
"""Rows tokenised together."""


def encode(data: TrainingData, template: Template, max_length: int, truncate: Truncate = "drop") -> Examples:
    """The rows as examples of at most ``max_length`` tokens, in their order; one line says what became of them.

    Prompt and solution are tokenised separately, and what is learnt is told by lengths: the solution and the stop token,
    which is always learnt but where ``paper`` cuts it off. Rows with nothing to learn (an empty solution, or a prompt
    that leaves no room for any of it) are refused. Kept in the model cache (see `encoded`), so that the next run with
    the same rows, tokenizer, template and options begins at once.

    Raises:
        RunError: no row is left, or the cache cannot be written.
        RecipeError: the tokenizer has no stop token.
    """
    digest = jsonl.digest(data.path)
    write = partial(_write, digest=digest, data=data, template=template, max_length=max_length, truncate=truncate)
    examples, known = encoded.examples(_key(digest, template, max_length, truncate), write)
    progress.say(_told(examples.counts, max_length, known=known))
    if truncate != "paper":
        _assert_stops(examples, template.stop)
    return examples


def _key(digest: str, template: Template, max_length: int, truncate: Truncate) -> str:
    decisive = {
        "version": _VERSION,
        "data": digest,
        "tokenizer": _identity(template.tokenizer),
        # A mended tokenizer makes other tokens of the same files.
        "libraries": [version("tokenizers"), version("transformers")],
        "lead-in": Instruction(problem="", solution="", language="", method="", parent="").instruction,
        "stop": template.stop,
        "max_length": max_length,
        "truncate": truncate,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _identity(tokenizer: Any) -> str:
    """sha256 over all files that make the tokenizer, its chat template among them."""
    total = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="magicoder-") as folder:
        tokenizer.save_pretrained(folder)
        for file in sorted(Path(folder).rglob("*.*")):
            content = file.read_bytes()
            if file.name == "tokenizer_config.json":
                kept = {name: value for name, value in json.loads(content).items() if name not in KEPT_OUT}
                content = json.dumps(kept, sort_keys=True).encode()
            total.update(f"{file.name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _write(
    folder: Path, *, digest: str, data: TrainingData, template: Template, max_length: int, truncate: Truncate
) -> None:
    """Encode all rows, which have that digest, into ``folder``.

    Raises:
        RunError: no row is left, or the rows changed meanwhile.
    """
    tally: Counter[str] = Counter()
    writer = Writer(folder)
    try:
        with progress.task("encode", total=data.rows, unit="row") as advance:
            for rows in _batches(iter(data)):
                writer.add(_kept(rows, template, max_length, truncate, tally))
                advance(len(rows))
        rows_seen = tally.pop("rows", 0)
        shortest = tally.pop("shortest", 0)
        if not writer.count:
            raise RunError(_none_left(rows_seen, tally["refused"], shortest, max_length))
        if jsonl.digest(data.path) != digest:
            raise RunError(f"trainer: {data.path} changed while it was read; run the same command again")
        writer.finish(writer.counts(rows=rows_seen, **tally))
    finally:
        writer.close()


def _batches(rows: Iterator[Instruction]) -> Iterator[list[Instruction]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _kept(
    rows: Sequence[Instruction], template: Template, max_length: int, truncate: Truncate, tally: Counter[str]
) -> Iterator[Example]:
    """The examples of the rows that stay; ``tally`` counts the others, and how short the shortest row is."""
    pairs = template.pairs([row.instruction for row in rows], [row.solution for row in rows])
    for row, (prompt, learnt) in zip(rows, pairs, strict=True):
        tally["rows"] += 1
        whole = len(prompt) + len(learnt)
        tally["shortest"] = min(tally["shortest"] or whole, whole)
        cut = learnt if whole <= max_length else _cut(learnt, max_length - len(prompt), truncate)
        if not row.solution.strip() or not prompt or cut == []:
            tally["refused"] += 1
        elif cut is None:
            tally["overlong"] += 1
        else:
            tally["truncated"] += whole > max_length
            yield Example(row.id, prompt + cut, len(prompt))


def _cut(learnt: list[int], room: int, truncate: Truncate) -> list[int] | None:
    """What is learnt of an over-long row: None to leave it out, nothing to refuse it."""
    if truncate == "drop":
        return None
    if truncate == "paper":
        return learnt[: max(room, 0)]
    # The stop token alone would teach to answer nothing.
    return [*learnt[: room - 1], learnt[-1]] if room > 1 else []


def _assert_stops(examples: Examples, stop: int) -> None:
    """Look at each example: its last token is the stop token, and is learnt (its prompt is shorter, see `Examples`).

    Raises:
        RunError: of one it is not.
    """
    wrong = next((number for number in range(len(examples)) if examples.tokens(number)[-1] != stop), None)
    if wrong is not None:
        raise RunError(
            f"trainer: row {examples.ids[wrong]} does not end with the stop token {stop}; please report this"
        )


def _told(counts: Counts, max_length: int, *, known: bool) -> str:
    left = [
        (counts.overlong, f"longer than {max_length} tokens and left out"),
        (counts.truncated, f"cut to {max_length} tokens"),
        (counts.refused, "refused: nothing to learn in them"),
    ]
    parts = [f"{counts.kept} of {counts.rows} rows{' (encoded before)' if known else ''}"]
    parts += [f"{number} {words}" for number, words in left if number]
    share = counts.supervised / counts.tokens
    return f"{', '.join(parts)}; {counts.tokens} tokens, {share:.1%} of them learnt, longest row {counts.longest}"


def _none_left(rows: int, refused: int, shortest: int, max_length: int) -> str:
    if not rows:
        return "trainer: there are no rows to train on"
    if refused == rows:
        return (
            f"trainer: none of {rows} rows has anything to learn within max_length = {max_length} tokens: an empty "
            f"solution, or a prompt that leaves no room for one; the shortest has {shortest}"
        )
    why = f"; {refused} have nothing to learn" if refused else ""
    return f"trainer: none of {rows} rows fits into max_length = {max_length} tokens; the shortest has {shortest}{why}"
