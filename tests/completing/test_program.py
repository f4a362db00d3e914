"""From answers, as models give them, to programs."""

import random

import pytest

from magicoder_core.completing import program

PROMPT = '''from typing import List


def helper(x):
    return x + 1


def double(xs: List[int]) -> List[int]:
    """ Double each number. """
'''
TASK = '''"""
Write a function to double each number of a list.
assert double([1, 5]) == [2, 10]
"""
'''
WHOLE = "def double(xs: List[int]) -> List[int]:\n    return [helper(x) + x - 1 for x in xs]"
ALONE = "def double(xs):\n    return [2 * x for x in xs]"
BODY = "    return [2 * x for x in xs]"
STUB = "def double(xs):\n    ..."
USAGE = "print(double([1]))"
HELP = "def twice(x):\n    return 2 * x"
WITH_HELP = "def double(xs):\n    return [twice(x) for x in xs]"
TRACE = "<think>Maybe {} or so</think>"


def fence(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code}\n{mark}"


def typed(*statements: str) -> str:
    """As in a session with Python."""
    return "\n".join(">>> " + one.replace("\n", "\n... ") for one in statements)


CHATS = {
    "fence": fence(WHOLE),
    "fence with prose around": f"Sure! Here it is:\n\n{fence(WHOLE)}\n\nIt doubles each number.",
    "no language": fence(WHOLE, ""),
    "py": fence(WHOLE, "Py"),
    "another language": fence(WHOLE, "text"),
    "tildes": fence(WHOLE, mark="~~~"),
    "long fence": fence(WHOLE, mark="````"),
    "info words": fence(WHOLE, "python title=x.py"),
    "indented fence": "1. This:\n" + "\n".join("   " + line for line in fence(WHOLE).split("\n")),
    "unclosed fence": f"Here:\n```python\n{WHOLE}",
    "windows lines": fence(WHOLE).replace("\n", "\r\n"),
    "old mac lines": fence(WHOLE).replace("\n", "\r"),
    "byte order mark": "\ufeff" + fence(WHOLE),
    "tabs": fence(WHOLE).replace("    ", "\t"),
    "usage after it": f"{fence(WHOLE)}\nUse it so:\n{fence(USAGE)}",
    "question repeated before it": f"{fence(STUB)}\nThe answer:\n{fence(WHOLE)}",
    "question repeated in its block": fence(f"{STUB}\n\n\n{WHOLE}"),
    "shell before it": f"{fence('pip install x', 'bash')}\n{fence(WHOLE)}",
    "cut off after it": f"{fence(WHOLE)}\nOr:\n```python\ndef double(xs",
    "longer, but cut off after it": f"{fence(WHOLE)}\nOr:\n```python\ndef double(xs):\n    a = 1\n    b = 2\n    if a",
    "thinking before it": f"{TRACE.format(fence(STUB))}\n{fence(WHOLE)}",
    "thinking whose start is in the prompt": f"hm {fence(STUB)}</think>{fence(WHOLE)}",
    "bare code": WHOLE,
    "bare code in prose": f"Here is the function:\n\n{WHOLE}\n\nThis doubles each number of the list.",
    "bare code in much prose": "It's (simple.\n" * 30 + f"\n{WHOLE}\n\n" + "It's (simple.\n" * 30,
    "bare code with an import": f"import math\n\n{WHOLE}\n",
    "prose like an import": f"import the list first\nfrom this import the list\n{WHOLE}\n",
    "from the future": fence(f"from __future__ import annotations\nimport math\n{WHOLE}"),
    "from the future, after other code": fence(f"import math\n{WHOLE}\nfrom __future__ import annotations"),
    "a name for a lambda": fence("double = lambda xs: [2 * x for x in xs]"),
    "a typed name for a lambda": fence("double: object = lambda xs: [2 * x for x in xs]"),
    "with its prompt": fence(f"{PROMPT}{BODY}"),
    "async cousin": fence(f"async def other(): pass\n{WHOLE}"),
    "helper before it": fence(f"{HELP}\n\n\n{WITH_HELP}"),
    "helper after it": fence(f"{WITH_HELP}\n\n\n{HELP}"),
    "helper in a block of its own": f"{fence(HELP)}\nand then\n{fence(WITH_HELP)}",
    "helper in a later block": f"{fence(WITH_HELP)}\nwith\n{fence(HELP)}",
    "helper of its own under a name of the prompt's": fence(f"def helper(x):\n    return 1 + x\n\n\n{WHOLE}"),
    "helper without return": fence(
        "def fill(ys, xs):\n    ys.extend(2 * x for x in xs)\n\n\ndef double(xs):\n    ys = []\n    fill(ys, xs)\n    return ys"
    ),
    "class": fence("class Two:\n    by = 2\n\n\ndef double(xs):\n    return [Two.by * x for x in xs]"),
    "class for a function": fence(
        "class double(list):\n    def __init__(self, xs):\n        self[:] = [2 * x for x in xs]"
    ),
    "decorated": fence(f"def plain(f):\n    return f\n\n\n@plain\n@plain\n{ALONE}"),
    "decorated in prose": f"So:\ndef plain(f):\n    return f\n\n\n@plain\n{ALONE}\nDone.",
    "wrapped afterwards": fence(f"import functools\n{ALONE}\ndouble = functools.partial(double)"),
    "table filled by a loop": fence(
        "table = {}\nfor n in range(9):\n    table[n] = 2 * n\n\ndef double(xs):\n    return [table[x] for x in xs]"
    ),
    "table filled by a call": fence(
        "table = {}\ntable.update({1: 2, 5: 10})\n\ndef double(xs):\n    return [table[x] for x in xs]"
    ),
    "import that may fail": fence(
        f"try:\n    import nothing_like_it as m\nexcept ImportError:\n    m = 2\n\n{ALONE.replace('2', 'm')}"
    ),
    "two names at once": fence("a, b = 1, 1\n\ndef double(xs):\n    return [(a + b) * x for x in xs]"),
    "a number that grows": fence("a = 1\na += 1\n\ndef double(xs):\n    return [a * x for x in xs]"),
    "more of the stack": fence(f"import sys\nsys.setrecursionlimit(2000)\n\n{ALONE}"),
    "tests in its block": fence(f"{ALONE}\n\nassert double([1]) == [3]\n{USAGE}"),
    "test function in its block": fence(f"{ALONE}\n\ndef test():\n    assert double([1]) == [3]\n\ntest()"),
    "questions to the user in its block": fence(f"{ALONE}\n\nxs = input('Numbers: ').split()\nprint(double(xs))"),
    "main guard": fence(f"{ALONE}\n\nif __name__ == '__main__':\n    raise SystemExit(1)"),
    "all names of a module, late": fence(
        "def double(xs):\n    return [int(pow(4, 0.5)) * x for x in xs]\nfrom math import *"
    ),
    "import that nothing needs, late": fence(f"{ALONE}\n\nimport nothing_like_it\nfrom nothing_like_it import that"),
    "unit tests": fence(f"import unittest\n{ALONE}\n\nclass T(unittest.TestCase):\n    pass\n\nunittest.main()"),
    "two statements in a line": fence("import math; a = 2; print(a)\ndef double(xs): return [a * x for x in xs]"),
    "cut off in its usage": f"```python\n{ALONE}\n\n# So:\nprint(double(",
    "cut off in a later function": f"```python\n{ALONE}\n\ndef main():\n    try:\n        x = 1\n        # and now\n        y =",
    "cut off after a header": f"```python\n{ALONE}\n\nfor x in range(3):\n    # print it",
    "cut off in a text": f'```python\n{ALONE}\n\n"""\nHow to use it: don\'t.',
    "fence within a text": fence(f'def double(xs):\n    """\n    ```\n    double([1])\n    ```\n    """\n{BODY}'),
    "session": fence(typed(ALONE, "double([1])") + "\n[2]"),
    "session without a fence": f"So:\n\n{typed(ALONE, 'double([1])')}\n[2]\n",
    "end of a turn": f"{ALONE}<|im_end|>\nuser\nThanks",
    "end of a text": f"{fence(ALONE)}</s>",
    "escapes that Python will refuse some day": fence(f"import re\nPATTERN = re.compile('\\d')\n{ALONE}"),
    "whole, then a closing fence": f"{WHOLE}\n```\nThis doubles each number.",
    "names of locals": fence(f"{ALONE}\n\nx = input()\nxs = [0] * int(x)"),
}
BY_TABLE = "def double(xs):\n    return [table[x] for x in xs]"
FILL = "table = {}\n\ndef fill():\n    for n in range(9):\n        table[n] = 2 * n"
GIVEN = "table = {}\n\ndef fill(into, by=2):\n    for n in range(9):\n        into[n] = by * n"
FILLED = {
    "by a function": f"{FILL}\n\nfill()\n\n{BY_TABLE}",
    "by a function, after the entry point": f"{BY_TABLE}\n\n{FILL}\n\nfill()",
    "by a function that another calls": f"{FILL}\n\ndef begin():\n    print('so')\n    fill()\n\nbegin()\n\n{BY_TABLE}",
    "by a function that calls itself": (
        "table = [0]\n\ndef fill(n):\n    if len(table) < n:\n        table.append(2 * len(table))\n        fill(n)\n\n"
        f"fill(9)\n\n{BY_TABLE}"
    ),
    "by a function that assigns it": (
        f"table = None\n\ndef fill():\n    global table\n    table = range(0, 99, 2)\n\nfill()\n\n{BY_TABLE}"
    ),
    "by a function within a function": (
        "table = {}\n\ndef fill():\n    def one(n):\n        table[n] = 2 * n\n    for n in range(9):\n        one(n)\n\n"
        f"fill()\n\n{BY_TABLE}"
    ),
    "by calls in a loop": (
        "table = {}\n\ndef fill(n):\n    table.update({n: 2 * n})\n\nfor n in range(9):\n    fill(n)\n\n" + BY_TABLE
    ),
    "given to a function": f"{GIVEN}\n\nfill(table)\n\n{BY_TABLE}",
    "given to a function by name": f"{GIVEN}\n\nfill(by=2, into=table)\n\n{BY_TABLE}",
    "given to a function that gives it on": (
        f"{GIVEN}\n\ndef begin(there):\n    fill(there)\n\nbegin(table)\n\n{BY_TABLE}"
    ),
    "given to a function within another": f"{GIVEN}\n\ndef begin():\n    fill(table)\n\nbegin()\n\n{BY_TABLE}",
    "given to a function that adds to it": (
        "table = [0]\n\ndef fill(into):\n    into += range(2, 99, 2)\n\nfill(table)\n\n" + BY_TABLE
    ),
    "of a class": (
        "class Two:\n    table = {}\n\ndef fill(into):\n    into.update({1: 2, 5: 10})\n\nfill(Two.table)\n\n"
        "def double(xs):\n    return [Two.table[x] for x in xs]"
    ),
    "of the entry point": "def double(xs):\n    return [double.by * x for x in xs]\n\nsetattr(double, 'by', 2)",
    "of the entry point, by a function": (
        "def double(xs):\n    return [double.by * x for x in xs]\n\ndef begin(f):\n    f.by = 2\n\nbegin(double)"
    ),
    "put in order": (
        "import heapq\ntable = [9, 2]\nheapq.heapify(table)\n\ndef double(xs):\n    return [table[0] * x for x in xs]"
    ),
}
"""Tables that a program needs, and how they are filled."""

