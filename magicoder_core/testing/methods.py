"""The contract of a method."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from magicoder_core.errors import TeacherError
from magicoder_core.providers import Method
from magicoder_core.records import Instruction, Rejection, Reply, Snippet
from magicoder_core.testing.fakes import ScriptedAsk, snippet
from magicoder_core.testing.providers import ProviderContract

_ODD = ("```", "```python\n", "\x00\ud800\N{PILE OF POO}", "[Problem Description]" * 50, "{{ x }}", "word " * 5000)


class MethodContract(ProviderContract):
    r"""What a method promises.

        from magicoder_core.testing import MethodContract
        from magicoder_evolve import Evolve

        class TestEvolve(MethodContract):
            provider = Evolve()
            replies = ("Write a function that ...", "```python\ndef ...```")

    The teacher is a `ScriptedAsk`: no model is needed.

    Attributes:
        provider: the method to test.
        replies: the teacher's answers, one for each step, of which the method makes an instruction.
        snippet: what the instruction is made of.
        garbage: answers of which there is nothing to be made: each must end in a `Rejection`.
    """

    provider: Method
    replies: Sequence[str | Reply] = ()
    snippet: Snippet = snippet()
    garbage: Sequence[str] = ("", " \n\t ")

    def test_makes_an_instruction(self, subject: Any) -> None:
        """Of good answers comes a row whose parent is the snippet."""
        assert self.replies, "say `replies = (...)`: answers of which the method makes an instruction"
        made = self._made(subject, ScriptedAsk(self.replies))
        assert isinstance(made, Instruction), f"no instruction, but {made!r}"
        assert made.parent == self.snippet.id
        assert made.method
        assert Instruction.from_dict(made.to_dict()) == made

    def test_is_repeatable(self, subject: Any) -> None:
        """After a crash a method runs again and must ask the same, so that the journal can answer."""
        asks = [ScriptedAsk(self.replies), ScriptedAsk(self.replies)]
        made = [self._made(subject, ask) for ask in asks]
        assert made[0] == made[1]
        assert [item.id for item in asks[0].requests] == [item.id for item in asks[1].requests]

    def test_works_with_a_capable_teacher(self, subject: Any) -> None:
        """Good answers are good, too, where the teacher supports a grammar."""
        made = self._made(subject, ScriptedAsk(self.replies, capabilities=("grammar", "seed")))
        assert isinstance(made, Instruction)

    def test_garbage_is_rejected(self, subject: Any) -> None:
        """An answer of no use is data, not a crash: a `Rejection` with a reason to count by."""
        for text in self.garbage:
            made = self._made(subject, ScriptedAsk([text], repeat=True))
            assert isinstance(made, Rejection), f"of the answer {text!r} came {made!r}"
            assert made.reason.strip()

    def test_odd_answers_do_not_crash(self, subject: Any) -> None:
        """Models write anything; whatever it is, there is a whole row or a rejection."""
        for text in _ODD:
            self._made(subject, ScriptedAsk([text], repeat=True))

    def test_a_failed_request_is_no_bug(self, subject: Any) -> None:
        """When no answer can be had the error goes through, or the snippet is rejected."""
        try:
            made = self._made(subject, ScriptedAsk([TeacherError("timeout", "no answer in time")], repeat=True))
        except TeacherError:
            return
        assert isinstance(made, Rejection), f"an instruction was made without an answer: {made!r}"

    def _made(self, method: Any, ask: ScriptedAsk) -> Instruction | Rejection:
        """What the method makes; a row is checked to be whole."""
        made = asyncio.run(method.instruct(self.snippet, ask))
        if not isinstance(made, Instruction | Rejection):
            pytest.fail(f"instruct() returns an Instruction or a Rejection, not {made!r}")
        if isinstance(made, Instruction):
            assert made.problem.strip() and made.solution.strip(), f"a row without content: {made!r}"  # noqa: PT018
            assert made.language
        return made
