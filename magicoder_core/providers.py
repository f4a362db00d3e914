"""The base classes that a plugin implements, one for each hook.

A provider is a frozen dataclass: **its fields are its options**, ``Annotated[T, "help"]`` is the help, and from that one
declaration come validation, ``magicoder plugins NAME``, the reference page and the JSON schema. What it holds while it
works (a connection, seen rows) stands in a ``functools.cached_property``, or else in no field: pickling leaves it behind.

Heavy libraries are imported inside the methods: ``magicoder plugins`` imports every plugin module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from magicoder_core.records import (
    Example,
    Instruction,
    Judgement,
    Needle,
    Price,
    Problem,
    Rejection,
    Reply,
    Request,
    Sampling,
    Shard,
    Snippet,
    Submission,
    Verdict,
)

if TYPE_CHECKING:
    from magicoder_core.ratelimits import RateLimits


@dataclass(frozen=True, kw_only=True)
class Provider(ABC):  # noqa: B024 - each kind below has its abstract methods
    """What all kinds share: options are fields, and only the options are pickled.

    ``passing`` names the options that decide how work is done and not what comes out of it (speed, what is shown
    meanwhile): with other values of these, work that is done stays done.
    """

    passing: ClassVar[frozenset[str]] = frozenset()

    def check(self) -> None:  # noqa: B027 - most providers have nothing to look at
        """Look, before a run spends anything, whether this can work here: a key, a file, a tool.

        Must be quick and must not reach the network.

        Raises:
            MagicoderError: it cannot; one line that says what is missing and what to do.
        """

    def notes(self) -> Iterable[str]:
        """What `magicoder check` is to tell beside whether it works here: tools found, versions; here, nothing."""
        return ()

    def doubts(self) -> Iterable[str]:
        """What leaves a part undone here, and stops nothing: what is missing and how to get it, a line each.

        Told by `magicoder check`, and by a run before it spends anything. Must be quick, like `check`.
        """
        return ()

    def inputs(self) -> Mapping[str, Path]:
        """Files that options name and that decide what comes out, by option: when one changes, work is done anew."""
        return {}

    def provenance(self) -> Mapping[str, str]:
        """What a result needs beside it to be told apart or compared, and what options do not say: hashes, versions."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """The options alone: open connections and counters stay where they were made."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Restore the options."""
        self.__dict__.update(state)


@dataclass(frozen=True, kw_only=True)
class SeedSource(Provider):
    """Draws snippets from a corpus of source code."""

    @abstractmethod
    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        """Yield the snippets of one shard, lazily and in a fixed order.

        What is drawn from a document depends on the document and ``shard.seed`` alone, so that any number of shards gives
        the same. Unreadable documents are skipped. An empty corpus yields nothing, or raises with a line that says why.

        Raises:
            MagicoderError: the corpus cannot be reached; one line that says what to do.
        """


class Ask(Protocol):
    """The one door to a model. Behind it stand the journal, retries, limits and the teacher.

    An answer in the journal is given again at no cost: a method may ask in several steps, and be run again after a crash.
    """

    async def __call__(self, request: Request) -> Reply:
        """The answer to ``request``.

        Raises:
            TeacherError: no answer could be had; the core records the row as failed and goes on.
        """
        ...

    def supports(self, capability: str) -> bool:
        """Whether the teacher has a capability, as ``grammar``."""


@dataclass(frozen=True, kw_only=True)
class Method(Provider):
    """Turns a snippet into an instruction by asking a teacher."""

    @abstractmethod
    async def instruct(self, snippet: Snippet, ask: Ask) -> Instruction | Rejection:
        """Make one instruction of ``snippet``, or say why there is none."""


