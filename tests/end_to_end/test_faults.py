"""What goes wrong in the middle of a run: said in one line, nothing lost, nothing stale."""

from __future__ import annotations

import json
import resource
import subprocess

import pytest

PLUGIN = '''
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from magicoder_core import *

@dataclass(frozen=True, kw_only=True)
class Raises(RowFilter):
    """Fails on each row."""
    def reject(self, row):
        raise KeyError("boo")

@dataclass(frozen=True, kw_only=True)
class Few(Filter):
    """Judges nothing."""
    def judge(self, batch):
        return []

@dataclass(frozen=True, kw_only=True)
class Breaks(SeedSource):
    """Fails at its second snippet."""
    def snippets(self, shard):
        yield Snippet(code="x = 1", language="python", origin=Origin(corpus="c", path="p"))
        raise RuntimeError("second")

@dataclass(frozen=True, kw_only=True)
class Refuses(Teacher):
    """Answers the first problem alone."""
    async def complete(self, request):
        if request.messages[-1].content == "0":
            return Reply(text="pass")
        raise TeacherError("content_filter", "not that")

@dataclass(frozen=True, kw_only=True)
class Lines(Benchmark):
    """A problem for each line of its data; every program passes, or its judgement is lost."""
    loses: Annotated[bool, "verdicts"] = False
    def problems(self):
        for number, _ in enumerate(self.data.read_text().splitlines()):
            yield Problem(id=str(number), benchmark="lines", prompt=str(number))
    def request(self, problem):
        return Request.of(problem.prompt)
    def extract(self, problem, reply):
        return reply.text
    def judge(self, submissions):
        for item in submissions:
            if not self.loses:
                yield Verdict(problem_id=item.problem_id, sample=item.sample, status="pass")

@hookimpl
def seed_source():
    return {"breaks": Breaks}

@hookimpl(specname="filter")
def filters():
    return {"raises": Raises, "few": Few}

@hookimpl
def teacher():
    return {"refuses": Refuses}

@hookimpl
def benchmark():
    return {"lines": Lines}
'''

SCORE = '[model]\nuse = "refuses"\n[[benchmark]]\nuse = "lines"\ndata = "data.txt"\n'


@pytest.fixture
def faulty(cli, tmp_path):
    """``magicoder`` with the plugin above."""
    (tmp_path / "faulty.py").write_text(PLUGIN)

    def call(*arguments):
        return cli(*arguments, "--plugin", tmp_path / "faulty.py")

    return call


def counts(directory, stage):
    return json.loads((directory / "run.json").read_text())["stages"][stage]["counts"]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("filter.1.use=raises", "magicoder: filter 'raises' failed: KeyError: 'boo'; leave it out or mend it"),
        ("filter.1.use=few", "magicoder: filter 'few' gave 0 judgements for"),
        ('seed_source={use = "breaks"}', "magicoder: seed_source 'breaks' failed: RuntimeError: second"),
    ],
)
def test_a_plugin_that_fails_is_named_in_one_line(faulty, recipe, tmp_path, override, line):
    done = faulty("run", recipe, "--dir", tmp_path / "run", "--to", "filter", "-o", override)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_ends_the_run_and_loses_no_answer(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    command = [*cli._command("run", recipe, "--dir", directory, "--to", "generate")]

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    full = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, preexec_fn=small_files
    )
    assert full.returncode == 1, full.stdout
    assert "journal.jsonl: File too large; mend that and run the same command again" in full.stderr
    done = cli("run", recipe, "--dir", directory, "--to", "generate")
    assert done.returncode == 0, done.stderr
    assert counts(directory, "generate")["rows"] == 24
    assert sum(number - 1 for number in server.counts.values()) <= 4, "those that were out when the disk was full"


