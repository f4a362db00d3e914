"""Which examples make an optimizer step, and how they lie in each rank's micro-batches.

A plan is a pure function of its arguments: each rank, process and resumed run computes the same one, and nothing of it
has to be saved. How examples lie in micro-batches changes only the speed: a step is its examples and their weights.

Imported when training starts: it needs numpy.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = Literal["packed", "sorted", "padded"]
Norm = Literal["token", "paper"]
Bins: TypeAlias = list[list[list[int]]]
"""For each rank its micro-batches, for each of these the numbers of its examples."""

_VERSION = 1
"""Of how examples are drawn: another one is another plan."""


@dataclass(frozen=True)
class Arrangement:
    """How the examples of a step lie in micro-batches.

    ``packed`` joins examples to rows without padding, of at most ``bin_tokens`` tokens; ``sorted`` pads examples of like
    length, rows times longest at most ``bin_tokens``; ``padded`` pads ``batch_size`` examples as they were drawn (the
    published arrangement).

    Raises:
        ValueError: a size is not positive, or there is no such kind.
    """

    kind: Kind
    bin_tokens: int = 8192
    batch_size: int = 2

    def __post_init__(self) -> None:
        """Refuse what arranges nothing."""
        if self.kind not in ("packed", "sorted", "padded"):
            raise ValueError(f"arrangement '{self.kind}': there are packed, sorted and padded")
        for name in ("bin_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")


class Plan:
    """The optimizer steps of a training: each example once an epoch, drawn anew in each.

    A step takes a window of the epoch's order; the last window of an epoch may be smaller, none spans two epochs.

    Args:
        lengths: tokens of each example.
        digest: of the examples; the order depends on it.
        epochs: times that each example is seen.
        examples_per_step: how many make an optimizer step, over all ranks and micro-batches.
        seed: of the order.
        max_steps: end after so many steps, if the epochs have more.
        shuffle: draw the order; otherwise the examples come in theirs, in every epoch.

    Raises:
        ValueError: there are no examples, or a number is not positive.
    """

    def __init__(
        self,
        lengths: ArrayLike,
        *,
        digest: str,
        epochs: int,
        examples_per_step: int,
        seed: int,
        max_steps: int | None = None,
        shuffle: bool = True,
    ) -> None:
        self.lengths: NDArray[np.int64] = np.asarray(lengths, dtype=np.int64)
        if not len(self.lengths):
            raise ValueError("there are no examples to plan with")
        for name, value in (("epochs", epochs), ("examples_per_step", examples_per_step), ("max_steps", max_steps)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1")
        self.epochs = epochs
        self.examples_per_step = examples_per_step
        self._draw = f"{seed}/{digest}" if shuffle else None
        self._max_steps = max_steps
        self._order: tuple[int, NDArray[np.int64]] | None = None
        self._bins: tuple[tuple[int, Arrangement, int], Bins] | None = None
        decisive = [_VERSION, len(self.lengths), digest, epochs, examples_per_step, seed, max_steps, shuffle]
        self.key = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
        """sha256 over all that decides which examples make which step."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return math.ceil(len(self.lengths) / self.examples_per_step)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        every = self.epochs * self.steps_per_epoch
        return every if self._max_steps is None else min(every, self._max_steps)

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to; both are counted from 0.

        Raises:
            IndexError: there is no such step.
        """
        if not 0 <= step < self.steps:
            raise IndexError(f"step {step} of {self.steps}")
        return step // self.steps_per_epoch

    def window(self, step: int) -> NDArray[np.int64]:
        """The numbers of the examples of a step (counted from 0), in the order in which they were drawn.

        Raises:
            IndexError: there is no such step.
        """
        epoch = self.epoch(step)
        start = (step - epoch * self.steps_per_epoch) * self.examples_per_step
        return self._permutation(epoch)[start : start + self.examples_per_step]

    def tokens(self, step: int) -> int:
        """Tokens of a step's examples, without padding."""
        return int(self.lengths[self.window(step)].sum())

    def bins(self, step: int, arrangement: Arrangement, world: int = 1) -> Bins:
        """For each of ``world`` ranks its micro-batches, as numbers of examples; as many on each rank.

        The ranks' micro-batches of one number are of like size, except those of ``padded``, whose batch ``i`` goes to
        rank ``i`` modulo ``world``. A micro-batch is empty only where the step has fewer examples than micro-batches
        (or, padded, where its batches do not go round), and stands last.

        Raises:
            IndexError: there is no such step.
            ValueError: ``world`` is not positive.
        """
        if world < 1:
            raise ValueError("world must be at least 1")
        wanted = (step, arrangement, world)
        if self._bins is None or self._bins[0] != wanted:
            window = self.window(step)
            self._bins = (wanted, _ARRANGE[arrangement.kind](window, self.lengths[window], arrangement, world))
        return self._bins[1]

    def padding(self, step: int, arrangement: Arrangement, world: int = 1) -> tuple[int, int]:
        """Useful tokens of a step, and those processed: with padding, and the single one of an empty micro-batch."""
        processed = 0
        for number in (batch for rank in self.bins(step, arrangement, world) for batch in rank):
            sizes = self.lengths[number]
            if not number:
                processed += 1
            else:
                processed += int(sizes.sum()) if arrangement.kind == "packed" else len(number) * int(sizes.max())
        return self.tokens(step), processed

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if self._order is None or self._order[0] != epoch:
            self._order = (epoch, _permutation(len(self.lengths), self._draw, epoch))
        return self._order[1]


