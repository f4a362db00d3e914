from __future__ import annotations

import json

import pytest

from magicoder_core import Rejection, RunError
from magicoder_core.stages.tally import HOPELESS, NOT_ASKED, WINDOW, Tally


def test_a_target_counts_accepted_rows_alone():
    tally = Tally(target=2)
    tally.row(None)
    tally.row("length: too long")
    tally.failure(Rejection(reason="unparsed", detail="no solution"))
    assert (tally.rows, tally.accepted, tally.missing, tally.done, tally.settled) == (2, 1, 1, 1, 3)
    assert tally.rejected == {"length: too long": 1}
    assert tally.failed == {"unparsed": 1}


def test_without_a_target_every_snippet_counts():
    tally = Tally(target=None)
    tally.row(None)
    tally.failure(Rejection(reason="truncated"))
    assert tally.done == 2
    assert tally.missing > 1e9


@pytest.mark.parametrize("reason", ["transient", "bad_request", "error"])
def test_nothing_answered_any_more_stops_the_run(reason):
    tally = Tally(target=None)
    for _ in range(HOPELESS - 1):
        tally.failure(Rejection(reason=reason, detail="HTTP 404: no such model"))
    with pytest.raises(RunError, match=r"10 snippets in a row got no answer, the last with: HTTP 404: no such model"):
        tally.failure(Rejection(reason=reason, detail="HTTP 404: no such model"))


def test_an_answer_between_them_shows_that_the_teacher_is_there():
    tally = Tally(target=None)
    for number in range(5 * HOPELESS):
        tally.failure(Rejection(reason="unparsed" if number % HOPELESS == 5 else "timeout"))


def test_hardly_any_answer_gives_a_row():
    tally = Tally(target=None, give_up=0.9)
    unparsed = Rejection(reason="unparsed", detail="no solution\nsection")
    for number in range(WINDOW - 1):
        tally.failure(unparsed) if number % 11 else tally.row(None)
    with pytest.raises(RunError, match=r"of the last 100 snippets 91 gave no row: 91 unparsed \(as: no solution"):
        tally.failure(unparsed)


def test_give_up_of_1_never_stops():
    tally = Tally(target=None, give_up=1.0)
    for _ in range(3 * WINDOW):
        tally.failure(Rejection(reason="unparsed"))


def test_what_was_not_asked_is_nobodys_failure():
    tally = Tally(target=None)
    for _ in range(3 * WINDOW):
        tally.failure(Rejection(reason=NOT_ASKED))


def test_counts_survive_a_stop():
    tally = Tally(target=5)
    tally.row(None)
    tally.row("length: long")
    tally.failure(Rejection(reason="unparsed", detail="x"))
    again = Tally(target=5).restore(json.loads(json.dumps(tally.to_dict())))
    assert again.to_dict() == tally.to_dict()
    assert again.reasons() == "1 unparsed (as: x)"
