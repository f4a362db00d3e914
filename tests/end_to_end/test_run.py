"""`magicoder run` over all five stages: whole, killed in each of them, resumed, changed."""

from __future__ import annotations

import json
import shutil

import pytest

SLOW = {
    "seeds": "seed_source.pause=0.1",
    "generate": "generate.concurrency=1",
    "filter": "filter.slow.pause=0.1",
    "train": "trainer.pause=0.2",
    "evaluate": "benchmark.pause=0.3",
}
FINAL = (
    "snippets.jsonl",
    "instructions.jsonl",
    "failed.jsonl",
    "kept.jsonl",
    "rejected.jsonl",
    "checkpoint.json",
    "checkpoint/model.json",
    "sums/samples.jsonl",
    "sums/verdicts.jsonl",
    "sums/report.json",
)


def files(directory):
    return {name: (directory / name).read_bytes() for name in FINAL}


def stages(directory):
    return json.loads((directory / "run.json").read_text())["stages"]


def test_all_stages_run_and_the_same_command_says_that_all_is_done(cli, recipe, tmp_path):
    done = cli("run", recipe)
    assert done.returncode == 0, done.stderr
    (directory,) = (tmp_path / "runs").iterdir()
    assert [stage["status"] for stage in stages(directory).values()] == ["done"] * 5
    assert "sums pass@1, model: 83.3%" in done.stdout
    assert str(directory.name) in done.stdout
    before = files(directory)
    again = cli("run", recipe)
    assert again.returncode == 0
    assert "All of this was done before" in again.stdout
    assert files(directory) == before
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.timeout(300)
def test_killed_in_every_stage_it_goes_on_and_pays_nothing_twice(cli, recipe, server, tmp_path):
    directory = tmp_path / "killed"
    slow = [word for option in SLOW.values() for word in ("-o", option)]
    command = ("run", recipe, "--dir", directory, *slow)
    for stage in SLOW:
        cli.kill_in(stage, directory, *command)
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    # At most the one request in flight at the kill was answered and not kept.
    assert sum(number - 1 for number in server.counts.values()) <= 1
    other = tmp_path / "whole"
    other.mkdir()
    shutil.copy(directory / "journal.jsonl", other)
    asked = sum(server.counts.values())
    whole = cli("run", recipe, "--dir", other, *slow)
    assert whole.returncode == 0, whole.stderr
    assert sum(server.counts.values()) == asked, "all answers come from the journal"
    assert files(directory) == files(other)


def test_to_and_only_and_redo(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory, "--to", "filter").returncode == 0
    assert list(stages(directory)) == ["seeds", "generate", "filter"]
    only = cli("run", recipe, "--dir", directory, "--only", "train")
    assert only.returncode == 0, only.stderr
    assert list(stages(directory)) == ["seeds", "generate", "filter", "train"]
    asked = sum(server.counts.values())
    redo = cli("run", recipe, "--dir", directory, "--to", "generate", "--redo", "generate")
    assert redo.returncode == 0, redo.stderr
    assert sum(server.counts.values()) == asked
    wrong = cli("run", recipe, "--to", "filtre")
    assert wrong.returncode == 1
    assert wrong.stderr.strip() == "magicoder: no stage named 'filtre'; did you mean 'filter'?"


def test_only_a_stage_whose_input_is_missing_says_which_makes_it(cli, recipe, tmp_path):
    done = cli("run", recipe, "--dir", tmp_path / "run", "--only", "filter")
    assert done.returncode == 1
    assert "the stage 'generate' makes it" in done.stderr


def test_a_changed_option_runs_its_stage_again_and_says_what_changed(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory).returncode == 0
    asked = sum(server.counts.values())
    done = cli("run", recipe, "--dir", directory, "-o", "filter.slow.pause=0.001")
    assert done.returncode == 0, done.stderr
    assert "filter: runs again, because this changed: filters[1].options.pause: 0.0 -> 0.001" in done.stderr
    assert sum(server.counts.values()) == asked
    assert stages(directory)["evaluate"]["status"] == "done"
    assert "evaluate" in done.stdout
    assert "done before" in done.stdout.split("evaluate")[1].splitlines()[0], "its input came out the same"


def test_two_at_once_in_one_directory_are_refused(cli, recipe, tmp_path):
    import fcntl

    directory = tmp_path / "run"
    (directory / "logs").mkdir(parents=True)
    with (directory / "logs" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cli("run", recipe, "--dir", directory)
    assert done.returncode == 1
    assert "another magicoder is at work" in done.stderr


def test_a_target_is_reached_exactly_and_asks_for_no_more(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    done = cli("run", recipe, "--dir", directory, "--to", "filter", "-o", "generate.target=5")
    assert done.returncode == 0, done.stderr
    kept = (directory / "kept.jsonl").read_text().splitlines()
    made = (directory / "instructions.jsonl").read_text().splitlines()
    assert len(kept) == 5, "the row filter's odd rows do not count"
    assert sum(server.counts.values()) == len(made)


def test_events_for_programs(cli, recipe, tmp_path):
    done = cli("run", recipe, "--dir", tmp_path / "run", "--to", "generate", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0] == {"event": "run", "name": "all", "directory": str(tmp_path / "run")}
    assert [event["stage"] for event in events if event["event"] == "stage"] == ["seeds", "generate"]
    assert events[-1]["event"] == "done"


def test_lineage_both_ways_and_export_and_show(cli, recipe, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory).returncode == 0
    row = json.loads((directory / "kept.jsonl").read_text().splitlines()[0])
    told = cli("explain", directory, row["id"][:8]).stdout.splitlines()
    assert [line[2:].split()[0] for line in told[:4]] == ["snippet", "request", "row", "judgement"]
    assert told[2].startswith(">")
    assert "licence" in told[0]
    forward = cli("explain", directory, row["parent"], "--json")
    kinds = {(step["side"], step["kind"]) for step in json.loads(forward.stdout)}
    assert {("itself", "snippet"), ("after", "request"), ("after", "row")} <= kinds
    problem = cli("explain", directory, "sums/3").stdout
    assert "fail" in problem
    missing = cli("explain", directory, "ffffffffffffffff")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    for form in ("messages", "instruction-response", "oss-instruct"):
        exported = cli("export", directory, "--as", form).stdout.splitlines()
        assert len(exported) == len((directory / "kept.jsonl").read_text().splitlines())
    mistyped = cli("export", directory, "--as", "mesages").stderr
    assert "magicoder: --as mesages: no such format; did you mean 'messages'?" in mistyped
    assert row["problem"].strip() in cli("show", directory).stdout


def test_what_came_of_another_input_is_outdated_until_the_input_is_back(cli, recipe, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory).returncode == 0
    fewer = cli("run", recipe, "--dir", directory, "--to", "filter", "-o", "seed_source.limit=20")
    assert fewer.returncode == 0, fewer.stderr
    assert stages(directory)["train"]["status"] == "outdated"
    assert "pass@1" not in fewer.stdout, "no score of another model beside these rows"
    assert "outdated" in cli("show", directory).stdout
    assert cli("run", recipe, "--dir", directory).returncode == 0
    assert {stage["status"] for stage in stages(directory).values()} == {"done"}