def weights(window: ArrayLike, supervised: ArrayLike, norm: Norm, pair: int = 2) -> NDArray[np.float64]:
    """What each supervised token of a step's examples counts in the loss, one weight for each example of ``window``.

    ``token`` is the mean over all supervised tokens of the step. ``paper`` is the mean over batches of ``pair``
    consecutive examples of the means over each batch's supervised tokens, as ise-uiuc/magicoder 3ef43f0 trained with
    transformers 4.35 at batch size 2: short answers count more. Summed over all supervised tokens either gives 1.

    Args:
        window: numbers of the examples, in the order in which they were drawn.
        supervised: for each example of all, how many of its tokens are learnt.
        norm: which of the two.
        pair: examples of one batch of ``paper``.
    """
    learnt = np.asarray(supervised)[np.asarray(window)].astype(np.float64)
    if norm == "token":
        return np.full(len(learnt), 1.0 / learnt.sum())
    groups = np.arange(len(learnt)) // pair
    sums = np.bincount(groups, weights=learnt)
    made: NDArray[np.float64] = (1.0 / sums / len(sums))[groups]
    return made


def _permutation(count: int, draw: str | None, epoch: int) -> NDArray[np.int64]:
    if draw is None:
        return np.arange(count)
    # numpy promises that a bit generator's raw stream stays as it is over its versions; of what `Generator` makes of
    # one (permutation, shuffle), and of what Python's `random` does, it is promised by nobody. So: sort raw numbers.
    key = int.from_bytes(hashlib.sha256(f"{draw}/{epoch}".encode()).digest()[:16], "big")
    return np.argsort(np.random.Philox(key=key).random_raw(count), kind="stable").astype(np.int64)


def _packed(window: NDArray[np.int64], lengths: NDArray[np.int64], how: Arrangement, world: int) -> Bins:
    """Bins of like size, by longest-processing-time-first; ``world`` more of them until all hold ``bin_tokens``."""
    ranked = np.argsort(-lengths, kind="stable")
    sizes = lengths[ranked].tolist()
    # Longer than a bin: it has one alone.
    alone = int((lengths > how.bin_tokens).sum())
    least = alone + math.ceil(sum(sizes[alone:]) / how.bin_tokens)
    count = math.ceil(max(least, 1) / world) * world
    while (filled := _balanced(sizes, alone, count, how.bin_tokens)) is None:
        count += world
    numbers = window[ranked].tolist()
    return _dealt([([numbers[place] for place in bin_], load) for bin_, load in filled], world)


