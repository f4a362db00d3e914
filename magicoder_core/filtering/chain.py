"""A chain of filters: rows go through them in order, and a row that one drops is seen by none after it.

Batches make no difference, and neither does where a row-by-row filter judged: what such a filter said elsewhere
(`judge`'s ``ahead``) counts as if it had been asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from time import process_time
from typing import Any, NamedTuple

from magicoder_core.errors import attributed
from magicoder_core.filtering import judging
from magicoder_core.filtering.decisions import KEPT, Decision
from magicoder_core.providers import AskingFilter, Filter
from magicoder_core.recipe import Bound
from magicoder_core.records import Instruction, Judgement

Assess = Callable[[int, str, AskingFilter, list[Instruction]], Sequence[Judgement]]
"""Has a filter that asks judge rows: its number, name, itself, the rows."""


class Part(NamedTuple):
    """What of a chain travels to a worker: a filter's number, name and options."""

    number: int
    name: str
    provider: Filter


@dataclass
class Link:
    """One filter of a chain, with the CPU seconds that it took in this process."""

    number: int
    name: str
    provider: Filter
    assess: Assess | None = None
    cpu: float = 0.0
    by_row: bool = field(init=False)
    remembers: bool = field(init=False)
    """Whether it may say something else for what it has seen before."""

    def __post_init__(self) -> None:
        """Look at what kind of filter it is."""
        kind = type(self.provider)
        self.by_row = self.provider.by_row and not isinstance(self.provider, AskingFilter)
        inherited = kind.recall is AskingFilter.recall or (kind.recall is Filter.recall and self.by_row)
        self.remembers = not inherited

    def judge(self, rows: list[Instruction]) -> Sequence[Judgement]:
        """Its judgements of rows.

        Raises:
            RunError: it failed.
        """
        before = process_time()
        if isinstance(self.provider, AskingFilter) and self.assess is not None:
            judgements = self.assess(self.number, self.name, self.provider, rows)
        else:
            judgements = judging.judge(self.name, self.provider, rows)
        self.cpu += process_time() - before
        return judgements

    def recall(self, rows: list[Instruction]) -> None:
        """Have it learn again from rows that it has judged.

        Raises:
            RunError: it failed.
        """
        before = process_time()
        with attributed("filter", self.name):
            self.provider.recall(rows)
        self.cpu += process_time() - before


class Chain:
    """Fresh copies of filters, in order.

    Args:
        parts: the filters, with the numbers that they have in the whole chain.
        assess: has filters that ask judge; without it there must be none.
    """

    def __init__(self, parts: Sequence[Part], assess: Assess | None = None) -> None:
        self.links = [Link(number, name, copy(provider), assess) for number, name, provider in parts]

    @property
    def remembers(self) -> bool:
        """Whether any filter has to learn again what an interrupted run has seen."""
        return any(link.remembers for link in self.links)

    @property
    def first_in_order(self) -> int:
        """The number of the first filter that has to see the rows one after another; one past the last if none has."""
        return next((link.number for link in self.links if not link.by_row), len(self.links))

    def judge(self, rows: list[Instruction], ahead: Sequence[Decision | None] | None = None) -> list[Decision | None]:
        """What the chain says of rows.

        Args:
            rows: replaced in place where filters measured something. Where ``ahead`` tells all that is needed of a row,
                it is never looked at.
            ahead: what all row-by-row filters of this chain say of the rows, if that is known.

        Raises:
            RunError: a filter failed.
        """
        told = _Told(rows, ahead)
        left = list(range(len(rows)))
        for link in self.links:
            if not left:
                break
            left = told.take(link, left) if ahead is not None and link.by_row else told.ask(link, left)
        return told.decisions

    def recall(self, rows: list[Instruction], decisions: Sequence[Decision | None]) -> None:
        """Learn again from rows that were judged before, with the decisions on them.

        Raises:
            RunError: a filter failed.
        """
        left = list(range(len(rows)))
        last = max((number for number, link in enumerate(self.links) if link.remembers), default=-1)
        for link in self.links[: last + 1]:
            if not left:
                break
            link.recall([rows[number] for number in left])
            left = [number for number in left if _passes(decisions[number], link.number)]
            for number in left:
                for at, scores in decision.scores if (decision := decisions[number]) else ():
                    if at == link.number:
                        rows[number] = _measured(rows[number], scores)

    def reports(self) -> list[Mapping[str, Any]]:
        """What each filter has to say of all rows together.

        Raises:
            RunError: a filter failed, or what it says is no JSON.
        """
        said: list[Mapping[str, Any]] = []
        for link in self.links:
            with attributed("filter", link.name):
                said.append(dict(link.provider.report()))
            judging.spelled(link.name, said[-1])
        return said


