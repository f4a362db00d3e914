"""The contract of a filter."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from magicoder_core.providers import Filter, RowFilter
from magicoder_core.records import Instruction, Judgement
from magicoder_core.testing.fakes import instruction
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

    Attributes:
        provider: the filter to test.
        rows: rows of all sorts; the default has a pair of equal ones.
        kept: rows that it must keep, when they are all that it sees.
        dropped: rows that it must drop, each when it sees nothing else.
    """

    provider: Filter
    rows: Sequence[Instruction] = _ROWS
    kept: Sequence[Instruction] = ()
    dropped: Sequence[Instruction] = ()

    def test_judges_each_row(self, subject: Any) -> None:
        """One judgement for each row, and a reason for each that is dropped."""
        judgements = subject.judge(self.rows)
        assert len(judgements) == len(self.rows)
        for judgement in judgements:
            _check(judgement)

    def test_judges_an_empty_batch(self, subject: Any) -> None:
        """No rows, no judgements."""
        assert len(subject.judge([])) == 0

    def test_judges_the_same_again(self, subject: Any) -> None:
        """Two fresh copies that see the same rows say the same."""
        copy = dataclasses.replace(subject)
        assert list(subject.judge(self.rows)) == list(copy.judge(self.rows))

    def test_batches_make_no_difference(self, subject: Any) -> None:
        """Row by row, one instance says what it says of all rows at once."""
        copy = dataclasses.replace(subject)
        one_by_one = [judgement for row in self.rows for judgement in copy.judge([row])]
        assert one_by_one == list(subject.judge(self.rows))

    def test_order_is_the_rows_order(self, subject: Any) -> None:
        """A filter that looks at single rows gives a row its own judgement wherever it stands."""
        if not subject.by_row:
            pytest.skip("a row's judgement depends on other rows (by_row is False)")
        backwards = list(subject.judge(list(reversed(self.rows))))
        assert list(reversed(backwards)) == list(subject.judge(self.rows))

    def test_row_filter_says_what_it_judges(self, subject: Any) -> None:
        """`reject` gives a reason for just the rows that are dropped."""
        if not isinstance(subject, RowFilter):
            pytest.skip("not a RowFilter")
        reasons = [subject.reject(row) for row in self.rows]
        assert [reason is None for reason in reasons] == [item.keep for item in subject.judge(self.rows)]

    def test_odd_rows_do_not_crash(self, subject: Any) -> None:
        """Empty, broken and very long rows are judged like all others."""
        for judgement in subject.judge(_ODD):
            _check(judgement)

    def test_keeps_and_drops_what_it_should(self, subject: Any) -> None:
        """The rows in `kept` are kept, those in `dropped` are dropped."""
        if not (self.kept or self.dropped):
            pytest.skip("no `kept` and no `dropped` rows given")
        assert all(item.keep for item in subject.judge(self.kept))
        for row in self.dropped:
            judgement = dataclasses.replace(subject).judge([row])[0]
            assert not judgement.keep, f"kept: {row!r}"


def _check(judgement: Judgement) -> None:
    assert isinstance(judgement, Judgement), f"judge() returns Judgements, not {judgement!r}"
    assert judgement.keep or (judgement.reason or "").strip(), "a dropped row has a reason"
    assert all(isinstance(value, int | float) for value in judgement.scores.values())
    json.dumps(judgement.to_dict())
