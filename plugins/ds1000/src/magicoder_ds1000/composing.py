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

_PREFACE = """\
import os, sys
os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))
"""
"""Processes that a program starts anew, as joblib's workers, find the libraries as it does itself."""


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
        # In a namespace that nobody can reach from elsewhere, as the program's own could be.
        call = f"space['run']({task.context!r}, {answer!r}, strict={strict})"
        return f"{_PREFACE}(lambda space: (exec({_source('simplified')!r}, space), {call}))({{}})\n"
    code = without_clearing(answer) if task.library == "Matplotlib" else answer
    packed = pack({**task.files.loose, **task.files.within("input")}, task.files.within("ans"))
    texts = f"{task.context.replace(GAP, code)!r}, {code!r}, test={task.files.test!r}, packed={packed!r}"
    numbers = f"cases={task.cases}, kind={task.files.kind}, seconds={seconds!r}"
    return f"{_source('tree')}\n{_PREFACE}run({texts}, {numbers})\n"


def pack(given: dict[str, bytes], kept: dict[str, bytes]) -> str:
    """Files for `inside.tree`, as a short text."""
    return base64.b85encode(zlib.compress(marshal.dumps((given, kept), 4))).decode()


def without_clearing(answer: str) -> str:
    """An answer without the lines that clear, show or save the figure."""
    return "\n".join(line for line in answer.split("\n") if not any(part in line for part in _CLEARING))


@cache
def _source(name: str) -> str:
    return (_INSIDE / f"{name}.py").read_text("utf-8")