def test_passing_failures_are_asked_again_by_the_same_command(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    server.script = ("500",)
    command = ("run", recipe, "--dir", directory, "--to", "filter", "-o", "generate.attempts=1")
    assert cli(*command).returncode == 1, "nothing is answered"
    server.script = ()
    assert cli(*command).returncode == 0
    assert counts(directory, "generate")["rows"] == 24


def test_a_budget_keeps_the_rows_so_far_and_a_higher_one_goes_on(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    command = ("run", recipe, "--dir", directory, "--to", "filter")
    for _ in range(2):
        done = cli(*command, "-o", "generate.max_requests=5")
        assert done.returncode == 3, "a status of its own: a raised limit goes on"
        assert "generate.max_requests = 5 is reached (5 spent); all answers are kept; raise it to go on" in done.stderr
        assert len((directory / "instructions.jsonl").read_text().splitlines()) == 5
    assert sum(server.counts.values()) == 5
    assert cli("run", recipe, "--dir", directory, "--only", "filter").returncode == 0
    assert cli(*command, "-o", "generate.max_requests=100").returncode == 0
    assert counts(directory, "generate")["rows"] == 24
    assert set(server.counts.values()) == {1}


def test_refusals_count_and_changed_data_are_noticed(faulty, tmp_path):
    (tmp_path / "score.toml").write_text(SCORE)
    (tmp_path / "data.txt").write_text("a\nb\nc\nd\n")
    directory = tmp_path / "run"
    first = faulty("run", tmp_path / "score.toml", "--dir", directory)
    assert first.returncode == 0, first.stderr
    assert "lines pass@1, model: 25.0%" in first.stdout
    assert "on 4 problems" in first.stdout
    (tmp_path / "data.txt").write_text("a\nb\n")
    again = faulty("run", tmp_path / "score.toml", "--dir", directory)
    assert "lines pass@1, model: 50.0%" in again.stdout
    assert "this changed: benchmarks[0].inputs.data" in again.stderr


def test_a_lost_verdict_is_the_benchmarks_fault(faulty, tmp_path):
    (tmp_path / "score.toml").write_text(SCORE + "loses = true\n")
    (tmp_path / "data.txt").write_text("a\n")
    done = faulty("run", tmp_path / "score.toml", "--dir", tmp_path / "run")
    assert done.returncode == 1
    assert "benchmark 'lines' failed: ValueError: no verdict on 0, sample 0" in done.stderr


def test_a_benchmark_without_problems_is_an_error(faulty, tmp_path):
    (tmp_path / "score.toml").write_text(SCORE)
    (tmp_path / "data.txt").write_text("")
    done = faulty("run", tmp_path / "score.toml", "--dir", tmp_path / "run")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "benchmark 'lines': has no problem" in done.stderr


def test_an_old_checkpoint_is_not_taken_for_the_result_of_a_new_key(cli, recipe, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory, "--to", "train").returncode == 0
    model = directory / "checkpoint" / "model.json"
    model.write_text("old")
    facts = json.loads((directory / "run.json").read_text())
    # As if a run with another pause had been killed the moment after it said that it begins.
    facts["stages"]["train"]["status"] = "running"
    facts["stages"]["train"]["key"]["trainers"][0]["options"]["pause"] = 0.001
    (directory / "run.json").write_text(json.dumps(facts))
    assert cli("run", recipe, "--dir", directory, "--to", "train", "-o", "trainer.pause=0.001").returncode == 0
    assert model.read_text() != "old"


def test_a_file_that_was_changed_by_hand_is_used_and_said(cli, recipe, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory, "--to", "train").returncode == 0
    kept = directory / "kept.jsonl"
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[:2]))
    done = cli("run", recipe, "--dir", directory, "--to", "train")
    assert "filter: kept.jsonl was changed since; it is used as it is" in done.stderr
    assert counts(directory, "train")["rows"] == 2


def test_ctrl_c_keeps_the_answers_under_way(cli, recipe, server, tmp_path):
    import signal
    import time

    server.latency = 1.0
    directory = tmp_path / "run"
    command = cli._command("run", recipe, "--dir", directory, "--to", "generate")
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what it puts into the background with the signal ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it takes no lock
    )
    deadline = time.monotonic() + 30
    while not server.counts and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; the same command goes on from here" in err
    asked = sum(server.counts.values())
    assert asked == 4, "nobody took a free place"
    assert sum('"end":"body"' in line for line in (directory / "journal.jsonl").read_text().splitlines()) == asked


def test_a_machine_that_can_judge_nothing_gives_no_score(cli, tmp_path):
    broken = PLUGIN.replace('status="pass")', 'status="harness_error", detail="no python here")')
    (tmp_path / "broken.py").write_text(broken)
    (tmp_path / "score.toml").write_text(SCORE)
    (tmp_path / "data.txt").write_text("a\n")
    done = cli("run", tmp_path / "score.toml", "--dir", tmp_path / "run", "--plugin", tmp_path / "broken.py")
    assert done.returncode == 1
    assert "lines: no program could be judged here; the last time: no python here" in done.stderr
