"""The benchmark: its options, and which part of the package does what."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
)
from magicoder_core.completing import STYLES

if TYPE_CHECKING:
    from magicoder_ds1000.data import Data, Task
    from magicoder_ds1000.interpreter import Interpreter
    from magicoder_ds1000.readiness import Ready

VARIABLE = "DS1000_PATH"
"""The environment variable that names the data where the option ``data`` does not."""

_SEMANTICS: Mapping[str, str] = {
    "strict": "strict: the completion token is required, tests are guarded, CPU-time limit",
    "ds1000": "ds1000: as the official scorer, elapsed-time limit",
}
_MISTAKES = (
    "raise RuntimeError('a known mistake')",
    "import os; os._exit(0)",
)
"""A program that fails, and one that leaves with exit status 0."""

Name = Literal["Matplotlib", "Numpy", "Pandas", "Pytorch", "Scipy", "Sklearn", "Tensorflow"]


@dataclass(frozen=True, kw_only=True)
class Ds1000(Benchmark):
    """DS-1000: 1,000 data-science problems about seven Python libraries, judged under a Python of their own."""

    hub: Annotated[
        str, "a revision (commit or branch) of the Hub's xlangai/DS-1000 to load instead of the download"
    ] = ""
    interpreter: Annotated[
        Path | None, "the Python that has the seven libraries, such as PATH/bin/python of 'magicoder ds1000 env PATH'"
    ] = None
    mode: Annotated[
        Literal["completion", "insertion"], "whether answers end the program or fill a gap in it (older tree only)"
    ] = "completion"
    libraries: Annotated[tuple[Name, ...], "only problems about these"] = ()
    each: Annotated[int | None, "only the first so many problems of each library"] = None
    style: Annotated[
        STYLES, "how a model is asked: 'chat', 'completion' of the prompt, or 'magicoder', the paper's"
    ] = "chat"
    infill: Annotated[
        str, "how the model under test is told to fill a gap: its own markers around {prefix} and {suffix}"
    ] = ""
    max_tokens: Annotated[int, "most tokens of an answer"] = 1024
    temperature: Annotated[float, "0 always takes the likeliest token; the paper has 0.2"] = 0.0
    top_p: Annotated[float | None, "the share of likely tokens that are drawn from; the paper has 0.5"] = None
    semantics: Annotated[
        Literal["strict", "ds1000"], "'strict' limits CPU time and guards the tests; 'ds1000' is the official scorer's"
    ] = "strict"
    seconds: Annotated[
        float,
        "of each program, by the semantics' clock; of the older tree at most 60 for each test case, as officially",
    ] = 120.0

    def __post_init__(self) -> None:
        """Refuse what makes no benchmark.

        Raises:
            ValueError: an option is wrong; says which.
        """
        super().__post_init__()
        if self.each is not None and self.each < 1:
            raise ValueError(f"each must be at least 1 (got {self.each})")
        if self.seconds <= 0:
            raise ValueError(f"seconds must be above 0 (got {self.seconds:g})")
        if self.hub and self.data:
            raise ValueError("data and hub are two places of the same data; give one")
        if self.mode == "insertion" and self.style != "chat" and not _fills(self.infill):
            raise ValueError(
                f"style '{self.style}' and mode 'insertion' need infill, with {{prefix}} and {{suffix}} in it once each, as "
                "'<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>' for StarCoder"
            )

    @property
    def _place(self) -> Path | None:
        given = os.environ.get(VARIABLE)
        return self.data or (Path(given) if given and not self.hub else None)

    @cached_property
    def _data(self) -> Data:
        from magicoder_ds1000 import data, download, records

        if self.hub:
            return records.of_hub(self.hub, self.mode)
        return data.opened(self._place or download.obtain(), self.mode)

    @cached_property
    def _tasks(self) -> Mapping[str, Task]:
        """The problems that are chosen."""
        seen: Counter[str] = Counter()
        chosen = {}
        for name, task in self._data.tasks.items():
            seen[task.library] += 1
            wanted = not self.libraries or task.library in self.libraries
            if wanted and (self.each is None or seen[task.library] <= self.each):
                chosen[name] = task
        if not chosen:
            raise RunError(f"ds1000.libraries: {self._data.name} has no problem about {' or '.join(self.libraries)}")
        return chosen

    @property
    def _at_hand(self) -> bool:
        """Whether the data are on this machine."""
        from magicoder_ds1000 import download

        return bool(self._place) or (not self.hub and download.place().exists())

    @property
    def _interpreter(self) -> Interpreter:
        from magicoder_ds1000.interpreter import look

        return look(self.interpreter)

    @cached_property
    def _known(self) -> dict[str, Ready]:
        """The libraries that were tried, and whether they can be judged."""
        return {}

    def _ready(self, library: str) -> Ready:
        from magicoder_ds1000.readiness import readiness

        if library not in self._known:
            self._known.update(readiness(self._interpreter, [library]))
        return self._known[library]

    def inputs(self) -> Mapping[str, Path]:
        """The local data, where they are read."""
        return {"data": place} if (place := self._place) and place.is_file() else {}

    def check(self) -> None:
        """Look whether the data can be read as far as they are on this machine, and whether the interpreter is one.

        Raises:
            RunError: they cannot, or it is none; says what to do.
        """
        if self._at_hand:
            _ = self._tasks
        if self.interpreter is not None:
            _ = self._interpreter

    def notes(self) -> Iterator[str]:
        """The interpreter, and what it has."""
        if self.interpreter is not None:
            found = self._interpreter
            yield f"Python {found.python} with {', '.join(f'{name} {version}' for name, version in found.shown.items())}"

    def doubts(self) -> Iterator[str]:
        """That there is no interpreter, or which libraries it lacks."""
        from magicoder_ds1000 import library_data
        from magicoder_ds1000.interpreter import MAKE
        from magicoder_ds1000.libraries import LIBRARIES

        if self.interpreter is None:
            yield f"ds1000.interpreter names no Python: nothing can be judged; {MAKE}"
            return
        for name in self.libraries or LIBRARIES:
            if missing := self._interpreter.missing(LIBRARIES[name]):
                yield f"{name} cannot be judged: {' and '.join(missing)} is not installed for {self.interpreter}"
        if self._at_hand and (
            count := library_data.lacking(self._interpreter.prefix, [t.context for t in self._tasks.values()])
        ):
            yield (
                f"{count} problems load data sets that are not on this machine, and will be shown as broken: run the 'magicoder "
                f"ds1000 env' of {self.interpreter} once more, or see its folder {library_data.FOLDER}"
            )

    def problems(self) -> Iterator[Problem]:
        """The chosen problems, in the data's order; each library is a group."""
        for task in self._tasks.values():
            yield Problem(id=task.id, benchmark="ds1000", prompt=task.prompt, group=task.library)

    def request(self, problem: Problem) -> Request:
        """The problem, asked for in the chosen style.

        Raises:
            RunError: its prompt has another layout than the style knows.
        """
        from magicoder_ds1000.prompting import request

        sampling = Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)
        return request(
            self.style, self.mode, name=problem.id, prompt=problem.prompt, sampling=sampling, infill=self.infill
        )

    def extract(self, problem: Problem, reply: Reply) -> str:
        """The code for the problem's gap in an answer, by the rule of the style."""
        from magicoder_ds1000 import answering

        if self.style == "chat":
            return answering.of_chat(reply.text, self._task(problem.id))
        if self.style == "magicoder":
            return answering.published(reply.text)
        return self.completed(problem, reply.text)

    def task(self, row: Mapping[str, Any]) -> str:
        """The problem of a row of samples: its ``task_id``, as ``Pandas/12``, or the row index that official answers have.

        Raises:
            ValueError: the row names none.
        """
        given = row.get("task_id", row.get("problem_id", row.get("id")))
        if isinstance(given, int) and not isinstance(given, bool):
            return self._data.rows.get(given, str(given))
        return super().task({"task_id": given} if given is not None else row)

    def completed(self, problem: Problem, completion: str) -> str:
        """The answer in a raw completion, by the official post-processing of the data's format."""
        from magicoder_ds1000.answering import official

        del problem
        return official(completion, self._data.form, self.mode)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Run the problem's tests on each answer, under the other interpreter, in the sandbox.

        Answers about a library that is not there get ``harness_error``, with the reason.

        Raises:
            RunError: no interpreter, or a submission for a problem that is not in the data.
            SandboxError: programs cannot be isolated here.
        """
        from magicoder_ds1000.judging import Court, verdicts

        _ = self._interpreter
        return verdicts(submissions, self._task, Court(self.seconds, self.semantics, self._ready))

    def _task(self, problem_id: str) -> Task:
        if problem_id not in self._data.tasks:
            raise RunError(f"ds1000: no problem named '{problem_id}' in {self._data.name} ({self.mode})")
        return self._data.tasks[problem_id]

    def broken(self, chosen: Collection[str]) -> Mapping[str, str]:
        """All chosen problems about libraries that are missing here or do not work, each with the reason.

        Raises:
            RunError: no interpreter.
            SandboxError: programs cannot be isolated here.
        """
        tasks = [task for name, task in self._data.tasks.items() if name in chosen]
        ready = {library: self._ready(library) for library in dict.fromkeys(task.library for task in tasks)}
        return {task.id: ready[task.library].reason for task in tasks if ready[task.library].image is None}

    def references(self) -> Iterator[Submission]:
        """Each problem's own reference."""
        for task in self._tasks.values():
            yield Submission(problem_id=task.id, code=task.reference)

    def mistakes(self) -> Iterator[Submission]:
        """For the first problem of each library an answer that raises, and one that leaves with exit status 0."""
        from magicoder_ds1000.answering import fitted

        first: dict[str, Task] = {}
        for task in self._tasks.values():
            first.setdefault(task.library, task)
        for task in first.values():
            for sample, code in enumerate(_MISTAKES):
                yield Submission(problem_id=task.id, code=fitted(code, task), sample=sample)

    def needles(self) -> Iterator[Needle]:
        """For each problem its ``prompt`` up to where the solution begins, and the reference ``solution``.

        Of the older tree the prompts are those of insertion problems where there are any, whatever the mode: the paper's
        filter reads no others. What is only there as a completion problem (Matplotlib) comes as kind ``completion``.
        """
        from magicoder_ds1000.needles import needles_of

        inserted = self._inserted
        for name, task in self._tasks.items():
            yield from needles_of(
                inserted.get(name, task), "prompt" if name in inserted or not inserted else "completion"
            )

    @property
    def _inserted(self) -> Mapping[str, Task]:
        """The insertion problems of the same data; none where there are none."""
        from magicoder_ds1000 import data

        if self._data.form == "jsonl" or self.mode == "insertion":
            return {}
        try:
            return data.opened(self._place or Path(), "insertion").tasks
        except RunError:  # a tree of completion problems alone
            return {}

    def provenance(self) -> Mapping[str, str]:
        """The data and their hash, how programs are judged, the other Python and what is installed there."""
        from magicoder_ds1000.judging import TREE_SECONDS

        strict = self.semantics == "strict"
        seconds = self.seconds if self._data.form == "jsonl" else min(self.seconds, TREE_SECONDS)
        where = "of each program" if self._data.form == "jsonl" else "of each test case"
        known = {f"interpreter's {name}": version for name, version in self._versions().items()}
        return {
            "data": self._data.name,
            "data_version": self._data.version,
            "sha256": self._data.sha256,
            "format": {"jsonl": "JSONL of 2024", "tree": "older tree"}[self._data.form],
            "mode": self.mode,
            "tasks": str(len(self._tasks)),
            "semantics": _SEMANTICS[self.semantics],
            "limits": f"{'CPU' if strict else 'elapsed'} time {where}: {seconds:g} s",
            **known,
        }

    def _versions(self) -> Mapping[str, str]:
        from magicoder_ds1000 import library_data

        if self.interpreter is None:
            return {"Python": "none"}
        found = library_data.known(self._interpreter.prefix)
        sets = {"data sets": ", ".join(found)} if found else {}
        return {"Python": self._interpreter.python, **self._interpreter.shown, **sets}


def _fills(infill: str) -> bool:
    return infill.count("{prefix}") == 1 and infill.count("{suffix}") == 1
