"""Checkpoints that are whole, or not there."""

from __future__ import annotations

import json

import pytest
from magicoder_flash_attention import resume

from magicoder_core import RunError

FACTS = {"rows": "abc", "options": {"epochs": 2, "learning_rate": 1e-3}}


@pytest.fixture
def state(tmp_path):
    made(tmp_path, 5)
    made(tmp_path, 10)
    return tmp_path


def made(state, step, facts=FACTS):
    staged = state / resume.STAGING / f"checkpoint-{step}"
    (staged / "inner").mkdir(parents=True)
    (staged / "model.safetensors").write_bytes(bytes([step]) * 1000)
    (staged / "inner" / "optimizer.pt").write_bytes(b"state")
    resume.commit(staged, state / f"checkpoint-{step}", facts)
    return state / f"checkpoint-{step}"


def test_the_newest_is_found_by_its_number_not_by_its_letters(state, said):
    assert resume.newest(state, FACTS) == state / "checkpoint-10"
    assert said == []


def test_only_the_newest_are_kept(state):
    made(state, 15)
    assert {path.name for path in state.glob("checkpoint-*")} == {"checkpoint-10", "checkpoint-15"}


def test_the_manifest_has_size_and_hash_of_each_file(state):
    manifest = json.loads((state / "checkpoint-5" / resume.MANIFEST).read_text())
    assert set(manifest["files"]) == {"model.safetensors", "inner/optimizer.pt"}
    assert manifest["files"]["model.safetensors"]["bytes"] == 1000
    assert manifest["facts"] == FACTS


HARMS = {
    "empty": lambda folder: [path.unlink() for path in folder.rglob("*") if path.is_file()],
    "no manifest": lambda folder: (folder / resume.MANIFEST).unlink(),
    "torn manifest": lambda folder: (folder / resume.MANIFEST).write_text('{"facts": {'),
    "other manifest": lambda folder: (folder / resume.MANIFEST).write_text("[1]"),
    "missing file": lambda folder: (folder / "inner" / "optimizer.pt").unlink(),
    "short file": lambda folder: (folder / "model.safetensors").write_bytes(b"\x0a" * 999),
    "flipped bit": lambda folder: (folder / "model.safetensors").write_bytes(b"\x0a" * 999 + b"\x0b"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_damaged_newest_is_left_out_with_a_line(state, said, harm):
    harm(state / "checkpoint-10")
    assert resume.newest(state, FACTS) == state / "checkpoint-5"
    assert len(said) == 1
    assert said[0].startswith("checkpoint-10 is not whole (")
    assert not (state / "checkpoint-10").exists()


def test_none_is_whole(state, said):
    for folder in state.glob("checkpoint-*"):
        (folder / resume.MANIFEST).unlink()
    assert resume.newest(state, FACTS) is None
    assert len(said) == 2
    assert list(state.iterdir()) == []


def test_what_changed_is_said_and_nothing_is_removed(state):
    with pytest.raises(RunError, match=r"has an unfinished training with other rows; go on with those, or remove"):
        resume.newest(state, {**FACTS, "rows": "other"})
    assert resume.newest(state, FACTS) == state / "checkpoint-10"


def test_which_option_changed_is_said(state):
    changed = {**FACTS, "options": {"epochs": 3, "learning_rate": 1e-3}}
    with pytest.raises(RunError, match=r"with other epochs \(2, now 3\);"):
        resume.newest(state, changed)


def test_what_a_kill_left_of_a_save_is_removed(state):
    torn = state / resume.STAGING / "checkpoint-15"
    torn.mkdir(parents=True)
    (torn / "model.safetensors").write_bytes(b"half")
    (state / "stray.part").write_bytes(b"")
    assert resume.newest(state, FACTS) == state / "checkpoint-10"
    assert {path.name for path in state.iterdir()} == {"checkpoint-5", "checkpoint-10"}


def test_an_older_one_is_kept_for_when_the_newest_is_damaged_later(state):
    resume.newest(state, FACTS)
    (state / "checkpoint-10" / "model.safetensors").unlink()
    assert resume.newest(state, FACTS) == state / "checkpoint-5"


def test_no_folder_is_no_checkpoint(tmp_path, said):
    assert resume.newest(tmp_path / "nowhere", FACTS) is None
    assert said == []


def test_a_folder_is_whole_for_its_training_alone(tmp_path):
    (tmp_path / "model").write_bytes(b"x")
    assert not resume.is_whole(tmp_path, FACTS)
    resume.seal(tmp_path, FACTS)
    assert resume.is_whole(tmp_path, FACTS)
    assert not resume.is_whole(tmp_path, {**FACTS, "rows": "other"})
    (tmp_path / "model").write_bytes(b"y")
    assert not resume.is_whole(tmp_path, FACTS)
