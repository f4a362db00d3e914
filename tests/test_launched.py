"""One command in several processes: one leads, all train, nobody is left waiting, and nothing is trained in broken ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from magicoder_core import RunError, Trainer, TrainingData, jsonl, launched
from magicoder_core.launched import Launch, follower, leader
from magicoder_core.launched.meeting import Meeting, Word
from magicoder_core.testing import fakes

HERE = Path(__file__).parent
PLUGIN = HERE / "launched_plugin.py"

FIRST, SECOND = Launch(0, 2, "tests"), Launch(1, 2, "tests")
DATA = TrainingData(path=Path("rows.jsonl"), rows=3)


@dataclass(frozen=True, kw_only=True)
class Nothing(Trainer):
    """Of which others hear only."""

    def train(self, data, output):
        raise NotImplementedError


TRAINER = """
[[trainer]]
use = "joint"
data = {{"{folder}/rows.jsonl" = 2}}
log = "{folder}/log"
{every}
"""
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
MAGICODER = ["-m", "magicoder_core", "--plugin", str(PLUGIN), "run"]


@pytest.fixture
def rows(tmp_path):
    """A file of three rows to train on."""
    made = [fakes.instruction(f"Add {number}.") for number in range(3)]
    jsonl.write(tmp_path / "rows.jsonl", (row.to_dict() for row in made))
    return [row.id for row in made]


@pytest.fixture
def write(tmp_path, rows):
    """Write a recipe of trainers alone, with lines in every table of them and more in the last one; gives its path."""

    def write(lines="", trainers=1, every=""):
        path = tmp_path / "r.toml"
        path.write_text("seed = 7\n" + TRAINER.format(folder=tmp_path, every=every) * trainers + lines)
        return path

    return write


class Started:
    """Processes with one end: when one fails, the others are ended, as a launcher does."""

    def __init__(self, folder, commands):
        self.processes = [
            subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            for command, environment in commands
        ]

    def ended(self):
        """Status, stdout and stderr of all."""
        deadline = time.monotonic() + 120
        while None in (statuses := [process.poll() for process in self.processes]):
            assert time.monotonic() < deadline
            if any(statuses):
                for process in self.processes:
                    process.terminate()
            time.sleep(0.02)
        written = [process.communicate() for process in self.processes]
        return int(any(statuses)), *("".join(texts) for texts in zip(*written, strict=True))

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


@pytest.fixture
def launch(tmp_path):
    """Start a command in several processes, by torchrun itself or as it would; whatever is left of it is ended."""
    begun = []

    def start(*arguments, ranks=2, torchrun=False):
        if torchrun:
            pytest.importorskip("torch", reason="torchrun is part of torch")
            commands = [([*TORCHRUN, *MAGICODER, *arguments], {})]
        else:
            given = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29500 + len(begun))}
            commands = [([*MAGICODER, *arguments], {"RANK": str(rank), **given}) for rank in range(ranks)]
        begun.append(Started(tmp_path, commands))
        return begun[-1]

    yield start
    for started in begun:
        started.kill()


def calls(folder):
    """What each rank was called with, by rank, in order."""
    found = {}
    for path in sorted(folder.glob("call-*.json"), key=lambda path: int(path.stem.rpartition("-")[2])):
        found.setdefault(int(path.stem.split("-")[1]), []).append(json.loads(path.read_text()))
    return found


def wait_for(reached, started=None):
    deadline = time.monotonic() + 100
    while not reached():
        assert started is None or not any(process.poll() for process in started.processes), started.ended()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def table(folder):
    """The cells of the matrix in ``m``."""
    return json.loads((folder / "m" / "matrix.json").read_text())["cells"]


def cells(out):
    """The cells that were begun, in order."""
    return [line.rpartition("=")[2] for line in out.splitlines() if line.startswith("[")]


def test_torchrun_starts_ranks_that_train_together_and_one_prints_and_writes(launch, write, tmp_path, rows):
    path = write('[matrix]\n"trainer.1.pause" = [0.0, 0.1]\n', trainers=2, every='way = "gloo"')
    status, out, err = launch(path, torchrun=True).ended()
    assert status == 0, err
    found = calls(tmp_path)
    assert sorted(found) == [0, 1]
    assert found[0] == found[1]
    assert found[0][0]["rows"] == rows * 2
    assert found[0][0]["data"][2:4] == [7, True]
    called = [(Path(call["options"][0]).name, call["options"][2], Path(call["output"]).name) for call in found[0]]
    assert called == [
        ("nothing", 0.0, "1.part"),
        ("1", 0.0, "checkpoint.part"),
        ("1", 0.1, "checkpoint.part"),  # the first trainer's work is taken from the first cell
    ]
    (directory,) = (tmp_path / "runs").iterdir()  # nothing is left of where the ranks met
    assert json.loads((directory / "pause=0.1" / "checkpoint" / "model.json").read_text())[0] == 3
    assert out.count("The table is in") == 1
    # What is done is trained by nobody, and all of them end.
    status, out, err = launch(path, ranks=3).ended()
    assert status == 0, err
    assert "All of this was done before" in out
    assert [len(made) for made in calls(tmp_path).values()] == [3, 3]


def test_only_a_trainer_that_is_really_trained_is_joined(launch, write, tmp_path):
    assert launch(write(trainers=2), "--dir", "run").ended()[0] == 0
    # Another option of the second one: the first is used again, and nobody is called for it.
    assert launch(write("pause = 0.1\n", trainers=2), "--dir", "run").ended()[0] == 0
    for made in calls(tmp_path).values():
        assert [call["options"][2] for call in made] == [0.0, 0.0, 0.1]


def test_a_rank_that_fails_under_torchrun_ends_the_launch(launch, write):
    status, _, err = launch(write('mode = "fail-1"\n'), "--dir", "run", torchrun=True).ended()
    assert status == 1, err
    assert "trainer 'joint' failed: ValueError: rank 1 is tired" in err


@pytest.mark.parametrize("mode", ["fail-0", "early-0"])
def test_after_a_training_that_failed_no_other_one_begins_in_its_processes(launch, write, tmp_path, mode):
    """What the other rank still sends, or waits for, would be paired with what the next training sends."""
    path = write(f'[matrix]\n"trainer.mode" = ["{mode}", "fine", "also"]\n')
    status, out, err = launch(path, "--dir", "m").ended()
    assert (status, cells(out)) == (1, [mode])
    assert "1 of 3 cells failed, 2 not begun, since the processes of a training that failed" in err
    assert [cell["status"] for cell in table(tmp_path)] == ["failed", "waiting", "waiting"]
    # The next launch begins with what was never tried, and ends again where it fails.
    status, out, err = launch(path, "--dir", "m").ended()
    assert (status, cells(out)) == (1, ["fine", "also", mode])
    assert [cell["status"] for cell in table(tmp_path)] == ["failed", "done", "done"]
    assert "paired" not in err
    assert "rank 0 is tired" in table(tmp_path)[0]["error"]


def test_a_cell_that_failed_in_another_rank_comes_last_in_the_next_launch(launch, write, tmp_path):
    """Rank 0 does not live to say so: its launcher ends it."""
    path = write('[matrix]\n"trainer.mode" = ["early-1", "fine"]\n')
    status, _, err = launch(path, "--dir", "m").ended()
    assert status == 1
    assert "rank 1 is tired" in err
    status, out, _ = launch(path, "--dir", "m").ended()
    assert (status, cells(out)[0]) == (1, "fine")
    assert [cell["status"] for cell in table(tmp_path)][1] == "done"


def test_a_failure_before_any_training_is_that_cells_own(launch, write, tmp_path):
    place = tmp_path / "m" / "mode=fine"
    place.mkdir(parents=True)
    (place / "checkpoint.part").write_text("no folder can be made here")
    status, _, err = launch(write('[matrix]\n"trainer.mode" = ["fine", "also"]\n'), "--dir", "m").ended()
    assert (status, [cell["status"] for cell in table(tmp_path)]) == (1, ["failed", "done"]), err


def test_a_trainer_that_works_alone_is_refused_before_anything_is_done(launch, tmp_path, rows):
    (tmp_path / "r.toml").write_text('[trainer]\nuse = "alone"\ndata = "rows.jsonl"\n')
    status, _, err = launch(tmp_path / "r.toml", "--dir", "run").ended()
    assert status == 1
    assert "trainer 'alone': works alone, and a launcher has started 2 processes" in err
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_wrong_is_said_once(launch, write):
    status, _, err = launch(write("speed = 3\n"), "--dir", "run").ended()
    assert status == 1
    assert err.count("trainer.speed: no such option") == 1


def test_a_follower_leaves_it_to_rank_0_to_say_what_is_wrong(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        launched.follow(SECOND, str(tmp_path / "nowhere.toml"), [], None, print)
    assert (end.value.code, capsys.readouterr()) == (1, ("", ""))


def test_rank_0_killed_ends_the_launch_and_the_same_command_goes_on(launch, write, tmp_path):
    started = launch(write('mode = "hang"\n'), "--dir", "run")
    wait_for(lambda: sorted(calls(tmp_path)) == [0, 1], started)
    note = json.loads(next((tmp_path / ".launch").glob("*/rank-0.json")).read_text())
    assert note["process"] == started.processes[0].pid
    started.processes[0].kill()
    assert started.ended()[0] == 1
    assert list((tmp_path / ".launch").iterdir()), "nobody was left to remove it"
    status, _, err = launch(write(), "--dir", "run").ended()
    assert status == 0, err
    assert not (tmp_path / ".launch").exists()


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


def meet(folder, **options):
    """Rank 1 in a thread; gives the thread and, once it has ended, its status in a list."""
    ends = []

    def wait():
        try:
            ends.append(launched.heed(SECOND, folder, **options) or 0)
        except SystemExit as end:
            ends.append(end.code)
        except RunError as error:
            ends.append(str(error))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, ends


@contextmanager
def led(folder):
    """Rank 0 that fails in the end, so that it waits for nobody."""
    with suppress(InterruptedError), launched.leading(FIRST, folder):
        yield
        raise InterruptedError


def seen(folder):
    return (Meeting(folder).note() or {"seen": {}})["seen"]


def test_a_note_of_an_earlier_launch_is_not_believed(tmp_path):
    """It says that all is over, and which number it saw; nobody answers the number that this rank leaves."""
    Meeting(tmp_path).write({"status": "ended", "seen": {"1": "0123"}, "tasks": [], "beat": 9})
    with pytest.raises(RunError, match=r"rank 1: no sign of life from rank 0 in 0.5 s; start the launch again"):
        launched.heed(SECOND, tmp_path, patience=0.5)
    assert not Meeting(tmp_path).words()


def test_a_leader_that_falls_silent_is_given_up(tmp_path):
    """Its note repeats the number, and then nothing more comes."""
    thread, ends = meet(tmp_path, patience=1)
    wait_for(Meeting(tmp_path).words)
    number = Meeting(tmp_path).words()[1].number
    Meeting(tmp_path).write({"status": "at work", "seen": {"1": number}, "tasks": [], "beat": 1})
    thread.join(timeout=30)
    assert "no sign of life" in ends[0]


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_waits_hears_of_the_end(tmp_path, fails):
    thread, ends = meet(tmp_path / "run-1", patience=30)
    with led(tmp_path / "run-1") if fails else launched.leading(FIRST, tmp_path / "run-1"):
        wait_for(lambda: seen(tmp_path / "run-1"))
    thread.join(timeout=30)
    assert ends == [int(fails)]
    assert (tmp_path / "run-1").exists() == fails, "nothing is left of a launch that ended well"


def test_who_starts_slowly_still_hears_of_the_end(tmp_path):
    """Rank 0 has nothing to do and is through before the others have imported anything."""
    came = []
    threading.Timer(1.0, lambda: came.append(meet(tmp_path / "run-1", patience=20))).start()
    with launched.leading(FIRST, tmp_path / "run-1"):
        pass
    assert not (tmp_path / "run-1").exists()
    came[0][0].join(timeout=5)
    assert came[0][1] == [0]


def test_signs_of_life_keep_who_waits(tmp_path, monkeypatch):
    """Longer than its patience, as in an evaluation of hours."""
    monkeypatch.setattr(leader, "_BEAT", 0.2)
    thread, ends = meet(tmp_path / "run-1", patience=1.0)
    with launched.leading(FIRST, tmp_path / "run-1"):
        time.sleep(2.5)
        assert thread.is_alive()
    thread.join(timeout=30)
    assert ends == [0]


def test_a_training_begins_when_every_rank_is_out_of_the_one_before(tmp_path):
    """Else what the two send could be paired."""
    trainings, meeting = [], Meeting(tmp_path / "run-1")
    with led(meeting.folder):
        meeting.leave(1, Word("one"))
        launched.joined("fake", Nothing(), DATA, Path("first"))
        thread = threading.Thread(
            target=lambda: trainings.append(launched.joined("fake", Nothing(), DATA, Path("second")))
        )
        thread.start()
        time.sleep(1)
        assert [task["output"] for task in meeting.note()["tasks"]] == ["first"]
        meeting.leave(1, Word("one", done=1))
        thread.join(timeout=30)
        assert [task["output"] for task in meeting.note()["tasks"]] == ["first", "second"]
        assert launched.begun() == 2
    assert launched.begun() == 0


def test_no_training_begins_after_one_that_failed_in_another_rank(tmp_path):
    meeting = Meeting(tmp_path / "run-1")
    with led(meeting.folder):
        meeting.leave(1, Word("one", output="/m/a/checkpoint.part", failure="out of memory"))
        with pytest.raises(RunError, match=r"^rank 1: out of memory$"):
            launched.joined("fake", Nothing(), DATA, Path("second"))
    with led(tmp_path / "run-2"):
        assert launched.last_words() == [(Path("/m/a/checkpoint.part"), "out of memory")]
        assert not meeting.folder.exists()


def test_what_dead_launches_of_a_run_left_is_taken_away_and_nothing_else(tmp_path):
    for name in ("run-dead", "run-waiting", "other-dead"):
        Meeting(tmp_path / name).leave(1, Word("one"))
    with led(tmp_path / "run-alive"), led(tmp_path / "run-own"):
        assert {path.name for path in tmp_path.iterdir()} == {"run-alive", "run-own", "other-dead"}
        with pytest.raises(RunError, match="another launch is at work in this run; wait for it or end it"):
            Meeting(tmp_path / "run-own").hold()


def test_a_rank_whose_word_was_taken_away_leaves_it_again(tmp_path):
    """As one that waits for a rank 0 that has yet to come, in a folder that another launch of the run clears."""
    thread, ends = meet(tmp_path / "run-1", patience=30)
    wait_for(Meeting(tmp_path / "run-1").words)
    with led(tmp_path / "run-2"):
        wait_for(Meeting(tmp_path / "run-1").words)
    with launched.leading(FIRST, tmp_path / "run-1"):
        pass
    thread.join(timeout=30)
    assert ends == [0]


def test_it_is_said_who_is_waited_for_where_there_is_no_launcher(tmp_path, monkeypatch, said):
    """``RANK`` and ``WORLD_SIZE`` are set by more than launchers of this command."""
    monkeypatch.setattr(leader, "_WORTH_A_WORD", 0.2)
    monkeypatch.setattr(leader, "_FAREWELL", 0.8)
    with launched.leading(FIRST, tmp_path / "run-1"):
        pass
    waits, absent = said
    assert waits.startswith("rank 0 of 2 waits for rank 1: RANK and WORLD_SIZE are set, and a launcher")
    assert absent == "rank 1 did not come, and nothing was left to do there"
    monkeypatch.setattr(follower, "_WORTH_A_WORD", 0.1)
    with pytest.raises(RunError, match="no sign of life"):
        launched.heed(SECOND, tmp_path / "run-1", patience=0.6, say=said.append)
    assert [line for line in said if line.startswith("rank 1 of 2 waits for rank 0: ")] == said[2:]
    assert len(said) == 3


def test_a_training_waits_for_no_rank_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(leader, "PATIENCE", 0.5)
    with led(tmp_path / "run-1"), pytest.raises(RunError, match=r"rank 1 did not come to the training in 0.5 s"):
        launched.joined("fake", Nothing(), DATA, Path("first"))
