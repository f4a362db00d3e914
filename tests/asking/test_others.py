"""Answers of other runs' journals: found by key, given over once, a journal that is in use left alone."""

from __future__ import annotations

import pytest

from magicoder_core import Reply, Request, progress
from magicoder_core.asking import Journal, others
from magicoder_core.asking.journal import Entry, entries


def entry(number, text="yes", **facts):
    reply = None if facts.get("error") else Reply(text=text)
    return Entry(key=f"{number:032x}", teacher="t:x", parent="p", request=Request.of(str(number)), reply=reply, **facts)


def write(folder, *items, name="journal.jsonl"):
    folder.mkdir(exist_ok=True)
    with Journal(folder / name) as journal:
        for item in items:
            journal.append(item)
    return folder


@pytest.fixture
def said():
    lines = []

    class Listener(progress.Silent):
        def say(self, line):
            lines.append(line)

    with progress.reporting(Listener()):
        yield lines


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


def test_a_run_without_a_journal_gets_a_copy_that_grows_by_itself(tmp_path):
    source = write(tmp_path / "first", entry(1), entry(2, error="timeout", message="late")) / "journal.jsonl"
    before = source.read_bytes()
    (tmp_path / "second").mkdir()
    others.adopt(source, tmp_path / "second" / "journal.jsonl")
    assert (tmp_path / "second" / "journal.jsonl").read_bytes() == before
    write(tmp_path / "second", entry(3))
    assert source.read_bytes() == before


def test_a_journal_that_is_there_gets_the_answers_it_lacks_unbilled(tmp_path):
    source = write(tmp_path / "first", entry(1, "theirs"), entry(2), entry(3, error="timeout", message="late"))
    target = write(tmp_path / "second", entry(1, "ours")) / "journal.jsonl"
    for _ in range(2):
        others.adopt(source / "journal.jsonl", target)
    assert [(item.key[-1], item.reply.text, item.charged) for item in entries(target)] == [
        ("1", "ours", True),
        ("2", "yes", False),
    ]
    others.adopt(tmp_path / "nowhere", target)
