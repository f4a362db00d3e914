"""What counts of an answer: the official post-processing of each format, the paper's, and ours for chat models."""

import textwrap

import ds1000_problems
import pytest
from magicoder_ds1000.answering import fitted, of_chat, official, published
from magicoder_ds1000.data import Task

BODY = "import numpy as np\ndef f(a, b):\n    # return it\n[insert]\nresult = f(a, b)\n"
LATER = "def g():\n    pass\ndef f(a, b):\n    c = 0\n    # return it\n[insert]\nresult = f(a, b)\n"


def asking(context, *, body=False):
    """A problem with a context, perhaps one that asks for a body."""
    prompt = "    ### BEGIN SOLUTION" if body else "BEGIN SOLUTION\n<code>\n"
    return Task(library="Numpy", number=0, prompt=prompt, reference="", context=context)


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
        ("Here:\n```python\nx = 1\n```\nIt is.\n```python\ny = 2\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("```bash\npip install x\n```\n```py\nx = 1\n\n```", "x = 1"),
        ("x = 1</code> done", "x = 1"),
        ("<think>Maybe\n```python\ny = 2\n```\n</think>\n```python\nx = 1\n```", "x = 1"),
        ("BEGIN SOLUTION\nx = 1\nEND SOLUTION\n```", "x = 1"),
        ("x = 1\n```\nThis sets x.", "x = 1"),
        ("It is:\n```\nx = 1", "x = 1"),
        ("Solution\n```\nx = 1", "x = 1"),
        ("```python\nBEGIN SOLUTION\n<code>\nx = 1\n</code>\nEND SOLUTION\nprint(x)\n```", "x = 1"),
        ("```python\ny = 2\n### END SOLUTION\nx = 1\n```", "y = 2\n### END SOLUTION\nx = 1"),
        ("```python\n```\n```python\nx = 1\n```", "x = 1"),
    ],
)
def test_a_chat_models_first_block_counts(text, code):
    """Without blanks at its end: one official context goes on in the same line."""
    assert of_chat(text, asking("x = 0\n[insert].numpy()\n")) == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("    return a + b", "    return a + b"),
        ("return a + b", "    return a + b"),
        ("c = a + b\nif c:\n    return c", "    c = a + b\n    if c:\n        return c"),
        ("# adds\n    return a + b", "# adds\n    return a + b"),
        ("# adds\nreturn a + b", "    # adds\n    return a + b"),
        ("c = a + b\n    return c", "    c = a + b\n    return c"),
        ("  c = a\n  return c", "    c = a\n    return c"),
        ("        return a + b", "    return a + b"),
        ("    return a + b\n\nprint(f(1, 2))", "    return a + b\n\nprint(f(1, 2))"),
        ("return a +", "    return a +"),
        ("    return a +", "    return a +"),
        ("def f(a, b):\n  return a + b", "    return a + b"),
        ("import math\nfrom x import y\n\ndef f(a, b):\n    '''Add.'''\n    return a + b\n\nprint(f(1, 2))",
         "    import math\n    from x import y\n    '''Add.'''\n    return a + b"),
        ("def half(x):\n  return x / 2\n\ndef f(a, b):\n    return half(a)\n\na = 1",
         "    def half(x):\n        return x / 2\n    return half(a)"),
        ("def g(a):\n    return a", "    def g(a):\n        return a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("context", [BODY, LATER], ids=["after its head", "further down"])
def test_a_chat_models_answer_is_fitted_to_a_body(answer, code, context):
    assert of_chat(f"```python\n{answer}\n```", asking(context, body=True)) == code


def test_a_body_within_a_class_is_indented_as_deep():
    context = asking("class A:\n    def f(self):\n[insert]\n")
    assert fitted("return 1", context) == "        return 1"
    assert fitted("        return 1", context) == "        return 1"


def test_code_that_is_no_body_stays_as_it_is():
    assert fitted("x = 1", asking("def g():\n    return 1\n[insert]\n")) == "x = 1"


@pytest.mark.parametrize("own", ds1000_problems.PROBLEMS, ids=lambda own: own.id)
def test_the_reference_is_what_counts_of_an_answer_that_has_it(own):
    task = asking(own.record(0)["code_context"], body=own.body)
    assert of_chat(f"Here:\n```python\n{own.right}\n```\nDone.", task) == own.right
    assert of_chat(f"```python\n{textwrap.dedent(own.right)}\n```", task) == own.right
