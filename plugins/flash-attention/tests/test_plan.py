"""Which examples make a step, and how they lie in micro-batches."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_flash_attention.plan import Arrangement, Plan, weights

KINDS = ("packed", "sorted", "padded")


def plan(lengths, **changes):
    given = {"digest": "d", "epochs": 2, "examples_per_step": 32, "seed": 1, **changes}
    return Plan(lengths, **given)


def lengths_like_ours(count, seed=0):
    """Prompt and answer lognormal, as the published rows: mean 490, at most 1216."""
    drawn = np.random.default_rng(seed)
    both = np.exp(drawn.normal(5.35, 0.45, count)) + np.exp(drawn.normal(5.35, 0.5, count))
    return np.clip(both, 20, 1216).astype(int)


def flat(bins):
    return [number for rank in bins for batch in rank for number in batch]


def digest_of(made, worlds=(1, 2, 8)):
    """Of all that a plan says, in all arrangements."""
    said = [made.key, made.steps]
    for step in range(made.steps):
        said.append(made.window(step).tolist())
        said += [made.bins(step, Arrangement(kind, 2048), world) for kind in KINDS for world in worlds]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


# Steps and windows


def test_each_example_comes_once_an_epoch_in_another_order_each_time():
    made = plan([9] * 100, epochs=3)
    steps = [(made.epoch(step), made.window(step).tolist()) for step in range(made.steps)]
    epochs = [[number for epoch, window in steps if epoch == which for number in window] for which in range(3)]
    assert all(sorted(epoch) == list(range(100)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert list(range(100)) not in epochs


def test_the_last_window_of_an_epoch_is_smaller_and_none_spans_two():
    made = plan([9] * 70)
    assert [len(made.window(step)) for step in range(made.steps)] == [32, 32, 6, 32, 32, 6]
    assert [made.epoch(step) for step in range(made.steps)] == [0, 0, 0, 1, 1, 1]


def test_a_step_that_holds_all_is_an_epoch():
    made = plan([9] * 5, examples_per_step=512)
    assert made.steps == 2
    assert sorted(made.window(1).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("most", "steps"), [(None, 6), (4, 4), (100, 6)])
def test_max_steps_ends_the_training_sooner_and_never_later(most, steps):
    assert plan([9] * 70, max_steps=most).steps == steps


def test_fewer_steps_are_the_beginning_of_more():
    short, long = plan([9] * 70, max_steps=4), plan([9] * 70)
    assert all((short.window(step) == long.window(step)).all() for step in range(4))


def test_unshuffled_examples_come_in_their_order_in_each_epoch():
    made = plan([9] * 40, shuffle=False)
    assert np.concatenate([made.window(step) for step in range(made.steps)]).tolist() == [*range(40), *range(40)]


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "e"},
        {"seed": 2},
        {"epochs": 3},
        {"examples_per_step": 31},
        {"max_steps": 2},
        {"shuffle": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_key_changes_with_all_that_decides(changes):
    assert plan([9] * 70, **changes).key != plan([9] * 70).key


@pytest.mark.parametrize("changes", [{"digest": "e"}, {"seed": 2}], ids=["digest", "seed"])
def test_another_seed_or_other_rows_are_drawn_otherwise(changes):
    assert plan([9] * 70, **changes).window(0).tolist() != plan([9] * 70).window(0).tolist()


def test_a_step_is_the_same_whichever_was_looked_at_before():
    forwards, backwards = plan(lengths_like_ours(200)), plan(lengths_like_ours(200))
    seen = [forwards.window(step).tolist() for step in range(forwards.steps)]
    assert [backwards.window(step).tolist() for step in reversed(range(backwards.steps))] == seen[::-1]


def test_other_processes_with_other_hash_seeds_plan_the_same():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_plan as t; "
        "print(t.digest_of(t.plan(t.lengths_like_ours(150), epochs=2)))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, os.path.dirname(__file__)],  # noqa: PTH120 - as the other process names it
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert said == {digest_of(plan(lengths_like_ours(150), epochs=2))}


def test_the_order_is_the_one_that_was_always_drawn():
    # Pinned: a new version of numpy or Python, or a change here, must not draw otherwise for an interrupted training.
    assert plan([9] * 12, examples_per_step=12).window(0).tolist() == [6, 10, 8, 11, 2, 5, 1, 4, 3, 9, 0, 7]


@pytest.mark.parametrize("step", [-1, 6])
def test_there_is_no_such_step(step):
    with pytest.raises(IndexError, match=f"step {step} of 6"):
        plan([9] * 70).window(step)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"examples_per_step": 0}, {"max_steps": 0}])
def test_what_makes_no_training_is_refused(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))} must be at least 1"):
        plan([9] * 70, **changes)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples"):
        plan([])


# Micro-batches


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_over_all_ranks_each_example_of_a_step_lies_in_one_micro_batch(kind, world):
    made = plan(lengths_like_ours(150))
    for step in range(made.steps):
        bins = made.bins(step, Arrangement(kind, 2048, 2), world)
        assert len(bins) == world
        assert len({len(rank) for rank in bins}) == 1, "each rank has as many"
        assert sorted(flat(bins)) == sorted(made.window(step).tolist())


@given(
    st.lists(st.integers(2, 300), min_size=1, max_size=60),
    st.sampled_from(KINDS),
    st.integers(1, 9),
    st.integers(1, 400),
    st.integers(1, 5),
)
@settings(max_examples=300, deadline=None)
def test_any_lengths_can_be_arranged(lengths, kind, world, cap, batch_size):
    made = plan(lengths, examples_per_step=17)
    for step in range(made.steps):
        bins = made.bins(step, Arrangement(kind, cap, batch_size), world)
        window = made.window(step)
        batches = [batch for rank in bins for batch in rank]
        assert Counter(flat(bins)) == Counter(window.tolist())
        assert len({len(rank) for rank in bins}) == 1
        assert bins[0][0], "the first rank has work first"
        if kind != "padded":
            assert all(batch or len(window) < len(batches) for batch in batches)
            assert sum(1 for rank in bins if not rank[0]) == max(0, world - len(window))
        for batch in filter(None, batches):
            sizes = [lengths[number] for number in batch]
            size = {"packed": sum(sizes), "sorted": max(sizes) * len(sizes), "padded": 0}[kind]
            assert size <= cap or len(batch) == 1
            assert kind != "padded" or len(batch) <= batch_size


def test_no_bin_holds_more_than_its_tokens_although_that_takes_more_bins():
    made = plan([600] * 10, examples_per_step=10)
    bins = made.bins(0, Arrangement("packed", 1000))
    # 6000 tokens would fill 6 bins, if examples could be cut.
    assert [len(batch) for batch in bins[0]] == [1] * 10


def test_an_example_longer_than_a_bin_has_one_alone():
    made = plan([5000, 100, 100, 3000, 100], examples_per_step=5)
    (rank,) = made.bins(0, Arrangement("packed", 1000))
    assert sorted(map(sorted, rank)) == [[0], [1, 2, 4], [3]]


@pytest.mark.parametrize("kind", ["packed", "sorted"])
@pytest.mark.parametrize("world", [2, 8])
def test_the_ranks_work_alike_at_each_turn(kind, world):
    made = plan(lengths_like_ours(2048), examples_per_step=512, epochs=1)
    for step in range(made.steps):
        bins = made.bins(step, Arrangement(kind, 8192), world)
        for turn in zip(*bins, strict=True):
            loads = [int(made.lengths[batch].sum()) for batch in turn]
            assert max(loads) / (sum(loads) / world) < (1.03 if kind == "packed" else 1.15)


def test_the_larger_of_each_turn_goes_to_the_ranks_in_turn():
    made = plan([80, 70, 60, 50], examples_per_step=4)
    bins = made.bins(0, Arrangement("packed", 80), 2)
    # Not 80 + 60 against 70 + 50.
    assert bins == [[[0], [3]], [[1], [2]]]


def test_more_ranks_than_examples_leave_some_with_an_empty_micro_batch():
    made = plan([10, 20, 30], examples_per_step=3)
    for kind in KINDS:
        bins = made.bins(0, Arrangement(kind, 100, 1), 8)
        assert sum(bool(rank[0]) for rank in bins) == 3
        assert all(len(rank) == 1 for rank in bins)


def test_padded_batches_are_those_that_were_drawn_and_go_round_the_ranks():
    made = plan([9] * 11, examples_per_step=11)
    window = made.window(0).tolist()
    batches = [window[start : start + 2] for start in range(0, 11, 2)]
    assert made.bins(0, Arrangement("padded", batch_size=2)) == [batches]
    assert made.bins(0, Arrangement("padded", batch_size=2), 4) == [
        [batches[0], batches[4]],
        [batches[1], batches[5]],
        [batches[2], []],
        [batches[3], []],
    ]


def test_sorted_batches_hold_like_lengths():
    made = plan(lengths_like_ours(512), examples_per_step=512)
    (rank,) = made.bins(0, Arrangement("sorted", 8192))
    spans = sorted((int(made.lengths[batch].min()), int(made.lengths[batch].max())) for batch in rank)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_useful_and_processed_tokens():
    made = plan([10, 20, 30], examples_per_step=3, shuffle=False)
    assert made.tokens(0) == 60
    assert made.padding(0, Arrangement("packed", 60)) == (60, 60)
    assert made.padding(0, Arrangement("sorted", 90)) == (60, 90)
    assert made.padding(0, Arrangement("padded", batch_size=2)) == (60, 20 * 2 + 30)
    # An empty micro-batch computes one token.
    assert made.padding(0, Arrangement("packed", 60), 4) == (60, 61)
    assert made.padding(0, Arrangement("padded", batch_size=2), 3) == (60, 20 * 2 + 30 + 1)


def test_published_lengths_leave_little_imbalance_and_padding():
    made = plan(lengths_like_ours(4096), examples_per_step=512, epochs=1)
    for step in range(made.steps):
        useful, processed = made.padding(step, Arrangement("packed", 8192), 2)
        assert useful == processed
        loads = [
            int(made.lengths[batch].sum()) for rank in made.bins(step, Arrangement("packed", 8192), 2) for batch in rank
        ]
        assert max(loads) / np.mean(loads) < 1.03
        useful, processed = made.padding(step, Arrangement("sorted", 8192), 2)
        assert 1 - useful / processed < 0.04


@pytest.mark.parametrize("changes", [{"bin_tokens": 0}, {"batch_size": 0}])
def test_an_arrangement_of_nothing_is_refused(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))} must be at least 1"):
        Arrangement("packed", **changes)


def test_an_unknown_arrangement_is_refused():
    with pytest.raises(ValueError, match="'loose': there are packed, sorted and padded"):
        Arrangement("loose")


def test_no_rank_is_refused():
    with pytest.raises(ValueError, match="world must be at least 1"):
        plan([9]).bins(0, Arrangement("packed"), 0)


# Weights


@pytest.mark.parametrize("norm", ["token", "paper"])
def test_the_weights_of_all_supervised_tokens_sum_up_to_one(norm):
    supervised = np.random.default_rng(0).integers(1, 400, 100)
    window = np.random.default_rng(1).permutation(100)[:33]
    made = weights(window, supervised, norm, 2)
    assert made.dtype == np.float64
    assert (made * supervised[window]).sum() == pytest.approx(1, abs=1e-12)


def test_a_token_is_a_token():
    assert weights([2, 0], [5, 7, 15], "token").tolist() == [1 / 20, 1 / 20]


def test_the_papers_mean_is_over_pairs_as_they_were_drawn_and_the_last_may_be_alone():
    assert weights([2, 0, 1], [5, 7, 15], "paper", 2).tolist() == pytest.approx([1 / 20 / 2, 1 / 20 / 2, 1 / 7 / 2])


def test_the_papers_mean_takes_batches_of_other_sizes():
    assert weights([0, 1, 2], [5, 7, 15], "paper", 3).tolist() == pytest.approx([1 / 27] * 3)
    assert weights([0, 1, 2], [5, 7, 15], "paper", 1).tolist() == pytest.approx([1 / 15, 1 / 21, 1 / 45])