@dataclass(frozen=True, kw_only=True)
class Teacher(Provider):
    """Answers requests: the teacher of a method, and equally the model under test."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What requests may use beyond turns: ``grammar``, ``json_schema``, ``n``, ``seed``, ``text`` (`Request.continuing`)."""

    @property
    def identity(self) -> str:
        """Names the model whose answers these are; part of an answer's key in the journal.

        Where the model is served does not belong here: an answer stays paid when an address changes.
        """
        return str(getattr(self, "model", type(self).__name__))

    def supports(self, capability: str) -> bool:
        """Whether requests may use a capability; override where it depends on an option."""
        return capability in self.capabilities

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling()

    async def open(self) -> None:
        """Get ready before the first request: connect, load, start a server. Called once."""

    async def close(self) -> None:
        """Let go of what `open` took. Called once, also after a failure."""

    @abstractmethod
    async def complete(self, request: Request) -> Reply:
        """Answer in ONE attempt; the core retries.

        Raises:
            TeacherError: with the kind of the failure, and ``retry_after`` and ``charged`` where known.
        """

    def price(self) -> Price | None:
        """What a token costs; None if that is not known. Answers without a price of their own are priced with it."""
        return None

    def status(self) -> Mapping[str, float]:
        """Figures to show beside the progress, as ``tokens_per_second``."""
        return {}


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer as it came: the bytes of its body (no key in them), and what was said of rate limits."""

    body: bytes
    limits: RateLimits | None = None


@dataclass(frozen=True, kw_only=True)
class WireTeacher(Teacher):
    """A teacher whose answers come over a wire: the core keeps the bytes before anything reads them.

    An answer that cannot be read today is then not lost, and a later version may read it better.
    """

    @abstractmethod
    async def send(self, request: Request) -> Wire:
        """Have ``request`` answered in ONE attempt; the core retries.

        Raises:
            TeacherError: there is no answer, or it is one of an error's.
        """

    @abstractmethod
    def read(self, request: Request, body: bytes) -> Reply:
        """The reply in the body of an answer; depends on nothing else. Called again when a run is replayed.

        Raises:
            TeacherError: ``malformed`` or ``content_filter``: there is none in it.
        """

    async def complete(self, request: Request) -> Reply:
        """Send, and read what came."""
        wire = await self.send(request)
        return self.read(request, wire.body)


@dataclass(frozen=True, kw_only=True)
class BatchTeacher(Teacher):
    """An engine in this process that answers many requests at once; the core gathers them into batches."""

    batch_size: Annotated[int, "requests answered together"] = 8

    @abstractmethod
    def complete_batch(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Answer all ``requests``, in their order. Runs in a thread of its own, one call at a time."""

    async def complete(self, request: Request) -> Reply:
        """Answer a single request as a batch of one."""
        return self.complete_batch([request])[0]


@dataclass(frozen=True, kw_only=True)
class Filter(Provider):
    """Judges rows; those that it drops are written out with the reason."""

    by_row: ClassVar[bool] = False
    """Whether a row's judgement depends on that row alone, so that it can be known while rows are made."""

    @abstractmethod
    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """One judgement for each row of ``batch``, in order. Called batch after batch on one instance.

        A judgement that keeps a row and has a reason flags it: the reason and the evidence are written beside the row.
        """

    def recall(self, batch: Sequence[Instruction]) -> None:
        """Learn again from rows that an interrupted run has judged: all that `judge` was given, in the same order.

        What was said of them is on the disk already. Here they are judged again, unless rows are judged one by one.
        """
        if not self.by_row:
            self.judge(batch)

    def report(self) -> Mapping[str, Any]:
        """What the filter has to say of all rows together, in plain JSON values; here, nothing.

        Nothing of rows where they are judged one by one, which other processes may do; the core counts what is said.
        """
        return {}


@dataclass(frozen=True, kw_only=True)
class RowFilter(Filter):
    """The easy kind of filter: one row at a time, and only a reason to drop it."""

    by_row: ClassVar[bool] = True

    @abstractmethod
    def reject(self, row: Instruction) -> str | None:
        """The reason to drop ``row``, or None to keep it."""

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """`reject` for each row."""
        reasons = [self.reject(row) for row in batch]
        return [Judgement(keep=reason is None, reason=reason) for reason in reasons]


@dataclass(frozen=True, kw_only=True)
class AskingFilter(Filter):
    """A filter that asks a model about each row; the answers are journaled like a method's, and paid for once."""

    by_row: ClassVar[bool] = False  # while rows are made, it is not known of which an answer is needed

    teacher: Annotated[
        Mapping[str, Any] | None, "who is asked, as a table {use = ...} like the recipe's [teacher]; none: that one"
    ] = None

    @abstractmethod
    async def assess(self, row: Instruction, ask: Ask) -> Judgement:
        """The judgement of one row.

        Raises:
            TeacherError: there was no answer; the core stops, and the same command goes on.
        """

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Not without a model: the core calls `assess`.

        Raises:
            TypeError: always.
        """
        del batch
        raise TypeError(f"{type(self).__name__} asks a model about rows: call assess(row, ask)")

    def recall(self, batch: Sequence[Instruction]) -> None:
        """Nothing: answers are in the journal."""


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
