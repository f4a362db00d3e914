"""The base class of benchmarks: problems, what is asked, what program an answer or a sample makes, and the judgement."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from magicoder_core.providers import Provider
from magicoder_core.records import Example, Needle, Problem, Reply, Request, Submission, Verdict


@dataclass(frozen=True, kw_only=True)
class Benchmark(Provider):
    """Problems, and the judgement of programs that claim to solve them. A benchmark never generates."""

    data: Annotated[Path | None, "a local file of the benchmark's data instead of its packaged or official one"] = None
    limit: Annotated[int | None, "use only the first so many problems"] = None
    samples: Annotated[int, "answers drawn for each problem"] = 1
    ks: Annotated[tuple[int, ...], "values of k of pass@k; each is reported where every problem has k samples"] = (
        1,
        10,
        100,
    )

    results_suffix: ClassVar[str] = "_eval_results.json"
    """What the name of `results_file` has after that of the samples, without their ``.jsonl``."""

    results_by_task: ClassVar[bool] = True
    """Whether `results_file` is given all programs for a task together; else they come in the samples' order."""

    row: ClassVar[str] = 'a line is {"task_id": ..., "solution": ...} or {"task_id": ..., "completion": ...}'
    """What a row of samples looks like, for who gave another."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no benchmark; call it where you override it.

        Raises:
            ValueError: ``limit``, ``samples`` or one of ``ks`` is below 1, or ``ks`` is empty.
        """
        for name, value in (("limit", self.limit), ("samples", self.samples), ("ks", min(self.ks, default=0))):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 (got {value})")

    def inputs(self) -> Mapping[str, Path]:
        """The data file, where one is given."""
        return {"data": self.data} if self.data else {}

    @abstractmethod
    def problems(self) -> Iterator[Problem]:
        """All problems, in the benchmark's order; the core applies ``limit``."""

    def request(self, problem: Problem) -> Request:
        """What to ask the model under test; here, the problem's prompt as it is."""
        return Request.of(problem.prompt)

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The whole program in an answer, ready to be judged; here, its first code block in the problem's language.

        A block without a language counts, too; an answer without a block is taken whole.
        """
        from magicoder_core.answers import fences

        languages = ("", problem.language)
        blocks = (block.code for block in fences(reply.text) if block.language in languages)
        return next(blocks, reply.text)

    def task(self, row: Mapping[str, Any]) -> str:
        """Which problem a row of samples speaks of; here, the one that its field ``task_id`` names.

        Raises:
            ValueError: the row does not say; what is missing, in a line.
            TypeError: what it says is of another type.
        """
        if "task_id" not in row:
            raise ValueError("the field 'task_id' is missing")
        if not isinstance(name := row["task_id"], str):
            raise TypeError(f"the field 'task_id' is no text (got {name!r:.40})")
        return name

    def completed(self, problem: Problem, completion: str) -> str:
        """The whole program that a raw completion of the prompt makes; here, one after the other."""
        return problem.prompt + completion

    def solved(self, problem: Problem, solution: str) -> str:
        """The whole program that a row's ``solution`` is; here, as it stands."""
        del problem
        return solution

    @abstractmethod
    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Judge programs in the sandbox; one verdict for each submission, in order.

        Submissions are pulled lazily, a few ahead, and none is held longer than its verdict takes: any number will do.
        """

    def references(self) -> Iterator[Submission]:
        """Programs known to be right, at most one for each problem, in the problems' order; here, none.

        The core judges them before anything is spent, where the model's programs will be judged: a problem whose own
        reference does not pass is broken here, and left out of the score visibly. One that the chosen semantics are known
        to judge wrongly has no reference, so that the published score comes out.
        """
        return iter(())

    def broken(self, chosen: Collection[str]) -> Mapping[str, str]:
        """Those of the ``chosen`` problems that cannot be judged here, each with the reason; here, none.

        What a benchmark finds out before anything is spent by more than its references: a compiler that is not there,
        a library that is too old. Such a problem is left out of the score visibly.
        """
        del chosen
        return {}

    def mistakes(self) -> Iterator[Submission]:
        """Programs known to be wrong, a few; here, none. If one of them passes, no verdict can be trusted."""
        return iter(())

    def results_file(self, judged: Iterable[tuple[Submission, Verdict]]) -> Iterator[str]:
        """The results in the official scorer's own format, as pieces of text; here, none.

        Args:
            judged: each program with its verdict, by problem, then by sample. Read once, as the text is written.
        """
        del judged
        return iter(())

    def needles(self) -> Iterator[Needle]:
        """The texts that decontamination must look for; here, each problem's prompt."""
        for problem in self.problems():
            yield Needle(benchmark=problem.benchmark, problem_id=problem.id, kind="prompt", text=problem.prompt)

    def examples(self) -> Iterator[Example]:
        """A few cheap calls of each problem's function with what its reference gives; here, none.

        Decontamination by behaviour asks a row's functions these first: a problem without examples costs it a judgement
        for each function that takes as many arguments as the reference.
        """
        return iter(())