HARM = "raise SystemExit(1)"
MEMO = (
    "import random\n\nmemo = {}\n\ndef twice(x):\n    memo[x] = random.choice([2 * x])\n    return memo[x]\n\n"
    + WITH_HELP
)
SHOWN = {
    "print": f"print(double([1]))\n{HARM}",
    "main": f"def main():\n    print(double([1]))\n    {HARM}\n\nmain()",
    "main that clears the table": f"def main():\n    memo.clear()\n    print(double([1]))\n    {HARM}\n\nmain()",
    "main that asks": f"def main():\n    memo[0] = int(input())\n    {HARM}\n\nmain()",
    "main that reads": f"import sys\n\ndef main():\n    memo[0] = sys.stdin.read()\n    {HARM}\n\nmain()",
    "main that calls a test": (
        f"def test():\n    double([1])\n    {HARM}\n\ndef main():\n    memo.clear()\n    test()\n\nmain()"
    ),
    "test": "def test():\n    assert double([1]) == [3]\n\ntest()",
    "test of a helper": "def test():\n    assert twice(1) == 3\n\ntest()",
    "test of what it is given": "def check(candidate):\n    assert candidate([1]) == [3]\n\ncheck(double)",
    "test that is given the table": f"def check(table):\n    print(table)\n    {HARM}\n\ncheck(memo)",
    "test that is given the table, and calls": (
        f"def check(table):\n    table.clear()\n    double([1])\n    {HARM}\n\ncheck(memo)"
    ),
    "test with a table of its own": f"def test():\n    memo = {{}}\n    memo[1] = 3\n    {HARM}\n\ntest()",
    "test that counts": f"count = 0\n\ndef test():\n    global count\n    count += 1\n    {HARM}\n\ntest()",
    "test of another table": f"def test(memo):\n    memo[1] = 3\n    {HARM}\n\ntest({{}})",
    "test that draws": f"def test():\n    random.seed(0)\n    {HARM}\n\ntest()",
    "question": "input('Press enter')",
    "call": "double(1)",
    "asserts": "assert double([1]) == [3]",
}
"""What follows a program and would end it or make it wrong."""

