"""The last word: a benchmark's own judge on the program with the function under the task's name."""

from __future__ import annotations

from collections.abc import Sequence

from magicoder_core import Benchmark, Submission
from magicoder_decontamination.behaviour.functions import Function
from magicoder_decontamination.behaviour.tasks import Task

Claim = tuple[Task, Function]
"""A task, and a function that may solve it."""

_HEAD = "from __future__ import annotations\n"
_PLAIN = "{program}\n\n{entry_point} = {target}\n"
_METHOD = """\
{program}


def {entry_point}(*args, **kwargs):
    return {target}(*args, **kwargs)
"""
# The name means something else in the program, which must go on to mean that within it.
_APART = """\
_space = {{"__name__": "solution"}}
exec(compile({program!r}, "<program>", "exec", dont_inherit=True), _space)


def {entry_point}(*args, **kwargs):
    return eval({target!r}, _space)(*args, **kwargs)
"""


def confirmed(claims: Sequence[Claim], benchmarks: Sequence[Benchmark]) -> list[bool]:
    """Whether each function passes its task's own tests.

    Raises:
        MagicoderError: what a benchmark raises where it cannot judge.
    """
    passed = [False] * len(claims)
    for owner, benchmark in enumerate(benchmarks):
        places = [place for place, (task, _) in enumerate(claims) if task.owner == owner]
        if places:
            verdicts = benchmark.judge(_submission(*claims[place], place) for place in places)
            for place, verdict in zip(places, verdicts, strict=True):
                passed[place] = verdict.status == "pass"
    return passed


def _submission(task: Task, function: Function, number: int) -> Submission:
    return Submission(problem_id=task.id, code=program_for(function, task.entry_point), sample=number)


def program_for(function: Function, entry_point: str) -> str:
    """A program in which ``entry_point`` is the function, whatever it is called itself."""
    program = _HEAD + function.program
    if entry_point == function.target:
        return program
    alias = _METHOD if "." in function.target else _PLAIN
    form = _APART if entry_point in function.names else alias
    return form.format(program=program, entry_point=entry_point, target=function.target)
