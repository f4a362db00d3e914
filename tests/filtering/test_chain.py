"""Filters in order, what they say of rows, and what they say of rows that were judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from magicoder_core import Filter, Judgement, RunError, options
from magicoder_core.filtering.chain import Chain, Part
from magicoder_core.filtering.decisions import Decision, decoded, encoded
from magicoder_core.filtering.tally import Tally
from magicoder_core.testing import instruction

LONG, LONGER = "x" * 70, "x" * 100


@pytest.fixture
def chain(catalogue):
    """A chain of filters by name; options as keywords of the last."""

    def chain(*names):
        parts = []
        for number, name in enumerate(names):
            use, _, given = name.partition(" ")
            table = dict(item.split("=") for item in given.split()) if given else {}
            provider = options.bind(catalogue.find("filter", use).provider, table, use)
            parts.append(Part(number, use, provider))
        return Chain(parts)

    return chain


def some(count=40):
    return [
        instruction(f"Problem {number}{' bad' if number % 5 == 2 else ''}", "y" * (number * 3), "python")
        for number in range(count)
    ]


def test_a_row_that_one_drops_is_seen_by_none_after_it(chain):
    made = chain("without", "turns").judge([instruction("bad"), instruction("a"), instruction("b"), instruction("c")])
    assert [decision and decision.by for decision in made] == [0, -1, -1, 1]
    assert made[0] == Decision(by=0, reason="has bad")
    assert made[3].scores == [(1, {"turn": 3})]
    assert decoded(encoded(made[3])) == made[3]


def test_a_flag_keeps_a_row_and_its_evidence(chain):
    (made,) = chain("measure").judge([instruction(solution=LONG)])
    assert (made.by, made.scores) == (-1, [(0, {"length": 70})])
    assert made.flags == [(0, "long", '{"characters":70,"a tuple":[1,2]}')]


def test_a_row_without_a_word_is_nothing(chain):
    assert chain("without").judge([instruction()]) == [None]
    assert encoded(None) == b""
    assert decoded(b"") is None


def test_scores_are_seen_by_filters_after_it_and_the_name_of_a_row_stays(chain):
    row = instruction()
    object.__setattr__(row, "id", "its own")
    rows = [row]
    (made,) = chain("turns", "below score=turn limit=1").judge(rows)
    assert (made.by, made.reason) == (1, "turn is 1")
    assert rows[0].scores == {"turn": 1, "seen": 1}
    assert rows[0].id == "its own"


ORDERS = [
    ("without", "measure", "turns"),
    ("turns", "without", "measure"),
    ("measure", "turns", "below score=turn limit=3", "without"),
    ("turns", "below score=turn limit=4", "turns", "below score=turn limit=2", "measure drop=70"),
    ("measure", "below score=length limit=70"),
]


@pytest.mark.parametrize("names", ORDERS)
@pytest.mark.parametrize("size", [1, 7, 40])
def test_what_was_said_ahead_is_what_is_said_here(chain, names, size):
    alone = chain(*names).judge(some())
    whole = chain(*names)
    worker = Chain([(link.number, link.name, link.provider) for link in whole.links if link.by_row])
    made = []
    for start in range(0, 40, size):
        ahead = [decoded(encoded(said)) for said in worker.judge(some()[start : start + size])]
        made += whole.judge(some()[start : start + size], ahead)
    assert list(map(encoded, made)) == list(map(encoded, alone))
    assert len({decision.by for decision in made if decision}) >= 2


def test_rows_that_only_others_look_at_need_not_be_there(chain):
    alone = chain("measure", "without").judge(some())
    whole = chain("measure", "without")
    assert whole.first_in_order == 2
    assert list(map(encoded, whole.judge([None] * 40, alone))) == list(map(encoded, alone))


@pytest.mark.parametrize("names", ORDERS)
@pytest.mark.parametrize("seen", [0, 1, 13, 40])
def test_what_is_recalled_is_as_if_it_had_been_judged(chain, names, seen):
    alone, again = chain(*names), chain(*names)
    decisions = alone.judge(some())
    again.recall(some()[:seen], decisions[:seen])
    assert list(map(encoded, again.judge(some()[seen:]))) == list(map(encoded, decisions[seen:]))
    assert again.reports() == alone.reports()


def test_only_filters_that_may_say_something_else_remember(chain):
    assert not chain("without", "measure", "opinion").remembers
    assert chain("without", "turns").remembers


@dataclass(frozen=True, kw_only=True)
class Odd(Filter):
    """Says what a test wants."""

    judgements = ()

    def judge(self, batch):
        return type(self).judgements


@pytest.mark.parametrize(
    ("judgements", "line"),
    [
        ((), "filter 'odd' gave 0 judgements for 1 rows"),
        ((Judgement(keep=True, scores={"a": float("nan")}),), "filter 'odd' gave the score a = nan"),
        ((Judgement(keep=True, scores={"a": "high"}),), "filter 'odd' failed: ValueError: could not convert"),
        ((Judgement(keep=False, reason="x", evidence={"a": object()}),), "filter 'odd' failed: TypeError"),
    ],
)
def test_a_filter_that_does_not_keep_its_promise_is_named(monkeypatch, judgements, line):
    monkeypatch.setattr(Odd, "judgements", judgements)
    with pytest.raises(RunError) as caught:
        Chain([Part(0, "odd", Odd())]).judge([instruction()])
    assert str(caught.value).startswith(line)


def test_a_tally_counts_rows_reasons_and_scores_and_goes_on(chain):
    made = chain("without", "measure").judge(
        [instruction("bad"), instruction(solution=LONG), instruction(solution=LONGER), instruction(solution="x")]
    )
    tally = Tally.of(2)
    for decision in made[:2]:
        tally.add(decision)
    tally = Tally.restored(tally.to_dict())
    for decision in made[2:]:
        tally.add(decision)
    assert (tally.rows, tally.kept, tally.rejected, tally.flagged) == (4, 2, 2, 1)
    assert (tally.filters[0].rejected, tally.filters[1].rejected) == ({"has bad": 1}, {"long": 1})
    assert tally.filters[1].flagged == {"long": 1}
    assert tally.filters[1].scores["length"].told() == {"count": 3, "mean": 57.0, "min": 1, "max": 100}
    assert tally.measured() == ["length"]
