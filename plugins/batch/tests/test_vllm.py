"""vLLM's run-batch, with a program that has its arguments and its files; the engine itself is not tried here."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import driving
import pytest
from magicoder_batch import VLLMRunBatch
from servers import answer

from magicoder_core import RecipeError, Reply, Request, RunError, TeacherError, progress
from magicoder_core.testing import TeacherContract

HERE = Path(__file__).parent
COMMAND = (sys.executable, str(HERE / "fake_vllm.py"), "run-batch")
FAST = {"linger_seconds": 0.05, "poll_seconds": 0.02}


def requests(number):
    return [Request.of(f"def f{place}(): ...") for place in range(number)]


@pytest.fixture
def teacher(tmp_path):
    def made(*arguments, **options):
        given = ("--seen", str(tmp_path / "seen"), *arguments)
        return VLLMRunBatch(**{"model": "tiny", "command": COMMAND, "arguments": given} | FAST | options)

    return made


def seen(tmp_path):
    """How often the program was started, and how often it saw each request."""
    words = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    return sum(word == "start" for word, _ in words), Counter(what for word, what in words if word == "asked")


def check(replies, asked):
    expected = [answer([{"content": request.messages[0].content}]) for request in asked]
    assert [reply.text if isinstance(reply, Reply) else reply for reply in replies] == expected


def test_a_batch_is_run_and_read(teacher, ask, tmp_path):
    asked = requests(20)
    check(ask(teacher(), *asked), asked)
    assert seen(tmp_path)[0] == 1
    assert list((tmp_path / "batches").iterdir()) == []


def test_a_refused_request_is_its_own_failure(teacher, ask):
    fine, refused = ask(teacher("--refuse", "f1("), *requests(2))
    assert isinstance(fine, Reply)
    assert isinstance(refused, TeacherError)
    assert (refused.kind, str(refused)) == ("bad_request", "HTTP 400: maximum context length")


def test_what_was_answered_before_it_died_is_kept(teacher, ask, tmp_path):
    asked = requests(9)
    for error in ask(teacher("--die-after", "6"), *asked):
        assert isinstance(error, RunError)
        assert "ended with status 3: CUDA error: out of memory (all of it: " in str(error)
        assert "6 of 9 answers are kept; run the same command again" in str(error)
    check(ask(teacher(), *asked), asked)
    starts, counts = seen(tmp_path)
    assert starts == 2
    assert set(counts.values()) == {1}
    assert len(counts) == 9


def test_it_may_die_many_times(teacher, ask, tmp_path):
    asked = requests(9)
    for _ in range(3):
        ask(teacher("--die-after", "2"), *asked)
    check(ask(teacher(), *asked), asked)
    starts, counts = seen(tmp_path)
    assert (starts, set(counts.values()), len(counts)) == (4, {1}, 9)


def test_a_process_that_outlived_us_is_waited_for(teacher, ask, tmp_path):
    asked = requests(10)
    options = {"model": "tiny", "command": COMMAND, "arguments": ["--seen", str(tmp_path / "seen"), "--delay", "0.1"]}
    command = [sys.executable, str(HERE / "client.py"), "VLLMRunBatch", "", str(tmp_path), "10", json.dumps(options)]
    process = subprocess.Popen(command, env=driving.environment())
    wait_for(lambda: (tmp_path / "seen").exists() and len(seen(tmp_path)[1]) >= 2)
    process.kill()
    process.wait()
    check(ask(teacher(), *asked), asked)
    starts, counts = seen(tmp_path)
    assert (starts, set(counts.values()), len(counts)) == (1, {1}, 10)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_orderly_end_ends_the_process_and_keeps_its_answers(teacher, ask, tmp_path):
    asked = requests(6)
    slow = teacher("--delay", "0.3")

    def interrupt():
        wait_for(lambda: (tmp_path / "seen").exists() and len(seen(tmp_path)[1]) >= 3)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts what it puts into the background with the signal ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(slow, *asked)
    finally:
        signal.signal(signal.SIGINT, before)
    (pid,) = [int(line.split()[1]) for line in (tmp_path / "seen").read_text().splitlines() if line.startswith("start")]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    check(ask(teacher(), *asked), asked)
    starts, counts = seen(tmp_path)
    assert starts == 2
    assert counts.total() <= 7  # the one it was at, at most, is asked again


class Said(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_somebody_else_may_run_it(teacher, ask, tmp_path):
    asked, said = requests(5), Said()

    def run_elsewhere():
        wait_for(lambda: any("run: " in line for line in said.lines))
        (line,) = [line for line in said.lines if "run: " in line]
        words = shlex.split(line.partition("run: ")[2])
        out = Path(words[words.index("-o") + 1])
        elsewhere = tmp_path / "elsewhere.jsonl"
        words[words.index("-o") + 1] = str(elsewhere)
        subprocess.run(words, check=True, env={**os.environ, "VLLM_NO_USAGE_STATS": "1"}, stdout=subprocess.DEVNULL)
        text = elsewhere.read_bytes()
        out.write_bytes(text[:700])  # as a copy over a slow line arrives
        time.sleep(0.1)
        out.write_bytes(text)

    thread = threading.Thread(target=run_elsewhere)
    thread.start()
    with progress.reporting(said):
        check(ask(teacher(wait_for=True), *asked), asked)
    thread.join()
    assert seen(tmp_path)[0] == 1


def test_a_program_that_is_not_there_is_told_at_once():
    with pytest.raises(RecipeError, match="no program 'no-vllm' here; install it"):
        VLLMRunBatch(model="tiny", command=("no-vllm",)).check()
    with pytest.raises(RecipeError, match="a program was expected"):
        VLLMRunBatch(model="tiny", command=()).check()
    VLLMRunBatch(model="tiny", command=("no-vllm",), wait_for=True).check()
    VLLMRunBatch(model="tiny", command=COMMAND).check()


def test_a_whole_run_that_was_killed_ends_as_one_that_was_not(tmp_path, monkeypatch):
    given = f"command = {json.dumps(COMMAND)}\nlinger_seconds = 0.2\npoll_seconds = 0.05\n"
    table = driving.RECIPE.replace("openai-compatible", "vllm-run-batch").replace('base_url = "{url}"\n', "")
    monkeypatch.setattr(driving, "RECIPE", table)

    def run(directory, delay):
        arguments = ["--seen", str(tmp_path / "seen"), "--delay", delay]
        recipe = driving.recipe(tmp_path, "", 12, teacher=f"{given}arguments = {json.dumps(arguments)}")
        command = driving.command("run", recipe, "--dir", directory, "--to", "generate")
        return driving.start(tmp_path, command, "last")

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole, "0").wait() == 0
    (tmp_path / "seen").unlink()
    process = run(killed, "0.1")
    wait_for(lambda: (tmp_path / "seen").exists() and len(seen(tmp_path)[1]) >= 3)
    process.kill()
    process.wait()
    assert run(killed, "0.1").wait() == 0
    assert driving.final(killed) == driving.final(whole)
    starts, counts = seen(tmp_path)
    assert (starts, set(counts.values()), len(counts)) == (1, {1}, 12)


class TestContract(TeacherContract):
    provider = VLLMRunBatch(model="tiny", command=COMMAND, arguments=("--seen", os.devnull), **FAST)
    deterministic = True


def test_close_can_be_called_twice(teacher):
    async def main():
        given = teacher()
        await given.close()
        await given.close()

    asyncio.run(main())
