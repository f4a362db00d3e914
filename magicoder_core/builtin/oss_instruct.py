"""Method ``oss-instruct``: a snippet of real code inspires a problem, and the teacher solves it.

After OSS-Instruct (arXiv 2312.02120, section 2.1): one request a snippet, answered in two sections. Ours adds an
example of one whole exchange, without which small models rarely keep to the form, and a second try under a
grammar for an answer that still does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from magicoder_core import Ask, Instruction, Message, Method, Rejection, Reply, Request, Sampling, Snippet, prompts

GRAMMAR = "oss-instruct.gbnf"
_EXCERPT = 200


@dataclass(frozen=True, kw_only=True)
class OssInstruct(Method):
    """Asks for a self-contained problem that the snippet inspires, and its solution (OSS-Instruct)."""

    template: Annotated[str, "a packaged prompt's name or a file; the published one can be dropped in"] = "oss-instruct"
    system: Annotated[str | None, "the system turn, instead of the template's"] = None
    example: Annotated[bool, "show the example exchange that the template holds"] = True
    code_block: Annotated[bool, "drop a solution without a code block"] = True
    retry_with_grammar: Annotated[bool, "ask once more under a grammar where an answer has not both sections"] = True

    def check(self) -> None:
        """Look whether the template can be used.

        Raises:
            RecipeError: there is no such template, or it is wrong.
        """
        prompts.turns(self.template, example=self.example, code="", language="python")

    async def instruct(self, snippet: Snippet, ask: Ask) -> Instruction | Rejection:
        """Ask once, and once more under a grammar if the sections are not found.

        Rejections are counted by these reasons: ``truncated`` (or another end than ``stop``), ``unparsed``, ``no code``.
        """
        turns = self._turns(snippet)
        made = self._read(await ask(Request(messages=turns)), snippet)
        # A truncated answer is not asked for again: under the same limit it would be cut again, at the same price.
        if isinstance(made, Rejection) and made.reason != "truncated" and self._may_retry(ask):
            return self._read(await ask(Request(messages=turns, sampling=self._strict)), snippet)
        return made

    def _turns(self, snippet: Snippet) -> tuple[Message, ...]:
        # Without its last line's end the snippet is the same to a model, and the template closes the fence itself.
        code = snippet.code.rstrip("\r\n")
        told = prompts.turns(self.template, example=self.example, code=code, language=snippet.language)
        if self.system is None:
            return told
        rest = [turn for turn in told if turn.role != "system"]
        return (Message(role="system", content=self.system), *rest)

    @cached_property
    def _strict(self) -> Sampling:
        return Sampling(grammar=prompts.render(GRAMMAR))

    def _may_retry(self, ask: Ask) -> bool:
        return self.retry_with_grammar and ask.supports("grammar")

    def _read(self, reply: Reply, snippet: Snippet) -> Instruction | Rejection:
        if reply.finish_reason != "stop":
            reason = "truncated" if reply.finish_reason == "length" else reply.finish_reason
            return Rejection(reason=reason, detail=reply.text[-_EXCERPT:])
        found = prompts.sections(reply.text)
        if isinstance(found, prompts.Unparsed):
            return Rejection(reason="unparsed", detail=f"{found.reason}: {reply.text[:_EXCERPT]}")
        if self.code_block and not any(block.code.strip() for block in prompts.fences(found["solution"])):
            return Rejection(reason="no code", detail=found["solution"][:_EXCERPT])
        return Instruction(
            problem=found["problem"],
            solution=found["solution"],
            language=snippet.language,
            method="oss-instruct",
            parent=snippet.id,
        )
