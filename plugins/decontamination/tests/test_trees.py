"""Functions behind their names, and the quick look for them."""

import ast
import builtins

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_decontamination.planting import renamed
from magicoder_decontamination.skeletons import Skeletons
from magicoder_decontamination.texts import Batch
from magicoder_decontamination.trees import fingerprint, functions, shape, top_level


def print_of(code):
    (function,) = top_level(code)
    return fingerprint(function)


PLAIN = "def mean(values, skip=0):\n    total = sum(values[skip:])\n    return total / max(1, len(values) - skip)\n"
EQUAL = [
    "def f(a, b=0):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "def f(a, b = 0):\n    'What it is.'\n    c = sum(a[b : ])  # all\n    return (c / max(1, (len(a) - b)))\n",
    "def f(a: list[float], b: int = 0) -> float:\n    c: float = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "@cached\ndef f(a, b=0):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "def f(a, b=7):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "def f(self, a, b):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "async def f(a, b=0):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
]
OTHER = [
    "def f(a, b=0):\n    c = sum(a[b:])\n    return c / min(1, len(a) - b)\n",
    "def f(a, b=0):\n    c = sum(a[b:])\n    return c / max(1, len(b) - a)\n",
    "def f(b, a=0):\n    c = sum(a[b:])\n    return c / max(1, len(a) - b)\n",
    "def f(a, b=0):\n    c = a.sum(a[b:])\n    return c / max(1, len(a) - b)\n",
]


@pytest.mark.parametrize("code", EQUAL)
def test_names_layout_comments_annotations_decorators_and_defaults_do_not_count(code):
    assert print_of(code) == print_of(PLAIN)


@pytest.mark.parametrize("code", OTHER)
def test_what_is_done_counts(code):
    assert print_of(code) != print_of(PLAIN)


def test_a_builtin_that_a_function_binds_is_a_name_like_others():
    assert print_of("def f(list):\n    return list[0]") == print_of("def f(one):\n    return one[0]")
    assert print_of("def f(one):\n    return list[0]") != print_of("def f(one):\n    return one[0]")
    assert print_of("def f(a):\n    return [max for max in a]") == print_of("def f(a):\n    return [b for b in a]")
    assert print_of("def f(a):\n    for sum in a:\n        yield sum") == print_of(
        "def f(a):\n    for b in a:\n        yield b"
    )


def test_functions_are_found_wherever_they_stand():
    code = "class A:\n    def a(self): pass\nif True:\n    def b():\n        def c(): pass\ntry:\n    pass\nexcept E:\n    def d(): pass\n"
    assert [function.name for function in functions(code)] == ["a", "b", "c", "d"]
    assert [function.name for function in top_level(f"{code}def e(): pass")] == ["e"]


@pytest.mark.parametrize("code", ["def f(:", "\0", "(" * 1000, "x = " + "-" * 100_000 + "1"])
def test_what_is_no_python_has_none(code):
    assert functions(code) == []


def test_a_function_nested_too_deeply_has_no_fingerprint():
    code = f"def f():\n    return {'[' * 90}{']' * 90}\n"
    deep = ast.parse(code).body[0]
    for _ in range(5000):
        deep.body[0].value = ast.UnaryOp(ast.USub(), deep.body[0].value)
    assert fingerprint(deep) is None


NAMES = st.sampled_from(["a", "b", "total", "items", "max", "list", "count", "x1"])
VALUES = st.recursive(
    NAMES | st.integers(0, 99).map(str) | st.sampled_from(["'text'", "None", "1.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*%"), inner).map(lambda one: f"({one[0]} {one[1]} {one[2]})"),
        st.tuples(st.sampled_from(["len", "sorted", "sum"]), inner).map(lambda one: f"{one[0]}({one[1]})"),
        st.tuples(inner, st.sampled_from(["append", "upper", "real"])).map(lambda one: f"({one[0]}).{one[1]}"),
        inner.map(lambda one: f"[q for q in {one} if q]"),
    ),
    max_leaves=5,
)
# No builtin is bound behind its use: Python itself refuses to run that.
BOUND = NAMES.filter(lambda name: name not in {"max", "list"})
STATEMENTS = st.lists(st.tuples(BOUND, VALUES).map(lambda one: f"    {one[0]} = {one[1]}\n"), min_size=1, max_size=5)


@settings(deadline=None)
@given(STATEMENTS, VALUES)
def test_a_renamed_function_is_the_same_and_the_quick_look_lets_it_through(statements, value):
    code = f"def work(a, items):\n{''.join(statements)}    for b in items:\n        return {value}\n"
    original, other = ast.parse(code), renamed(ast.parse(code))
    assert print_of(other) == print_of(code)
    assert shape(top_level(other)[0]) == shape(original.body[0])
    skeletons = Skeletons([original.body[0]])
    text = f"Some words, if they are for anything:\n```python\n{other}\n```\nand not more"
    assert skeletons.candidates(Batch(["nothing", text, "for b in"])) == [1]


def test_the_quick_look_lets_little_else_through():
    sought = ast.parse(PLAIN).body[0]
    texts = [f"def f(a):\n    return {name}(a)" for name in dir(builtins)]
    assert Skeletons([sought]).candidates(Batch(texts)) == []


def test_there_may_be_no_functions():
    assert Skeletons([]).candidates(Batch([PLAIN, ""])) == []
