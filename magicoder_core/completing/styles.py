"""The ways to ask for a program, and what each needs of a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from magicoder_core.records import Request, Sampling

STYLES = Literal["chat", "completion", "magicoder"]
"""The ways to ask."""

Kind = Literal["function", "problem"]
"""What a benchmark's prompt is: the head of a function with its docstring (HumanEval), or a docstring that holds a task
in words and an assertion (MBPP)."""

STOPS: Mapping[Kind, tuple[str, ...]] = {
    "function": (
        *("\ndef ", "\nclass ", "\nif __name__", "\nprint(", "\nimport ", "\nfrom ", "\nassert ", "\ndef main("),
    ),
    "problem": ('\n"""', "\nassert", "\nif __name__", "\nprint(", "\ndef main("),
}
"""Where EvalPlus 0.3.1 ends what a base model writes (``evalplus/provider/utility.py``, its special tokens apart, whose
text no server sends). The most useful come first, since OpenAI takes only four."""

_CHAT: Mapping[Kind, str] = {
    "function": """\
Complete the Python function below so that it does what its docstring says. \
Reply with the whole function, with its signature and the imports it needs, in one Python code block.

```python
{prompt}
```""",
    "problem": """\
Write a Python function for the task in the docstring below; the assertion in it shows the function's name and how it is called. \
Reply with the whole function, with the imports it needs, in one Python code block.

```python
{prompt}
```""",
}

WIRE = """\
You are an exceptionally intelligent coding assistant that consistently delivers accurate and reliable responses to \
user instructions.

@@ Instruction
{instruction}

@@ Response
{response}"""
"""The text that the released checkpoints are asked by, with ``{instruction}`` and ``{response}``, the response's beginning
(ise-uiuc/magicoder 3ef43f0, ``src/magicoder/prompt_template.py``)."""

_MAGICODER_STOP = ("```",)
"""The paper cuts there after the fact (the same commit, ``experiments/text2code.py``)."""


def capability_of(style: STYLES) -> str | None:
    """What a teacher must be capable of to be asked in a style; None where any will do."""
    return None if style == "chat" else "text"


def request(style: STYLES, *, prompt: str, sampling: Sampling, kind: Kind) -> Request:
    """A benchmark's prompt as a request.

    Args:
        style: the way to ask; a teacher must be capable of `capability_of` it.
        prompt: the benchmark's own.
        sampling: how to draw; where it has no ``stop`` and the style is raw text, the style's own are set.
        kind: what the prompt is.

    Raises:
        ValueError: the style ``magicoder`` and a ``problem`` without a docstring that has an assertion.
    """
    if style == "chat":
        return Request.of(_CHAT[kind].format(prompt=prompt.strip("\n")), sampling=sampling)
    text, stop = _magicoder(prompt, kind) if style == "magicoder" else (prompt.strip() + "\n", STOPS[kind])
    return Request.continuing(text, sampling=replace(sampling, stop=sampling.stop or stop))


def _magicoder(prompt: str, kind: Kind) -> tuple[str, tuple[str, ...]]:
    """The paper's prompts for HumanEval and MBPP (ise-uiuc/magicoder 3ef43f0, ``experiments/text2code.py``)."""
    if kind == "problem":
        task, assertion = _parts(prompt)
        instruction = f"{task} Your code should satisfy the following assertion:\n```python\n{assertion}\n```"
        response = "```python"
    else:
        instruction = f"Write a solution to the following problem:\n```python\n{prompt.strip()}\n```"
        response = f"```python\n{prompt.strip()}"
    return WIRE.format(instruction=instruction, response=response), _MAGICODER_STOP


def _parts(prompt: str) -> tuple[str, str]:
    """The words of a docstring, as a sentence, and the assertion after them."""
    docstring = prompt[prompt.find('"""') + 3 : max(0, prompt.rfind('"""'))]
    words, found, assertion = docstring.partition("assert")
    if not found:
        raise ValueError(f"the style 'magicoder' needs a docstring with an assertion in it, not {prompt[:60]!r}")
    task = words.strip()
    return task if task.endswith(".") else f"{task}.", found + assertion.rstrip()
