"""The base classes that a plugin implements, one for each hook.

A provider is a frozen dataclass: **its fields are its options**, ``Annotated[T, "help"]`` is the help, and from that one
declaration come validation, ``magicoder plugins NAME``, the reference page and the JSON schema. What it holds while it
works (a connection, seen rows) stands in a ``functools.cached_property``, or else in no field: pickling leaves it behind.

Heavy libraries are imported inside the methods: ``magicoder plugins`` imports every plugin module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from magicoder_core.records import (
    Instruction,
    Judgement,
    Price,
    Rejection,
    Reply,
    Request,
    Sampling,
    Shard,
    Snippet,
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
