"""The benchmark `plain` and the model `words`: programs are words, judging them needs no sandbox. Also a plugin file.

right   passes                       wrong   fails
base    passes the base tests only   hang    times out     lost   cannot be judged
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from magicoder_core import (
    Benchmark,
    Problem,
    Reply,
    Request,
    Sampling,
    Submission,
    Teacher,
    TeacherError,
    Verdict,
    hookimpl,
)

STATUSES = {"right": "pass", "base": "fail", "hang": "timeout", "lost": "harness_error"}


@dataclass(frozen=True, kw_only=True)
class Plain(Benchmark):
    """Tasks that are solved by the word "right"."""

    tasks: Annotated[int, "how many tasks there are"] = 5
    bad: Annotated[tuple[str, ...], "tasks on which nothing passes"] = ()
    lenient: Annotated[bool, "everything passes"] = False
    silent: Annotated[bool, "there are no references and no mistakes"] = False
    pause: Annotated[float, "seconds for each program"] = 0.0
    temperature: Annotated[float, "of the answers; below 0: the model's own"] = 0.8
    style: Annotated[str, "of the prompt"] = "words"
    log: Annotated[Path | None, "a file that gets a line for each judged program"] = None

    def problems(self):
        for number in range(self.tasks):
            yield Problem(id=f"plain/{number}", benchmark="plain", prompt="ri", group=self.group(number))

    def group(self, number):
        return ""

    def request(self, problem):
        made = Request.continuing if self.style == "raw" else Request.of
        temperature = None if self.temperature < 0 else self.temperature
        return made(f"{problem.id}: {problem.prompt}", sampling=Sampling(temperature=temperature))

    def provenance(self):
        return {"data": "sha256 0123", "semantics": "strict"}

    def judge(self, submissions):
        for item in submissions:
            time.sleep(self.pause)
            if self.log is not None:
                with self.log.open("a") as log:
                    log.write(f"{item.problem_id} {item.sample} {item.code}\n")
            yield self._verdict(item)

    def _verdict(self, item):
        status = "pass" if self.lenient else STATUSES.get(item.code.strip(), "fail")
        base = "pass" if item.code.strip() == "base" else status
        if item.problem_id in self.bad:
            status = base = "fail"
        return Verdict(
            problem_id=item.problem_id,
            sample=item.sample,
            status=status,
            detail="" if status == "pass" else f"test 3 of {item.problem_id}: got '{item.code.strip()}'",
            cpu_seconds=0.5,
            isolation="bubblewrap",
            extra={
                "base_status": base,
                "plus_status": status,
                "plus_fail_tests": [] if status == "pass" else [[10**30]],
            },
        )

    def references(self):
        if not self.silent:
            for problem in self.problems():
                yield Submission(problem_id=problem.id, code="right")

    def mistakes(self):
        if not self.silent:
            yield Submission(problem_id="plain/0", code="wrong")

    def results_file(self, judged):
        yield "{"
        for number, (submission, verdict) in enumerate(judged):
            yield f"{',' if number else ''}{json.dumps(f'{verdict.problem_id}#{verdict.sample}')}: "
            yield json.dumps([submission.code, verdict.status])
        yield "}"


@dataclass(frozen=True, kw_only=True)
class Grouped(Plain):
    """The same in groups, some of which cannot be judged here; a sample may name group and number, or a raw part."""

    groups: Annotated[tuple[str, ...], "names of groups, which tasks belong to in turn"] = ("north", "south")
    absent: Annotated[tuple[str, ...], "groups that cannot be judged here"] = ()

    def group(self, number):
        return self.groups[number % len(self.groups)]

    def task(self, row):
        if "number" not in row:
            raise ValueError("the field 'number' is missing")
        return f"plain/{row['number']}"

    def completed(self, problem, completion):
        return f"{problem.prompt}{completion.removesuffix('!')}"

    def solved(self, problem, solution):
        return solution.removeprefix(f"{problem.group} ")

    def broken(self, chosen):
        tasks = sorted(name for name in chosen if self.group(int(name.rpartition("/")[2])) in self.absent)
        return dict.fromkeys(tasks, "the tools are missing: install them")

    def notes(self):
        return [f"{group}: tools 1.0" for group in self.groups if group not in self.absent]

    def doubts(self):
        return [f"{group}: the tools are missing: install them" for group in self.absent]


@dataclass(frozen=True, kw_only=True)
class Words(Teacher):
    """Says one word after another, by the number of the sample; "refused" is no answer, "wro" is one that is cut."""

    words: Annotated[tuple[str, ...], "what it says"] = ("right", "wrong")
    log: Annotated[Path | None, "a file that gets a line for each answer"] = None
    limit: Annotated[int, "most tokens of an answer; 0: it says none"] = 7
    temperature: Annotated[float | None, "of answers that nobody else sets"] = None

    @property
    def identity(self):
        return "words"

    def sampling(self):
        return Sampling(max_tokens=self.limit or None, temperature=self.temperature)

    async def complete(self, request):
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{request.messages[-1].content} {request.sampling.sample}\n")
        word = self.words[request.sampling.sample % len(self.words)]
        if word == "refused":
            raise TeacherError("content_filter", "not that")
        return Reply(text=word, finish_reason="length" if word == "wro" else "stop")


@hookimpl
def teacher():
    return {"words": Words}


@hookimpl
def benchmark():
    return {"plain": Plain, "grouped": Grouped}
