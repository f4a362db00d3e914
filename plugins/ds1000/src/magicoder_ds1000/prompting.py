"""How a problem is asked for, in each style and mode.

chat        a chat model is asked for the missing code in a code block, in our own words
completion  a base model goes on with the published prompt, or fills the gap in it (insertion)
magicoder   the paper's format (ise-uiuc/magicoder f01c2c2, ``experiments/ds_1000.py``), its layout checks errors here
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from magicoder_core import Request, RunError, Sampling
from magicoder_core.completing import STYLES, WIRE
from magicoder_ds1000.data import Mode

GAP: Final = "[insert]"

STOPS: Final = ("</code>", "# SOLUTION END")
"""Where the BigCode harness (8fc5bae6, ``tasks/ds1000.py``) ends what a base model writes."""

FENCE: Final = "```"

_CHAT: Final = {
    "completion": """\
Below is a problem about a Python library, and the beginning of a program. Write the code that comes next, so that the \
variable that is asked for has the value that is asked for (or the plot looks as asked for). Where the code is the body of a \
function, write that body, indented as a body is. Do not repeat the code that is there, do not make up data, print nothing. \
Reply with that code alone, in one Python code block.

{prompt}""",
    "insertion": """\
Below is a problem about a Python library, and a program with a gap at {gap}. Write the code that belongs into the gap, indented \
as it must stand there. Do not repeat the code around it, do not make up data, print nothing. Reply with that code alone, in one \
Python code block.

{prompt}""",
}

_HINTS: Final = range(4)
"""How many lines there may be between the code that is given and where the answer begins."""


def request(style: STYLES, mode: Mode, *, name: str, prompt: str, sampling: Sampling, infill: str) -> Request:
    """A problem as a request.

    Args:
        style: the way to ask.
        mode: whether the prompt ends where the answer goes, or has a gap there.
        name: of the problem, for messages.
        prompt: as published.
        sampling: how to draw; where it has no ``stop`` and the style is raw text, the style's own are set.
        infill: how the model is told to fill a gap, with ``{prefix}`` and ``{suffix}`` in it; raw text and insertion only.

    Raises:
        RunError: the prompt has another layout than published ones have.
    """
    if style == "chat":
        return Request.of(_CHAT[mode].format(prompt=prompt.strip("\n"), gap=GAP), sampling=sampling)
    if mode == "insertion":
        text, stop = infilling(style, name, prompt, infill), STOPS if style == "completion" else (FENCE,)
    elif style == "completion":
        text, stop = prompt, STOPS
    else:
        instruction, response = magicoder(name, prompt)
        text, stop = WIRE.format(instruction=instruction, response=response), (FENCE,)
    return Request.continuing(text, sampling=replace(sampling, stop=sampling.stop or stop))


def infilling(style: STYLES, name: str, prompt: str, infill: str) -> str:
    """The text with which a model is asked to fill the gap of a prompt.

    The BigCode harness gives it both sides stripped, with a line break at the gap; the paper's code, in which only the block
    around the gap counts, turns tags into fences.

    Raises:
        RunError: the prompt has not exactly one gap, or the paper's layout is asked for and is not there.
    """
    if style == "magicoder":
        prompt = _without_tags_of_gap(name, prompt)
    if prompt.count(GAP) != 1:
        raise _layout(name, f"one {GAP} is expected in it, not {prompt.count(GAP)}")
    prefix, _, suffix = prompt.partition(GAP)
    if style == "completion":
        prefix, suffix = f"{prefix.strip()}\n", f"\n{suffix.strip()}\n"
    return infill.replace("{prefix}", prefix).replace("{suffix}", suffix)


def _without_tags_of_gap(name: str, prompt: str) -> str:
    block = f"</code>\nBEGIN SOLUTION\n<code>\n{GAP}\n</code>\nEND SOLUTION"
    before, found, after = prompt.partition(block)
    if not found:
        raise _layout(name, f"a block with {GAP} between BEGIN SOLUTION and END SOLUTION is expected")
    suffix = after.partition("<code>")[2] if after.startswith("\n<code>") else ""
    return _fenced(f"{before.strip()}\n{GAP}\n{suffix.strip()}")


def magicoder(name: str, prompt: str) -> tuple[str, str]:
    """Instruction and the beginning of the response, as the paper makes them of a completion prompt.

    Raises:
        RunError: the prompt has none of the three published layouts; says what is missing.
    """
    if "SOLUTION START" in prompt:
        return _plain(name, prompt)
    instruction, found, answer = prompt.rpartition("A:")
    if not found:
        raise _layout(name, "'A:' is expected before the code")
    instruction = instruction.strip()
    if instruction.startswith("Problem:"):
        instruction = instruction.removeprefix("Problem:").strip()
    make = _body if "### BEGIN SOLUTION" in prompt else _tagged
    return _fenced(instruction), _fenced(make(name, prompt, answer.strip()))


def _plain(name: str, prompt: str) -> tuple[str, str]:
    """A prompt that is nothing but code."""
    _tags(name, prompt, opened=0, closed=0)
    if not prompt.strip().endswith("# SOLUTION START"):
        raise _layout(name, "it is expected to end with # SOLUTION START")
    code = prompt[: prompt.rindex("# SOLUTION START")].strip()
    instruction = f"Write a solution to the following problem:\n```python\n{code}\n```"
    return instruction, f"```python\n{code}\n# Solution\n"


def _body(name: str, prompt: str, answer: str) -> str:
    """A prompt whose answer is the body of a function; three lines are dropped, and the last one's indent is kept."""
    _tags(name, prompt, opened=1, closed=0)
    lines = answer.splitlines(keepends=True)
    told = [line.strip() for line in lines[-3:]]
    if len(lines) < len(told) or not told[0].startswith("# return") or not told[1].startswith("# "):
        raise _layout(name, "a line '# return ...' and another comment are expected before ### BEGIN SOLUTION")
    if told[2] != "### BEGIN SOLUTION":
        raise _layout(name, "it is expected to end with ### BEGIN SOLUTION")
    marker = lines[-1].replace("###", "#").replace("BEGIN SOLUTION", "Solution")
    return f"{''.join(lines[:-3]).strip()}\n{marker}\n"


