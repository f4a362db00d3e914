"""How problems are asked for: the published prompts, the paper's, gaps, and layouts that nobody knows."""

import ds1000_problems
import pytest
from magicoder_ds1000.prompting import FENCE, STOPS, infilling, magicoder, request

from magicoder_core import RunError, Sampling
from magicoder_core.completing import WIRE

SAMPLING = Sampling(temperature=0.2)
FIM = "<pre>{prefix}<suf>{suffix}<mid>"


def asked(style, prompt, mode="completion", infill=FIM):
    return request(style, mode, name="Own/0", prompt=prompt, sampling=SAMPLING, infill=infill)


def test_a_base_model_goes_on_with_the_published_prompt():
    prompt = ds1000_problems.BY_ID["Numpy/0"].prompt()
    found = asked("completion", prompt)
    assert (found.messages[-1].content, found.sampling.stop, found.sampling.temperature) == (prompt, STOPS, 0.2)


@pytest.mark.parametrize("mode", ["completion", "insertion"])
def test_a_chat_model_is_asked_for_the_code_alone(mode):
    prompt = ds1000_problems.BY_ID["Numpy/0"].prompt(mode)
    text = asked("chat", prompt, mode).messages[-1].content
    assert text.endswith(prompt.strip("\n"))
    assert "in one Python code block" in text


def test_code_alone_is_asked_for_as_the_paper_does():
    instruction, response = magicoder("Own/0", "import x\n\n# Plot it\n# SOLUTION START\n")
    assert instruction == "Write a solution to the following problem:\n```python\nimport x\n\n# Plot it\n```"
    assert response == "```python\nimport x\n\n# Plot it\n# Solution\n"


@pytest.mark.parametrize(
    ("between", "comments"),
    [
        ("", ""),
        ("result = ... # put it here\n", "# result = ... # put it here\n"),
        ("  first\n  second\n", "# first\n# second\n"),
        ("first\n\nthird\n", "# first\n# # third\n"),  # a blank line loses its end, as published
    ],
)
def test_tagged_code_is_asked_for_as_the_paper_does(between, comments):
    prompt = f"Problem:\nA: or B?\n\nA:\nrun this\n<code>\nx = 1\n</code>\n{between}BEGIN SOLUTION\n<code>\n"
    instruction, response = magicoder("Own/0", prompt)
    assert instruction == "A: or B?"
    end = "\n# Solution\n"
    assert response == f"run this\n```python\nx = 1\n{comments}".rstrip("\n") + end


def test_a_body_is_asked_for_as_the_paper_does():
    prompt = "Problem:\nScale it.\n\nA:\n\n<code>\nimport x\ndef f(a):\n    # return it\n    # b = f(a)\n    ### BEGIN SOLUTION"
    assert magicoder("Own/0", prompt) == ("Scale it.", "```python\nimport x\ndef f(a):\n    # Solution\n")


@pytest.mark.parametrize("own", ds1000_problems.PROBLEMS, ids=lambda own: own.id)
def test_each_of_our_problems_has_a_published_layout(own):
    found = asked("magicoder", own.prompt())
    assert found.sampling.stop == (FENCE,)
    assert found.messages[-1].content.endswith("# Solution\n")
    assert found.messages[-1].content.startswith(WIRE.partition("{instruction}")[0])
    assert found.messages[-1].content.count(FENCE) % 2 == 1, "the response begins within a block"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("x # SOLUTION START\n<code>", "0 <code> and 0 </code> are expected in it, not 1 and 0"),
        ("# SOLUTION START\nmore", "expected to end with # SOLUTION START"),
        ("Problem: no answer\nBEGIN SOLUTION\n<code>", "'A:' is expected"),
        ("P\nA:\n<code>\n</code>\nBEGIN SOLUTION\n", "2 <code> and 1 </code> are expected in it, not 1 and 1"),
        ("P\nA:\n<code>\n</code>\nBEGIN SOLUTION\n<code>\nmore", "expected to end with BEGIN SOLUTION and <code>"),
        ("P\nA:\n<code>\n</code>\n1\n2\n3\n4\nBEGIN SOLUTION\n<code>", "at most 3 lines before BEGIN SOLUTION"),
        ("P\nA:\n### BEGIN SOLUTION", "1 <code> and 0 </code> are expected in it, not 0 and 0"),
        ("P\nA:\n<code>\n### BEGIN SOLUTION", "another comment are expected before ### BEGIN SOLUTION"),
        ("P\nA:\n<code>\ny\n# returns\nx\n### BEGIN SOLUTION", "another comment are expected"),
        ("P\nA:\n<code>\n# return\n# x\n### BEGIN SOLUTION more", "expected to end with ### BEGIN SOLUTION"),
    ],
)
def test_another_layout_is_an_error_that_names_the_problem(prompt, said):
    with pytest.raises(RunError, match=rf"ds1000: Own/0: its prompt is laid out otherwise .*{said}"):
        magicoder("Own/0", prompt)


def test_a_gap_is_filled_as_the_bigcode_harness_does():
    text = infilling("completion", "Own/0", "  before\n\n[insert]\n\nafter ", FIM)
    assert text == "<pre>before\n<suf>\nafter\n<mid>"


@pytest.mark.parametrize(
    ("after", "suffix"), [("", "\n"), ("\n<code>\nprint(1)\n</code>\n", "\nprint(1)\n```"), ("\nmore", "\n")]
)
def test_a_gap_is_filled_as_the_papers_code_does(after, suffix):
    prompt = f"P\n<code>\nx = 1\n</code>\nBEGIN SOLUTION\n<code>\n[insert]\n</code>\nEND SOLUTION{after}"
    text = infilling("magicoder", "Own/0", prompt, FIM)
    assert text == f"<pre>P\n```python\nx = 1\n<suf>{suffix}<mid>"
    found = asked("magicoder", prompt, "insertion")
    assert (found.messages[-1].content, found.sampling.stop) == (text, (FENCE,))


@pytest.mark.parametrize(
    ("style", "prompt"), [("completion", "no gap"), ("completion", "[insert] [insert]"), ("magicoder", "x [insert]")]
)
def test_a_prompt_without_its_gap_is_an_error(style, prompt):
    with pytest.raises(RunError, match=r"Own/0: its prompt is laid out otherwise .*\[insert\]"):
        infilling(style, "Own/0", prompt, FIM)
