"""The contract of a filter."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from magicoder_core.errors import TeacherError
from magicoder_core.providers import AskingFilter, Filter, RowFilter
from magicoder_core.records import Instruction, Judgement, Reply
from magicoder_core.testing.fakes import ScriptedAsk, instruction
from magicoder_core.testing.providers import ProviderContract

_ROWS = (
    instruction(),
    instruction("Reverse a list.", "```python\ndef reverse(items):\n    return items[::-1]\n```"),
    instruction(),
    instruction("Add two numbers in Rust.", "```rust\nfn add(a: i32, b: i32) -> i32 { a + b }\n```", "rust"),
)
_ODD = (
    instruction("", ""),
    instruction("\x00\N{PILE OF POO}\u202e", "```python\ndef broken(:\n```"),
    instruction("word " * 5000, "```\n" * 7, "no-such-language"),
)


class FilterContract(ProviderContract):
    r"""What a filter promises.

        from magicoder_core.testing import FilterContract, instruction
        from magicoder_tabs import NoTabs

        class TestNoTabs(FilterContract):
            provider = NoTabs()
            dropped = (instruction(solution="\treturn 1"),)

    An `AskingFilter` is asked about each row with a `ScriptedAsk` of its own: no model is needed.

    Attributes:
        provider: the filter to test.
        rows: rows of all sorts; the default has a pair of equal ones.
        kept: rows that it must keep, when they are all that it sees.
        dropped: rows that it must drop, each when it sees nothing else.
        replies: of a filter that asks: the teacher's answers about a row, of which it makes a judgement.
        no: of such a filter: answers of which it makes that a row is dropped; ``dropped`` rows get these.
        garbage: of such a filter: answers that say nothing; each must end in a judgement, or in a `TeacherError`.
    """

    provider: Filter
    rows: Sequence[Instruction] = _ROWS
    kept: Sequence[Instruction] = ()
    dropped: Sequence[Instruction] = ()
    replies: Sequence[str | Reply] = ()
    no: Sequence[str | Reply] = ()
    garbage: Sequence[str] = ("", " \n\t ", "```", "\x00\ud800", "{" * 100)

    def test_judges_each_row(self, subject: Any) -> None:
        """One judgement for each row, and a reason for each that is dropped or flagged."""
        judgements = self._judged(subject, self.rows)
        assert len(judgements) == len(self.rows)
        for judgement in judgements:
            _check(judgement)

    def test_judges_an_empty_batch(self, subject: Any) -> None:
        """No rows, no judgements."""
        assert len(self._judged(subject, [])) == 0

    def test_judges_the_same_again(self, subject: Any) -> None:
        """Two fresh copies that see the same rows say the same."""
        copy = dataclasses.replace(subject)
        assert list(self._judged(subject, self.rows)) == list(self._judged(copy, self.rows))

    def test_batches_make_no_difference(self, subject: Any) -> None:
        """Row by row, one instance says what it says of all rows at once."""
        copy = dataclasses.replace(subject)
        one_by_one = [judgement for row in self.rows for judgement in self._judged(copy, [row])]
        assert one_by_one == list(self._judged(subject, self.rows))

    def test_recalls_what_it_has_judged(self, subject: Any) -> None:
        """After a stop it learns again from the rows before, and says of the others what it would have said."""
        whole = list(self._judged(dataclasses.replace(subject), self.rows))
        for seen in range(len(self.rows) + 1):
            copy = dataclasses.replace(subject)
            for row in self.rows[:seen]:
                copy.recall([row])
            assert list(self._judged(copy, self.rows[seen:])) == whole[seen:], f"after {seen} rows"

    def test_reports_in_plain_values(self, subject: Any) -> None:
        """What it has to say of all rows is JSON; where rows are judged one by one it does not depend on them."""
        before = dict(subject.report())
        self._judged(subject, self.rows)
        after = dict(subject.report())
        assert json.loads(json.dumps(after)) == after, "report() gives plain JSON values"
        assert after == before or not subject.by_row, "rows are judged elsewhere, too: the core counts them"

    def test_order_is_the_rows_order(self, subject: Any) -> None:
        """A filter that looks at single rows gives a row its own judgement wherever it stands."""
        if not subject.by_row:
            pytest.skip("a row's judgement depends on other rows (by_row is False)")
        backwards = list(self._judged(subject, list(reversed(self.rows))))
        assert list(reversed(backwards)) == list(self._judged(subject, self.rows))

    def test_row_filter_says_what_it_judges(self, subject: Any) -> None:
        """`reject` gives a reason for just the rows that are dropped."""
        if not isinstance(subject, RowFilter):
            pytest.skip("not a RowFilter")
        reasons = [subject.reject(row) for row in self.rows]
        assert [reason is None for reason in reasons] == [item.keep for item in subject.judge(self.rows)]

    def test_odd_rows_do_not_crash(self, subject: Any) -> None:
        """Empty, broken and very long rows are judged like all others."""
        for judgement in self._judged(subject, _ODD):
            _check(judgement)

    def test_keeps_and_drops_what_it_should(self, subject: Any) -> None:
        """The rows in `kept` are kept, those in `dropped` are dropped."""
        if not (self.kept or self.dropped):
            pytest.skip("no `kept` and no `dropped` rows given")
        assert all(item.keep for item in self._judged(subject, self.kept))
        for row in self.dropped:
            judgement = self._judged(dataclasses.replace(subject), [row], self.no or self.replies)[0]
            assert not judgement.keep, f"kept: {row!r}"

    def test_asks_the_same_again(self, subject: Any) -> None:
        """After a crash it asks again and must ask the same, so that the journal can answer."""
        if not isinstance(subject, AskingFilter):
            pytest.skip("not an AskingFilter")
        asks = [ScriptedAsk(self.replies), ScriptedAsk(self.replies)]
        for ask in asks:
            asyncio.run(dataclasses.replace(subject).assess(self.rows[0], ask))
        assert asks[0].requests
        assert [item.id for item in asks[0].requests] == [item.id for item in asks[1].requests]

    def test_answers_of_no_use_do_not_crash(self, subject: Any) -> None:
        """Models write anything: there is a judgement, or a `TeacherError` that says so; nothing else."""
        if not isinstance(subject, AskingFilter):
            pytest.skip("not an AskingFilter")
        for text in self.garbage:
            try:
                judgement = asyncio.run(subject.assess(self.rows[0], ScriptedAsk([text], repeat=True)))
            except TeacherError:
                continue
            _check(judgement)

    def test_no_answer_is_no_judgement(self, subject: Any) -> None:
        """When no answer can be had the error goes through, so that the row is asked about again."""
        if not isinstance(subject, AskingFilter):
            pytest.skip("not an AskingFilter")
        with pytest.raises(TeacherError):
            asyncio.run(subject.assess(self.rows[0], ScriptedAsk([TeacherError("timeout", "no answer")], repeat=True)))

    def _judged(
        self, subject: Any, rows: Sequence[Instruction], replies: Sequence[str | Reply] | None = None
    ) -> Sequence[Judgement]:
        """What a filter says of rows; one that asks gets the scripted answers about each."""
        if not isinstance(subject, AskingFilter):
            judged: Sequence[Judgement] = subject.judge(rows)
            return judged
        script = self.replies if replies is None else replies
        assert script, "say `replies = (...)`: answers of which the filter makes a judgement"
        return [asyncio.run(subject.assess(row, ScriptedAsk(script))) for row in rows]


def _check(judgement: Judgement) -> None:
    assert isinstance(judgement, Judgement), f"judge() returns Judgements, not {judgement!r}"
    assert judgement.keep or (judgement.reason or "").strip(), "a dropped row has a reason"
    flagged = judgement.reason is not None or judgement.evidence
    assert not flagged or (judgement.reason or "").strip(), "a reason says something, and evidence stands beside one"
    assert all(isinstance(value, int | float) for value in judgement.scores.values())
    json.dumps(judgement.to_dict())
