"""A micro-batch as tensors: tokens, positions, and what is to be predicted where.

There is never an attention mask: one of ones would join packed examples, and right padding under causal attention needs
none. What is supervised comes from lengths, never from ids: the pad token may be the stop token and stand in a text.

Imported when training starts: it needs numpy and torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from magicoder_flash_attention.plan import Kind

if TYPE_CHECKING:
    from magicoder_flash_attention.encoding import Examples


def collate(
    examples: Examples, numbers: Sequence[int] | NDArray[np.int64], weights: ArrayLike, kind: Kind, pad: int
) -> dict[str, torch.Tensor | int]:
    """One micro-batch.

    Args:
        examples: all of them.
        numbers: of the examples of this micro-batch; none gives a batch of one pad token with nothing to learn.
        weights: what each supervised token counts in the loss, one weight for each of ``numbers``.
        kind: ``packed`` joins the examples to one row, the others pad each on the right to the longest.
        pad: id of the token to pad with; any that the model knows.

    Returns:
        ``input_ids`` and ``position_ids``: int64, (1, tokens) packed and (examples, longest) padded; positions begin at 0
        at each example. Packed also ``cu_seq_lens_q`` and ``cu_seq_lens_k`` (int32, examples + 1: where each begins, and
        the end) and ``max_length_q`` and ``max_length_k`` (int). For the loss, S supervised tokens: ``predicts`` (int64,
        places in the flattened hidden states whose next token is supervised), ``targets`` (int64, that token) and
        ``token_weights`` (float32).

    Raises:
        ValueError: not as many weights as numbers.
    """
    given = np.asarray(weights, dtype=np.float64)
    if len(given) != len(numbers):
        raise ValueError(f"{len(numbers)} examples and {len(given)} weights")
    rows = [examples.tokens(number) for number in numbers]
    made = _packed(rows, pad) if kind == "packed" else _padded(rows, pad)
    prompts = [int(examples.prompts[number]) for number in numbers]
    return made | _learnt(rows, _starts(rows, made), prompts, given)


def _starts(rows: Sequence[NDArray[np.int32]], made: dict[str, Any]) -> list[int]:
    """Where each row begins in the flattened batch."""
    if "cu_seq_lens_q" in made:
        bounds: list[int] = made["cu_seq_lens_q"].tolist()
        return bounds[: len(rows)]
    width = made["input_ids"].shape[1]
    return [width * line for line in range(len(rows))]


def _packed(rows: Sequence[NDArray[np.int32]], pad: int) -> dict[str, Any]:
    """The rows one after another, with where each begins."""
    joined = list(rows) or [np.array([pad], dtype=np.int32)]
    lengths = np.array([len(row) for row in joined])
    bounds = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    positions = np.concatenate([np.arange(length) for length in lengths])
    longest = int(lengths.max())
    return {
        "input_ids": torch.from_numpy(np.concatenate(joined).astype(np.int64))[None],
        "position_ids": torch.from_numpy(positions)[None],
        "cu_seq_lens_q": bounds,
        "cu_seq_lens_k": bounds,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def _padded(rows: Sequence[NDArray[np.int32]], pad: int) -> dict[str, Any]:
    """The rows below each other, filled on the right."""
    height, width = max(1, len(rows)), max((len(row) for row in rows), default=1)
    ids = np.full((height, width), pad, dtype=np.int64)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = row
    positions = torch.arange(width).repeat(height, 1)
    return {"input_ids": torch.from_numpy(ids), "position_ids": positions}


def _learnt(
    rows: Sequence[NDArray[np.int32]], starts: Sequence[int], prompts: Sequence[int], weights: NDArray[np.float64]
) -> dict[str, Any]:
    """What is predicted, where and with which weight: the tokens of each row after its prompt."""
    places: list[Any] = [np.empty(0, dtype=np.int64)]
    targets: list[Any] = [np.empty(0, dtype=np.int64)]
    for row, start, prompt in zip(rows, starts, prompts, strict=True):
        places.append(np.arange(start + prompt - 1, start + len(row) - 1))
        targets.append(row[prompt:])
    counts = [len(row) - prompt for row, prompt in zip(rows, prompts, strict=True)]
    return {
        "predicts": torch.from_numpy(np.concatenate(places).astype(np.int64)),
        "targets": torch.from_numpy(np.concatenate(targets).astype(np.int64)),
        "token_weights": torch.from_numpy(np.repeat(weights, counts).astype(np.float32)),
    }