def parts(filters: Sequence[Bound[Filter]]) -> list[Part]:
    """A recipe's filters as the parts of a chain."""
    return [Part(number, bound.name, bound.provider) for number, bound in enumerate(filters)]


class _Told:
    """What is known of some rows on their way through a chain."""

    def __init__(self, rows: list[Instruction], ahead: Sequence[Decision | None] | None) -> None:
        self.rows = rows
        self.decisions: list[Decision | None] = [None] * len(rows)
        self._ahead = ahead
        self._special = {number for number, decision in enumerate(ahead or ()) if decision is not None}
        # What was said of these was said of other scores than they have: a row is its scores, too.
        self._changed: set[int] = set()

    def ask(self, link: Link, left: list[int]) -> list[int]:
        """Have a filter judge the rows that are left; those that are left then."""
        rows = self.rows
        batch = rows if len(left) == len(rows) else [rows[number] for number in left]
        staying = []
        for number, judgement in zip(left, link.judge(batch), strict=True):
            if judgement.keep and not judgement.reason and not judgement.scores:
                staying.append(number)
                continue
            if judgement.scores:
                self._score(link, number, judging.numbers(link.name, judgement.scores))
            if judgement.keep:
                staying.append(number)
                if judgement.reason:
                    evidence = judging.spelled(link.name, judgement.evidence)
                    self._decision(number).flags.append((link.number, judgement.reason, evidence))
            else:
                evidence = judging.spelled(link.name, judgement.evidence)
                self._drop(link, number, judgement.reason or "dropped", evidence)
        return staying

    def take(self, link: Link, left: list[int]) -> list[int]:
        """Take over what a row-by-row filter has said of the rows that are left; those that are left then."""
        special = [number for number in left if number in self._special] if self._special else []
        gone = {number for number in special if number not in self._changed and not self._taken(link, number)}
        if again := [number for number in left if number in self._changed]:
            gone |= set(again) - set(self.ask(link, again))
        return [number for number in left if number not in gone] if gone else left

    def _taken(self, link: Link, number: int) -> bool:
        """Take over what a filter has said of one row; whether it stays."""
        said = self._ahead[number] if self._ahead is not None else None
        if said is None:
            return True
        for at, scores in said.scores:
            if at == link.number:
                self._decision(number).scores.append((at, scores))
                if self.rows[number] is not None:  # nobody has read a row that only other processes look at
                    self.rows[number] = _measured(self.rows[number], scores)
        if flags := [flag for flag in said.flags if flag[0] == link.number]:
            self._decision(number).flags.extend(flags)
        if said.by == link.number:
            self._drop(link, number, said.reason, said.evidence)
        return said.by != link.number

    def _score(self, link: Link, number: int, scores: Mapping[str, float]) -> None:
        self._decision(number).scores.append((link.number, scores))
        self.rows[number] = _measured(self.rows[number], scores)
        if self._ahead is not None:
            self._changed.add(number)

    def _drop(self, link: Link, number: int, reason: str, evidence: str) -> None:
        decision = self._decision(number)
        decision.by, decision.reason, decision.evidence = link.number, reason, evidence

    def _decision(self, number: int) -> Decision:
        decision = self.decisions[number]
        if decision is None:
            decision = self.decisions[number] = Decision()
        return decision


def _passes(decision: Decision | None, number: int) -> bool:
    """Whether a row went on after the filter of that number."""
    return decision is None or decision.by == KEPT or decision.by > number


def _measured(row: Instruction, scores: Mapping[str, float]) -> Instruction:
    """The row with further scores, under the name that it has."""
    made = replace(row, scores={**row.scores, **scores})
    with suppress(AttributeError):  # nobody has asked for it yet, and it does not depend on scores
        object.__setattr__(made, "id", object.__getattribute__(row, "id"))
    return made