def _tagged(name: str, prompt: str, answer: str) -> str:
    """A prompt with its code between tags; what is said between them and the answer becomes comments."""
    _tags(name, prompt, opened=2, closed=1)
    lines = answer.splitlines(keepends=True)
    if [line.strip() for line in lines[-2:]] != ["BEGIN SOLUTION", "<code>"]:
        raise _layout(name, "it is expected to end with BEGIN SOLUTION and <code>")
    ends = [count for count in _HINTS if len(lines) >= count + 3 and lines[-3 - count].strip() == "</code>"]
    if not ends:
        raise _layout(name, f"</code> is expected at most {_HINTS[-1]} lines before BEGIN SOLUTION")
    hints = lines[len(lines) - 2 - ends[0] : -2]
    given = "".join([*lines[: len(lines) - 3 - ends[0]], *(f"# {line.lstrip()}" for line in hints)])
    return f"{given.strip()}\n# Solution\n"


def _tags(name: str, prompt: str, *, opened: int, closed: int) -> None:
    found = (prompt.count("<code>"), prompt.count("</code>"))
    if found != (opened, closed):
        raise _layout(name, f"{opened} <code> and {closed} </code> are expected in it, not {found[0]} and {found[1]}")


def _fenced(text: str) -> str:
    return text.replace("<code>", "```python").replace("</code>", FENCE)


def _layout(name: str, what: str) -> RunError:
    return RunError(
        f"ds1000: {name}: its prompt is laid out otherwise than the style 'magicoder' knows: {what}; ask in another style"
    )
