"""What stands for large values, and what is done about large memory, in the program's own process."""

import sys
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magicoder_core import sandbox
from magicoder_core.sandbox.inside import values

MANY = values.LARGE_BYTES + 1

bubblewrap = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")


@pytest.fixture(autouse=True)
def without_numpy(monkeypatch):
    """numpy makes all go the slow way; other tests may have imported it."""
    monkeypatch.delitem(sys.modules, "numpy", raising=False)


def test_a_list_of_many_items_has_a_digest_of_its_own():
    texts = [f"text {number % 7}" for number in range(MANY)]
    found = values.long_digest(texts)
    assert len(found) == len(values.digest(b""))
    assert values.long_digest(["".join(list(text)) for text in texts]) == found
    assert values.long_digest(tuple(texts)) not in {b"", found}
    assert values.long_digest([*texts[:-1], "text"]) not in {b"", found}
    assert values.long_digest([*texts, "text"]) not in {b"", found}


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        ["a"] * (MANY - 1),
        "a" * MANY,
        dict.fromkeys(range(MANY), "a"),
        [*["a"] * MANY, {1, 2}],
        [*["a"] * MANY, frozenset({1})],
        [*["a"] * MANY, bytearray(b"x")],
        [*["a"] * MANY, OrderedDict()],
        [*["a"] * MANY, Text("a")],
        [*["a"] * MANY, object()],
        [*["a"] * MANY, lambda: 0],
    ],
    ids=lambda value: type(value[-1]).__name__ if isinstance(value, list) else type(value).__name__,
)
def test_other_values_have_none(value):
    assert values.long_digest(value) == b""


def test_a_list_that_holds_itself_has_none():
    value = ["a"] * MANY
    value.append(value)
    assert values.long_digest(value) == b""


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.sets(st.integers())
    ),
    max_leaves=8,
)


@given(st.lists(PLAIN, min_size=1), st.lists(PLAIN, min_size=1))
def test_digests_are_equal_where_the_bytes_are(one, other):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "LARGE_BYTES", 0)
        found = values.long_digest(one), values.long_digest(other)
        again = values.read(values.spell(one))
        assert values.long_digest(again) == found[0]
    if all(found):
        assert (found[0] == found[1]) is (values.spell(one) == values.spell(other))


@bubblewrap
def test_a_program_gives_the_same_digest_for_the_same_texts():
    codes = [
        "def f(n): return ['red', 'green'] * n",
        "def f(n): return [''.join(reversed(text)) for _ in range(n) for text in ('der', 'neerg')]",
        "def f(n): return ['red', 'green'] * (n - 1) + ['red', 'Green']",
    ]
    inputs = sandbox.Inputs.of("f", [(MANY,)])
    one, other, third = (
        answers.records[0] for answers in sandbox.call(sandbox.Calls.of(code, inputs) for code in codes)
    )
    assert isinstance(sandbox.answer(one), sandbox.Large)
    assert one == other != third


@bubblewrap
def test_memory_that_calls_give_back_is_kept_for_the_next():
    code = (
        "import resource\n"
        "def f(n):\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    len([str(number) for number in range(n)])\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
    )
    calls = sandbox.Calls.of(code, sandbox.Inputs.of("f", [(1_000_000,)] * 6))
    (answers,) = sandbox.call([calls])
    first, *_, last = (sandbox.answer(record).value for record in answers.records)
    assert first > 10_000
    assert last < first / 10