BODIES = {
    "body": BODY + "\n",
    "body in a fence": fence(BODY),
    "body without indent": "return [2 * x for x in xs]",
    "body whose first line lost its indent": "ys = xs\n    return [2 * x for x in ys]\n",
    "body of blocks without indent": "ys = []\nfor x in xs:\n    ys.append(2 * x)\nreturn ys",
    "body and more functions": f"{BODY}\n\ndef double_twice(xs):\n    return double(double(xs))\n",
    "body, then a closing fence": f"{BODY}\n```\nThis doubles each number.",
    "body after a line": f"\n{BODY}\n",
    "body in tabs": BODY.replace("    ", "\t"),
    "body and its helper": f"    return [twice(x) for x in xs]\n\n\n{HELP}\n",
    "body and a class": f"{BODY}\n\nclass Solution:\n    def run(self):\n        return 1\n",
    "body and a test": f"{BODY}\n\nassert double([1]) == [3]\n",
    "body and a main guard": f"{BODY}\n\nif __name__ == '__main__':\n    raise SystemExit(1)\n",
    "body and prose": f"{BODY}\n\nThe function doubles (it's easy.\nThat's it.\n",
    "body, and the question again": f"{BODY}\n\n{PROMPT}    return None\n",
    "body, and the question again, cut off": f"{BODY}\n\n{PROMPT[:-30]}",
    "body, end of the text, another document": f"{BODY}<|endoftext|>import nothing_like_it\n",
}
WHOLES = {"whole": ALONE + "\n", "whole after a line": f"\n{ALONE}\n", "whole in prose": CHATS["bare code in prose"]}


