"""The three benchmarks: their options, and which part of the package does what."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from magicoder_core import Benchmark, Example, Needle, Problem, Reply, Request, RunError, Sampling, Submission, Verdict

if TYPE_CHECKING:
    from magicoder_evalplus.data import File
    from magicoder_evalplus.judging import Shelf
    from magicoder_evalplus.releases import Release
    from magicoder_evalplus.rules import Rules

_VERSION = re.compile(r"v\d+(\.\d+)*")
_SEMANTICS = ("strict", "evalplus-0.3.1", "evalplus-main")
_MISTAKES = 3
_WRONG = """\
def {entry_point}(*arguments, **named):
    return "no task asks for this text"
"""


@dataclass(frozen=True, kw_only=True)
class EvalPlus(Benchmark):
    """What the benchmarks of EvalPlus share."""

    version: Annotated[str, "the release of the data that is downloaded"]
    semantics: Annotated[
        Literal["strict", "evalplus-0.3.1", "evalplus-main"],
        "'strict' limits CPU time; the others are EvalPlus' own rules, known bugs included",
    ] = "strict"
    style: Annotated[
        Literal["chat", "completion", "magicoder"],
        "'chat' asks a chat model, 'completion' has a base model go on with the prompt, 'magicoder' is the paper's",
    ] = "chat"
    max_tokens: Annotated[int, "most tokens of an answer"] = 768
    temperature: Annotated[float, "0 always takes the likeliest token"] = 0.0

    name: ClassVar[str]
    dataset: ClassVar[Literal["HumanEvalPlus", "MbppPlus"]]
    override: ClassVar[str]
    """EvalPlus' environment variable that names a local file."""
    suites: ClassVar[Sequence[str]] = ("base", "plus")
    kind: ClassVar[Literal["function", "problem"]]

    def __post_init__(self) -> None:
        """Refuse what makes no benchmark.

        Raises:
            ValueError: an option is wrong; says which.
        """
        super().__post_init__()
        if self.semantics not in _SEMANTICS:
            raise ValueError(f"semantics of {self.name} are one of {', '.join(_SEMANTICS)} (got '{self.semantics}')")
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"version must look like v0.1.10 (got '{self.version}')")

    @property
    def _release(self) -> Release:
        from magicoder_evalplus.releases import Release

        return Release(self.name, self.dataset, self.version)

    @property
    def _local(self) -> Path | None:
        """The local file that is to be read: the option's, else the one of EvalPlus' environment variable."""
        given = os.environ.get(self.override)
        return self.data or (Path(given) if given else None)

    @cached_property
    def _file(self) -> File:
        from magicoder_evalplus.data import opened

        file = opened(self._local, self._release)
        if self._local:
            self._compare(file)
        return file

    def _compare(self, file: File) -> None:
        """Hold a local file against the options that say what would be downloaded.

        Raises:
            RunError: it is known to be another release. An option that has its default counts as not given.
        """
        from magicoder_evalplus.releases import name_of

        chosen = {one: getattr(self, one.name) for one in fields(self) if one.name in ("version", "variant")}
        given = [f"{one.name}={value}" for one, value in chosen.items() if value != one.default]
        found = name_of(file.md5)
        if given and found not in (None, self._release.name):
            raise RunError(f"{self.name}.data: {file.path} is {found}, which is not {' and '.join(given)}")

    @cached_property
    def _shelf(self) -> Shelf:
        from magicoder_evalplus.judging import shelf_of

        return shelf_of(self._file, self.name, self._rules, self.suites, self.limit)

    @property
    def _rules(self) -> Rules:
        from magicoder_evalplus.rules import RULES

        return RULES[self.semantics]

    def inputs(self) -> Mapping[str, Path]:
        """The data file, where a local one is read."""
        return {"data": self._local} if self._local else {}

    def check(self) -> None:
        """Look whether the data can be read, as far as they are on this machine.

        Raises:
            RunError: they cannot, or are not what the options say.
        """
        from magicoder_evalplus.download import found

        if self._local or found(self._release):
            _ = self._shelf

    def problems(self) -> Iterator[Problem]:
        """All problems, in the file's order."""
        for task in self._shelf.tasks.values():
            yield Problem(id=task.id, benchmark=self.name, prompt=task.prompt, entry_point=task.entry_point)

    def request(self, problem: Problem) -> Request:
        """The prompt in the chosen style."""
        from magicoder_core.completing import request

        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        return request(self.style, prompt=problem.prompt, sampling=sampling, kind=self.kind)

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The whole program in an answer, however it is wrapped up."""
        from magicoder_core.completing import program

        return program(prompt=problem.prompt, entry_point=problem.entry_point or "", text=reply.text, style=self.style)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Run each program on the inputs and compare what it gives outside its box.

        Raises:
            RunError: a submission for a problem that is not in the data.
            SandboxError: programs cannot be isolated here.
        """
        from magicoder_evalplus.judging import verdicts

        return verdicts(submissions, self._shelf)

    def references(self) -> Iterator[Submission]:
        """The data's own solutions, but for one that the semantics cannot let pass."""
        for task in self._shelf.tasks.values():
            if self._shelf.can_pass(task.id):
                yield Submission(problem_id=task.id, code=task.program)

    def mistakes(self) -> Iterator[Submission]:
        """For the first few tasks, a program that gives a text which is wrong for all of them."""
        for task in islice(self._shelf.tasks.values(), _MISTAKES):
            yield Submission(problem_id=task.id, code=_WRONG.format(entry_point=task.entry_point))

    def results_file(self, judged: Iterable[tuple[Submission, Verdict]]) -> Iterator[str]:
        """EvalPlus' results file."""
        from magicoder_evalplus.results import eval_results

        return eval_results(judged, self._file.md5, self.suites)

    def needles(self) -> Iterator[Needle]:
        """For each problem what it says in ``words``, the reference ``solution`` and the whole reference ``program``.

        Of Google's file the first two are character by character what it has.
        """
        for task in self._shelf.tasks.values():
            yield from task.needles(self.name)

    def examples(self) -> Iterator[Example]:
        """For each problem a few of its base inputs with what its reference gives.

        Raises:
            SandboxError: programs cannot be isolated here.
        """
        from magicoder_evalplus.examples import examples_of

        return examples_of(islice(self._shelf.tasks.values(), self.limit))

    def provenance(self) -> Mapping[str, str]:
        """The data and their hashes, how programs are judged, and the versions that matter."""
        import platform

        from magicoder_evalplus.references import numpy_version

        return {
            "data": self._file.name,
            "data_version": self._file.version,
            "md5": self._file.md5,
            "sha256": self._file.sha256,
            "tasks": str(len(self._shelf.tasks)),
            "tests": " and ".join(self.suites),
            "semantics": self.semantics,
            "limits": self._shelf.limits,
            "quirks": self._shelf.quirks,
            "python": platform.python_version(),
            "numpy": numpy_version(),
        }


