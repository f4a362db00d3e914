"""How a program is asked for."""

import hashlib

import pytest

from magicoder_core import Message, Sampling
from magicoder_core.completing import STOPS, capability_of, request

HEAD = '\n\ndef double(xs):\n    """ Double {each}.\n    ```\n    """\n'
TASK = '"""\nWrite a function to double each number\nassert double([1]) == [2]\n"""\n'
GREEDY = Sampling(temperature=0.0, max_tokens=512)
LEAD = (
    "You are an exceptionally intelligent coding assistant that consistently delivers accurate and reliable responses to "
    "user instructions.\n\n"
)


def text(style, prompt, kind, sampling=GREEDY):
    """The only message, and what it is drawn with."""
    made = request(style, prompt=prompt, sampling=sampling, kind=kind)
    (message,) = made.messages
    return message, made.sampling


def test_a_chat_model_is_asked_as_ever():
    """Journals hold answers to requests by their content: a word changed here would be paid for again."""
    message, sampling = text("chat", HEAD, "function")
    assert message == Message(
        role="user",
        content="Complete the Python function below so that it does what its docstring says. Reply with the whole function, "
        "with its signature and the imports it needs, in one Python code block.\n\n```python\n"
        'def double(xs):\n    """ Double {each}.\n    ```\n    """\n```',
    )
    assert sampling == GREEDY
    asked = request("chat", prompt=HEAD, sampling=GREEDY, kind="function")
    assert asked.id == "fceef58a87873b0a"


def test_a_chat_model_is_told_what_an_assertion_is_for():
    message, sampling = text("chat", TASK, "problem")
    assert message.role == "user"
    assert message.content.endswith(f"```python\n{TASK.strip()}\n```")
    assert sampling == GREEDY


@pytest.mark.parametrize(("prompt", "kind"), [(HEAD, "function"), (TASK, "problem")])
def test_a_base_model_goes_on_with_the_prompt_to_one_of_evalplus_ends(prompt, kind):
    message, sampling = text("completion", prompt, kind)
    assert message == Message(role="text", content=prompt.strip() + "\n")
    assert sampling == Sampling(temperature=0.0, max_tokens=512, stop=STOPS[kind])


def test_stops_that_somebody_chose_are_used():
    assert text("completion", HEAD, "function", Sampling(stop=("x",)))[1].stop == ("x",)
    assert text("magicoder", HEAD, "function", Sampling(stop=("x",)))[1].stop == ("x",)


def test_the_papers_prompt_for_a_function():
    message, sampling = text("magicoder", HEAD, "function")
    fence = f"```python\n{HEAD.strip()}"
    instruction = f"Write a solution to the following problem:\n{fence}\n```"
    assert message == Message(role="text", content=f"{LEAD}@@ Instruction\n{instruction}\n\n@@ Response\n{fence}")
    assert sampling.stop == ("```",)


def test_the_papers_prompt_for_a_task_in_words():
    message, _ = text("magicoder", TASK, "problem")
    told = "Write a function to double each number. Your code should satisfy the following assertion:"
    instruction = f"{told}\n```python\nassert double([1]) == [2]\n```"
    assert message.content == f"{LEAD}@@ Instruction\n{instruction}\n\n@@ Response\n```python"


def test_the_papers_format_is_that_of_the_released_checkpoints():
    empty = request("magicoder", prompt="", sampling=GREEDY, kind="function").messages[0].content
    marked = empty.replace("Write a solution to the following problem:\n```python\n\n```", "").removesuffix(
        "```python\n"
    )
    # As computed from the repository's own template with both of its places empty (ise-uiuc/magicoder 3ef43f0).
    assert (
        hashlib.sha256(marked.encode()).hexdigest()
        == "d18a2aef3288f7104d66fac13057ea3dc9aa1fd898adde90d210c117114f555b"
    )


@pytest.mark.parametrize("prompt", ["", "no docstring", '"""\nWrite it.\n"""\n'])
def test_a_task_in_words_needs_an_assertion_for_the_papers_format(prompt):
    with pytest.raises(ValueError, match="a docstring with an assertion"):
        text("magicoder", prompt, "problem")


def test_what_a_style_needs_of_a_teacher():
    assert [capability_of(style) for style in ("chat", "completion", "magicoder")] == [None, "text", "text"]
