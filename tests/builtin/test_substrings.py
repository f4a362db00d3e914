"""The search for many needles at once, against the obvious way."""

from __future__ import annotations

import random

import pytest

from magicoder_core.builtin.substrings import Substrings


@pytest.mark.parametrize("shortest", [1, 2, 3, 4, 7, 10])
def test_finds_just_what_the_obvious_way_finds(shortest):
    choose = random.Random(shortest)
    for _ in range(300):
        letters = choose.choice(["a", "ab", "abc"])
        needles = [
            "".join(choose.choices(letters, k=choose.randint(shortest, shortest + 12)))
            for _ in range(choose.randint(0, 6))
        ]
        text = "".join(choose.choices(letters, k=choose.randint(0, 60)))
        found = dict(Substrings(needles, shortest).search(text))
        assert set(found) == {number for number, needle in enumerate(needles) if needle in text}
        assert all(text.startswith(needles[number], place) for number, place in found.items())


@pytest.mark.parametrize("shift", range(20))
def test_every_place_of_a_text_is_looked_at(shift):
    needle = "abcdefghij"
    index = Substrings([needle], len(needle))
    assert list(index.search("x" * shift + needle)) == [(0, shift)]
    assert list(index.search("x" * shift + needle + "y" * shift)) == [(0, shift)]
    assert list(index.search("x" * shift + needle[:-1])) == []


def test_equal_needles_are_each_found_once():
    assert sorted(Substrings(["abcd", "abcd"], 4).search("abcdabcd")) == [(0, 0), (1, 0)]


def test_a_needle_that_is_too_short_is_a_mistake():
    with pytest.raises(ValueError, match="at least 4"):
        Substrings(["abc"], 4)
    with pytest.raises(ValueError, match="at least 1"):
        Substrings([""], 0)
