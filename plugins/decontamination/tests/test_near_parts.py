"""The parts of `near-duplicates`: the table of keys beside a dictionary, sketches and comparisons beside plain sets."""

from __future__ import annotations

import importlib.util
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_decontamination.near_duplicates import comparing, scratch, shelf, sketching, table
from magicoder_decontamination.near_duplicates.comparing import jaccard
from magicoder_decontamination.near_duplicates.scratch import Scratch
from magicoder_decontamination.near_duplicates.shelf import Shelf
from magicoder_decontamination.near_duplicates.shingles import shingle_sets
from magicoder_decontamination.near_duplicates.table import Table, ranges

from magicoder_core import RunError

_spec = importlib.util.spec_from_file_location("near_rows", Path(__file__).parent / "near_rows.py")
near_rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(near_rows)

MOST = (1 << 64) - 1


def numbers(values):
    return np.array(values, dtype=np.uint64)


def found_in(tried, keys):
    """What a table finds: for each key its values and what is told beside, in their order."""
    wanted = numbers(sorted(set(keys)))
    made = defaultdict(list)
    for place, value, told in zip(*(each.tolist() for each in tried.find(wanted)), strict=True):
        made[int(wanted[place])].append((value, told))
    return made


@pytest.mark.parametrize("in_memory", [1, 50, 700, 10**6])
@pytest.mark.parametrize("batch", [1, 40, 900])
@pytest.mark.parametrize("merged", [64, 1 << 17])
def test_a_table_holds_what_a_dictionary_does(monkeypatch, in_memory, batch, merged):
    monkeypatch.setattr(table, "_MERGED", merged)
    monkeypatch.setattr(table, "_PROBES", 7)
    rnd, tried, expected = random.Random(in_memory + batch), Table(in_memory), defaultdict(list)
    # The lowest and the highest key, and few enough others that many come again.
    pool = [0, 1, MOST, MOST - 1, *(rnd.getrandbits(64) for _ in range(400))]
    for begin in range(0, 900, batch):
        keys = [rnd.choice(pool) for _ in range(batch)]
        keys = [key for key in keys if len(expected[key]) < 8]
        entries = [(value, value * 3) for value in range(begin, begin + len(keys))]
        for key, entry in zip(keys, entries, strict=True):
            expected[key].append(entry)
        tried.add(numbers(keys), *(numbers([entry[side] for entry in entries]) for side in (0, 1)))
        if begin % 20 == 0:
            asked = [*rnd.sample(pool, 30), *(rnd.getrandbits(64) for _ in range(30))]
            assert found_in(tried, asked) == {key: expected[key] for key in asked if expected.get(key)}
    assert found_in(tried, pool) == {key: entries for key, entries in expected.items() if entries}


def test_eight_runs_become_one():
    rnd, tried = random.Random(1), Table(100)
    for _ in range(70):
        keys = numbers([rnd.getrandbits(64) for _ in range(100)])
        tried.add(keys, keys, keys)
    assert [(run.age, run.size) for run in tried._disk._runs] == [(2, 6400), *[(0, 100)] * 6]


def test_an_empty_table_and_no_keys():
    tried, none = Table(10), numbers([])
    assert found_in(tried, [1, 2]) == {}
    tried.add(none, none, none)
    assert len(tried.find(none).wanted) == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_ranges(pieces):
    starts, counts = (np.array([each[side] for each in pieces], dtype=np.int64) for side in (0, 1))
    assert ranges(starts, counts).tolist() == [start + place for start, count in pieces for place in range(count)]


@pytest.mark.parametrize("at_once", [1, 300, 1 << 18])
def test_jaccard_is_exact(monkeypatch, at_once):
    monkeypatch.setattr(comparing, "_ELEMENTS", at_once)
    texts = near_rows.corpus(120, seed=3)
    sets, kept = shingle_sets(texts, 5, 0), Shelf()
    references = kept.add(sets, np.arange(len(texts)), [str(number) for number in range(len(texts))])
    assert shelf.sizes(references).tolist() == [len(near_rows.shingles(text)) for text in texts]
    rnd = random.Random(4)
    pairs = [(rnd.randrange(len(texts)), rnd.randrange(len(texts))) for _ in range(400)]
    pairs += [(number, other) for number, near in enumerate(near_rows.near_pairs(texts, 0.3)) for other in near]
    rows, others = (np.array(each) for each in zip(*pairs, strict=True))
    exact = []
    for row, other in pairs:
        left, right = near_rows.shingles(texts[row]), near_rows.shingles(texts[other])
        exact.append(len(left & right) / len(left | right))
    assert jaccard(sets, rows, references[others], kept).tolist() == exact


