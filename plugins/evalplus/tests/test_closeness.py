"""Our `allclose` beside numpy's."""

import warnings

import pytest
from magicoder_evalplus.closeness import allclose

np = pytest.importorskip("numpy")
hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

EDGES = [2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**400, 1e300, -0.0, 1e-7, float("inf"), float("nan")]
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.floats(-2, 2),
    st.booleans(),
    st.complex_numbers(max_magnitude=1e10),
    st.sampled_from(EDGES),
)
ANYTHING = st.one_of(NUMBERS, NUMBERS, st.text(max_size=2), st.none(), st.binary(max_size=2))


def theirs(one, other, atol):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(np.allclose(one, other, rtol=1e-7, atol=atol))
    except (TypeError, ValueError, OverflowError):
        return False


def nested(leaf, least=0):
    def lists(inner):
        return st.one_of(
            st.lists(inner, min_size=least, max_size=3),
            st.lists(inner, min_size=least, max_size=3).map(tuple),
            st.integers(least, 3).map(range),
        )

    return st.recursive(leaf, lists, max_leaves=6)


@st.composite
def near(draw, values):
    """Two values, the second often made of the first by small changes."""
    one = draw(values)

    def changed(value):
        if isinstance(value, list | tuple):
            return type(value)(changed(item) for item in value)
        if isinstance(value, float):
            return draw(st.sampled_from([value, value + 1e-7, value * (1 + 1e-8), value * (1 + 1e-6), value + 1e-5]))
        if type(value) is int:
            return draw(st.sampled_from([value, value + 1, -value]))
        return value

    other = changed(one) if draw(st.booleans()) else draw(values)
    # What EvalPlus looks at before it asks numpy.
    hypothesis.assume(type(one) is type(other))
    hypothesis.assume(not isinstance(one, list | tuple) or len(one) == len(other))
    return one, other


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(near(nested(NUMBERS)), st.sampled_from([1e-6, 1e-4]))
def test_numbers_are_close_exactly_where_they_are_to_numpy(pair, atol):
    assert allclose(*pair, atol=atol) == theirs(*pair, atol)


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(near(nested(ANYTHING, least=1)), st.sampled_from([1e-6, 1e-4]))
def test_what_numpy_refuses_is_not_close(pair, atol):
    assert allclose(*pair, atol=atol) == theirs(*pair, atol)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([[]], [[1.0]]),
        ([[1.0], [1.0]], [1.0, 1.0]),
        ([(1.0, 1.0), (1.0, 1.0)], [[1.0], [1.0]]),
        ([range(1), range(1)], [range(1), range(1)]),
    ],
)
def test_shapes_may_differ_as_for_numpy_or_not_at_all(one, other):
    assert theirs(one, other, 1e-6)
    assert allclose(one, other, atol=1e-6)
    assert allclose(one, other, atol=1e-6, broadcast=False) is (one == other)


def test_long_lists_and_deep_ones():
    assert allclose([1.0] * 10_000, [1.0 + 1e-9] * 10_000, atol=1e-6)
    deep = 1.0
    for _ in range(70):
        deep = [deep]
    assert allclose(deep, deep, atol=1e-6) == theirs(deep, deep, 1e-6)
