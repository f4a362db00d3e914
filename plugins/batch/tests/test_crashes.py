"""Killed at each step of a batch's life, a run goes on, loses nothing and submits nothing twice."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import driving
import pytest
from servers import answer

from magicoder_core.asking.journal import entries

CLIENT = Path(__file__).with_name("client.py")
NUMBER = 30
ALONE = [("OpenAIBatch", "upload"), ("OpenAIBatch", "create"), ("OpenAIBatch", "late"), ("AnthropicBatch", "late")]
IN_A_ROW = {
    "OpenAIBatch": ("uploaded", "created", "poll", "results"),
    "AnthropicBatch": ("create", "created", "poll", "results"),
}
"""Steps at each of which a run is killed: in a life of its own, and one after the other in the same."""


def client(kind, server, folder, *more):
    command = [sys.executable, str(CLIENT), kind, server.url, str(folder), str(NUMBER), *more]
    return subprocess.Popen(command, env=driving.environment(), stderr=subprocess.PIPE, text=True)


def ended(process):
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def check(folder):
    replies = json.loads((folder / "answers.json").read_text())
    assert replies == [answer([{"content": f"def f{place}(): ..."}]) for place in range(NUMBER)]
    ends = Counter(entry.key for entry in entries(folder / "journal.jsonl"))
    assert len(ends) == NUMBER
    assert set(ends.values()) == {1}
    assert list((folder / "batches").iterdir()) == []


@pytest.mark.parametrize(("kind", "step"), ALONE)
def test_a_run_that_was_killed_submits_nothing_twice(kind, step, serve, tmp_path):
    server = serve(stall=step, polls=2)
    process = client(kind, server, tmp_path)
    assert server.stalled.wait(60)
    process.kill()
    process.communicate()
    if step == "late":
        # The request reaches the provider's books while the next run is already asking for it.
        threading.Timer(0.8, server.release).start()
        ended(client(kind, server, tmp_path, '{"settle_seconds": 3.0}'))
    else:
        server.release()
        ended(client(kind, server, tmp_path))
    check(tmp_path)
    assert set(server.submitted.values()) == {1}
    assert len(server.submitted) == NUMBER
    assert len(server.batches) == 1


@pytest.mark.parametrize("kind", IN_A_ROW)
def test_killed_and_killed_again(kind, serve, tmp_path):
    server = serve(polls=0)
    for step in IN_A_ROW[kind]:
        server.hold_at(step)
        process = client(kind, server, tmp_path)
        assert server.stalled.wait(60)
        process.kill()
        process.communicate()
        server.release()
    ended(client(kind, server, tmp_path))
    check(tmp_path)
    assert set(server.submitted.values()) == {1}


TEACHERS = {"openai-batch": "results", "anthropic-batch": "created"}
"""With the step at which a whole run is killed."""


@pytest.mark.parametrize("use", TEACHERS)
def test_a_whole_run_that_was_killed_ends_as_one_that_was_not(use, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(driving, "RECIPE", driving.RECIPE.replace("openai-compatible", use))
    server = serve(polls=1)
    fast = "linger_seconds = 0.2\npoll_seconds = 0.05\nsettle_seconds = 0.3\nbatch_requests = 20"
    recipe = driving.recipe(tmp_path, server.url, NUMBER, teacher=fast)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert driving.run(tmp_path, "run", recipe, "--dir", whole, "--to", "generate").status == 0
    server.submitted.clear()
    server.hold_at(TEACHERS[use])
    process = driving.start(tmp_path, driving.command("run", recipe, "--dir", killed, "--to", "generate"), "killed")
    assert server.stalled.wait(60)
    process.kill()
    process.wait()
    server.release()
    last = driving.run(tmp_path, "run", recipe, "--dir", killed, "--to", "generate")
    assert last.status == 0, last.err
    assert driving.final(killed) == driving.final(whole)
    assert set(server.submitted.values()) == {1}
    assert len(server.submitted) == NUMBER
    assert list((killed / "batches").iterdir()) == []
