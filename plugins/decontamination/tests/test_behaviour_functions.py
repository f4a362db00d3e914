"""Which functions a row has, and what of it each needs."""

from dataclasses import replace

import pytest
from magicoder_decontamination.behaviour.confirming import program_for
from magicoder_decontamination.behaviour.functions import ANY, functions_of

from magicoder_core.testing import instruction


def row(solution, problem="Do it.", **changes):
    return instruction(problem=problem, solution=solution, **changes)


def names(solution, **changes):
    return [one.name for one in functions_of(row(solution, **changes))]


def only(solution, **changes):
    (found,) = functions_of(row(solution, **changes))
    return found


def run(function, *arguments):
    space = {"__name__": "solution"}
    exec(program_for(function, "solve"), space)
    return space["solve"](*arguments)


DOUBLE = "def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (DOUBLE, 1),
        (f"Here it is:\n\n```python\n\n{DOUBLE}```\nDone.", 5),
        (f"Here it is:\r\n\r\n```py\r\n{DOUBLE}```".replace("\n", "\r\n").replace("\r\r", "\r"), 4),
        (f"~~~\n{DOUBLE}~~~", 2),
        (f"You can write:\n\n{DOUBLE}\nwhich doubles a number.", 3),
        (f"print('Python 2', )\nprint 'old'\n\n{DOUBLE}print double(2)\n", 4),
        ("```python\n    def double(x):\n        return 2 * x\n    print(double(2))\n```", 2),
        (f"```python\nimport nowhere\n@nowhere.cached\n@nowhere.twice\n{DOUBLE}```", 5),
    ],
    ids=["bare", "fenced", "crlf", "no language", "in prose", "in what is no Python", "indented", "decorated"],
)
def test_finds_a_function_with_its_line(text, line):
    assert [(one.name, one.field, one.line) for one in functions_of(row(text))] == [("double", "solution", line)]


@pytest.mark.parametrize(
    "text",
    [
        "```java\ndef double(x):\n    return 2 * x\n```",
        "def double(x)\n  2 * x\nend\n",
        "def show(x):\n    print(2 * x)\n",
        "async def double(x):\n    return 2 * x\n",
        "def double(*, x):\n    return 2 * x\n",
        "def double():\n    return 2\n",
        "class Pair:\n    def __init__(self, x):\n        self.x = x\n\n    def double(self, y):\n        return y * self.x\n",
        "class Pair:\n    @property\n    def double(self):\n        return 2\n\n    def _half(self, x):\n        return x / 2\n",
        "I would define it as twice the number.",
        "def f(x):\n    return x + " + "(" * 300 + "x" + ")" * 300,
        "def f(x):\n    return " + "+".join("x" * 20_000),
    ],
)
def test_passes_over_what_cannot_be_called_for_a_value(text):
    assert names(text) == []


def test_only_marked_blocks_count_in_rows_of_other_languages():
    assert names(f"```\n{DOUBLE}```", language="java") == []
    assert names(DOUBLE, language="java") == []
    assert names(f"```python\n{DOUBLE}```", language="java") == ["double"]


def test_methods_lambdas_and_all_fields():
    text = (
        "class Solution:\n"
        "    def twoSum(self, nums, target=0):\n        return nums\n"
        "    @staticmethod\n    def double(x):\n        return 2 * x\n"
        "    @classmethod\n    def make(cls, x, *rest):\n        return x\n"
        "half = lambda x: x / 2\n"
    )
    made = replace(row(text, problem=f"```python\n{DOUBLE}```"), tests="def check(f):\n    return f(1) == 2\n")
    found = functions_of(made)
    assert [(one.field, one.name, one.least, one.most) for one in found] == [
        ("problem", "double", 1, 1),
        ("solution", "Solution.twoSum", 1, 2),
        ("solution", "Solution.double", 1, 1),
        ("solution", "Solution.make", 1, ANY),
        ("solution", "half", 1, 1),
        ("tests", "check", 1, 1),
    ]
    assert [run(found[number], 4) for number in (0, 1, 2, 3, 4)] == [8, 4, 8, 4, 2]


def test_a_program_holds_what_the_function_needs_and_nothing_else():
    text = (
        "from math import floor\nimport nowhere\nRATE = 3\nseen = []\nunused = input()\n"
        "def helper(x):\n    return floor(x) * RATE\n"
        "def other(x):\n    return nowhere.get(x)\n"
        "def wanted(x: Number) -> Number:\n    unused = helper(x)\n    return unused\n"
        "wanted(1)\nif __name__ == '__main__':\n    print(wanted(2))\n"
    )
    found = {one.name: one for one in functions_of(row(text))}
    wanted = found["wanted"]
    assert run(wanted, 2.5) == 6
    assert wanted.names == {"floor", "RATE", "helper", "wanted"}
    assert "input" not in wanted.program
    assert "nowhere" not in wanted.program
    assert found["other"].names == {"nowhere", "other"}
    assert not any(one.stateful for one in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "memo = {}\ndef f(x):\n    memo[x] = x\n    return len(memo)\n",
        "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)\n",
        "count = 0\ndef f(x):\n    global count\n    count += x\n    return count\n",
        "class S:\n    seen = []\n    def f(self, x):\n        self.seen.append(x)\n        return len(self.seen)\n",
    ],
)
def test_what_calls_leave_behind_is_noticed(text):
    assert only(text).stateful


def test_a_later_block_uses_an_earlier_one_and_may_define_anew():
    text = (
        "First:\n```python\nBASE = 2\ndef f(x):\n    return BASE * x\n```\nFaster:\n"
        "```python\ndef f(x):\n    return BASE + x\n```\n"
    )
    first, second = functions_of(row(text))
    assert (first.line, second.line) == (4, 9)
    assert (run(first, 5), run(second, 5)) == (10, 7)


def test_the_same_function_counts_once():
    assert names(DOUBLE, problem=f"```python\n{DOUBLE}\n# again\n```") == ["double"]


def test_star_imports_come_along():
    assert run(only("from math import *\ndef f(x):\n    return floor(x)\n"), 2.5) == 2
