"""What is settled is believed only while the disk holds it."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest

from magicoder_core import RunError
from magicoder_core.asking import Budget
from magicoder_core.stages.settled import STATE, Settled
from magicoder_core.stages.tally import Tally


@pytest.fixture
def settled(tmp_path):
    journal = SimpleNamespace(size=0, entries=lambda start: iter(()))
    asker = SimpleNamespace(journal=journal, identity="t:m", budget=Budget())
    return Settled(tmp_path, {"a": 1}, "made.jsonl", "failed.jsonl").open(asker, Tally(None))


def test_a_stop_leaves_a_state_and_the_end_does_not(settled, tmp_path):
    settled.stop()
    assert (tmp_path / STATE).exists()
    assert not (tmp_path / "made.jsonl").exists()


def test_the_end_gives_the_files_their_names(settled, tmp_path):
    settled.finish()
    assert (tmp_path / "made.jsonl").exists()
    assert (tmp_path / "failed.jsonl").exists()
    assert not (tmp_path / STATE).exists()


def test_a_disk_that_failed_under_the_rows_ends_the_stage(settled, tmp_path):
    settled._failed.append(OSError(errno.EIO, "Input/output error"))
    with pytest.raises(RunError, match="Input/output error; mend that"):
        settled.finish()
    assert not (tmp_path / "made.jsonl").exists()


def test_a_disk_that_failed_under_the_rows_leaves_no_state(settled, tmp_path):
    (tmp_path / STATE).write_text("{}", "utf-8")
    settled._failed.append(OSError(errno.EIO, "Input/output error"))
    settled.stop()
    assert not (tmp_path / STATE).exists()
