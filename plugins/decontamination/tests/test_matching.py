"""The search for many patterns, against the obvious way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_decontamination.matching import LONG, Found, Patterns

LETTERS = st.binary(min_size=1, max_size=40).map(lambda raw: bytes(97 + byte % 3 for byte in raw))


def obvious(patterns, data):
    return {
        (number, start)
        for number, pattern in enumerate(patterns)
        for start in range(len(data))
        if data.startswith(pattern, start)
    }


@given(st.lists(LETTERS, min_size=1, max_size=8), st.lists(LETTERS, max_size=12))
def test_finds_every_occurrence_and_each_once(patterns, parts):
    data = b"\0".join([*parts, patterns[0], b"".join(patterns)])
    found = [(one.number, one.start) for one in Patterns(patterns).find(data)]
    assert sorted(found) == sorted(obvious(patterns, data))


@pytest.mark.parametrize("shift", range(17))
@pytest.mark.parametrize("size", [1, 7, LONG - 1, LONG, LONG + 1, 40])
def test_finds_a_pattern_at_any_place(size, shift):
    pattern = bytes(97 + number % 26 for number in range(size))
    assert list(Patterns([pattern]).find(b"-" * shift + pattern + b"-" * 3)) == [Found(0, shift)]


def test_windows_that_many_patterns_share_are_not_chosen():
    """Where patterns begin alike, what tells them apart is looked for: else each of them would be tried at each beginning."""
    patterns = [b"write a function to find " + bytes([97 + number] * 20) for number in range(20)]
    index = Patterns(patterns)
    assert len(index._windows) >= 8 * 20 - 20 * 7  # those of one letter are all alike
    assert list(index.find(b"write a function to find the way")) == []
    assert [one.number for one in index.find(patterns[7])] == [7]


def test_there_may_be_no_patterns():
    assert list(Patterns([]).find(b"anything at all")) == []


@pytest.mark.parametrize("pattern", [b"", b"a\0b"])
def test_what_could_match_across_texts_is_refused(pattern):
    with pytest.raises(ValueError, match="must not be empty, and must hold no NUL"):
        Patterns([pattern])


def test_a_text_shorter_than_a_window_is_no_trouble():
    assert list(Patterns([b"x" * 20]).find(b"xxx")) == []
