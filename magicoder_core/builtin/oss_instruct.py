"""Method ``oss-instruct``: a snippet of real code inspires a problem, and the teacher solves it.

After OSS-Instruct (arXiv 2312.02120, section 2.1; `src/magicoder/generate_data.py` at 3ef43f0): one request a snippet,
answered in two sections. The packaged prompt has the published structure and section names in our own words; the
original file can be dropped in, and `OssInstruct.provenance` says which of the two a run used. Ours adds a second try
under a grammar for an answer that does not keep to the form and, on demand, an example of one whole exchange.

How to draw: what an option here says goes into the request and holds for every teacher; an option that is None leaves
it to ``[teacher]``. The published figures are temperature 0.0, ``max_tokens`` 2500, ``context`` 8192, ``seed`` 976.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from magicoder_core import (
    Ask,
    Instruction,
    Message,
    Method,
    RecipeError,
    Rejection,
    Reply,
    Request,
    Sampling,
    Snippet,
    prompts,
)
from magicoder_core.builtin import tokens

GRAMMAR = "oss-instruct.gbnf"
UNPARSED, NO_CODE, COPIED, REPEATED = "unparsed", "no code", "copied the example", "repeated the prompt"
TOO_LONG = "prompt too long"
PAPER_TEMPLATE = "37119e47070be2fdb7269955ede52eba207e3594b36f9a62133086b6f18fb083"
"""sha256 of the published user template's 709 bytes."""
PAPER_SYSTEM = "84f694486045db65173bf42bf70084dc64af8fa81298c7fc3a199479af873e11"
"""sha256 of the published system sentence's 107 characters."""
MARGIN = 10
"""Tokens that the published rule leaves for the system turn."""

_EXCERPT = 200
_TELLING = 60
"""So many characters of a guideline are enough to know it by."""
_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "problem": {"type": "string", "description": "the section [Problem Description], in Markdown"},
            "solution": {
                "type": "string",
                "description": "the section [Solution], in Markdown, its code in one fenced code block",
            },
        },
        "required": ["problem", "solution"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, kw_only=True)
