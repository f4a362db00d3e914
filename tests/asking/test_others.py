"""Answers of other runs' journals: found by key, given over once, a journal that is in use left alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from magicoder_core import Reply, Request, Teacher, TeacherError
from magicoder_core.asking import Asker, Budget, Gate, Journal, others
from magicoder_core.asking.journal import Entry, entries
from magicoder_core.asking.request import journal_key


@dataclass(frozen=True, kw_only=True)
class Withholding(Teacher):
    """Refuses whatever it is asked."""

    model: str = "withholding"

    async def complete(self, request):
        raise TeacherError("content_filter", "no", charged=True)


def entry(number, text="yes", **facts):
    reply = None if facts.get("error") else Reply(text=text)
    return Entry(key=f"{number:032x}", teacher="t:x", parent="p", request=Request.of(str(number)), reply=reply, **facts)


def write(folder, *items, name="journal.jsonl"):
    folder.mkdir(exist_ok=True)
    with Journal(folder / name) as journal:
        for item in items:
            journal.append(item)
    return folder


def test_answers_of_all_runs_and_of_filters_are_found(tmp_path):
    first = write(tmp_path / "first", entry(1), entry(2, error="timeout", message="late"))
    second = write(tmp_path / "second", entry(3), name="filter-journal.jsonl")
    assert others.lent() is None
    with others.lending([first, second, tmp_path / "none"]):
        found = [others.lent().find(f"{number:032x}") for number in (1, 2, 3)]
    assert [item.reply.text if item else None for item in found] == ["yes", None, "yes"]
    assert others.lent() is None
    with Journal(first / "journal.jsonl"):
        pass  # nobody holds it any more


def test_a_journal_in_use_is_left_out_and_said(tmp_path, said):
    first, second = write(tmp_path / "first", entry(1)), write(tmp_path / "second", entry(2))
    with Journal(first / "journal.jsonl"), others.lending([first, second]):
        assert others.lent().find(f"{1:032x}") is None
        assert others.lent().find(f"{2:032x}") is not None
    assert len(said) == 1
    assert "another process is writing it" in said[0]


def test_answers_that_another_run_paid_for_are_not_billed_here(tmp_path):
    """Else its limits would be reached by what it has never spent."""
    failed = entry(2, error="timeout", message="late")
    source = write(tmp_path / "first", entry(1), failed, entry(3, error="content_filter", message="no"))
    before = (source / "journal.jsonl").read_bytes()
    (tmp_path / "second").mkdir()
    target = tmp_path / "second" / "journal.jsonl"
    others.adopt(source / "journal.jsonl", target)
    assert [(item.key[-1], item.error, item.charged) for item in entries(target)] == [
        ("1", None, False),
        ("3", "content_filter", False),
    ]
    write(tmp_path / "second", entry(4))
    assert (source / "journal.jsonl").read_bytes() == before
    others.adopt(tmp_path / "nowhere", target)


def test_a_journal_that_is_there_gets_the_answers_it_lacks(tmp_path):
    source = write(tmp_path / "first", entry(1, "theirs"), entry(2), entry(3, error="timeout", message="late"))
    target = write(tmp_path / "second", entry(1, "ours")) / "journal.jsonl"
    for _ in range(2):
        others.adopt(source / "journal.jsonl", target)
    assert [(item.key[-1], item.reply.text, item.charged) for item in entries(target)] == [
        ("1", "ours", True),
        ("2", "yes", False),
    ]


def test_of_two_answers_to_one_request_the_later_one_is_taken(tmp_path):
    """The first one may be none that anybody can read; it was asked for again then, and paid for again."""
    source = write(tmp_path / "first", entry(1, "torn"), entry(1, "whole"))
    others.adopt(source / "journal.jsonl", tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        assert journal.find(f"{1:032x}").reply.text == "whole"


def test_a_refusal_that_another_run_paid_for_stays_in_the_journal(tmp_path):
    """Without the other run beside it this one would else ask again, and pay."""
    teacher, request = Withholding(), Request.of("1")
    key = journal_key(f"t:{teacher.identity}", request)
    refused = replace(entry(1, error="content_filter", message="no"), key=key)
    other = write(tmp_path / "first", refused)

    async def ask(*folders):
        with Journal(tmp_path / "j") as journal, others.lending(folders):
            asker = Asker(teacher, "t", journal, Gate(1), Budget())
            with pytest.raises(TeacherError, match="no"):
                await asker.answer(request, "p")
            return asker.asked

    assert asyncio.run(ask(other)) == asyncio.run(ask()) == 0
    assert [(item.error, item.charged) for item in entries(tmp_path / "j")] == [("content_filter", False)]
