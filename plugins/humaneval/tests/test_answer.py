"""From answers, as models give them, to programs."""

import pytest
from magicoder_humaneval.answer import program

PROMPT = '''from typing import List


def helper(x):
    return x + 1


def double(xs: List[int]) -> List[int]:
    """ Double each number. """
'''
WHOLE = "def double(xs: List[int]) -> List[int]:\n    return [helper(x) + x - 1 for x in xs]"
BODY = "    return [2 * x for x in xs]"
STUB = "def double(xs):\n    ..."
USAGE = "print(double([1]))"


def fence(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code}\n{mark}"


ANSWERS = {
    "fence": fence(WHOLE),
    "fence with prose around": f"Sure! Here it is:\n\n{fence(WHOLE)}\n\nIt doubles each number.",
    "no language": fence(WHOLE, ""),
    "py": fence(WHOLE, "Py"),
    "tildes": fence(WHOLE, mark="~~~"),
    "long fence": fence(WHOLE, mark="````"),
    "info words": fence(WHOLE, "python title=x.py"),
    "indented fence": "1. This:\n" + "\n".join("   " + line for line in fence(WHOLE).split("\n")),
    "unclosed fence": f"Here:\n```python\n{WHOLE}",
    "windows lines": fence(WHOLE).replace("\n", "\r\n"),
    "usage after it": f"{fence(WHOLE)}\nUse it so:\n{fence(USAGE)}",
    "question repeated before it": f"{fence(STUB)}\nThe answer:\n{fence(WHOLE)}",
    "shell before it": f"{fence('pip install x', 'bash')}\n{fence(WHOLE)}",
    "cut off after it": f"{fence(WHOLE)}\nOr:\n```python\ndef double(xs",
    "thinking before it": f"<think>Maybe {fence(STUB)} or so</think>\n{fence(WHOLE)}",
    "thinking whose start is in the prompt": f"hm {fence(STUB)}</think>{fence(WHOLE)}",
    "bare code": WHOLE,
    "bare code in prose": f"Here is the function:\n\n{WHOLE}\n\nThis doubles each number of the list.",
    "bare code with an import": f"import math\n\n{WHOLE}\n",
    "from the future": fence(f"from __future__ import annotations\nimport math\n{WHOLE}"),
    "a name for a lambda": fence("double = lambda xs: [2 * x for x in xs]"),
    "with its prompt": fence(f"{PROMPT}{BODY}"),
    "async cousin": fence(f"async def other(): pass\n{WHOLE}"),
    "body": BODY + "\n",
    "body in a fence": fence(BODY),
    "body without indent": "return [2 * x for x in xs]",
    "body whose first line lost its indent": "ys = xs\n    return [2 * x for x in ys]\n",
    "body of blocks without indent": "ys = []\nfor x in xs:\n    ys.append(2 * x)\nreturn ys",
    "body and more functions": f"{BODY}\n\ndef double_twice(xs):\n    return double(double(xs))\n",
    "body, then a closing fence": f"{BODY}\n```\nThis doubles each number.",
    "whole, then a closing fence": f"{WHOLE}\n```\nThis doubles each number.",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_program_in_an_answer(name):
    code = program(PROMPT, "double", ANSWERS[name])
    namespace = {}
    exec(compile(code, "<test>", "exec", dont_inherit=True), namespace)
    assert namespace["double"]([1, 5]) == [2, 10]


@pytest.mark.parametrize(
    "text", ["", "\n", "I cannot do that.", "```python\n```", "```", "<think>still thinking", "```\n\n```"]
)
def test_no_answer_is_no_right_program(text):
    code = program(PROMPT, "double", text)
    assert code.startswith("from typing import List")
    assert "return [" not in code


def test_what_the_prompt_defines_stands_before_the_answer():
    assert program(PROMPT, "double", fence(WHOLE)).startswith("from typing import List\n\n\ndef helper(x):")
    assert program("def f(x):\n    '''d'''\n", "f", fence("def f(x): return x")) == "def f(x): return x\n"


@pytest.mark.parametrize(
    "piece", ["`", "```\n", "``` a\n", "~~~x`\n", "def double(\n", " ", "a", "\n", "from a", "<think>", "a = "]
)
def test_long_answers_take_no_time_to_speak_of(piece):
    # Quadratic work on two million characters would hit pytest's time limit.
    program(PROMPT, "double", piece * (2_000_000 // len(piece)))
