"""How much work an answer is: counted, not timed."""

import sys

import pytest

from magicoder_core.completing import parsing, program

PROMPT = 'def double(xs):\n    """ Double each number. """\n'
PIECES = [
    *("`", "```\n", "``` a\n", "~~~x`\n", "```\ndef double(\n```\n", "```\ndef double(xs): return xs\n```\n"),
    *(
        "def double(\n",
        "def double(xs): return xs\n",
        "def double(xs):\n    try:\n",
        "    def double(\n",
        "double = 1\n",
        "double = [\n",
    ),
    *(
        " ",
        "a",
        "\n",
        "\t",
        "\0",
        "\\\n",
        "\r",
        "é",
        "a\n",
        "    x\n",
        "x;",
        "a = ",
        "from a",
        "import os\n",
        "It's (so.\n",
    ),
    *(
        "@a\n",
        "if x:\n",
        "    if x:\n",
        "else:\n",
        "# c\n",
        "'''\n",
        '"""',
        "'",
        "(",
        "[{",
        "f'{",
        ">>> ",
        ">>> def double(x):\n",
    ),
    *("<think>", "</think>", "[THINK]", "<|im_end|>x", "</s", "-", "not ", "lambda: "),
]
STYLES = ("chat", "completion", "magicoder")
MANY = 300_000


def given_to_the_parser(monkeypatch, text, style):
    """Characters that were parsed, and how often anything was."""
    seen = []
    parse = parsing.ast.parse

    class Counting:
        def __getattr__(self, name):
            return getattr(parsing_ast, name)

        def parse(self, source):
            seen.append(len(source))
            return parse(source)

    parsing_ast = parsing.ast
    with monkeypatch.context() as patch:
        patch.setattr(parsing, "ast", Counting())
        program(prompt=PROMPT, entry_point="double", text=text, style=style)
    return sum(seen), len(seen)


def lines_run(text, style):
    """Lines of Python that an answer takes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        program(prompt=PROMPT, entry_point="double", text=text, style=style)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("piece", PIECES)
def test_hundreds_of_thousands_of_characters_are_no_trouble(piece, style, monkeypatch):
    """Quadratic work on so many would hit pytest's time limit, wherever it is done."""
    characters, tries = given_to_the_parser(monkeypatch, (piece * MANY)[:MANY], style)
    assert characters <= parsing.Tries.for_answer(MANY).left
    assert tries <= 3000


@pytest.mark.parametrize("piece", PIECES)
def test_the_work_grows_no_faster_than_the_answer(piece):
    """Lines of Python for four times the text; what only the longer one meets is a few for each character."""
    for style in STYLES:
        few, many = (lines_run(piece * (size // len(piece)), style) for size in (4_000, 16_000))
        assert many <= max(4.5 * few + 2_000, 15 * 16_000)


CALLS = {
    "each calls the next": "def f{0}(t):\n    table{0}[0] = 1\n    f{1}(t)\n\ntable{0} = []\nf{0}(table{0})\n",
    "each is called by one": "def f{0}(t):\n    t.append(table)\n    table.append(1)\n\nf{0}(table)\n",
    "one is called by all": "def f{0}(t):\n    double(t)\n    fill(t)\n\nf{0}(table)\nfill(table)\n",
    "each counts the same": "def f{0}():\n    global a, b\n    a = b = 1\n    f{1}()\n    f{0}()\n\nf{0}()\n",
}
"""Functions that change tables, and calls of them: all may lead to all."""


@pytest.mark.parametrize("name", CALLS)
def test_calls_that_change_tables_are_followed_in_linear_time(name):
    begin = "table = []\n\ndef fill(t):\n    t.append(1)\n\ndef double(xs):\n    return a + b + table0 + table\n"
    few, many = (
        lines_run(f"```python\n{begin}{''.join(CALLS[name].format(n, n + 1) for n in range(size))}```", "chat")
        for size in (40, 160)
    )
    assert many <= 4.5 * few


def test_very_deep_indentation():
    text = "".join(" " * depth + "if x:\n" for depth in range(1_500))
    code = program(prompt=PROMPT, entry_point="double", text=text, style="completion")
    assert code.startswith("def double")


@pytest.mark.parametrize("deep", ["-", "not ", "x.", "f(", "[", "lambda: ", "a + ", "a if b else ", "a ** "])
def test_an_expression_too_deep_for_python_is_judged_and_does_not_end_us(deep):
    text = f"```python\ndef double(xs):\n    return {deep * 20_000}xs\n```"
    assert "def double" in program(prompt=PROMPT, entry_point="double", text=text)