@dataclass(frozen=True, kw_only=True)
class HumanEvalPlus(EvalPlus):
    """HumanEval+: the 164 problems of HumanEval with about 80 times as many tests."""

    version: Annotated[str, "the release of the data that is downloaded"] = "v0.1.10"
    variant: Annotated[
        Literal["full", "mini", "noextreme"],
        "which inputs are downloaded: all, the few that matter most, or all but very large ones",
    ] = "full"

    name: ClassVar[str] = "humaneval+"
    dataset: ClassVar[Literal["HumanEvalPlus", "MbppPlus"]] = "HumanEvalPlus"
    override: ClassVar[str] = "HUMANEVAL_OVERRIDE_PATH"
    kind: ClassVar[Literal["function", "problem"]] = "function"

    @property
    def _release(self) -> Release:
        from magicoder_evalplus.releases import Release

        return Release(self.name, self.dataset, self.version, self.variant)


@dataclass(frozen=True, kw_only=True)
class MbppPlus(EvalPlus):
    """MBPP+: 378 short tasks in words with about 35 times as many tests as MBPP has."""

    version: Annotated[str, "the release of the data that is downloaded"] = "v0.2.0"

    name: ClassVar[str] = "mbpp+"
    dataset: ClassVar[Literal["HumanEvalPlus", "MbppPlus"]] = "MbppPlus"
    override: ClassVar[str] = "MBPP_OVERRIDE_PATH"
    kind: ClassVar[Literal["function", "problem"]] = "problem"


@dataclass(frozen=True, kw_only=True)
class Mbpp(MbppPlus):
    """MBPP: short tasks in words, those of MBPP+ with the original tests; or the original 500 by Google's file."""

    name: ClassVar[str] = "mbpp"
    suites: ClassVar[Sequence[str]] = ("base",)

    @cached_property
    def _shelf(self) -> Shelf:
        from magicoder_evalplus import original
        from magicoder_evalplus.judging import shelf_of

        if not original.is_original(self._file):
            return shelf_of(self._file, self.name, self._rules, self.suites, self.limit)
        if self._rules.published:
            raise RunError(f"mbpp.semantics: '{self.semantics}' is about EvalPlus' data, {self._file.path} is Google's")
        return original.shelf_of(self._file, self._rules)
