"""User code that is only type-checked (`nox -s types`): what an author writes must satisfy mypy --strict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, assert_type

from magicoder_core import (
    Ask,
    BatchTeacher,
    Benchmark,
    Checkpoint,
    Filter,
    Instruction,
    Judgement,
    Method,
    Needle,
    Origin,
    Problem,
    Provider,
    Rejection,
    Reply,
    Request,
    RowFilter,
    Sampling,
    SeedSource,
    Shard,
    Snippet,
    Submission,
    Teacher,
    TeacherError,
    Trainer,
    TrainingData,
    Verdict,
    find,
    hookimpl,
    jsonl,
    progress,
    sandbox,
)
from magicoder_core.testing import (
    BenchmarkContract,
    FilterContract,
    MethodContract,
    ScriptedAsk,
    SeedSourceContract,
    TeacherContract,
    TrainerContract,
    instruction,
    snippet,
)


@dataclass(frozen=True, kw_only=True)
class Source(SeedSource):
    """A seed source with one option."""

    folder: Annotated[Path, "where"] = Path()

    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        yield Snippet(code="x", language="python", origin=Origin(corpus="c", path=str(shard.index), lines=(1, 2)))


@dataclass(frozen=True, kw_only=True)
class Ways(Method):
    """A method that asks twice."""

    async def instruct(self, snippet: Snippet, ask: Ask) -> Instruction | Rejection:
        first = await ask(Request.of(snippet.code, system="s", sampling=Sampling(temperature=0.0)))
        assert_type(first, Reply)
        if ask.supports("grammar") and not first.text:
            return Rejection(reason="blank")
        return Instruction(problem=first.text, solution="s", language="python", method="ways", parent=snippet.id)


@dataclass(frozen=True, kw_only=True)
class Answers(Teacher):
    """A teacher with everything that it may override."""

    capabilities = frozenset({"grammar"})
    model: Annotated[str, "its name"]

    @property
    def identity(self) -> str:
        return self.model

    async def complete(self, request: Request) -> Reply:
        if not request.messages:
            raise TeacherError("bad_request", "nothing was asked", retry_after=1.0, charged=False)
        return Reply(text="a")

    def status(self) -> Mapping[str, float]:
        return {"tokens_per_second": 1.0}


@dataclass(frozen=True, kw_only=True)
class Batches(BatchTeacher):
    """An engine in this process."""

    def complete_batch(self, requests: Sequence[Request]) -> Sequence[Reply]:
        with progress.task("answer", total=len(requests)) as advance:
            advance(len(requests), tokens=5)
        return [Reply(text=request.id) for request in requests]


@dataclass(frozen=True, kw_only=True)
class Whole(Filter):
    """A filter that judges batches."""

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        return [Judgement(keep=False, reason="all", evidence={"id": row.id}, scores={"x": 0.5}) for row in batch]


@dataclass(frozen=True, kw_only=True)
class Rows(RowFilter):
    """A filter that judges rows."""

    def reject(self, row: Instruction) -> str | None:
        return None if row.tests else "no tests"


@dataclass(frozen=True, kw_only=True)
class Tunes(Trainer):
    """A trainer whose base is an option."""

    base_model: Annotated[str, "what is tuned"] = "tiny"

    @property
    def base(self) -> str:
        return self.base_model

    def train(self, data: TrainingData, output: Path) -> Checkpoint:
        for row in data:
            assert_type(row, Instruction)
        return Checkpoint(path=str(output), base_model=self.base, digest=jsonl.digest(output))


INPUTS = sandbox.Inputs.of("double", [(21,)])


def check(_: Submission, answers: Sequence[sandbox.Value | sandbox.Raised | sandbox.Large]) -> str:
    """A test of a program's function."""
    return "" if list(answers) == [sandbox.Value(42)] else "double(21)"


@dataclass(frozen=True, kw_only=True)
class Scores(Benchmark):
    """A benchmark with everything that it may override."""

    def problems(self) -> Iterator[Problem]:
        yield Problem(id="p/0", benchmark="p", prompt="?")

    def request(self, problem: Problem) -> Request:
        return Request.of(problem.prompt)

    def extract(self, problem: Problem, reply: Reply) -> str:
        return super().extract(problem, reply)

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        return sandbox.verdicts(submissions, lambda one: sandbox.Calls.of(one.code, INPUTS), check)

    def needles(self) -> Iterator[Needle]:
        yield Needle(benchmark="p", problem_id="p/0", kind="prompt", text="?")


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """A hook with the name of its spec."""
    return {"answers": Answers, "batches": Batches}


@hookimpl(specname="filter")
def filters() -> dict[str, type[Filter]]:
    """A hook with another name."""
    return {"whole": Whole, "rows": Rows}


class TestSource(SeedSourceContract):
    """Three lines are enough for each kind."""

    provider = Source()
    empty = Source(folder=Path("empty"))


class TestWays(MethodContract):
    """With answers."""

    provider = Ways()
    replies = ("a", Reply(text="b"))
    snippet = snippet("x = 1")


class TestAnswers(TeacherContract):
    """With a teacher that fails."""

    provider = Answers(model="m")
    failing = Answers(model="none")
    deterministic = True


class TestRows(FilterContract):
    """With rows."""

    provider = Rows()
    dropped = (instruction(solution=""),)


class TestTunes(TrainerContract):
    """With a model that is loaded in its own way."""

    provider = Tunes()

    def load(self, checkpoint: Checkpoint) -> None:
        """Load it."""


class TestScores(BenchmarkContract):
    """With programs."""

    provider = Scores()
    right = {"p/0": "def double(x): return 2 * x"}


assert_type(find("teacher", "answers"), type[Provider])
assert_type(ScriptedAsk(["a", TeacherError("timeout", "t")]).requests, list[Request])
