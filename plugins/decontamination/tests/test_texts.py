"""The views of a batch, against the same steps one text at a time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_decontamination.texts import Batch, bare, folded, uncommented, unfenced, words

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


@pytest.mark.parametrize("comment", ["# why", "// why", "x # a // b", "# a\n# b", "y // a # b"])
def test_comments_are_cut_to_the_end_of_the_line_and_keep_places(comment):
    text = f"a = 1 {comment}\nb = 2"
    assert len(uncommented(text)) == len(text)
    assert "why" not in uncommented(text)
    assert words(uncommented(text)) == re.sub(r"\W", "", re.sub(r"(#|//).*", "", text))


def test_the_language_behind_a_code_blocks_marks_is_no_word():
    assert words(unfenced("see:\n```python\nf(1)\n```\nend")) == "seef1end"
