"""Words and n-grams beside plain Python: which they are, where they stand, and that nothing but themselves counts."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from magicoder_decontamination.words import grams, mixed, words

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
# Letters whose lower case is longer, or depends on what follows; lone surrogates; words about as long as pieces are.
ODD = st.sampled_from(
    ["\u0130", "\u03a3", "A\u03a3", "\ud800", "\u212a", "\x00", "_", "7", "\n", " ", "\u00a0", "a" * 63, "b" * 8]
)
TEXT = st.lists(ODD | st.text(max_size=9) | st.text("abAB_1 ", max_size=20), max_size=12).map("".join)
TEXTS = st.lists(TEXT, max_size=6)


def plain(text):
    """The words of one text, and where each begins and ends in its lower-cased UTF-8."""
    lowered = text.lower().encode("utf-8", "surrogatepass")
    return [(found[0], found.start(), found.end()) for found in WORD.finditer(lowered)]


def of_each(made, offsets):
    return [made[begin:end].tolist() for begin, end in itertools.pairwise(offsets)]


@given(TEXTS)
@example([])
@example([""])
@example(["word", "word", "x"])
@example(["a" * 64, "a" * 65, "a" * 72 + " b"])
def test_words_and_places_are_those_of_plain_python(texts):
    made = words(texts)
    expected = [plain(text) for text in texts]
    assert np.diff(made.texts).tolist() == [len(found) for found in expected]
    assert len(made.hashes) == len(made.starts) == len(made.ends) == made.texts[-1]
    for number, found in enumerate(expected):
        own = slice(made.texts[number], made.texts[number + 1])
        assert (made.starts[own] - made.offsets[number]).tolist() == [start for _, start, _ in found]
        assert (made.ends[own] - made.offsets[number]).tolist() == [end for _, _, end in found]


@given(TEXTS)
@example(["a b", "b a"])
@example([f"{'a' * length} {'a' * (length + 1)}" for length in range(1, 80)])
@example([f"{'a' * length}b{'a' * 70} {'a' * length}c{'a' * 70}" for length in range(80)])
def test_equal_words_and_no_others_have_equal_hashes(texts):
    hashes = words(texts).hashes.tolist()
    spelled = [word for text in texts for word, _, _ in plain(text)]
    assert len(set(zip(hashes, spelled, strict=True))) == len(set(hashes)) == len(set(spelled))


@given(TEXTS, st.integers(1, 7))
@example(["a b c", "d"], 2)
def test_grams_are_those_of_plain_python_and_of_one_text(texts, n):
    hashes, offsets = grams(words(texts), n)
    expected = [[word for word, _, _ in plain(text)] for text in texts]
    expected = [[tuple(found[place : place + n]) for place in range(len(found) - n + 1)] for found in expected]
    assert np.diff(offsets).tolist() == [len(found) for found in expected]
    assert len(hashes) == offsets[-1]
    spelled = [gram for found in expected for gram in found]
    pairs = set(zip(hashes.tolist(), spelled, strict=True))
    assert len(pairs) == len(set(hashes.tolist())) == len(set(spelled))


@given(TEXTS, st.integers(1, 7))
def test_batches_make_no_difference(texts, n):
    together, alone = words(texts), [words([text]) for text in texts]
    assert of_each(together.hashes, together.texts) == [each.hashes.tolist() for each in alone]
    assert of_each(*grams(together, n)) == [grams(each, n)[0].tolist() for each in alone]


@pytest.mark.parametrize("other", ["Def f(X):\n\treturn X", "def  f( x ) :\r\n    return   x ;", "(def)f.x[return]x"])
def test_case_white_space_and_punctuation_make_no_difference(other):
    assert words([other]).hashes.tolist() == words(["def f(x):\n  return x"]).hashes.tolist()


def test_the_order_of_words_counts():
    hashes, _ = grams(words(["a b", "b a", "a a", "b b"]), 2)
    assert len(set(hashes.tolist())) == 4


def test_words_that_differ_in_one_bit_share_no_half_of_their_hashes():
    # A polynomial's low bits depend on few characters; a good hash halves by chance alone: 1e6 pairs in 2**32.
    spelled = [f"x{number}" for number in range(2000)] + [f"{number:040d}" for number in range(2000)]
    hashes = words([" ".join(spelled)]).hashes
    for half in (hashes >> np.uint64(32), hashes & np.uint64(0xFFFFFFFF)):
        assert len(np.unique(half)) >= len(spelled) - 1
    ones = np.array([value.bit_count() for value in hashes.tolist()])
    assert abs(ones.mean() - 32) < 0.5


def test_hashes_are_the_same_in_every_process():
    code = "from magicoder_decontamination.words import words; print(words(['Ab \\u00e9 ' + 'q' * 99]).hashes.tolist())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{words(['Ab é ' + 'q' * 99]).hashes.tolist()}\n"}


def test_mixing_is_splitmix64():
    # First outputs of the generator seeded with 0, as in the paper's reference implementation.
    assert mixed(np.array([0], dtype=np.uint64)).tolist() == [0xE220A8397B1DCDAF]


def test_grams_need_a_length():
    with pytest.raises(ValueError, match="n-grams of 0 words"):
        grams(words(["a"]), 0)