def run(code):
    """What ``double`` gives, and the program's names."""
    namespace = {}
    exec(compile(code, "<test>", "exec", dont_inherit=True), namespace)
    return [*namespace["double"]([1, 5])], namespace


@pytest.mark.parametrize("name", CHATS)
def test_the_program_in_a_chat_models_answer(name):
    result, _ = run(program(prompt=PROMPT, entry_point="double", text=CHATS[name]))
    assert result == [2, 10]


@pytest.mark.parametrize(
    "name", [name for name in CHATS if "List" not in CHATS[name] and "helper(x)" not in CHATS[name]]
)
def test_the_program_in_an_answer_to_a_task_in_words(name):
    result, _ = run(program(prompt=TASK, entry_point="double", text=CHATS[name]))
    assert result == [2, 10]


@pytest.mark.parametrize("name", FILLED)
def test_calls_that_fill_a_table_which_is_needed_are_kept(name):
    code = FILLED[name]
    found = program(prompt=TASK, entry_point="double", text=fence(f"{code}\n\nprint(double([1]))\n{HARM}"))
    assert run(found)[0] == [2, 10]
    assert found.split() == code.split()


@pytest.mark.parametrize("name", SHOWN)
def test_calls_that_only_show_the_program_go(name):
    found = program(prompt=TASK, entry_point="double", text=fence(f"{MEMO}\n\n{SHOWN[name]}"))
    assert found.split() == MEMO.split()


def test_a_table_that_nothing_needs_is_not_filled():
    found = program(prompt=TASK, entry_point="double", text=fence(f"{FILL}\n\nfill()\n\n{ALONE}"))
    assert found == ALONE + "\n"


def test_a_table_of_another_block_is_filled_there_or_not_at_all():
    filled = fence(f"{FILL}\n\nfill()")
    with_table = program(prompt=TASK, entry_point="double", text=f"{filled}\nand\n{fence(BY_TABLE)}")
    assert run(with_table)[0] == [2, 10]
    own = f"table = dict(enumerate(range(0, 99, 2)))\n\n{BY_TABLE}"
    assert program(prompt=TASK, entry_point="double", text=f"{filled}\nor\n{fence(own)}") == own + "\n"


@pytest.mark.parametrize("style", ["chat", "completion"])
@pytest.mark.parametrize("name", BODIES)
def test_the_program_that_a_body_makes(name, style):
    result, _ = run(program(prompt=PROMPT, entry_point="double", text=BODIES[name], style=style))
    assert result == [2, 10]


@pytest.mark.parametrize("name", [*CHATS, *WHOLES])
def test_a_model_that_answers_instead_of_going_on_is_understood(name):
    text = {**CHATS, **WHOLES}[name]
    result, _ = run(program(prompt=PROMPT, entry_point="double", text=text, style="completion"))
    assert result == [2, 10]


