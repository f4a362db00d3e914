"""The views of a batch, against the same steps one text at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_decontamination.texts import Batch, bare, folded, origins, uncommented, unfenced, words

TEXTS = st.lists(
    st.text(
        st.sampled_from("aBc_9 \t\n\r.,#/'`\u2019\u00c4\u00df\u03a3\u0130\u3000\ud800\0") | st.characters(), max_size=40
    ),
    max_size=6,
)


def texts_of(view):
    return [view.text(number).decode("utf-8", "surrogatepass") for number in range(len(view.offsets) - 1)]


def plain(text):
    """NUL stands between texts, and is another sign within one."""
    return text.replace("\0", "\x01")


@given(TEXTS.filter(len))
def test_views_are_what_single_texts_give(texts):
    batch = Batch(texts)
    assert texts_of(batch.lower) == [plain(text).lower() for text in texts]
    assert texts_of(batch.folded) == [folded(plain(text)) for text in texts]
    assert texts_of(batch.bare) == [bare(folded(plain(text))) for text in texts]
    assert texts_of(batch.words) == [words(unfenced(folded(plain(text)))) for text in texts]
    assert [batch.code.row(number) for number in range(len(texts_of(batch.code)))] == [
        number for number, text in enumerate(texts) if "#" in text or "//" in text
    ]
    commented = [text for text in texts if "#" in text or "//" in text]
    assert texts_of(batch.code) == [words(uncommented(folded(plain(text)))) for text in commented]


@given(TEXTS.filter(len))
def test_each_byte_belongs_to_its_text(texts):
    view = Batch(texts).bare
    for number in range(len(texts)):
        for place in range(int(view.offsets[number]), int(view.offsets[number + 1]) - 1):
            assert view.owner(place) == number


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("\u201cIt\u2019s\u201d \u2014 done", '"it\'s" - done'),
        ("\uff46\uff4f\uff4f", "foo"),
        ("one\u00a0two\u200bthree", "one two three"),
        ("caf\u00e9", "cafe\u0301"),
        ("MASSE", "masse"),
    ],
)
def test_folding_makes_equal_what_reads_equal(text, like):
    assert folded(text) == folded(like)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a = 1  # why\nb = 2", "a1b2"),
        ("a = 1; // why\nb = 2", "a1b2"),
        ("// why\nb = 2", "b2"),
        ("    // why # not\nb = 2", "b2"),
        ("{ // why\nb = 2", "b2"),
        ("# why // not\nb = 2", "b2"),
        ("a = n // 2\nb = 2", "an2b2"),
        ("a = (n + 1)//2\nb = 2", "an12b2"),
        ("see http://example.com/why\nb = 2", "seehttpexamplecomwhyb2"),
    ],
)
def test_comments_are_cut_to_the_end_of_the_line_and_divisions_and_addresses_are_none(text, left):
    assert len(uncommented(text)) == len(text)
    assert words(uncommented(text)) == left
    assert Batch([text]).code.data.decode() == (left if "#" in text or "//" in text else "")


@given(st.text(st.sampled_from("aE\u0301\u00e9\uff21\u1112\u1161\u0130\u00bd\u2026 \n"), max_size=30))
def test_each_byte_of_a_folded_text_comes_from_a_character(text):
    places = origins(text, folded)
    assert len(places) == len(folded(text).encode())
    assert list(places) == sorted(places)
    assert all(0 <= place < len(text) for place in places)


def test_the_language_behind_a_code_blocks_marks_is_no_word():
    assert words(unfenced("see:\n```python\nf(1)\n```\nend")) == "seef1end"
