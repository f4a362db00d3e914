"""Completions end where the earliest stop token begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_multipl_e.stopping import HARNESS, cut


@pytest.mark.parametrize(
    ("completion", "stops", "left"),
    [
        ("    return x;\n}\nint main() {\n}\n", ["\n}"], "    return x;"),
        ("    a\n// b\nfunction c", ["\nfunction ", "\n//"], "    a"),
        ("    return 1\n<file_sep>more", ["\n}"], "    return 1\n"),
        ("    return 1\n", ["\n}"], "    return 1\n"),
        ("\n}", ["\n}"], ""),
        ("", ["\n}"], ""),
        ("    }\n    }\n", ["\n    }\n"], "    }"),
    ],
)
def test_the_earliest_of_all_counts(completion, stops, left):
    assert cut(completion, stops) == left


@given(st.text("ab\n}#", max_size=30), st.lists(st.text("ab\n}#", min_size=1, max_size=3), max_size=4))
def test_what_is_left_is_the_longest_beginning_before_any_stop(completion, stops):
    left = cut(completion, stops)
    assert completion.startswith(left)
    assert not any(stop in left for stop in (*stops, *HARNESS))
    if left != completion:
        assert any(completion.startswith(stop, len(left)) for stop in stops)
