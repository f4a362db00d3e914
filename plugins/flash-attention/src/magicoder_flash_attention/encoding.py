"""Rows become labelled tokens, in an order that is a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from magicoder_core import Instruction, RunError, progress
from magicoder_flash_attention.template import Template

IGNORED = -100
"""The label that torch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row as tokens: the first ``prompt`` of them are given, the others (solution, stop token) are learnt."""

    id: str
    tokens: list[int]
    prompt: int


def encode(rows: Iterable[Instruction], template: Template, max_length: int) -> list[Example]:
    """The rows that fit into ``max_length`` tokens, in their order; how many do not is said.

    Over-long rows are left out, because a cut one would teach to stop in the middle.

    Raises:
        RunError: no row is left.
    """
    every = [_example(row, template) for row in rows]
    kept = [example for example in every if len(example.tokens) <= max_length]
    if not kept:
        shortest = f"; the shortest has {min(len(item.tokens) for item in every)}" if every else ""
        raise RunError(f"trainer: none of {len(every)} rows fits into max_length = {max_length} tokens{shortest}")
    if len(kept) < len(every):
        progress.say(f"{len(every) - len(kept)} of {len(every)} rows left out: longer than {max_length} tokens")
    return kept


def _example(row: Instruction, template: Template) -> Example:
    prompt, learnt = template.pair(row.problem, row.solution)
    return Example(row.id, prompt + learnt, len(prompt))


def order(count: int, epochs: int, seed: int) -> list[int]:
    """The examples' numbers for the whole training: each once an epoch, shuffled anew in each.

    A step may take its last rows from the next epoch, so that all steps but the last are equally large.
    """
    numbers: list[int] = []
    for epoch in range(epochs):
        # A str seeds through sha512: the same order in every process and on every platform.
        numbers += random.Random(f"{seed}/{epoch}").sample(range(count), count)  # noqa: S311 - an order, no secret
    return numbers


def collate(examples: Sequence[tuple[int, Example]], pad: int) -> dict[str, Any]:
    """A batch of numbered examples, padded on the right.

    Mask and labels come from lengths, never from ids: the pad token may be the stop token and may stand in a text.

    Returns:
        int64 tensors: ``input_ids``, ``attention_mask``, ``labels`` (batch x longest) and ``rows`` (batch), the
        examples' numbers.
    """
    import torch

    width = max(len(example.tokens) for _, example in examples)
    ids = torch.full((len(examples), width), pad)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for line, (_, example) in enumerate(examples):
        end = len(example.tokens)
        ids[line, :end] = torch.tensor(example.tokens)
        mask[line, :end] = 1
        labels[line, example.prompt : end] = ids[line, example.prompt : end]
    rows = torch.tensor([number for number, _ in examples])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "rows": rows}
