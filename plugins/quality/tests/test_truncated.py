import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_quality import Truncated
from magicoder_quality.truncated import unclosed

from magicoder_core.testing import instruction

CODE = "def f(x):\n    return [x]"
CUT = [
    (f"```python\n{CODE}", "unclosed code block"),
    (f"~~~python\n{CODE}\n```", "unclosed code block"),
    (f"```python\n{CODE}\n```\nand\n```python\nx =", "unclosed code block"),
    ("```python\nx = [\n    1,\n    2,\n```", "unclosed bracket"),
    ("```python\ndef f():\n    '''What it does\n    return 1\n```", "unclosed bracket"),
    ("```python\nprint(f(1)\n```", "unclosed bracket"),
    (f"```python\n{CODE}\n```\nThis works because the", "ends within a sentence"),
    (f"```python\n{CODE}\n```\nThe time complexity is linear,", "ends within a sentence"),
    ("First sort the list, then remove the duplicates and", "ends within a sentence"),
    (
        "Here is the solution in Python:\n```python\nx = 1\n```\nAnd here are the tests for it:",
        "ends within a sentence",
    ),
    ("1. First:\n   - ```python\n     x = 1", "unclosed code block"),
]
WHOLE = [
    "Do this:\n  - ```python\n    x = 1\n    ```\n",
    "1. ~~~python\n   x = 1\n   ~~~",
    "* ```python\n  x = 1\n  ```\n* ```python\n  y = 1\n  ```\n\nThat is all.",
    f"```python\n{CODE}\n```",
    f"```python\n{CODE}\n```\nThat is all.",
    f"```python\n{CODE}\n```\n\n**Output:**",
    "```python\ns = '(' + \"[\"  # and {\n```",
    "```python\ns = '''\n(((\n'''\nt = r\"\"\"[\"\"\"\n```",
    "```python\ns = f\"{x['(']}\"\n```",
    "```python\nprint 1 2 3\n```",
    "```js\nconst x = [\n```",
    "It takes O(n) time and O(1) space",
    "dog lazy the over jumped fox brown quick The",
    "def f(x):\n    return x,",
    "x = (1,\n     2)",
    "SELECT * FROM a WHERE x IN",
    "",
    "...",
]


@pytest.mark.parametrize(("text", "reason"), CUT)
def test_what_ends_in_the_middle_is_dropped(judged, text, reason):
    judgement = judged(Truncated(), instruction(solution=text))
    assert (judgement.keep, judgement.reason) == (False, reason)
    assert judgement.evidence["tail"].endswith(text.split()[-1])


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_whole_is_kept(judged, text):
    judgement = judged(Truncated(), instruction(solution=text))
    assert judgement.keep, judgement


def test_the_evidence_says_where(judged):
    judgement = judged(Truncated(), instruction(solution="So:\n\n```python\nx = 1\ny = [\n    1,\n```"))
    assert (judgement.evidence["open"], judgement.evidence["line"]) == ("[", 5)
    judgement = judged(Truncated(), instruction(solution="So:\n```python\nx = 1"))
    assert judgement.evidence["line"] == 2


def test_each_rule_can_be_left_out(judged):
    for (text, _), option in zip((CUT[0], CUT[5], CUT[6]), ("fences", "brackets", "sentences"), strict=True):
        assert judged(Truncated(**{option: False}), instruction(solution=text)).keep


def test_dots_are_an_end_unless_they_are_none(judged):
    text = "And so on, for all other numbers..."
    assert judged(Truncated(), instruction(solution=text)).keep
    assert not judged(Truncated(dots=True), instruction(solution=text)).keep


def test_bare_python_is_looked_at(judged):
    assert not judged(Truncated(), instruction(solution="def f(x):\n    return g(x,")).keep
    assert judged(Truncated(), instruction(solution="f(x, {", language="javascript")).keep


@given(st.text(alphabet="()[]{}'\"#\n\\ abf=,:", max_size=80))
def test_code_that_python_reads_has_nothing_unclosed(code):
    import ast
    import warnings

    sign, line = unclosed(code)
    assert (sign == "") == (line == 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError:
        return
    assert sign == ""
