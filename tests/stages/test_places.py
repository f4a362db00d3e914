"""Trainers that come, go and change places: what they have made goes with them, and nothing is trained twice."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from magicoder_core import jsonl, lineage
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import places

RECIPES = {"run.json", "recipe.json", "recipe.toml"}
BASES = {"A": "tiny", "B": "small"}


@pytest.fixture
def chain(do, tmp_path):
    """Run trainers, written as ``A1 <2 B3``: a base (``<``: the checkpoint before) and the epochs, which tell them apart."""

    def chain(trainers, *, stop=None, redo=None):
        """``stop`` is the trainer whose training ends after two rows."""
        tables = ["seed = 1"]
        for item in trainers.split():
            base = f'base_model = "{BASES[item[0]]}"' if item[0] in BASES else ""
            more = 'data = "{more}"' if item[1] == "3" else ""
            mark = tmp_path / f"stop-{'ABC'.find(item[0])}{item[1]}"
            mark.write_text("2") if item == stop else mark.unlink(missing_ok=True)
            options = [f"epochs = {item[1:]}", f'log = "{tmp_path}/log"', f'stop_at = "{mark}"']
            tables += ["[[trainer]]", 'use = "learner"', base, more, *options]
        return do("\n".join(tables), redo=redo)

    return chain


def lessons(run, name):
    return len(json.loads((run / name / "model.json").read_text())) - 1


def logged(run):
    return {
        path.name: len((path / "training.jsonl").read_text().splitlines())
        for path in sorted(run.path.glob("logs/train*"))
    }


def files(run):
    """All that lies in a run, by what it says; the place of a base, which logs have, aside."""
    found = [path for path in run.path.rglob("*") if path.is_file() and path.parent != run / "logs"]
    told = {path.relative_to(run.path).as_posix(): path.read_text() for path in found if path.name not in RECIPES}
    return {name: re.sub('"base": "[^"]*"', "", text) if "logs/" in name else text for name, text in told.items()}


def consistent(run, count):
    """Whether each note is true: of its place, of its model, of what that began with."""
    names = [*(f"checkpoints/{number}" for number in range(1, count)), "checkpoint"]
    digests = []
    for name in names:
        note = json.loads((run / f"{name}.json").read_text())
        assert note["path"] == name
        assert note["digest"] == jsonl.digest(run / name)
        assert note["from"] is None or note["from"] in digests
        assert note["base_model"] in {"tiny", "small", f"checkpoint {note['from'] and note['from'][:16]}"}
        assert (run / "logs" / note["logs"]).is_dir()
        assert (run / f"{name}.rows.jsonl").exists() == ("sources" in note)
        digests.append(note["digest"])
    assert not list(run.path.glob("**/.moving.json")) + list(run.path.glob("**/.parked"))
    there = sorted(path.name for path in (run / "checkpoints").glob("*") if path.is_dir())
    assert there == sorted(str(number) for number in range(1, count))


CHANGES = [
    ("A1 <2 <3", "B9 A1 <2 <3", {"small": 4}),
    ("A1 <2 <3", "B8 B9 A1 <2 <3", {"small": 8}),
    ("B9 A1 <2 <3", "A1 <2 <3", {}),
    ("A1 B2", "B2 A1", {}),
    ("A1 B2 A4", "A4 A1 B2", {}),
    ("A1 B2 A4", "B2 A4 A1", {}),
    ("A1 <3 B2 <3", "B2 <3 A1 <3", {}),
    ("A1 <3", "A1", {}),
    ("A1", "B2 A1", {"small": 4}),
    ("A1 A1", "B2 A1 A1", {"small": 4}),
    ("A1 B2", "B2", {}),
    ("A1 B2 A4", "B2 B7", {"small": 4}),
]


@pytest.mark.parametrize(("before", "after", "anew"), CHANGES)
def test_what_was_made_goes_with_its_trainer(chain, learned, before, after, anew):
    run = chain(before)
    learned()
    run = chain(after)
    assert learned() == anew
    consistent(run, len(after.split()))
    made = files(run)
    shutil.rmtree(run.path)
    run.path.mkdir()
    (run / "kept.jsonl").write_text(made["kept.jsonl"])
    assert files(chain(after)) == made, "just as if there had been nothing before"


def kill_at(monkeypatch, number):
    """Die (as far as a test can) at the so-manieth change of the file system in a move; tells whether there was one."""
    calls = Counter()

    def dying(real):
        def call(*arguments, **named):
            calls["all"] += 1
            if calls["all"] == number:
                raise SystemExit
            return real(*arguments, **named)

        return call

    for owner, names in (
        (Path, ("rename", "replace", "unlink", "rmdir")),
        (places.shutil, ("rmtree",)),
        (places.jsonl, ("write_json",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


def homes(directory, keys):
    """The place of each trainer's work, as for a recipe with so many trainers; a key in brackets is only a part."""
    count = len(keys)
    where = [*(places.numbered(directory, number) for number in range(1, count)), places.last(directory, count)]
    return [(key.strip("()"), place) for key, place in zip(keys, where, strict=True)]


