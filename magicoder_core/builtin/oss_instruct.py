"""Method ``oss-instruct``: a snippet of real code inspires a problem, and the teacher solves it.

After OSS-Instruct (arXiv 2312.02120, section 2.1): one request a snippet, answered in two sections. Ours adds a
second try under a grammar for an answer that does not keep to the form and, on demand, an example of one whole
exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from magicoder_core import Ask, Instruction, Message, Method, Rejection, Reply, Request, Sampling, Snippet, prompts

GRAMMAR = "oss-instruct.gbnf"
UNPARSED, NO_CODE, COPIED = "unparsed", "no code", "copied the example"
_EXCERPT = 200


@dataclass(frozen=True, kw_only=True)
class OssInstruct(Method):
    """Asks for a self-contained problem that the snippet inspires, and its solution (OSS-Instruct)."""

    template: Annotated[str, "a packaged prompt's name or a file; the published one can be dropped in"] = "oss-instruct"
    system: Annotated[str | None, "the system turn, instead of the template's"] = None
    # Measured with Qwen2.5-Coder-0.5B (Q4_K_M, temperature 0.2) on 16 snippets: with the example 5 answers were
    # copies of it and 2 borrowed from it, at 640 tokens a request; without it none, at 240.
    example: Annotated[bool, "show the template's example exchange: for models that do not keep to the form"] = False
    code_block: Annotated[bool, "drop a solution without a code block"] = True
    retry_with_grammar: Annotated[bool, "ask once more under a grammar where an answer has not both sections"] = True

    def inputs(self) -> Mapping[str, Path]:
        """The template, where it is a file."""
        path = Path(self.template)
        return {"template": path} if path.is_file() else {}

    def check(self) -> None:
        """Look whether the template can be used.

        Raises:
            RecipeError: there is no such template, or it is wrong.
        """
        prompts.turns(self.template, example=self.example, code="", language="python")

    async def instruct(self, snippet: Snippet, ask: Ask) -> Instruction | Rejection:
        """Ask once, and a second time in another way where the answer shows what would help.

        Rejections are counted by these reasons: ``truncated`` (or another end than ``stop``), ``unparsed``,
        ``no code``, ``copied the example``.
        """
        told = self._turns(snippet, example=self.example)
        examples = [turn.content for turn in told if turn.role == "assistant"]
        made = self._read(await ask(Request(messages=told)), snippet, examples)
        if isinstance(made, Rejection) and (again := self._again(made, told, snippet, ask)):
            return self._read(await ask(again), snippet, examples)
        return made

    def _again(self, made: Rejection, told: tuple[Message, ...], snippet: Snippet, ask: Ask) -> Request | None:
        """The second request, if one could help: a truncated answer would be cut again, at the same price."""
        if made.reason == COPIED:
            return Request(messages=self._turns(snippet, example=False))
        formless = made.reason in (UNPARSED, NO_CODE)
        if formless and self.retry_with_grammar and ask.supports("grammar"):
            return Request(messages=told, sampling=self._strict)
        return None

    def _turns(self, snippet: Snippet, *, example: bool) -> tuple[Message, ...]:
        # Without its last line's end the snippet is the same to a model, and the template closes the fence itself.
        code = snippet.code.rstrip("\r\n")
        told = prompts.turns(self.template, example=example, code=code, language=snippet.language)
        if self.system is None:
            return told
        rest = [turn for turn in told if turn.role != "system"]
        return (Message(role="system", content=self.system), *rest)

    @cached_property
    def _strict(self) -> Sampling:
        return Sampling(grammar=prompts.render(GRAMMAR))

    def _read(self, reply: Reply, snippet: Snippet, examples: Sequence[str]) -> Instruction | Rejection:
        if reply.finish_reason != "stop":
            reason = "truncated" if reply.finish_reason == "length" else reply.finish_reason
            return Rejection(reason=reason, detail=reply.text[-_EXCERPT:])
        found = prompts.sections(reply.text)
        if isinstance(found, prompts.Unparsed):
            return Rejection(reason=UNPARSED, detail=f"{found.reason}: {reply.text[:_EXCERPT]}")
        if self.code_block and not any(block.code.strip() for block in prompts.fences(found["solution"])):
            return Rejection(reason=NO_CODE, detail=found["solution"][:_EXCERPT])
        if any(_copies(found["problem"], example) for example in examples):
            return Rejection(reason=COPIED, detail=found["problem"][:_EXCERPT])
        return Instruction(
            problem=found["problem"],
            solution=found["solution"],
            language=snippet.language,
            method="oss-instruct",
            parent=snippet.id,
        )


def _copies(problem: str, example: str) -> bool:
    """Whether half of the problem's runs of words stand in the example: small models like to say it again."""
    runs = _runs(problem)
    return 2 * len(runs & _runs(example)) > len(runs)


def _runs(text: str, length: int = 5) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
