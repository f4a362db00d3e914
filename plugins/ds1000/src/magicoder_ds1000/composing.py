"""The program that a problem and an answer make, for the box."""

from __future__ import annotations

import base64
import marshal
import zlib
from functools import cache
from pathlib import Path

from magicoder_ds1000.data import Task
from magicoder_ds1000.prompting import GAP

_INSIDE = Path(__file__).with_name("inside")
_CLEARING = ("plt.show()", "plt.clf()", "plt.close()", "savefig")
"""What the official scorer of the older tree takes out of plots' code, line by line: it would clear the figure."""


def program(task: Task, answer: str, *, strict: bool, seconds: float) -> str:
    """The text of a program that ends if the answer passes, and raises if it does not.

    Args:
        task: the problem.
        answer: the code that goes where ``[insert]`` is.
        strict: whether the tests are guarded; see `inside.simplified`.
        seconds: elapsed seconds of each test case, 0 for no limit within the program (older tree only).

    Raises:
        RunError: the problem's files cannot be read.
    """
    if task.files is None:
        return f"{_source('simplified')}\nrun({task.context!r}, {answer!r}, strict={strict})\n"
    code = without_clearing(answer) if task.library == "Matplotlib" else answer
    packed = pack({**task.files.loose, **task.files.within("input")}, task.files.within("ans"))
    texts = f"{task.context.replace(GAP, code)!r}, {code!r}, test={task.files.test!r}, packed={packed!r}"
    numbers = f"cases={task.cases}, kind={task.files.kind}, seconds={seconds!r}"
    return f"{_source('tree')}\nrun({texts}, {numbers})\n"


def pack(given: dict[str, bytes], kept: dict[str, bytes]) -> str:
    """Files for `inside.tree`, as a short text."""
    return base64.b85encode(zlib.compress(marshal.dumps((given, kept), 4))).decode()


def without_clearing(answer: str) -> str:
    """An answer without the lines that clear, show or save the figure."""
    return "\n".join(line for line in answer.split("\n") if not any(part in line for part in _CLEARING))


@cache
def _source(name: str) -> str:
    return (_INSIDE / f"{name}.py").read_text("utf-8")
