"""The records that flow between stages: frozen, keyword-only, and named by their content.

``id`` is the first 16 hex digits of the sha256 of a record's canonical JSON, without the fields that only
annotate it (``annotations``): two runs that make the same thing give it the same name. Each record names its
parent's id, so that ``magicoder explain`` can walk from a verdict back to the line of source code behind it.

On disk a record is one JSON object a line, keys as the fields are called here. `content` has what all of them share.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from magicoder_core.content import Identified, Record, canonical
from magicoder_core.errors import RunError

Status = Literal["pass", "fail", "timeout", "out_of_memory", "crash", "compile_error", "harness_error"]
"""What became of one program. ``harness_error`` is ours or the machine's and never counts against a model."""

Wording = Literal["problem", "instruction"]
"""What the text of a row's `Instruction.problem` is: the statement of a problem, or a whole instruction to a model."""

LEAD_IN = "Write a solution to the following coding problem:\n"
"""What the paper puts before a problem to make it an instruction (`src/magicoder/preprocess_data.py` at 3ef43f0)."""

Role = Literal["system", "user", "assistant", "text"]
"""Who speaks. ``text`` is nobody: the one message of a request to go on with raw text, see `Request.continuing`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The part of a corpus that one reader takes: documents whose number modulo ``count`` is ``index``.

    ``seed`` is the run's seed; what a source draws may depend on it and on the document, never on the shard.
    """

    index: int = 0
    count: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Record):
    """Where a snippet comes from; ``None`` means unknown, never "free to use".

    ``lines`` is the first and the last line, counted from 1; ``path`` is relative to the corpus or repository;
    ``row`` is the document's number in its corpus, from 0, where the corpus has an order.
    """

    later: ClassVar[Mapping[str, Any]] = {"row": None}

    corpus: str
    path: str
    repository: str | None = None
    revision: str | None = None
    licence: str | None = None
    lines: tuple[int, int] | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet(Identified):
    """A few consecutive lines of real code, the seed of an instruction.

    ``index`` is its place among the run's snippets, from 0; the core sets it when it writes them down.
    """

    nested: ClassVar[Mapping[str, type[Record]]] = {"origin": Origin}
    annotations: ClassVar[frozenset[str]] = frozenset({"index"})

    later: ClassVar[Mapping[str, Any]] = {"index": None}

    code: str
    language: str
    origin: Origin
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Record):
    """One turn of a conversation, or the raw text that a model is to go on with."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Record):
    """How to draw an answer; ``None`` leaves the choice to the teacher.

    ``max_tokens`` counts generated tokens. ``sample`` numbers repeated draws of one request from 0 (it makes
    their ids differ); ``n`` answers are drawn in one request, see `Reply.alternatives`. ``grammar`` is GBNF, for
    teachers with the capability ``grammar``; ``json_schema`` is the JSON text of a schema that the answer must
    satisfy, for those with the capability ``json_schema``.
    """

    later: ClassVar[Mapping[str, Any]] = {"json_schema": None, "n": 1}

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: str | None = None
    json_schema: str | None = None
    n: int = 1
    sample: int = 0

    def over(self, defaults: Sampling) -> Sampling:
        """This sampling, with what it leaves open taken from ``defaults``."""
        # Spelled out: each request of a run has a sampling of its own, as its seed is.
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            top_p=defaults.top_p if self.top_p is None else self.top_p,
            max_tokens=defaults.max_tokens if self.max_tokens is None else self.max_tokens,
            seed=defaults.seed if self.seed is None else self.seed,
            stop=self.stop or defaults.stop,
            grammar=defaults.grammar if self.grammar is None else self.grammar,
            json_schema=defaults.json_schema if self.json_schema is None else self.json_schema,
            n=self.n,
            sample=self.sample,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Identified):
    """What a model is asked: the conversation so far and how to draw the next turn.

    Or the raw text to go on with: then the only message has the role ``text``, no chat template is applied, and the
    teacher must have the capability ``text``.
    """

    nested: ClassVar[Mapping[str, type[Record]]] = {"messages": Message, "sampling": Sampling}

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    _spelled: bytes = field(init=False, repr=False, compare=False, default=b"")

    def spelled(self) -> bytes:
        """As for all records; kept, since an id, a key in the journal and a line of it are made of it."""
        if not self._spelled:
            turns = [{"content": item.content, "role": item.role} for item in self.messages]
            # Copied: what orjson gives keeps the buffer it was written in, many times as long.
            spelled = bytes(memoryview(canonical({"messages": turns, "sampling": self.sampling.to_dict()})))
            object.__setattr__(self, "_spelled", spelled)
        return self._spelled

    @classmethod
    def of(cls, user: str, *, system: str | None = None, sampling: Sampling | None = None) -> Request:
        """A request of one user turn, after a system turn if one is given."""
        turns = [Message(role="system", content=system)] if system else []
        turns.append(Message(role="user", content=user))
        return cls(messages=tuple(turns), sampling=sampling or Sampling())

    @classmethod
    def continuing(cls, text: str, *, sampling: Sampling | None = None) -> Request:
        """A request to go on with ``text``, token by token as it stands."""
        return cls(messages=(Message(role="text", content=text),), sampling=sampling or Sampling())

    @property
    def raw(self) -> bool:
        """Whether this is text to go on with, and no conversation."""
        return self.messages[0].role == "text" if self.messages else False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """What an answer took: tokens as the provider counts them, and US dollars where a price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Record):
    """What a model costs: US dollars for one token sent, and for one token answered."""

    usd_per_prompt_token: float
    usd_per_completion_token: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for so many tokens."""
        return prompt_tokens * self.usd_per_prompt_token + completion_tokens * self.usd_per_completion_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Record):
    """A model's answer. ``finish_reason`` is ``stop``, ``length`` or what else the provider said.

    Where a request asked for several (``Sampling.n``), ``alternatives`` are the second and all further ones, and the
    usage of the whole stands on the first.
    """

    later: ClassVar[Mapping[str, Any]] = {"alternatives": []}

    text: str
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    reasoning: str | None = None
    alternatives: tuple[Reply, ...] = ()

    @classmethod
    def _revive(cls, name: str, value: Any) -> Any:
        # Not in `nested`: a class does not know itself while it is made.
        if name == "alternatives":
            return tuple(cls.from_dict(item) for item in value)
        return Usage.from_dict(value) if name == "usage" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction(Identified):
    """A problem with its solution: one row of training data.

    ``parent`` is the snippet's id, ``requests`` are the ids of the requests that made it (filled in by the
    core), ``scores`` hold what filters measured. ``tests`` is a program that checks the solution, if there is one.
    ``wording`` says whether the problem is only the statement of one, as OSS-Instruct makes them, or a whole
    instruction already, as Evol-Instruct and Code Alpaca have them: see `instruction`.
    """

    annotations: ClassVar[frozenset[str]] = frozenset({"scores", "requests"})

    later: ClassVar[Mapping[str, Any]] = {"wording": "problem"}

    problem: str
    solution: str
    language: str
    method: str
    parent: str
    tests: str | None = None
    requests: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    wording: Wording = "problem"

    @property
    def instruction(self) -> str:
        """What the user says where a model learns the row: the problem after the paper's line, an instruction as it is."""
        return self.problem if self.wording == "instruction" else LEAD_IN + self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection(Record):
    """Why a method made no instruction of a snippet: a short reason to count by, and the case at hand."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Record):
    """A filter's word on one row: keep it or not, why, with what evidence, and what it measured."""

    keep: bool
    filter: str = ""
    reason: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The rows to train on: a JSONL file of instructions, how many they are, and the run's seed.

    Iterating yields one `Instruction` after another without holding the file in memory.

    ``shuffle`` says whether a trainer may mix the rows, anew in each epoch; else they come in the file's order in every
    epoch. ``logs`` is a folder for what is to be seen while training goes on (losses with their times, a curve): it stays
    beside the checkpoint and is no part of it. ``sources`` counts the rows by where they come from, ``kept`` or a path;
    empty where all are the run's own. ``base_model`` is the model that the run's first training began with, where this
    one begins with a checkpoint of the run, whose path says nothing: for a model card. ``sha256`` is the file's, if known.
    """

    path: Path
    rows: int
    seed: int = 0
    shuffle: bool = True
    logs: Path | None = None
    sources: Mapping[str, int] = field(default_factory=dict)
    base_model: str = ""
    sha256: str = ""

    def __iter__(self) -> Iterator[Instruction]:
        """The rows in the file's order, each under the name that it has there.

        Raises:
            RunError: after the last row, if the file is not the one that was meant: it was changed meanwhile.
        """
        read = hashlib.sha256()
        with self.path.open("rb") as lines:
            for line in lines:
                read.update(line)
                yield Instruction.restored(json.loads(line))
        if self.sha256 and read.hexdigest() != self.sha256:
            raise RunError(f"{self.path}: was changed while the run was at work; run the same command again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Record):
    """A model in Hugging Face format: its folder, the model it was tuned from, the sha256 over its files."""

    path: str
    base_model: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Record):
    """One task of a benchmark. ``id`` is the benchmark's own name for it, as ``HumanEval/0``.

    ``group`` is what its score is also given for by itself, as a language or a library; empty where there is none.
    """

    later: ClassVar[Mapping[str, Any]] = {"group": ""}

    id: str
    benchmark: str
    prompt: str
    entry_point: str | None = None
    language: str = "python"
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(Record):
    """A whole program that claims to solve a problem; ``sample`` numbers the tries from 0."""

    problem_id: str
    code: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Record):
    """What became of a submission. ``isolation`` names how strongly the program was locked in.

    ``extra`` is what a benchmark says beside it, in plain JSON values. One with base and plus tests has
    ``base_status`` and ``plus_status`` there (each a `Status`) and ``base_fail_tests`` and ``plus_fail_tests``
    (the arguments of failed calls, at most 10 each); ``status`` is then ``pass`` exactly if both are, else the first
    of them that is not.
    """

    later: ClassVar[Mapping[str, Any]] = {"extra": {}}

    problem_id: str
    sample: int
    status: Status
    detail: str = ""
    cpu_seconds: float = 0.0
    isolation: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Record):
    """A benchmark's scores, and all that they can only be compared beside.

    ``metrics`` has for each metric its value and its 95% interval ``[low, high]``, and under ``statuses`` what became
    of the programs. ``versions`` tells the data, the semantics and the software. ``isolation`` is how strongly
    programs were locked in. ``decoding`` is how answers were drawn, where they were drawn here (temperature, samples
    for each problem, style of the prompt). ``broken`` lists each problem that cannot be judged here, its own reference included, as
    ``{"task_id", "reason"}``: it is left out of the score. ``self_test`` counts the references and the known mistakes
    that were judged before, and the tasks that the benchmark's own test found ``fit``. ``harness_errors`` counts programs that could not be judged and are left out, too.
    ``cut`` counts answers that ended because they had ``max_tokens`` tokens, where they were drawn here.
    ``groups`` has the metrics of each group of problems that has a name (`Problem.group`), in the problems' order.
    """

    later: ClassVar[Mapping[str, Any]] = {"cut": None, "groups": {}}

    benchmark: str
    metrics: Mapping[str, Any]
    versions: Mapping[str, str]
    isolation: str = ""
    decoding: Mapping[str, Any] = field(default_factory=dict)
    broken: tuple[Mapping[str, str], ...] = ()
    self_test: Mapping[str, int] = field(default_factory=dict)
    harness_errors: int = 0
    cut: int | None = None
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle(Record):
    """A text of a benchmark that must not be in training data; ``kind`` says which part of the problem it is."""

    benchmark: str
    problem_id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One call of a problem's function: its arguments by position, all plain data, and what the reference gives.

    ``accepts`` says whether another answer may be right, too; None where only what equals ``expected`` is, close
    floats aside. It may raise what comparing values of odd types raises.
    """

    problem_id: str
    arguments: tuple[Any, ...]
    expected: Any
    accepts: Callable[[Any], bool] | None = None
