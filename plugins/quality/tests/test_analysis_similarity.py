"""Similarity to a benchmark is the paper's, and costs what it should."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_quality.analysis.frequencies import Frequencies
from magicoder_quality.analysis.similarity import Index, Items, Near
from magicoder_quality.analysis.terms import terms

WORDS = ["def", "return", "sum", "list", "number", "string", "Übung", "print", "x", "if", "else", "loop"]
texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def paper(rows, items):
    """What the paper computes, spelled out: all texts fitted together, smooth idf, rows of length 1, cosines."""
    every = [Counter(terms(text)) for text in [*rows, *items]]
    within = Counter(term for counted in every for term in counted)
    idf = {term: math.log((1 + len(every)) / (1 + number)) + 1 for term, number in within.items()}

    def vector(counted):
        made = {term: count * idf[term] for term, count in counted.items()}
        length = math.sqrt(sum(value * value for value in made.values())) or 1.0
        return {term: value / length for term, value in made.items()}

    vectors = [vector(counted) for counted in every]
    of_rows, of_items = vectors[: len(rows)], vectors[len(rows) :]
    return [[sum(row[term] * item.get(term, 0.0) for term in row) for item in of_items] for row in of_rows]


def ours(rows, items, *, most=1000, cells=1 << 16, most_cells=10_000):
    compared = Items("b", [f"b/{number}" for number in range(len(items))], items)
    frequencies = Frequencies(compared.terms, most=most, cells=cells)
    for row in rows:
        frequencies.add(set(terms(row)))
    index = Index(compared, frequencies, most_cells=most_cells)
    return [index.nearest(Counter(terms(row))) for row in rows], index


@pytest.mark.parametrize("most_cells", [10_000, 0], ids=["matrix", "postings"])
@given(rows=st.lists(texts, min_size=1, max_size=8), items=st.lists(texts, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_cosine_is_the_greatest_of_the_papers(most_cells, rows, items):
    found, index = ours(rows, items, most_cells=most_cells)
    for near, cosines in zip(found, paper(rows, items), strict=True):
        assert near.cosine == pytest.approx(max(cosines), abs=1e-12)
        if near.item is not None:
            assert cosines[near.item] == pytest.approx(max(cosines), abs=1e-12)
    assert index.error == 0


def test_scikit_learn_says_the_same():
    text = pytest.importorskip("sklearn.feature_extraction.text", reason="scikit-learn is not installed")
    rows = ["Sum a LIST of numbers", "print the string; print it again", "", "nothing-in common é"]
    items = ["def sum(list): return number", "print string"]
    fitted = text.TfidfVectorizer().fit([*rows, *items])
    cosines = (fitted.transform(rows) @ fitted.transform(items).T).toarray()
    found, _ = ours(rows, items)
    assert [near.cosine for near in found] == pytest.approx(cosines.max(axis=1).tolist(), abs=1e-12)


def test_a_row_that_is_an_item_has_similarity_one_and_names_it():
    found, _ = ours(["print string", "def sum list"], ["number list", "def sum list"])
    assert found[1] == Near(pytest.approx(1.0), 1)


@pytest.mark.parametrize("row", ["", "a b c", "other words altogether"])
def test_a_row_that_shares_no_term_is_near_to_nothing(row):
    found, _ = ours([row], ["def sum list"])
    assert found == [Near(0.0, None)]


def test_what_rows_are_compared_with_decides_nothing_of_another_benchmark():
    rows = ["def sum list", "print number"]
    alone, _ = ours(rows, ["sum list"])
    compared = Items("b", ["b/0"], ["sum list"])
    frequencies = Frequencies({*compared.terms, "print", "string", "loop"})
    for row in rows:
        frequencies.add(set(terms(row)))
    index = Index(compared, frequencies)
    assert [index.nearest(Counter(terms(row))) for row in rows] == alone


def many(number):
    """Rows with a term in common with the item, and terms of their own."""
    return [f"sum list own{place} own{place % 50} rare{place // 3}" for place in range(number)]


def test_more_terms_than_are_counted_exactly_cost_little_precision():
    rows, items = many(600), ["def sum list", "print number"]
    exact, _ = ours(rows, items)
    rough, index = ours(rows, items, most=60, cells=1 << 12)
    pairs = [(one.cosine, other.cosine) for one, other in zip(exact, rough, strict=True)]
    assert all(right <= wrong + 1e-12 for right, wrong in pairs), "a count in a shared cell is never too small"
    assert 0 < index.error < 0.02
    excess = [wrong / right - 1 for right, wrong in pairs]
    assert sum(excess) / len(excess) < index.error < 2 * max(excess)


def test_terms_of_the_items_are_always_counted_exactly():
    frequencies = Frequencies({"late"}, most=3, cells=16)
    for row in ({"one", "two"}, {"three", "four"}, {"late", "five"}, {"late", "one"}):
        frequencies.add(row)
    assert not frequencies.exact
    assert frequencies.counted["late"] == 2
    assert frequencies.counted["one"] == 2
    assert frequencies.shared("five") >= 1
    assert frequencies.overcount == 1 / 16


def test_memory_for_terms_has_a_bound():
    frequencies = Frequencies((), most=1000, cells=1 << 10)
    for place in range(5000):
        frequencies.add({f"{place}a", f"{place}b", f"{place}c"})
    assert len(frequencies.counted) <= 1003