def _balanced(sizes: list[int], alone: int, count: int, cap: int) -> list[tuple[list[int], int]] | None:
    """``count`` bins as places in ``sizes`` (longest first) with their loads; None if one would hold more than ``cap``."""
    bins = [([place], sizes[place]) for place in range(alone)]
    places: list[list[int]] = [[] for _ in range(count - alone)]
    heap = [(0, number) for number in range(count - alone)]
    for place in range(alone, len(sizes)):
        load, number = heap[0]
        if load + sizes[place] > cap:
            return None
        heapq.heapreplace(heap, (load + sizes[place], number))
        places[number].append(place)
    return bins + [(places[number], load) for load, number in heap]


def _sorted(window: NDArray[np.int64], lengths: NDArray[np.int64], how: Arrangement, world: int) -> Bins:
    """Padded batches of like length; the least budget that makes no more batches, so that they are of like size."""
    ranked = np.argsort(-lengths, kind="stable")
    sizes = lengths[ranked].tolist()
    count = math.ceil(len(_cuts(sizes, how.bin_tokens)) / world) * world
    low, high = 1, how.bin_tokens
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_cuts(sizes, middle)) <= count else (middle + 1, high)
    cuts = _split(_cuts(sizes, high), sizes, count)
    numbers = window[ranked].tolist()
    batches = [(numbers[start:end], (end - start) * sizes[start]) for start, end in cuts]
    return _dealt(batches + [([], 0)] * (count - len(batches)), world)


def _cuts(sizes: list[int], budget: int) -> list[tuple[int, int]]:
    """Where batches begin and end in ``sizes`` (longest first), each of at most ``budget`` padded tokens or one row."""
    cuts, start = [], 0
    while start < len(sizes):
        end = min(start + max(1, budget // sizes[start]), len(sizes))
        cuts.append((start, end))
        start = end
    return cuts


def _split(cuts: list[tuple[int, int]], sizes: list[int], count: int) -> list[tuple[int, int]]:
    """Halve the largest batches until there are ``count``, or none has two rows."""
    # An order of its own for each, so that equal ones are taken in a fixed order.
    heap = [(-(end - start) * sizes[start], start, end) for start, end in cuts if end - start > 1]
    made = [cut for cut in cuts if cut[1] - cut[0] == 1]
    heapq.heapify(heap)
    while heap and len(heap) + len(made) < count:
        _, start, end = heapq.heappop(heap)
        middle = (start + end) // 2
        for cut in ((start, middle), (middle, end)):
            if cut[1] - cut[0] == 1:
                made.append(cut)
            else:
                heapq.heappush(heap, (-(cut[1] - cut[0]) * sizes[cut[0]], *cut))
    return sorted(made + [(start, end) for _, start, end in heap])


def _padded(window: NDArray[np.int64], _: NDArray[np.int64], how: Arrangement, world: int) -> Bins:
    """Batches as they were drawn, dealt out in turn."""
    numbers = window.tolist()
    batches = [numbers[start : start + how.batch_size] for start in range(0, len(numbers), how.batch_size)]
    batches += [[]] * (-len(batches) % world)
    return [batches[rank::world] for rank in range(world)]


def _dealt(batches: list[tuple[list[int], int]], world: int) -> Bins:
    """The largest first, ``world`` at a time and turning at each end: ranks work alike at each turn and in all."""
    # By the first example too: batches of one size lie in the same order wherever they are computed.
    ranked = [batch for batch, _ in sorted(batches, key=lambda item: (-item[1], item[0][:1]))]
    rounds = [ranked[start : start + world] for start in range(0, len(ranked), world)]
    turned = [turn[::-1] if number % 2 else turn for number, turn in enumerate(rounds)]
    return [[turn[rank] for turn in turned] for rank in range(world)]


_ARRANGE: dict[str, Any] = {"packed": _packed, "sorted": _sorted, "padded": _padded}