@pytest.mark.parametrize("text", [f"\n{BODY}\n```\n\nThis doubles.", f"\n{BODY}", f"\n{BODY}\n```\n```python\n{STUB}"])
def test_the_papers_format_ends_at_the_first_fence(text):
    code = program(prompt=PROMPT, entry_point="double", text=text, style="magicoder")
    assert run(code)[0] == [2, 10]
    assert program(prompt=TASK, entry_point="double", text=f"\n{ALONE}\n```\nso", style="magicoder") == ALONE + "\n"


@pytest.mark.parametrize("style", ["chat", "completion", "magicoder"])
@pytest.mark.parametrize(
    "text",
    ["", "\n", "I cannot do that.", "```python\n```", "```", "<think>still thinking", "```\n\n```", fence(STUB), "\0"],
)
def test_no_answer_is_no_right_program(text, style):
    code = program(prompt=PROMPT, entry_point="double", text=text, style=style)
    assert code.startswith("from typing import List")
    assert "return [" not in code


def test_what_the_prompt_defines_stands_before_the_answer():
    code = program(prompt=PROMPT, entry_point="double", text=fence(WHOLE))
    assert code.startswith("from typing import List\n\n\ndef helper(x):")
    assert (
        program(prompt="def f(x):\n    '''d'''\n", entry_point="f", text=fence("def f(x): return x"))
        == "def f(x): return x\n"
    )
    assert "helper" not in program(prompt=PROMPT, entry_point="double", text=fence(ALONE))


def test_a_program_of_which_nothing_goes_stays_as_it_is():
    code = "import math\n\n# Two of each.\nTWO = 2\n\n\n@functools.cache\ndef double(xs):  # easy\n    return [TWO * x for x in xs]\n"
    assert program(prompt=TASK, entry_point="double", text=fence(code)) == code


def test_only_what_the_entry_point_needs_is_kept():
    code = f"import os\nn = 3\n{HELP}\n\n\ndef unused():\n    return n\n\n\n{WITH_HELP}\n\n\nresult = double([1])\n{USAGE}\n"
    found = program(prompt=TASK, entry_point="double", text=fence(code))
    assert found.split() == f"import os {HELP} {WITH_HELP}".split()


def test_of_two_definitions_the_first_real_one_counts():
    code = f"{STUB}\n\n\n{ALONE}\n\n\ndef double(xs):\n    return None\n"
    assert program(prompt=TASK, entry_point="double", text=fence(code)) == ALONE + "\n"


def test_of_two_blocks_the_longer_counts_and_of_equal_ones_the_first():
    longer = f"{ALONE}\n    # the end"
    for blocks in ([ALONE, longer], [longer, ALONE]):
        assert "the end" in program(prompt=TASK, entry_point="double", text="\n".join(map(fence, blocks)))
    first = program(prompt=TASK, entry_point="double", text=fence(ALONE) + "\n" + fence(ALONE.replace("2", "3")))
    assert "2 * x" in first


def test_what_does_not_parse_at_all_is_given_back_to_be_judged_as_that():
    code = program(prompt=PROMPT, entry_point="double", text=fence("def double(xs) return 2 * xs"))
    assert code == PROMPT[: PROMPT.index("def double")] + "def double(xs) return 2 * xs"


PIECES = [
    *(
        "```",
        "```python\n",
        "```\n",
        "~~~\n",
        "def double(xs):\n",
        "    return [2 * x for x in xs]\n",
        "@a\n",
        "x = (\n",
        ")\n",
    ),
    *(
        "'''",
        '"""',
        "'",
        "# c\n",
        "\\\n",
        "\n",
        " ",
        "\t",
        "if x:\n",
        "    try:\n",
        "else:\n",
        "import os\n",
        "class A:\n",
        "\0",
    ),
    *(
        "It's (\n",
        "<think>",
        "</think>",
        ">>> ",
        "... ",
        "\ud800",
        "double = ",
        "lambda: ",
        "f'{",
        "}",
        "\r",
        "\x0c",
        "é",
        "9x",
    ),
]


def test_any_text_gives_some_program():
    draw = random.Random(5)
    for _ in range(400):
        text = "".join(draw.choices(PIECES, k=draw.randrange(1, 30)))
        for style in ("chat", "completion", "magicoder"):
            for prompt in (PROMPT, TASK):
                assert isinstance(program(prompt=prompt, entry_point="double", text=text, style=style), str)
