"""How a model is asked for a program in one of the languages."""

from __future__ import annotations

from dataclasses import replace

from magicoder_core import Request, Sampling
from magicoder_core.completing import STYLES, WIRE
from magicoder_multipl_e import naming
from magicoder_multipl_e.data import Task
from magicoder_multipl_e.extracting import signed

_CHAT = """\
Complete the {language} function below so that it does what its comment says. Reply with the complete function, with its \
signature as it is here, in one {language} code block. Tests will call it: leave out examples, tests and a main program.

```{fence}
{prompt}
```"""

_INSTRUCTION = """\
Write a solution to the following problem:
```{fence}
{prompt}
```"""
"""The paper's prompt for HumanEval (ise-uiuc/magicoder 3ef43f0, ``experiments/text2code.py``), with the language's fence."""


def request(style: STYLES, task: Task, sampling: Sampling) -> Request:
    """A task as a request in a style.

    In the style ``completion`` the text is the prompt without blanks around it, as the BigCode evaluation harness sends
    it, and the record's stop tokens end the answer.
    """
    words = {
        "language": naming.NAMES[task.language].spoken,
        "fence": naming.fence(task.language),
        "prompt": signed(task).strip(),
    }
    if style == "chat":
        return Request.of(_CHAT.format(**words), sampling=sampling)
    if style == "magicoder":
        text = WIRE.format(instruction=_INSTRUCTION.format(**words), response="```{fence}\n{prompt}".format(**words))
        return Request.continuing(text, sampling=replace(sampling, stop=sampling.stop or ("```",)))
    return Request.continuing(task.prompt.strip(), sampling=replace(sampling, stop=sampling.stop or task.stop_tokens))
