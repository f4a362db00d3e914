"""MultiPL-E: HumanEval and MBPP in many languages, compiled and run in the sandbox.

Source: Cassano et al. 2023, "MultiPL-E: A Scalable and Polyglot Approach to Benchmarking Neural Code Generation"
(doi 10.1109/TSE.2023.3267446).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

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
    progress,
)
from magicoder_core.completing import STYLES
from magicoder_multipl_e import naming

if TYPE_CHECKING:
    from magicoder_multipl_e.data import Data, Task
    from magicoder_multipl_e.judging import Options

__all__ = ["MultiPLE"]

VARIABLE = "MULTIPL_E_PATH"
"""The environment variable that names the data where the option ``data`` does not."""

_REVISION = "28441b6024e71d4a1c1c0f6bf171c935cd5a43f2"
"""Of the official records on the Hub: the revision that the BigCode evaluation harness pins (8fc5bae)."""

_LICENCE = "BSD-3-Clause with clause 4: its contents may not be training data for any machine learning model"
_SEMANTICS = {
    "strict": "strict: a program gives a token back after its last test; CPU-time limits",
    "multipl-e": "multipl-e: exit status and output decide, as in MultiPL-E's evaluator; elapsed-time limits",
}


@hookimpl
def benchmark() -> Mapping[str, type[Benchmark]]:
    """MultiPL-E."""
    return {"multipl-e": MultiPLE}


@dataclass(frozen=True, kw_only=True)
class MultiPLE(Benchmark):
    """MultiPL-E: HumanEval's and MBPP's functions, to be written in many other languages."""

    passing: ClassVar[frozenset[str]] = frozenset({"cache"})
    row: ClassVar[str] = 'a line is {"task_id": ..., "language": "cpp", "completion": ... or "solution": ...}'

    suite: Annotated[Literal["humaneval", "mbpp", "both"], "which problems"] = "humaneval"
    languages: Annotated[
        tuple[str, ...], "as in the files' names: cpp, js ...; none: the paper's six, or all that one file has"
    ] = ()
    data: Annotated[
        Path | None, "a folder of <suite>-<language>-reworded.jsonl, or one such file; none: MULTIPL_E_PATH, or the Hub"
    ] = None
    revision: Annotated[str, "which revision of nuprl/MultiPL-E to have from the Hub, where no local file is named"] = (
        _REVISION
    )
    each: Annotated[int | None, "use only the first so many problems of each language"] = None
    style: Annotated[
        STYLES, "how a model is asked: 'chat', 'completion' of the prompt as published, or 'magicoder', the paper's"
    ] = "chat"
    max_tokens: Annotated[int, "most tokens of an answer"] = 512
    temperature: Annotated[float, "0 always takes the likeliest token"] = 0.0
    semantics: Annotated[
        Literal["strict", "multipl-e"],
        "'strict' wants to know that all tests were run; 'multipl-e' reproduces published scores, flaws included",
    ] = "strict"
    cpu_scale: Annotated[float, "how many times the official seconds a program has"] = 1.0
    cache: Annotated[bool, "whether verdicts are kept, and used again for the same program and the same tools"] = True

    def __post_init__(self) -> None:
        """Refuse what makes no benchmark.

        Raises:
            ValueError: a language that there is not, one named twice, or numbers that make none.
        """
        super().__post_init__()
        chosen = self._named
        if twice := {name for name in chosen if chosen.count(name) > 1}:
            raise ValueError(f"languages names {', '.join(sorted(twice))} twice")
        if self.each is not None and self.each < 1:
            raise ValueError(f"each must be at least 1 (got {self.each})")
        if self.cpu_scale <= 0:
            raise ValueError(f"cpu_scale must be above 0 (got {self.cpu_scale:g})")

    def inputs(self) -> Mapping[str, Path]:
        """The local data, where they are read."""
        return {"data": place} if (place := self._place) else {}

    def check(self) -> None:
        """Look whether the data can be read; from the Hub, whether the library is there that has them.

        Where no language is named, a folder may lack some, for decontamination takes what there is: see `doubts`.

        Raises:
            RunError: they cannot.
        """
        from magicoder_multipl_e import hub

        if self._place is None:
            hub.check()
        elif not self._place.exists():
            raise RunError(f"multipl-e.data: {self._place} does not exist")
        elif self._named or self._place.is_file():
            self._tasks  # noqa: B018 - reading them is the check

    def notes(self) -> Iterator[str]:
        """For each chosen language that can be judged here, the tools and their versions."""
        from magicoder_multipl_e import toolchains

        return (line for _, good, line in toolchains.told(self._chosen) if good)

    def doubts(self) -> Iterator[str]:
        """For each chosen language that cannot be judged here, what is missing or too old, and the package that has it.

        And the data files that a folder lacks, without which nothing is scored.
        """
        from magicoder_multipl_e import toolchains
        from magicoder_multipl_e.data import missing

        if (place := self._place) and place.is_dir() and (lacking := missing(place, self.suite, self._chosen)):
            yield f"{place} has no {', '.join(lacking)}: name the languages that it has in 'languages'"
        yield from toolchains.doubts(self._chosen)

    def problems(self) -> Iterator[Problem]:
        """All problems, language by language, in the files' order."""
        for task in self._tasks.values():
            yield Problem(
                id=task.id, benchmark="multipl-e", prompt=task.prompt, language=task.language, group=task.language
            )

    def request(self, problem: Problem) -> Request:
        """The problem, asked for in the chosen style."""
        from magicoder_multipl_e import asking

        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        return asking.request(self.style, self._task(problem.id), sampling)

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The program up to the tests: as published in the style ``completion``, else what the answer has of it."""
        from magicoder_multipl_e import extracting
        from magicoder_multipl_e.stopping import cut

        task = self._task(problem.id)
        if self.style == "completion":
            return task.prompt.strip() + cut(reply.text, task.stop_tokens)
        take = extracting.extracted if self.style == "chat" else extracting.continued
        return take(task, reply.text)

    def task(self, row: Mapping[str, Any]) -> str:
        """``<language>/<name>`` of a row with ``language`` and ``task_id``; without the first if there is one language.

        Raises:
            ValueError: the row names no problem, or no language where there are several, or one that there is not.
            TypeError: what it names is no text.
        """
        name = super().task(row)
        if (language := row.get("language")) is None:
            if "/" in name:
                return name
            if len(chosen := self._chosen) > 1:
                raise ValueError(f"the field 'language' is missing; it is one of {', '.join(chosen)}")
            return f"{chosen[0]}/{name}"
        if not isinstance(language, str):
            raise TypeError(f"the field 'language' is no text (got {language!r:.40})")
        key = naming.key(language)
        if key not in self._chosen:
            self._say_left_out(key)
        return name if name.startswith(f"{key}/") else f"{key}/{name}"

    def completed(self, problem: Problem, completion: str) -> str:
        """The prompt and a completion, cut where its earliest stop token begins, as published."""
        from magicoder_multipl_e.stopping import cut

        task = self._task(problem.id)
        return task.prompt + cut(completion, task.stop_tokens)

    def solved(self, problem: Problem, solution: str) -> str:
        """A whole program, or a function, up to the tests: without an entry point of its own, open where they close it."""
        from magicoder_multipl_e import extracting

        return extracting.extracted(self._task(problem.id), solution)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Compile and run each program with its tests in the sandbox.

        Raises:
            RunError: a submission for a problem that is not in the data.
            SandboxError: programs cannot be isolated here.
        """
        from magicoder_multipl_e import judging

        return judging.verdicts(self._known(submissions), self._tasks, self._options)

    def broken(self, chosen: Collection[str]) -> Mapping[str, str]:
        """Problems in languages whose tools are missing here, or do not tell a right program from a wrong one."""
        from magicoder_multipl_e import judging

        return judging.broken({name: self._task(name) for name in chosen}, self._options)

    def needles(self) -> Iterator[Needle]:
        """For each problem its ``prompt`` and the ``words`` of its comment; in all languages, if none are chosen."""
        from magicoder_multipl_e.data import everything
        from magicoder_multipl_e.hub import all_of
        from magicoder_multipl_e.needles import needles_of

        if self._named:
            tasks: Iterable[Task] = self._data.tasks.values()
        else:
            tasks = everything(self._place) if self._place else all_of(self.revision)
        for task in tasks:
            yield from needles_of(task)

    def provenance(self) -> Mapping[str, str]:
        """The data and their hashes, how programs were made and judged, the tools of each language, the licence."""
        from magicoder_multipl_e import toolchains

        elapsed = "elapsed time" if self.semantics == "multipl-e" else "CPU time"
        return {
            "data": "; ".join(
                f"{one.name} {one.sha256[:12]}{'' if one.known else ' (unknown)'}" for one in self._data.sources
            ),
            "sha256": self._data.sha256,
            "tasks": str(len(self._tasks)),
            "suite": self._suite,
            "semantics": _SEMANTICS[self.semantics],
            "programs": "completions: after the prompt, cut at the earliest stop token; others: the function in them",
            "limits": f"{elapsed}: {self.cpu_scale:g} x the official seconds of each language",
            "licence": f"MultiPL-E: {_LICENCE}",
            **{f"tools.{key}": line for key, _, line in toolchains.told(self._chosen)},
        }

    @property
    def _suite(self) -> str:
        """The suites that the data have, whatever was asked for."""
        found = self._data.suites
        return found[0] if len(found) == 1 else f"{' and '.join(found)}, together in one score for each language"

    def _say_left_out(self, key: str) -> None:
        """Say once of a language that samples in it do not count."""
        if key not in self._told:
            self._told.add(key)
            progress.say(
                f"warning: multipl-e: samples in {key} do not count: {key} is not among 'languages' ({', '.join(self._chosen)})"
            )

    @cached_property
    def _told(self) -> set[str]:
        return set()

    def _known(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        for submission in submissions:
            self._task(submission.problem_id)
            yield submission

    @property
    def _place(self) -> Path | None:
        given = os.environ.get(VARIABLE)
        return self.data or (Path(given) if given else None)

    @property
    def _named(self) -> tuple[str, ...]:
        """The keys of the languages that the option names."""
        return tuple(naming.key(name) for name in self.languages)

    @property
    def _chosen(self) -> tuple[str, ...]:
        """The languages that are scored; the data are read only where they alone tell."""
        if self._named:
            return self._named
        return self._data.languages if self._place and self._place.is_file() else naming.PAPER

    @property
    def _options(self) -> Options:
        from magicoder_multipl_e.judging import Options

        return Options(semantics=self.semantics, cpu_scale=self.cpu_scale, cache=self.cache)

    @cached_property
    def _data(self) -> Data:
        from magicoder_multipl_e import hub
        from magicoder_multipl_e.data import read

        if self._place is None:
            return hub.loaded(self.suite, self._named, self.revision)
        return read(self._place, self.suite, self._named)

    @cached_property
    def _tasks(self) -> Mapping[str, Task]:
        """The tasks that count, by id."""
        groups = groupby(self._data.tasks.values(), key=lambda task: task.language)
        return {task.id: task for _, tasks in groups for task in islice(tasks, self.each)}

    def _task(self, problem_id: str) -> Task:
        if problem_id not in self._tasks:
            raise RunError(f"multipl-e: no problem named '{problem_id}' in the data")
        return self._tasks[problem_id]
