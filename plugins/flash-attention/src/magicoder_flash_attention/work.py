"""What is trained on, step by step: the examples of each optimizer step as tensors, for this process.

Imported when training starts: it needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from magicoder_core import RunError
from magicoder_flash_attention import processes
from magicoder_flash_attention.batches import collate
from magicoder_flash_attention.encoding import Examples
from magicoder_flash_attention.plan import Arrangement, Plan, weights
from magicoder_flash_attention.settings import Norm

_TRIED = 2
_BEGINNING = 64
"""Tokens of the shorter rows that a model is tried with."""

_LEAST, _SHARE = 128, 20
"""Tokens of the longest row that a model is tried with in any case, and up to which share (1 in so many) of all."""

_LOGITS = 1 << 27
"""Logits that may be made to try a model: half a gigabyte, and with their gradients five times that."""


@dataclass(frozen=True)
class Step:
    """An optimizer step of this process: its micro-batches as the model takes them, and whose rows each holds."""

    number: int
    batches: Sequence[dict[str, Any]]
    ids: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Size:
    """Tokens of a step over all processes: of its rows, with the padding, and supervised ones."""

    useful: int
    processed: int
    supervised: int


class Work(torch.utils.data.Dataset[Step]):
    """The steps of a training in order, as a data set: item n is step n.

    Args:
        examples: all rows, encoded.
        trained: numbers of those that are trained on; the plan counts in these.
        held_out: numbers of those that are only looked at.
        plan: which make a step.
        arrangement: how they lie in micro-batches; may be changed between steps, the mathematics stays.
        norm: what the loss is a mean of.
        pair: rows of a published micro-batch, for ``norm = "paper"``.
        pad: id of the padding token.
    """

    def __init__(
        self,
        examples: Examples,
        *,
        trained: np.ndarray,
        held_out: np.ndarray,
        plan: Plan,
        arrangement: Arrangement,
        norm: Norm,
        pair: int,
        pad: int,
    ) -> None:
        self.examples = examples
        self.plan = plan
        self.arrangement = arrangement
        self.held_out = held_out
        self._trained = trained
        self._norm: Norm = norm
        self._pair = pair
        self._pad = pad

    def __len__(self) -> int:
        """Optimizer steps."""
        return self.plan.steps

    def __getitem__(self, number: int) -> Step:
        """A step, counted from 0."""
        window = self.plan.window(number)
        share = weights(window, self._supervised(), self._norm, self._pair)
        weight = dict(zip(window.tolist(), share.tolist(), strict=True))
        bins = self.plan.bins(number, self.arrangement, processes.world())[processes.rank()]
        batches = [self._batch(self._trained[rows], [weight[row] for row in rows]) for rows in bins]
        return Step(number, batches, [[self.examples.ids[self._trained[row]] for row in rows] for rows in bins])

    def size(self, number: int) -> Size:
        """How large a step is."""
        useful, processed = self.plan.padding(number, self.arrangement, processes.world())
        return Size(useful, processed, int(self._supervised()[self.plan.window(number)].sum()))

    def ids(self, number: int) -> list[str]:
        """The rows of a step, over all processes."""
        return [self.examples.ids[row] for row in self._trained[self.plan.window(number)]]

    def held_out_batches(self) -> Iterator[dict[str, Any]]:
        """This process's share of the held-out rows; all shares' losses sum up to the mean over supervised tokens."""
        supervised = self.examples.supervised[self.held_out]
        plan = Plan(
            self.examples.lengths[self.held_out], digest="", epochs=1, examples_per_step=len(self.held_out), seed=0
        )
        for rows in plan.bins(0, self.arrangement, processes.world())[processes.rank()]:
            yield self._batch(self.held_out[rows], [1 / supervised.sum()] * len(rows))

    def samples(self, *, vocabulary: int) -> list[list[int]]:
        """The tokens of a few rows to try a model with: the longest one, and the beginnings of others.

        The longest is cut where trying would take longer than a good part of the training, or more memory than there may
        be.

        Args:
            vocabulary: tokens that the model knows; all logits of these rows are made.
        """
        worth = int(self.plan.lengths.sum()) * self.plan.epochs // _SHARE
        room = max(_LEAST, min(worth, _LOGITS // vocabulary - _TRIED * _BEGINNING))
        longest = self._trained[self.examples.lengths[self._trained].argmax()]
        others = [self.examples.tokens(int(number))[:_BEGINNING].tolist() for number in self._trained[:_TRIED]]
        return [self.examples.tokens(int(longest))[:room].tolist(), *others]

    def _supervised(self) -> np.ndarray:
        counts: np.ndarray = self.examples.supervised[self._trained]
        return counts

    def _batch(self, numbers: np.ndarray, share: Sequence[float]) -> dict[str, Any]:
        return collate(self.examples, numbers, np.asarray(share), self.arrangement.kind, self._pad)


def held_out(examples: Examples, share: float, seed: int) -> np.ndarray:
    """Which rows are held out: a mask. It hangs on a row's tokens and the seed alone, so that equal rows stay together.

    At least one row is held out where ``share`` is above 0, and at least one is not.

    Raises:
        RunError: there are not two different rows.
    """
    if not share:
        return np.zeros(len(examples), dtype=bool)
    salt = f"{seed}/".encode()
    digests = (
        hashlib.sha256(salt + examples.tokens(number).astype("<i4").tobytes()).digest()
        for number in range(len(examples))
    )
    drawn = np.array([int.from_bytes(digest[:8]) for digest in digests], np.uint64)
    mask = ((drawn < int(share * 2**64)) | (drawn == drawn.min())) & (drawn != drawn.max())
    if not mask.any():
        raise RunError(f"trainer: held_out = {share} needs two different rows at least; leave it out")
    return np.asarray(mask)
