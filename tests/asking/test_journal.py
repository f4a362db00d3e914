"""The journal: whole entries only, found by key, cut where a crash tore it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from magicoder_core import Reply, Request, RunError, Usage, progress
from magicoder_core.asking import Entry, Journal
from magicoder_core.asking.journal import entries
from magicoder_core.asking.request import journal_key


def entry(text: str, *, answered: bool = True, parent: str = "p") -> Entry:
    request = Request.of(text)
    reply = Reply(text=f"answer to {text}", usage=Usage(prompt_tokens=3, completion_tokens=4)) if answered else None
    return Entry(
        key=journal_key("t:m", request),
        teacher="t:m",
        parent=parent,
        request=request,
        reply=reply,
        error=None if answered else "transient",
        message=None if answered else "reset",
    )


def test_an_answer_is_found_again_after_reopening(tmp_path):
    path = tmp_path / "journal.jsonl"
    first = entry("one")
    with Journal(path) as journal:
        journal.append(first)
        assert journal.find(first.key) == first
    with Journal(path) as journal:
        assert journal.find(first.key) == first
        assert len(journal) == 1
        assert list(journal.entries()) == [first]


def test_a_failure_is_kept_and_is_no_answer(tmp_path):
    failed = entry("one", answered=False)
    with Journal(tmp_path / "j") as journal:
        journal.append(failed)
        assert journal.find(failed.key) is None
    assert list(entries(tmp_path / "j")) == [failed]


def test_text_of_every_kind_survives(tmp_path):
    odd = entry('"\\ \ud800 \x00 \u2028 é 漢')
    with Journal(tmp_path / "j") as journal:
        journal.append(odd)
    with Journal(tmp_path / "j") as journal:
        assert journal.find(odd.key).reply == odd.reply


@pytest.mark.parametrize("keep", [1, 10, 60, -1])
def test_a_torn_tail_is_cut_and_told(tmp_path, keep):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append(entry("one"))
        whole = path.stat().st_size
        journal.append(entry("two"))
    torn = path.read_bytes()
    end = whole + keep if keep > 0 else len(torn) + keep
    path.write_bytes(torn[:end])
    told = Told()
    with progress.reporting(told), Journal(path) as journal:
        assert len(journal) == 1
        journal.append(entry("three"))
    assert "torn" in told.lines[0]
    assert [item.request for item in entries(path)] == [Request.of("one"), Request.of("three")]


def test_damage_before_the_end_is_told_and_left_out_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append(entry("one"))
        journal.append(entry("two"))
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(bytes(data))
    told = Told()
    with progress.reporting(told), Journal(path) as journal:
        assert (entry("one").key in journal, entry("two").key in journal) == (False, True)
    assert told.lines == ["journal: line 1 is damaged and left out; its request is asked again"]
    assert path.read_bytes() == bytes(data)


def test_two_at_once_are_refused(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(RunError, match="another process is writing it"):
        Journal(tmp_path / "j")
    with Journal(tmp_path / "j"):
        pass


def test_a_body_is_kept_as_it_came(tmp_path):
    bodies = [b'{"choices": []}', b"\xff\xfe no text", b"", "é".encode()]
    with Journal(tmp_path / "j") as journal:
        for number, body in enumerate(bodies):
            journal.append(replace(entry(str(number)), reply=None, body=body))
    with Journal(tmp_path / "j") as journal:
        assert [journal.find(entry(str(number)).key).body for number in range(4)] == bodies
        assert [item.body for item in journal.entries()] == bodies


def test_a_refusal_of_the_content_is_final(tmp_path):
    filtered = replace(entry("one", answered=False), error="content_filter")
    with Journal(tmp_path / "j") as journal:
        journal.append(filtered)
    with Journal(tmp_path / "j") as journal:
        assert journal.find(filtered.key) == filtered


def test_the_last_answer_of_a_key_counts(tmp_path):
    with Journal(tmp_path / "j") as journal:
        for text in ("a", "b"):
            journal.append(replace(entry("one"), reply=Reply(text=text)))
    with Journal(tmp_path / "j") as journal:
        assert journal.find(entry("one").key).reply.text == "b"


def test_notes_are_kept_apart_from_entries(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.note("batch", {"name": "b1"})
        journal.append(entry("one"))
        journal.note("other", {})
        asyncio.run(journal.synced())
    with Journal(tmp_path / "j") as journal:
        journal.note("batch", {"name": "b2"})
        assert [note["name"] for note in journal.notes("batch")] == ["b1", "b2"]
        assert len(journal) == 1
        assert len(list(journal.entries())) == 1


def test_records_reach_the_disk_in_groups_and_nobody_waits(tmp_path, monkeypatch):
    calls = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (calls.append(file), real(file)))
    with Journal(tmp_path / "j") as journal:
        for number in range(200):
            journal.append(entry(str(number)))
        asyncio.run(journal.synced())
        assert calls, "synced() waits for the disk"
        assert len(calls) < 50, "not one by one"


def test_a_disk_that_fails_ends_the_run_at_the_next_record(tmp_path, monkeypatch):
    def failing(_):
        raise OSError(5, "Input/output error")

    journal = Journal(tmp_path / "j")
    monkeypatch.setattr(os, "fdatasync", failing)
    journal.append(entry("one"))
    with pytest.raises(RunError, match="Input/output error; mend that"):
        asyncio.run(journal.synced())
    with pytest.raises(RunError, match="Input/output error"):
        journal.append(entry("two"))
    with pytest.raises(RunError):
        journal.__exit__()


def test_a_full_disk_leaves_the_journal_whole(tmp_path, monkeypatch):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append(entry("one"))
        write = os.write

        def full(file, data):
            if len(data) > 20:
                return write(file, data[:20])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(RunError, match=r"j: No space left on device; mend that"):
            journal.append(entry("two"))
        monkeypatch.setattr(os, "write", write)
        journal.append(entry("three"))
    assert len(list(entries(path))) == 2


def test_the_key_depends_on_all_that_changes_an_answer():
    request = Request.of("one")
    keys = {journal_key("t:m", request), journal_key("t:other", request), journal_key("t:m", Request.of("two"))}
    sampled = [Request.from_dict(request.to_dict() | {"sampling": change}) for change in ({"sample": 1}, {"seed": 1})]
    keys |= {journal_key("t:m", item) for item in sampled}
    assert len(keys) == 5
    assert journal_key("t:m", Request.of("one")) == journal_key("t:m", request)


class Told(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)
