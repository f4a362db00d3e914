"""Terms are scikit-learn's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_quality.analysis.terms import terms

PATTERN = re.compile(r"(?u)\b\w\w+\b")
"""``token_pattern`` of `sklearn.feature_extraction.text.TfidfVectorizer`, whose default lower-cases before."""


@given(st.one_of(st.text(), st.text(st.characters(max_codepoint=127)), st.text("ab_1 .\tÄß\x1c\x85")))
def test_terms_are_those_of_scikit_learn(text):
    assert terms(text) == PATTERN.findall(text.lower())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def Add(x, y_1): return x+y_1", ["def", "add", "y_1", "return", "y_1"]),
        ("a b c 1 2", []),
        ("Straße ÄÖ x", ["straße", "äö"]),
        ("", []),
    ],
)
def test_a_term_has_two_word_characters_at_least(text, found):
    assert terms(text) == found
