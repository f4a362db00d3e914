"""The stage `generate` from the outside: pilots, parsing anew, truncated answers, what a kill leaves."""

from __future__ import annotations

import json


def stage(directory, name="generate"):
    return json.loads((directory / "run.json").read_text())["stages"][name]


def lines(path):
    return path.read_text().splitlines()


def test_a_pilot_forecasts_and_is_not_paid_for_again(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    prices = ("-o", "teacher.usd_per_million_prompt_tokens=1", "-o", "teacher.usd_per_million_completion_tokens=2")
    command = ("run", recipe, "--dir", directory, *prices)
    done = cli(*command, "--pilot", "10")
    assert done.returncode == 0, done.stderr
    assert sum(server.counts.values()) == 10
    assert "pilot: " in done.stdout
    assert "USD" in done.stdout
    forecast = json.loads((directory / "pilot.json").read_text())
    assert forecast["snippets"] == 10
    assert forecast["usd"]["low"] <= forecast["usd"]["value"] <= forecast["usd"]["high"]
    assert not (directory / "instructions.jsonl").exists(), "a pilot makes no rows"
    again = cli(*command, "--pilot", "10", "--json")
    event = json.loads(again.stdout.splitlines()[-1])
    assert event["event"] == "pilot"
    assert event["tokens"] == forecast["tokens"], "the same answers, the same forecast"
    assert cli(*command, "--to", "generate").returncode == 0
    assert set(server.counts.values()) == {1}
    spent = stage(directory)["counts"]
    assert forecast["tokens"]["low"] <= spent["tokens"] <= forecast["tokens"]["high"]


def test_a_pilot_excludes_other_wishes(cli, recipe, tmp_path):
    done = cli("run", recipe, "--pilot", "10", "--only", "generate")
    assert done.returncode == 2
    assert "--pilot and --only: they exclude each other" in done.stderr


def test_the_journal_is_read_anew_and_nobody_is_asked(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    command = ("run", recipe, "--dir", directory, "--to", "filter")
    assert cli(*command).returncode == 0
    rows, asked = (directory / "instructions.jsonl").read_bytes(), sum(server.counts.values())
    # As with a better parser: another key of the same requests.
    done = cli(*command, "--from", "generate", "-o", "method.code_block=false")
    assert done.returncode == 0, done.stderr
    assert sum(server.counts.values()) == asked
    assert (directory / "instructions.jsonl").read_bytes() == rows
    assert stage(directory)["counts"]["replayed"] == 24


def test_what_the_journal_lacks_is_left_out_then_and_asked_by_the_next_command(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    assert cli("run", recipe, "--dir", directory, "--to", "generate", "-o", "seed_source.limit=12").returncode == 0
    command = ("run", recipe, "--dir", directory, "--to", "generate", "-o", "seed_source.limit=20")
    done = cli(*command, "--from", "generate")
    assert done.returncode == 0, done.stderr
    assert sum(server.counts.values()) == 12
    assert stage(directory)["counts"]["failed"] == {"not asked": 8}
    assert stage(directory)["status"] == "incomplete"
    assert cli(*command).returncode == 0
    assert len(lines(directory / "instructions.jsonl")) == 20
    assert set(server.counts.values()) == {1}


def test_truncated_answers_are_kept_and_asked_for_again_only_where_the_recipe_says_so(cli, recipe, server, tmp_path):
    server.script = ("truncated",)
    directory = tmp_path / "run"
    command = ("run", recipe, "--dir", directory, "--to", "generate", "-o", "seed_source.limit=6")
    done = cli(*command)
    assert done.returncode == 1
    assert "6 truncated" in done.stderr
    assert set(server.counts.values()) == {1}
    done = cli(*command, "-o", "generate.retry_truncated=4096")
    assert done.returncode == 1, "the longer requests are new ones, whose first attempts are cut, too"
    assert sum(server.counts.values()) == 12
    server.script = ()
    assert cli(*command, "-o", "generate.retry_truncated=8192").returncode == 0
    assert sum(server.counts.values()) == 18
    assert len(lines(directory / "instructions.jsonl")) == 6


def test_what_was_settled_before_a_kill_is_not_made_again(cli, recipe, server, tmp_path):
    directory = tmp_path / "killed"
    server.latency = 0.3
    command = ("run", recipe, "--dir", directory, "--to", "generate", "-o", "generate.concurrency=1")
    cli.kill_in("generate", directory, *command, after=4.0)
    state = json.loads((directory / "generate.state").read_text())
    settled = state["tally"]["rows"]
    assert settled > 0
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    counts = stage(directory)["counts"]
    assert counts["rows"] == 24
    assert counts["replayed"] < 24 - settled
    assert counts["requests"] == len(lines(directory / "journal.jsonl"))
    assert not (directory / "generate.state").exists()
    other = tmp_path / "whole"
    other.mkdir()
    (other / "journal.jsonl").write_bytes((directory / "journal.jsonl").read_bytes())
    assert cli("run", recipe, "--dir", other, "--to", "generate", "-o", "generate.concurrency=1").returncode == 0
    for name in ("instructions.jsonl", "failed.jsonl"):
        assert (other / name).read_bytes() == (directory / name).read_bytes()
    assert stage(other)["counts"]["usd"] == counts["usd"]
    assert stage(other)["counts"]["tokens"] == counts["tokens"]


def test_a_state_of_another_recipe_is_not_believed(cli, recipe, server, tmp_path):
    directory = tmp_path / "run"
    command = ("run", recipe, "--dir", directory, "--to", "generate")
    assert cli(*command, "-o", "generate.max_requests=9").returncode == 3
    assert (directory / "generate.state").exists()
    done = cli(*command, "-o", "method.code_block=false")
    assert done.returncode == 0, done.stderr
    assert stage(directory)["counts"]["replayed"] == 9
    assert len(lines(directory / "instructions.jsonl")) == 24


def test_a_cache_answers_in_another_run(cli, recipe, server, tmp_path):
    cache = ("-o", f"generate.cache={tmp_path / 'cache'}")
    for name in ("one", "two"):
        done = cli("run", recipe, "--dir", tmp_path / name, "--to", "generate", *cache)
        assert done.returncode == 0, done.stderr
    assert set(server.counts.values()) == {1}
    counts = stage(tmp_path / "two")["counts"]
    assert (counts["asked"], counts["cached"], counts["requests"]) == (0, 24, 0)
    one, two = ((tmp_path / name / "instructions.jsonl").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_dead_server_ends_the_run_in_one_line(cli, recipe, tmp_path):
    done = cli(
        "run",
        recipe,
        "--dir",
        tmp_path / "run",
        "--to",
        "generate",
        *("-o", "teacher.base_url=http://127.0.0.1:9/v1"),
        *("-o", "generate.outage=2"),
    )
    assert done.returncode == 1
    assert done.stderr.strip().count("magicoder: ") == 1
    assert "same command" in done.stderr