@given(st.lists(st.text("ab \u00e9!", max_size=30), min_size=1, max_size=6), st.integers(1, 6), st.integers())
def test_sets_do_not_depend_on_the_batch(texts, width, seed):
    together = shingle_sets(texts, width, seed)
    for number, text in enumerate(texts):
        alone = shingle_sets([text], width, seed)
        own = together.elements[together.offsets[number] : together.offsets[number + 1]] & sketching.HASH
        assert own.tolist() == alone.elements.tolist()
        assert len(own) == len(near_rows.shingles(text, width))
        assert sketching.digests(alone)[0] == sketching.digests(together)[number]
        assert sketching.sketches(alone)[0] == sketching.sketches(together)[number]
        keys = sketching.band_keys(together, 4)
        assert keys.keys[keys.rows == number].tolist() == sketching.band_keys(alone, 4).keys.tolist()


@pytest.mark.parametrize("words", [15, 40, 150, 1000])
def test_pairs_at_the_threshold_have_a_key_in_common_and_like_sketches(words):
    # n shingles each, m of them in both: m / (2n - m) = 0.7.
    rnd, pairs = random.Random(words), 400
    shared = round(words * 1.4 / 1.7)
    texts = []
    for number in range(pairs):
        common = [f"{number}c{place}" for place in range(shared)]
        texts += [" ".join([*common, *(f"{number}{side}{place}" for place in range(words - shared))]) for side in "ab"]
    sets = shingle_sets(texts, 1, rnd.getrandbits(64))
    keys, rows = sketching.band_keys(sets, sketching.band_size(0.7))
    of_each = [set() for _ in texts]
    for key, row in zip(keys.tolist(), rows.tolist(), strict=True):
        of_each[row].add(key)
    met = sum(bool(of_each[number] & of_each[number + 1]) for number in range(0, len(texts), 2))
    assert met >= 0.96 * pairs  # four standard deviations below the 0.985 that is aimed at
    told = sketching.sketches(sets)
    assert (sketching.distances(told[0::2], told[1::2]) <= sketching.tolerance(0.7)).mean() >= 0.985
    strangers = sketching.distances(told[0::2], np.roll(told[1::2], 1))
    if words >= 150:
        assert (strangers > sketching.tolerance(0.7)).mean() >= 0.99


def test_strangers_have_no_key_in_common():
    texts = [" ".join(f"{number}w{place}" for place in range(100)) for number in range(300)]
    keys, _ = sketching.band_keys(shingle_sets(texts, 5, 0), 4)
    assert len(np.unique(keys)) == len(keys) > 15 * 300


@pytest.mark.parametrize("threshold", [0.31, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_the_width_of_bands_reaches_the_recall_aimed_at(threshold):
    size = sketching.band_size(threshold)
    assert 1 - (1 - threshold**size) ** sketching.BANDS >= 0.985
    assert size == 8 or 1 - (1 - threshold ** (size + 1)) ** sketching.BANDS < 0.985


@given(st.lists(st.tuples(st.integers(0, MOST), st.integers(0, MOST)), max_size=5))
def test_distances_count_bits(pairs):
    left, right = (numbers([each[side] for each in pairs]) for side in (0, 1))
    assert sketching.distances(left, right).tolist() == [(a ^ b).bit_count() for a, b in pairs]


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=5000), max_size=8))
def test_scratch_gives_back_what_was_written(pieces):
    tried = Scratch()
    places = [tried.append(piece) for piece in pieces]
    for piece, place in zip(pieces, places, strict=True):
        assert tried.read(len(piece), place) == piece
        buffer = bytearray(len(piece))
        tried.read_into(memoryview(buffer), place)
        assert buffer == piece


def test_a_file_that_was_cut_short_is_said():
    tried = Scratch()
    tried.append(b"abc")
    with pytest.raises(RunError, match="cut short"):
        tried.read_into(memoryview(bytearray(4)), 0)


def test_other_errors_of_the_disk_are_not_called_lack_of_space(monkeypatch):
    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scratch.os, "pwrite", broken)
    with pytest.raises(OSError, match="Input/output"):
        Scratch().append(b"x")


def test_a_row_too_long_for_its_record_is_refused(monkeypatch):
    monkeypatch.setattr(shelf, "_LEAST_BITS", np.uint64(3))
    with pytest.raises(RunError, match=r"^row long has 4 shingles"):
        Shelf().add(shingle_sets(["a b c d e f g h"], 5, 0), np.array([0]), ["long"])
