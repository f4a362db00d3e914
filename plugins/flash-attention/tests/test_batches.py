"""Micro-batches as tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from magicoder_flash_attention.batches import collate
from magicoder_flash_attention.encoding import Example, Examples
from magicoder_flash_attention.plan import Arrangement, Plan, weights

PAD = 9
THREE = [Example("a", [1, 2, 3, 4], 2), Example("b", [5, 6], 1), Example("c", [7, 9, 8, 9, 9], 2)]
KINDS = ("packed", "sorted", "padded")


@pytest.fixture
def examples():
    return Examples.of(THREE)


def test_packed_examples_lie_in_one_row_with_positions_that_begin_anew(examples):
    batch = collate(examples, [2, 0, 1], [0.1, 0.2, 0.3], "packed", PAD)
    assert batch["input_ids"].tolist() == [[7, 9, 8, 9, 9, 1, 2, 3, 4, 5, 6]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1]]
    for side in "qk":
        assert batch[f"cu_seq_lens_{side}"].tolist() == [0, 5, 9, 11]
        assert batch[f"cu_seq_lens_{side}"].dtype == torch.int32
        assert batch[f"max_length_{side}"] == 5
        assert type(batch[f"max_length_{side}"]) is int


@pytest.mark.parametrize("kind", ["sorted", "padded"])
def test_padded_examples_lie_below_each_other(examples, kind):
    batch = collate(examples, [0, 1, 2], [0.1, 0.2, 0.3], kind, PAD)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, PAD], [5, 6, PAD, PAD, PAD], [7, 9, 8, 9, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4]] * 3
    assert not any(name.startswith(("cu_", "max_")) for name in batch)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbers", [[], [0], [0, 1, 2]])
def test_there_is_never_an_attention_mask(examples, kind, numbers):
    batch = collate(examples, numbers, [0.1] * len(numbers), kind, PAD)
    assert "attention_mask" not in batch
    assert "labels" not in batch
    types = {name: value.dtype for name, value in batch.items() if isinstance(value, torch.Tensor)}
    assert types.pop("token_weights") == torch.float32
    assert {kind for name, kind in types.items() if not name.startswith("cu_")} == {torch.int64}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_predicted_is_what_follows_and_never_of_another_example(examples, kind):
    numbers = [2, 0, 1]
    batch = collate(examples, numbers, [0.1, 0.2, 0.3], kind, PAD)
    ids, places = batch["input_ids"].flatten().tolist(), batch["predicts"].tolist()
    learnt = [THREE[number].tokens[THREE[number].prompt :] for number in numbers]
    # The stop token (here the pad token too, which also stands within the text) is learnt, padding never.
    assert batch["targets"].tolist() == [token for tokens in learnt for token in tokens]
    assert [ids[place + 1] for place in places] == batch["targets"].tolist()
    assert batch["position_ids"].flatten()[batch["predicts"]].tolist() == [1, 2, 3, 1, 2, 0]
    expected = np.repeat([0.1, 0.2, 0.3], [len(tokens) for tokens in learnt]).astype(np.float32)
    assert batch["token_weights"].numpy().tolist() == expected.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_one_pad_token_with_nothing_to_learn(examples, kind):
    batch = collate(examples, [], [], kind, PAD)
    assert batch["input_ids"].tolist() == [[PAD]]
    assert batch["position_ids"].tolist() == [[0]]
    assert [batch[name].numel() for name in ("predicts", "targets", "token_weights")] == [0, 0, 0]
    if kind == "packed":
        assert batch["cu_seq_lens_q"].tolist() == [0, 1]
        assert batch["max_length_k"] == 1


def test_a_weight_for_each_example_is_wanted(examples):
    with pytest.raises(ValueError, match="2 examples and 1 weights"):
        collate(examples, [0, 1], [1.0], "packed", PAD)


def many(count=37, seed=0):
    """Examples of 3 to 60 tokens, of which any number but the first is learnt."""
    drawn = np.random.default_rng(seed)
    sizes = drawn.integers(3, 60, count)
    return Examples.of(
        Example(f"{number}", drawn.integers(0, 50, size).tolist(), int(drawn.integers(1, size)))
        for number, size in enumerate(sizes)
    )


def losses(batch, table):
    """Of each supervised token under a bigram model: it sees one token, so that only our part is at trial."""
    logits = table[batch["input_ids"].flatten()][batch["predicts"]]
    return torch.nn.functional.cross_entropy(logits.double(), batch["targets"], reduction="none")


def step_loss(examples, plan, step, arrangement, *, world, norm):
    table = torch.randn(50, 50, generator=torch.Generator().manual_seed(0))
    window = plan.window(step)
    share = dict(zip(window.tolist(), weights(window, examples.supervised, norm, 2), strict=True))
    total = 0.0
    for rank in plan.bins(step, arrangement, world):
        for numbers in rank:
            batch = collate(examples, numbers, [share[number] for number in numbers], arrangement.kind, 0)
            total += float((batch["token_weights"].double() * losses(batch, table)).sum())
    return total


def published_loss(examples, plan, step):
    """The mean over batches of two, padded, of the mean over a batch's supervised tokens: labels of -100 elsewhere."""
    table = torch.randn(50, 50, generator=torch.Generator().manual_seed(0))
    means = []
    window = plan.window(step).tolist()
    for start in range(0, len(window), 2):
        rows = [examples[number] for number in window[start : start + 2]]
        width = max(len(row.tokens) for row in rows)
        ids = torch.tensor([row.tokens + [0] * (width - len(row.tokens)) for row in rows])
        labels = ids.clone()
        for line, row in enumerate(rows):
            labels[line, : row.prompt] = -100
            labels[line, len(row.tokens) :] = -100
        logits = table[ids][:, :-1].double()
        means.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten()))
    return float(torch.stack(means).mean())


@pytest.mark.parametrize("world", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_papers_norm_is_the_mean_of_the_means_of_padded_pairs_however_examples_lie(kind, world):
    examples = many()
    plan = Plan(examples.lengths, digest="", epochs=1, examples_per_step=16, seed=3)
    assert len(plan.window(2)) == 5, "the last window is partial, and its last pair too"
    for step in range(plan.steps):
        ours = step_loss(examples, plan, step, Arrangement(kind, 128, 3), world=world, norm="paper")
        assert ours == pytest.approx(published_loss(examples, plan, step), rel=1e-6)


@pytest.mark.parametrize("norm", ["token", "paper"])
def test_a_steps_loss_is_the_same_in_each_arrangement(norm):
    examples = many(seed=1)
    plan = Plan(examples.lengths, digest="", epochs=1, examples_per_step=16, seed=3)
    for step in range(plan.steps):
        found = [
            step_loss(examples, plan, step, Arrangement(kind, cap, size), world=world, norm=norm)
            for kind in KINDS
            for cap, size in [(70, 1), (400, 4)]
            for world in (1, 2, 7, 40)
        ]
        assert found == pytest.approx([found[0]] * len(found), rel=1e-6)


def test_the_token_norm_is_the_mean_over_all_supervised_tokens():
    examples = many()
    plan = Plan(examples.lengths, digest="", epochs=1, examples_per_step=37, seed=3)
    table = torch.randn(50, 50, generator=torch.Generator().manual_seed(0))
    batch = collate(examples, range(37), [1.0] * 37, "packed", 0)
    mean = float(losses(batch, table).mean())
    assert step_loss(examples, plan, 0, Arrangement("packed", 200), world=2, norm="token") == pytest.approx(
        mean, rel=1e-6
    )
