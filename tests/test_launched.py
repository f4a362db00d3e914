"""One command in several processes, started by `torchrun`: one leads, all train, and nobody is left waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from magicoder_core import RunError, jsonl, launched
from magicoder_core.launched import Launch
from magicoder_core.testing import fakes

HERE = Path(__file__).parent
PLUGIN = HERE / "launched_plugin.py"

FIRST, SECOND = Launch(0, 2, "tests"), Launch(1, 2, "tests")

TRAINER = """
[[trainer]]
use = "joint"
data = {{"{folder}/rows.jsonl" = 2}}
log = "{folder}/log"
"""


@pytest.fixture
def rows(tmp_path):
    """A file of three rows to train on."""
    made = [fakes.instruction(f"Add {number}.") for number in range(3)]
    jsonl.write(tmp_path / "rows.jsonl", (row.to_dict() for row in made))
    return [row.id for row in made]


@pytest.fixture
def write(tmp_path, rows):
    """Write a recipe of trainers alone, with further lines in the last table; gives its path."""

    def write(lines="", trainers=1):
        path = tmp_path / "r.toml"
        path.write_text("seed = 7\n" + TRAINER.format(folder=tmp_path) * trainers + lines)
        return path

    return write


def command(*arguments, ranks=2):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    return [*torchrun, "-m", "magicoder_core", "--plugin", str(PLUGIN), "run", *map(str, arguments)]


@pytest.fixture
def launch(tmp_path):
    """Start a launch in the folder; whatever is left of it is ended."""
    pytest.importorskip("torch", reason="torchrun is part of torch")
    begun = []

    def start(*arguments, ranks=2):
        process = subprocess.Popen(
            command(*arguments, ranks=ranks),
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def calls(folder):
    """What each rank was called with, by rank, in order."""
    found = {}
    for path in sorted(folder.glob("call-*.json"), key=lambda path: int(path.stem.rpartition("-")[2])):
        found.setdefault(int(path.stem.split("-")[1]), []).append(json.loads(path.read_text()))
    return found


def wait_for(reached, process):
    deadline = time.monotonic() + 100
    while not reached():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_ranks_train_with_the_same_and_one_prints_and_writes(launch, write, tmp_path, rows):
    status, out, err = ended(launch(write()))
    assert status == 0, err
    found = calls(tmp_path)
    assert sorted(found) == [0, 1]
    assert found[0] == found[1]
    assert found[0][0]["rows"] == rows * 2
    assert found[0][0]["data"][2:4] == [7, True]
    (directory,) = (tmp_path / "runs").iterdir()  # nothing is left of where the ranks met
    assert json.loads((directory / "checkpoint" / "model.json").read_text())[0] == 3
    assert out.count("train ") == 1
    assert out.count("Everything is in") == 1
    # What is done is trained by nobody, and all of them end.
    status, out, err = ended(launch(write(), "--dir", directory, ranks=3))
    assert status == 0, err
    assert "All of this was done before" in out
    assert [len(made) for made in calls(tmp_path).values()] == [1, 1]


def test_each_trainer_that_is_really_trained_is_joined(launch, write, tmp_path):
    assert ended(launch(write(trainers=2), "--dir", "run"))[0] == 0
    assert [[call["options"][0] for call in made] for made in calls(tmp_path).values()] == [
        ["nothing", "run/checkpoints/1"]
    ] * 2
    # Another option of the second one: the first is used again, and nobody is called for it.
    assert ended(launch(write("pause = 0.1\n", trainers=2), "--dir", "run"))[0] == 0
    for made in calls(tmp_path).values():
        assert [call["options"][2] for call in made] == [0.0, 0.0, 0.1]


def test_cells_of_a_matrix_are_joined_one_after_another(launch, write, tmp_path):
    status, _, err = ended(launch(write('[matrix]\n"trainer.pause" = [0.0, 0.1]\n'), "--dir", "m"))
    assert status == 0, err
    for made in calls(tmp_path).values():
        assert [(call["options"][2], call["output"]) for call in made] == [
            (pause, f"m/pause={pause}/checkpoint.part") for pause in (0.0, 0.1)
        ]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_fails_ends_the_launch(launch, write, tmp_path, rank):
    status, _, err = ended(launch(write(f'mode = "fail-{rank}"\n'), "--dir", "run"))
    assert status == 1, err
    assert f"trainer 'joint' failed: ValueError: rank {rank} is tired" in err


def test_a_recipe_that_is_wrong_is_said_once(launch, write):
    status, _, err = ended(launch(write("speed = 3\n"), "--dir", "run"))
    assert status == 1
    assert err.count("trainer.speed: no such option") == 1


def test_a_follower_leaves_it_to_rank_0_to_say_what_is_wrong(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        launched.follow(SECOND, str(tmp_path / "nowhere.toml"), [], None)
    assert (end.value.code, capsys.readouterr()) == (1, ("", ""))


def test_rank_0_killed_ends_the_launch_and_the_same_command_goes_on(launch, write, tmp_path):
    process = launch(write('mode = "hang"\n'), "--dir", "run")
    wait_for(lambda: sorted(calls(tmp_path)) == [0, 1], process)
    leader = json.loads(next((tmp_path / ".launch").glob("*/rank-0.json")).read_text())["process"]
    os.kill(leader, signal.SIGKILL)
    assert ended(process)[0] == 1
    status, _, err = ended(launch(write(), "--dir", "run"))
    assert status == 0, err


def environment(**given):
    return {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", **given}


def test_who_is_alone_is_no_launch():
    assert launched.here({}) is None
    assert launched.here({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert launched.here({"WORLD_SIZE": "8"}) is None


@pytest.mark.parametrize("given", [{"RANK": "2"}, {"RANK": "-1"}, {"RANK": "one"}, {"WORLD_SIZE": "0"}])
def test_numbers_that_do_not_fit_are_an_error(given):
    with pytest.raises(RunError, match="no process of a launch; unset them"):
        launched.here(environment(**given))


def test_launches_meet_apart(tmp_path):
    """Another port, restart or directory is another launch; each rank of one names the same folder."""
    made = [
        launched.here(environment()),
        launched.here(environment(MASTER_PORT="29501")),
        launched.here(environment(TORCHELASTIC_RESTART_COUNT="1")),
    ]
    folders = {item.folder(None, tmp_path / "run") for item in made} | {made[0].folder(None, tmp_path / "other")}
    assert len(folders) == 4
    assert launched.here(environment(RANK="0")).folder(None, tmp_path / "run") == made[0].folder(None, tmp_path / "run")


def test_a_note_of_an_earlier_launch_is_not_believed(tmp_path):
    """It says that all is over, and which number it saw; nobody answers the number that this rank leaves."""
    jsonl.write_json(tmp_path / "rank-0.json", {"status": "ended", "seen": {"rank-1": "0123"}, "tasks": [], "beat": 9})
    with pytest.raises(RunError, match="rank 1: no sign of life from rank 0 in 1 s; start the launch again"):
        launched.heed(SECOND, tmp_path, patience=1)
    assert not (tmp_path / "rank-1").exists()


def test_a_leader_that_falls_silent_is_given_up(tmp_path):
    """Its note repeats the number, and then nothing more comes."""

    def answer():
        while not (tmp_path / "rank-1").is_file():
            time.sleep(0.01)
        seen = {"rank-1": (tmp_path / "rank-1").read_text()}
        jsonl.write_json(tmp_path / "rank-0.json", {"status": "at work", "seen": seen, "tasks": [], "beat": 1})

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(RunError, match="no sign of life"):
        launched.heed(SECOND, tmp_path, patience=2)
    thread.join()


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_waits_hears_of_the_end(tmp_path, fails):
    heard = []

    def wait():
        try:
            launched.heed(SECOND, tmp_path, patience=30)
            heard.append(0)
        except SystemExit as end:
            heard.append(end.code)

    thread = threading.Thread(target=wait)
    thread.start()
    with suppress(ZeroDivisionError), launched.leading(FIRST, tmp_path):
        while "rank-1" not in json.loads((tmp_path / "rank-0.json").read_text())["seen"]:
            time.sleep(0.01)
        1 / (not fails)
    thread.join(timeout=30)
    assert heard == [int(fails)]
    assert tmp_path.exists() == fails, "nothing is left of a launch that ended well"


def test_who_starts_slowly_still_hears_of_the_end(tmp_path):
    """Rank 0 has nothing to do and is through before the others have imported anything."""
    heard = []

    def come_late():
        time.sleep(1.5)
        heard.append(launched.heed(SECOND, tmp_path, patience=20))

    thread = threading.Thread(target=come_late)
    thread.start()
    with launched.leading(FIRST, tmp_path):
        pass
    assert not tmp_path.exists()
    thread.join(timeout=5)
    assert heard == [None]


def test_signs_of_life_keep_who_waits(tmp_path, monkeypatch):
    """Longer than its patience, as in an evaluation of hours."""
    monkeypatch.setattr(launched, "_BEAT", 0.3)
    heard = []
    thread = threading.Thread(target=lambda: heard.append(launched.heed(SECOND, tmp_path, patience=1.5)))
    thread.start()
    with launched.leading(FIRST, tmp_path):
        time.sleep(3)
        assert thread.is_alive()
    thread.join(timeout=30)
    assert heard == [None]
