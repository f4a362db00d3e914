"""Lengths in tokens, and the figures made of them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_quality.analysis.lengths import BUCKET, SHOWN, Lengths, counter


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("def add(a, b):\n    return a + b\n", 12),
        ("<|endoftext|>", 7),  # text like any other
        ("1234567", 3),  # three digits at most to a token
    ],
)
def test_tokens_are_those_of_cl100k_base(text, tokens):
    assert counter()(text) == tokens


def test_tiktoken_counts_the_same_with_the_same_table():
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    import base64
    import gzip
    from importlib import resources

    packed = resources.files("bpe_openai").joinpath("data/cl100k_base.tiktoken.gz").read_bytes()
    lines = (line.split() for line in gzip.decompress(packed).splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    pattern = (
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"""
        r"""\s*[\r\n]|\s+(?!\S)|\s"""
    )
    theirs = tiktoken.Encoding("cl100k", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})

    @given(st.text())
    @settings(deadline=None)
    def same(text):
        assert counter()(text) == len(theirs.encode_ordinary(text))

    same()


def test_what_no_utf8_can_hold_is_counted_all_the_same():
    assert counter()("a\ud800b") > 0


def test_a_very_long_text_is_counted_in_pieces():
    """The tokenizer itself refuses a million characters."""
    assert counter()("word " * 300_000) == pytest.approx(300_001, abs=2 * 1_500_000 / 50_000)
    assert counter()("\x00" * 1_200_000) == 1_200_000


@given(st.lists(st.integers(0, 2000), min_size=1))
def test_figures_are_those_of_the_sorted_lengths(numbers):
    lengths = Lengths()
    for number in numbers:
        lengths.add(number)
    facts = lengths.facts()
    ordered = sorted(numbers)
    for name, share in (("p5", 0.05), ("median", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert facts[name] == ordered[max(1, math.ceil(share * len(ordered))) - 1]
    assert facts["mean"] == pytest.approx(sum(numbers) / len(numbers))
    assert facts["max"] == ordered[-1]
    assert sum(facts["buckets"]) + facts["over"] == facts["texts"] == len(numbers)
    assert facts["over"] == sum(number >= SHOWN for number in numbers)
    assert facts["buckets"][0] == sum(number < BUCKET for number in numbers)
    assert len(facts["buckets"]) * BUCKET == SHOWN
