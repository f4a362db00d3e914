"""What counts of an answer: the official post-processing of each format, the paper's, and ours for chat models."""

import pytest
from magicoder_ds1000.answering import fitted, of_chat, official, published

BODY = "import numpy as np\ndef f(a, b):\n    # return it\n[insert]\nresult = f(a, b)\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1\n</code>\nmore", "x = 1\n"),
        ("```python\nx = 1\n```\nmore", "\nx = 1\n"),
        ("x = 1\nEND SOLUTION\n```", "x = 1"),
        ("<code>\nx = 1</code>", "\nx = 1"),
        ("    return x", "    return x"),
    ],
)
def test_completions_of_the_newer_format(text, code):
    assert official(text, "jsonl", "completion") == code


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        ("P\nBEGIN SOLUTION\n<code>\nx = 1\n</code>", "completion", "x = 1"),
        ("# SOLUTION START\nx = 1\n# SOLUTION END\nmore", "completion", "x = 1"),
        ("  x = 1  ", "completion", "x = 1"),
        ("# SOLUTION START\nx = 1", "insertion", "# SOLUTION START\nx = 1"),
    ],
)
def test_completions_of_the_older_tree(text, mode, code):
    assert official(text, "tree", mode) == code


def test_the_paper_cuts_at_the_first_fence():
    assert published("x = 1\n```\nThis sets x.\n```python") == "x = 1\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Here:\n```python\nx = 1\n```\nIt is.\n```python\ny = 2\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```bash\npip install x\n```\n```py\nx = 1\n```", "x = 1\n"),
        ("x = 1</code> done", "x = 1"),
    ],
)
def test_a_chat_models_first_block_counts(text, code):
    assert of_chat(text, "x = 0\n[insert]\n").rstrip("\n") == code.rstrip("\n")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("    return a + b", "    return a + b"),
        ("return a + b", "    return a + b"),
        ("c = a + b\nif c:\n    return c", "    c = a + b\n    if c:\n        return c"),
        ("def f(a, b):\n  return a + b", "  return a + b"),
        ("import math\nfrom x import y\n\ndef f(a, b):\n    '''Add.'''\n    return a + b\n\nprint(f(1, 2))",
         "    import math\n    from x import y\n    '''Add.'''\n    return a + b"),
        ("def g(a):\n    return a", "    def g(a):\n        return a"),
    ],
)  # fmt: skip
def test_a_chat_models_answer_is_fitted_to_a_body(answer, code):
    assert of_chat(f"```python\n{answer}\n```", BODY).rstrip("\n") == code


def test_a_body_within_a_class_is_indented_as_deep():
    assert fitted("return 1", "class A:\n    def f(self):\n[insert]\n") == "        return 1"


def test_code_that_is_no_body_stays_as_it_is():
    assert fitted("x = 1", "def g():\n    return 1\n[insert]\n") == "x = 1"
