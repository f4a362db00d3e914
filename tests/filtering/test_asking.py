"""Filters that ask a model: at once, journaled, and never paid for twice."""

from __future__ import annotations

import json

import pytest

from magicoder_core import BudgetError, RecipeError, RunError, progress
from magicoder_core.filtering import telling, work


@pytest.fixture
def asked(tmp_path):
    """What the teacher was asked, and what it answered."""
    log = tmp_path / "asked.log"

    def asked(what="answered"):
        lines = log.read_text().split("\n") if log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(what)]

    return asked


@pytest.fixture
def ask(tmp_path, job, write, rows):
    """The job of a chain with a filter that asks, over so many rows."""

    def ask(*use, count=60, options=(), **wish):
        first = use.index("opinion") if "opinion" in use else "opinion"
        teacher = (f"{first}.teacher.use=oracle", f"{first}.teacher.log={tmp_path / 'asked.log'}")
        return job(write(rows(count)), *use, options=(*teacher, *options), **wish)

    return ask


def test_rows_are_judged_by_the_answers(ask, asked, lines):
    made = ask("exact-duplicates", "opinion")
    outcome = work.run(made)
    kept, rejected = (lines(path.read_bytes()) for path in (made.kept, made.rejected))
    assert {row["rejected"]["filter"] for row in rejected} == {"exact-duplicates", "opinion"}
    assert all("bad" not in row["problem"] and row["scores"] == {"asked": 1} for row in kept)
    flags = [row["flags"] for row in kept if "odd" in row["problem"]]
    assert flags
    assert all(flag == [{"filter": "opinion", "reason": "hm,", "evidence": {"answer": "hm, well"}}] for flag in flags)
    assert len(asked()) == len(set(asked())) == outcome.tally.filters[1].scores["asked"].count < 60
    (spent,) = outcome.spent
    assert (spent["teacher"], spent["asked"]) == ("oracle:oracle", len(asked()))


def test_rows_are_asked_about_at_once(ask, tmp_path):
    work.run(ask("opinion", options=("generate.concurrency=16", "generate.adaptive=false")))
    most = out = 0
    for line in (tmp_path / "asked.log").read_text().strip("\n").split("\n"):
        out += 1 if line.startswith("asked") else -1
        most = max(most, out)
    assert 8 <= most <= 16


def test_what_was_answered_is_not_asked_again(ask, asked):
    first = ask("opinion", "turns")
    work.run(first)
    before = asked()
    other = ask("turns", "opinion")  # another chain, and the same questions
    outcome = work.run(other)
    assert asked() == before
    assert outcome.spent[0]["asked"] == 0
    assert outcome.spent[0]["replayed"] > 0
    assert work.run(ask("turns", "opinion", new=True)).spent[0]["asked"] == 0


def test_a_row_without_an_answer_stops_it_and_the_same_goes_on(ask, asked, tmp_path):
    failing = "opinion.teacher.fails='Problem 31,'"
    with pytest.raises(RunError) as caught:
        work.run(ask("opinion", options=(failing, "generate.concurrency=4")))
    assert "filter 'opinion' has no answer about row " in str(caught.value)
    assert "bad_request: I do not answer that; run the same command again to go on: answers so far are kept" in str(
        caught.value
    )
    before = asked()
    assert 10 < len(before) < 60
    mended = ask("opinion")
    work.run(mended)
    assert len(asked()) == len(set(asked())), "paid twice"
    whole = ask("opinion", name="whole")
    work.run(whole)
    assert whole.kept.read_bytes() == mended.kept.read_bytes()


def test_a_limit_stops_it_and_a_higher_one_goes_on(ask, asked):
    with pytest.raises(BudgetError, match=r"generate\.max_requests = 10 is reached"):
        work.run(ask("opinion", options=("generate.max_requests=10",)))
    assert len(asked()) == 10
    outcome = work.run(ask("opinion", options=("generate.max_requests=100",)))
    assert len(asked()) == len(set(asked()))
    assert outcome.tally.rows == 60


@pytest.mark.parametrize(
    ("use", "options"),
    [
        (("opinion",), ()),
        (("opinion", "opinion"), ("1.teacher.use=oracle", "1.teacher.model=other")),
        (("without", "opinion"), ()),
    ],
)
def test_progress_goes_on_with_each_answer(ask, monkeypatch, tmp_path, use, options):
    monkeypatch.chdir(tmp_path)

    class Listener(progress.Silent):
        def __init__(self):
            self.told = []

        def advance(self, task, amount, figures):
            self.told.append((amount, figures["rows"]))

    monkeypatch.setattr(telling, "_TOLD", 0.0)
    made = ask(*use, options=options)
    with progress.reporting(listener := Listener()):
        work.run(made)
    answers = len(listener.told)
    assert answers > 40, "all rows are one batch"
    amounts, rows = ([told[at] for told in listener.told] for at in (0, 1))
    assert sum(amounts) == pytest.approx(made.inputs[0].stat().st_size)
    assert all(amount < made.inputs[0].stat().st_size / 40 for amount in amounts[: answers // 2])
    assert rows == sorted(rows)
    assert rows[-1] == 60


def test_workers_do_the_rest_beside_it(ask, asked):
    alone, many = ask("without", "opinion", "measure"), ask("without", "opinion", "measure", name="many", workers=2)
    work.run(alone)
    work.run(many)
    assert alone.kept.read_bytes() == many.kept.read_bytes()
    assert alone.rejected.read_bytes() == many.rejected.read_bytes()


def test_without_a_teacher_it_says_how_to_name_one(job, write, rows):
    with pytest.raises(RecipeError) as caught:
        job(write(rows(2)), "opinion")
    assert str(caught.value).startswith(
        "filter 'opinion' asks a model: say which, as -o opinion.teacher.use=openai-compatible -o opinion.teacher.model=NAME"
    )


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("opinion.teacher.model=x", 'filter[0].teacher.use: names the teacher, as use = "openai-compatible"'),
        ("opinion.teacher.use=orakle", "filter[0].teacher.use: no teacher named 'orakle'; did you mean 'oracle'?"),
    ],
)
def test_a_teacher_that_there_is_not_is_refused(job, write, rows, option, line):
    with pytest.raises(RecipeError) as caught:
        job(write(rows(2)), "opinion", options=(option,))
    assert str(caught.value).startswith(line)


def test_a_wrong_option_of_a_teacher_is_refused(job, write, rows):
    with pytest.raises(RecipeError, match=r"filter\[0\]\.teacher\.modell: no such option; did you mean 'model'"):
        job(write(rows(2)), "opinion", options=("opinion.teacher.use=oracle", "opinion.teacher.modell=x"))


def test_the_journal_stays_beside_the_rows(ask):
    made = ask("opinion", count=5)
    work.run(made)
    path = made.kept.with_name("K.jsonl.journal.jsonl")
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [entry["end"] for entry in entries] == ["reply"] * 5