def laid_out(directory, keys):
    """A run directory with all of this made: the files of each say whose they are."""
    for given, (key, place) in zip(keys, homes(directory, keys), strict=True):
        unit = places.PART if given != key else places.WHOLE
        place.beside(unit).mkdir(parents=True)
        (place.beside(unit) / "model").write_text(key)
        place.beside(f"{unit}.rows.jsonl").write_text(key)
        place.logs.mkdir(parents=True)
        (place.logs / "log").write_text(key)
        note = {"path": place.name, "key": key, "digest": jsonl.digest(place.beside(unit)), "logs": place.logs.name}
        jsonl.write_json(place.beside(f"{unit}.json"), note)


def there(directory, keys, wanted):
    """The keys that are at their places, whole or in part, with all that belongs to them: logs of ``wanted`` ones only."""
    found = set()
    for key, place in homes(directory, keys):
        for unit in (places.WHOLE, places.PART):
            if place.key(unit) == key:
                rows, note = place.beside(f"{unit}.rows.jsonl").read_text(), place.facts(f"{unit}.json")
                assert [(place.beside(unit) / "model").read_text(), rows] == [key, key]
                assert unit == places.PART or note["path"] == place.name
                assert note["logs"] == place.logs.name
                name = f"({key})" if unit else key
                if place.logs.exists() or name in wanted:
                    assert (place.logs / "log").read_text() == key
                found.add(name)
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a b", "b a"),
        ("a b c", "c a"),
        ("a", "x a"),
        ("a (b) c", "c a (b)"),
        ("(a)", "x (a) y"),
    ],
)
def test_killed_at_any_moment_of_a_move_nothing_is_lost(tmp_path, monkeypatch, before, after):
    """The next recipe is that one, or again the one before: what it wants and what has been made is at its place."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    before, after = before.split(), after.split()
    for number in range(1, 500):
        for following in (after, before):
            directory = RunDirectory(tmp_path / f"{number}-{following is after}")
            laid_out(directory, before)
            with pytest.MonkeyPatch.context() as patched:
                kill_at(patched, number)
                try:
                    places.arrange(directory, homes(directory, after))
                except SystemExit:
                    whole = False
                else:
                    whole = True
            places.arrange(directory, homes(directory, following))
            # What the recipe in between did not want may be gone.
            wanted = set(before) & set(after)
            assert there(directory, following, wanted) >= wanted, number
            places.sweep(directory, [place for _, place in homes(directory, following)])
            finished = {item for item in wanted if "(" not in item}
            assert there(directory, following, finished) >= finished
            left = {path.name for path in directory.path.rglob("*") if path.name.startswith(".")}
            assert not left
        if whole:
            break
    assert number > 10


def test_a_training_that_was_stopped_goes_on_at_another_place(chain, learned):
    with pytest.raises(KeyboardInterrupt):
        chain("A1 <2", stop="A1")
    assert learned() == {"tiny": 2}
    with pytest.raises(KeyboardInterrupt):
        chain("B7 A1 <2", stop="<2")
    assert learned() == {"small": 4, "tiny": 2, "2": 2}
    run = chain("A1 <2 B7")
    assert learned() == {"1": 2}
    assert logged(run) == {"train-1": 4, "train-2": 4, "train-3": 4}
    consistent(run, 3)


def test_another_training_that_was_begun_beside_a_checkpoint_leaves_it_and_its_rows(chain, learned):
    run = chain("A3")
    before = files(run)
    learned()
    with pytest.raises(KeyboardInterrupt):
        chain("B2", stop="B2")
    learned()
    chain("A3")
    assert learned() == {}, "the recipe is as it was again"
    after = files(run)
    assert {name: after.get(name) for name in before if not name.startswith("logs/")} == {
        name: content for name, content in before.items() if not name.startswith("logs/")
    }
    assert not [name for name in after if ".part" in name]
    assert logged(run) == {}, "those of the other one are gone"


def test_what_no_trainer_makes_any_more_goes_when_all_others_are_done(chain, learned, said):
    chain("A1 B2 A4")
    with pytest.raises(KeyboardInterrupt):
        chain("A1 A9", stop="A9")
    run = chain("A1 B2 A4")
    assert learned() == {"tiny": 10, "small": 4}, "as long as they are not, it is there"
    run = chain("A4")
    assert sorted(path.name for path in run.path.glob("checkpoint*")) == ["checkpoint", "checkpoint.json"]
    assert logged(run) == {"train": 4}
    assert "checkpoints/2: no trainer of the recipe makes it any more; removed" in said


def test_redo_forgets_what_was_on_its_way(chain, learned, monkeypatch):
    chain("A1 B2")
    learned()
    with monkeypatch.context() as patched:
        kill_at(patched, 7)
        with pytest.raises(SystemExit):
            chain("B2 A1")
    run = chain("B2 A1", redo="train")
    assert learned() == {"small": 4, "tiny": 4}
    consistent(run, 2)


def test_lineage_finds_the_checkpoint_before_by_its_content(chain):
    chain("A1 <2 <4")
    run = chain("B9 A1 <2 <4")
    graph = lineage.Graph(run)
    assert graph.chain("checkpoint") == ["checkpoints/2", "checkpoints/3", "checkpoint"]
    assert graph.chain("checkpoints/1") == ["checkpoints/1"]