class OssInstruct(Method):
    """Asks for a self-contained problem that the snippet inspires, and its solution (OSS-Instruct)."""

    template: Annotated[str, "a packaged prompt's name or a file; the published one can be dropped in"] = "oss-instruct"
    system: Annotated[str | None, "the system turn, or a file that holds it, instead of the template's"] = None
    temperature: Annotated[float | None, "0 for the likeliest answer; none: the teacher's (published: 0)"] = None
    seed: Annotated[int | None, "a request's seed is this plus its snippet's index; none: no seed"] = 976
    max_tokens: Annotated[int | None, "longest answer in tokens; none: the teacher's (published: 2500)"] = None
    context: Annotated[int | None, "prompt and answer together have so many tokens (published: 8192)"] = None
    encoding: Annotated[str, "tiktoken's table that the prompt's tokens are counted with"] = "cl100k_base"
    structured: Annotated[bool, "ask for JSON under a schema; code in JSON is often worse code"] = False
    # Measured with Qwen2.5-Coder-0.5B (Q4_K_M, temperature 0.2) on 16 snippets: with the example 5 answers were
    # copies of it and 2 borrowed from it, at 640 tokens a request; without it none, at 240.
    example: Annotated[bool, "show the template's example exchange: for models that do not keep to the form"] = False
    code_block: Annotated[bool, "drop a solution without a code block"] = True
    retry_with_grammar: Annotated[bool, "ask once more under a grammar where an answer has not both sections"] = True

    def __post_init__(self) -> None:
        """Refuse what makes no request.

        Raises:
            ValueError: a number of tokens is below 1, ``context`` stands without ``max_tokens``, or there is no such
                encoding.
        """
        for name, value in (("max_tokens", self.max_tokens), ("context", self.context)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 (got {value})")
        if self.context is not None and self.max_tokens is None:
            raise ValueError("context needs max_tokens beside it: it is what the prompt leaves of that")
        if self.encoding not in tokens.ENCODINGS:
            raise ValueError(f"encoding must be one of {', '.join(tokens.ENCODINGS)} (got {self.encoding!r})")

    def inputs(self) -> Mapping[str, Path]:
        """The template and the system turn, where they are files."""
        named = {"template": Path(self.template), "system": self._system_file}
        return {option: path for option, path in named.items() if path is not None and path.is_file()}

    def check(self) -> None:
        """Look whether the template can be used.

        Raises:
            RecipeError: there is no such template, or it is wrong; or the system turn's file is no text.
        """
        self._turns("", "python", example=self.example)

    def provenance(self) -> Mapping[str, str]:
        """Whether the prompt is the published one (``paper``) or another (``own``), by the hashes of both turns."""
        system = self._system_text
        told = {
            "template_sha256": self._template.sha256,
            "system_sha256": hashlib.sha256(system.encode()).hexdigest() if system else "",
        }
        published = tuple(told.values()) == (PAPER_TEMPLATE, PAPER_SYSTEM)
        counted = {} if self.context is None else {"tokens": self._counted_by}
        return {"prompt": "paper" if published else "own", **told, **counted}

    async def instruct(self, snippet: Snippet, ask: Ask) -> Instruction | Rejection:
        """Ask once, and a second time in another way where the answer shows what would help.

        Rejections are counted by these reasons: ``prompt too long``, ``truncated`` (or another end than ``stop``),
        ``unparsed``, ``no code``, ``copied the example``, ``repeated the prompt``.

        Raises:
            RecipeError: ``structured`` is on, and the teacher knows no JSON schema.
        """
        told = self._turns(snippet.code, snippet.language, example=self.example)
        sampling = self._sampling(told, snippet, ask)
        if isinstance(sampling, Rejection):
            return sampling
        made = self._read(await ask(Request(messages=told, sampling=sampling)), snippet)
        if isinstance(made, Rejection) and (again := self._again(made, told, snippet, ask, sampling)):
            return self._read(await ask(again), snippet)
        return made

    def _again(
        self, made: Rejection, told: tuple[Message, ...], snippet: Snippet, ask: Ask, sampling: Sampling
    ) -> Request | None:
        """The second request, if one could help: a truncated answer would be cut again, at the same price."""
        if made.reason == COPIED:
            return Request(messages=self._turns(snippet.code, snippet.language, example=False), sampling=sampling)
        formless = made.reason in (UNPARSED, NO_CODE, REPEATED) and not self.structured
        if formless and self.retry_with_grammar and ask.supports("grammar"):
            return Request(messages=told, sampling=replace(sampling, grammar=self._grammar))
        return None

    def _turns(self, code: str, language: str, *, example: bool) -> tuple[Message, ...]:
        template = self._template
        if template.jinja:
            # Without its last line's end the snippet is the same to a model, and the template closes the fence itself.
            # A plain file is the published one or the like: there the snippet keeps it, as published.
            code = code.rstrip("\r\n")
        told = template.turns(example=example, code=code, language=language)
        if self.system is None:
            return told
        return (self._system, *(turn for turn in told if turn.role != "system"))

    def _sampling(self, told: Sequence[Message], snippet: Snippet, ask: Ask) -> Sampling | Rejection:
        """How to draw, as published: min(max_tokens, context - tokens of the prompt - 10), and a seed for each row."""
        sampling = self._shared
        if self.structured and not ask.supports("json_schema"):
            raise RecipeError("[method] structured: the teacher has no JSON schema; say structured = false")
        seeded = self.seed is not None and snippet.index is not None and ask.supports("seed")
        room = self.max_tokens
        if self.context is not None and room is not None:
            room = self._room(told, self.context, room)
            if room <= 0:
                return Rejection(reason=TOO_LONG, detail=f"it leaves {room} of {self.context} tokens for the answer")
        if not seeded and room == self.max_tokens:
            return sampling
        seed = (self.seed or 0) + (snippet.index or 0) if seeded else None
        # Spelled out, which costs a fifth of `replace`: each request has a sampling of its own.
        return Sampling(temperature=sampling.temperature, max_tokens=room, seed=seed, json_schema=sampling.json_schema)

    def _room(self, told: Sequence[Message], context: int, wanted: int) -> int:
        """Tokens that the prompt leaves for the answer, at most ``wanted``; below 1 if it leaves none."""
        text = "".join(turn.content for turn in told if turn.role != "system")
        left = context - MARGIN
        if tokens.at_most(text) <= left - wanted:  # nearly all prompts: nothing needs to be counted
            return wanted
        count = tokens.counter(self.encoding) or tokens.estimate
        return min(wanted, left - count(text))

    def _read(self, reply: Reply, snippet: Snippet) -> Instruction | Rejection:
        if reply.finish_reason != "stop":
            reason = "truncated" if reply.finish_reason == "length" else reply.finish_reason
            return Rejection(reason=reason, detail=reply.text[-_EXCERPT:])
        found = prompts.sections(reply.text, finished=True)
        if isinstance(found, prompts.Unparsed):
            return Rejection(reason=UNPARSED, detail=f"{found.reason}: {reply.text[:_EXCERPT]}")
        problem, solution = found["problem"], found["solution"]
        if self.code_block and not prompts.has_code(solution):
            return Rejection(reason=NO_CODE, detail=solution[:_EXCERPT])
        both = f"{problem}\n{solution}"
        if any(words in both for words in self._guidelines):
            return Rejection(reason=REPEATED, detail=problem[:_EXCERPT])
        if self.example and any(_copies(problem, example) for example in self._examples):
            return Rejection(reason=COPIED, detail=problem[:_EXCERPT])
        return Instruction(
            problem=problem,
            solution=solution,
            language=snippet.language,
            method="oss-instruct",
            parent=snippet.id,
        )

    @cached_property
    def _template(self) -> prompts.Template:
        return prompts.template(self.template)

    @cached_property
    def _system(self) -> Message:
        return Message(role="system", content=self._system_text)

    @property
    def _system_file(self) -> Path | None:
        """The file that the option ``system`` names, if it names one."""
        if self.system is None or "\n" in self.system or len(self.system) > _EXCERPT:
            return None
        path = Path(self.system).expanduser()
        return path if path.is_file() else None

    @property
    def _system_text(self) -> str:
        if self.system is None:
            told = self._template.turns(example=False, code="", language="python")
            return next((turn.content for turn in told if turn.role == "system"), "")
        path = self._system_file
        if path is None:
            return self.system
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"[method] system: '{path}': {error}") from error

    @cached_property
    def _shared(self) -> Sampling:
        """What all requests have in common."""
        schema = _SCHEMA if self.structured else None
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens, json_schema=schema)

    @cached_property
    def _grammar(self) -> str:
        return prompts.render(GRAMMAR)

    @cached_property
    def _examples(self) -> list[str]:
        told = self._template.turns(example=True, code="", language="python")
        return [turn.content for turn in told if turn.role == "assistant"]

    @cached_property
    def _guidelines(self) -> list[str]:
        """The ends of the prompt's long lines: an answer that has one says the prompt again."""
        told = self._template.turns(example=False, code="", language="python")
        lines = [line.strip() for line in told[-1].content.split("\n")]
        return [line[-_TELLING:] for line in lines if len(line) > _TELLING]

    @property
    def _counted_by(self) -> str:
        return "estimated" if tokens.counter(self.encoding) is None else self.encoding


def _copies(problem: str, example: str) -> bool:
    """Whether half of the problem's runs of words stand in the example: small models like to say it again."""
    runs = _runs(problem)
    return 2 * len(runs & _runs(example)) > len(runs)


def _runs(text: str, length: int = 5) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
