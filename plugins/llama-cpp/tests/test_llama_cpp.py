import asyncio
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from magicoder_llama_cpp import LlamaCpp
from magicoder_llama_cpp.child import Child, _error, cores

from magicoder_core import Message, ModelError, RecipeError, Request, Sampling, TeacherError, models, progress
from magicoder_core.testing import TeacherContract

SMALL = "smollm2-135m-instruct"
YES_OR_NO = Sampling(temperature=0.0, max_tokens=8, grammar='root ::= "yes" | "no"')

# A run that is killed: opens the teacher, says which process serves, and waits.
RUN = """
import asyncio, sys
from magicoder_llama_cpp import LlamaCpp

async def main():
    teacher = LlamaCpp(model=sys.argv[1], parallel=1, context=512)
    opening = asyncio.create_task(teacher.open())
    while not teacher._serving.child:
        await asyncio.sleep(0.01)
    if sys.argv[2] == "loaded":
        await opening
    print(teacher._serving.child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.model
class TestLlamaCpp(TeacherContract):
    provider = LlamaCpp(model=SMALL, parallel=2, context=1024)


def used(work, **options):
    """What ``work(teacher)`` returns, with an open teacher on the small model."""

    async def session():
        teacher = LlamaCpp(model=SMALL, **{"parallel": 2, "context": 512, **options})
        await teacher.open()
        try:
            return await work(teacher)
        finally:
            await teacher.close()

    return asyncio.run(session())


def gone(pid):
    """Whether a process ends soon; a zombie has ended."""
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.model
def test_concurrent_requests_with_and_without_a_grammar():
    async def work(teacher):
        chosen = Request.of("Is 2 + 2 equal to 4?", sampling=YES_OR_NO)
        free = Request.of("Write a Python function that adds two numbers.", sampling=Sampling(max_tokens=16))
        replies = await asyncio.gather(*(teacher.complete(request) for request in [chosen, free] * 3))
        return replies, teacher.status()

    replies, status = used(work)
    assert {reply.text for reply in replies[::2]} <= {"yes", "no"}
    assert all(reply.usage.prompt_tokens > 0 for reply in replies)
    assert all(1 <= reply.usage.completion_tokens <= 16 for reply in replies[1::2])
    assert all(reply.model == SMALL for reply in replies)
    assert status["tokens_per_second"] > 0


@pytest.mark.model
def test_raw_text_is_gone_on_with_and_no_chat_template_comes_between():
    count, counted = "one two three four five six seven", Sampling(temperature=0.0, max_tokens=4, stop=("\n",))

    async def work(teacher):
        raw, chat = Request.continuing(count, sampling=counted), Request.of(count, sampling=counted)
        stopped = Request.continuing(
            count, sampling=Sampling(temperature=0.0, max_tokens=9, stop=(" ", "\n", ".", ","))
        )
        return [await teacher.complete(request) for request in (raw, chat, stopped)]

    raw, chat, stopped = used(work)
    assert raw.text.startswith(" eight")
    assert raw.usage.prompt_tokens <= 8, "the text's own tokens"
    assert chat.usage.prompt_tokens > raw.usage.prompt_tokens + 10, "the template's system turn and marks"
    assert (stopped.text, stopped.finish_reason) == ("", "stop")


@pytest.mark.model
def test_a_seed_makes_an_answer_repeatable_and_a_draw_its_own():
    def drawn(sample):
        return Request.of("Invent a word.", sampling=Sampling(temperature=1.5, seed=7, sample=sample, max_tokens=12))

    async def work(teacher):
        return [(await teacher.complete(drawn(sample))).text for sample in (0, 0, 1, 2)]

    first, again, *others = used(work, parallel=1)
    assert first == again
    assert any(other != first for other in others)


@pytest.mark.model
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request.of("word " * 2000), "exceeds the available context size"),
        (Request.of("x", sampling=Sampling(grammar="root := nothing")), "failed to parse grammar"),
        (Request(messages=(Message(role="user", content="x"),), sampling=Sampling(grammar='root ::= ""')), "no text"),
    ],
    ids=["too long", "broken grammar", "empty answer"],
)
def test_what_cannot_be_answered(request_, said):
    async def work(teacher):
        with pytest.raises(TeacherError, match=said) as caught:
            await teacher.complete(request_)
        return caught.value

    error = used(work)
    assert error.kind == ("malformed" if said == "no text" else "bad_request")


@pytest.mark.model
def test_a_server_that_died_is_started_again_and_not_for_ever(monkeypatch):
    serving = importlib.import_module("magicoder_llama_cpp.serving")
    monkeypatch.setattr(serving, "_STARTS", 2)
    ask = Request.of("Hi", sampling=YES_OR_NO)

    async def work(teacher):
        os.kill(teacher._serving.child.pid, signal.SIGSTOP)
        waiting = asyncio.create_task(teacher.complete(ask))
        await asyncio.sleep(0.2)
        os.kill(teacher._serving.child.pid, signal.SIGKILL)
        with pytest.raises(TeacherError) as caught:
            await waiting
        assert caught.value.kind == "transient"
        assert await died(teacher)
        assert (await teacher.complete(ask)).text in {"yes", "no"}
        os.kill(teacher._serving.child.pid, signal.SIGKILL)
        assert await died(teacher)
        with pytest.raises(ModelError, match=r"ended 2 times; the last time its server ended by SIGKILL"):
            await teacher.complete(ask)

    used(work)


async def died(teacher):
    for _ in range(600):
        if not teacher._serving.child.alive():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("when", ["loaded", "loading"])
def test_the_server_ends_with_a_run_that_is_killed(when):
    models.resolve(SMALL)
    run = subprocess.Popen([sys.executable, "-c", RUN, SMALL, when], stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert gone(pid)


@pytest.mark.model
def test_the_key_is_in_no_place_that_others_can_read():
    async def work(teacher):
        child = teacher._serving.child
        assert len(child.key) >= 32
        assert child.key not in command(child.pid)
        assert "magicoder_llama_cpp.server" in command(child.pid)

    used(work)


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.parametrize("content", [b"", b"no model at all", b"GGUF\x03\x00\x00\x00"], ids=["empty", "text", "torn"])
def test_a_broken_file_is_one_line_that_says_why(tmp_path, content):
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match=r"broken.gguf' cannot be served: its server ended with status 1: (failed|invalid)"
    ) as caught:
        asyncio.run(opened_and_closed(LlamaCpp(model=str(path))))
    assert "\n" not in str(caught.value)


@pytest.mark.model
def test_a_truncated_model_is_said_to_be_one(tmp_path):
    path = tmp_path / "truncated.gguf"
    with models.resolve(SMALL).open("rb") as whole:
        path.write_bytes(whole.read(50_000_000))
    with pytest.raises(ModelError, match="model is corrupted or incomplete"):
        asyncio.run(opened_and_closed(LlamaCpp(model=str(path))))


async def opened_and_closed(teacher):
    try:
        await teacher.open()
    finally:
        await teacher.close()


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="is a folder; this teacher serves a GGUF file"):
        asyncio.run(opened_and_closed(LlamaCpp(model=str(tmp_path))))


def test_an_unknown_model_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'smollm2-135m-instruct'"):
        asyncio.run(opened_and_closed(LlamaCpp(model="smollm2-135m")))


@pytest.mark.parametrize("name", ["parallel", "threads", "context", "max_tokens"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(RecipeError, match=rf"teacher.{name}: at least 1 was expected \(got 0\)"):
        LlamaCpp(**{name: 0})


def test_opening_that_is_given_up_leaves_no_server(tmp_path, monkeypatch):
    silent = ["-c", "import sys; sys.stdin.read()"]
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **rest: real([command[0], *silent], **rest))

    async def session():
        child = Child("m", tmp_path, parallel=1, context=1, threads=1, connections=1)
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(child.address(), 0.2)
        finally:
            child.end()
        assert not child.alive()

    asyncio.run(session())


def test_progress_tells_of_the_load(tmp_path):
    told = []

    class Heard(progress.Silent):
        def begin(self, name, total, unit):
            told.append(name)
            return 0

    path = tmp_path / "broken.gguf"
    path.write_bytes(b"")
    with progress.reporting(Heard()), pytest.raises(ModelError):
        asyncio.run(opened_and_closed(LlamaCpp(model=str(path))))
    assert told == [f"load {path}"]


def test_sampling_keeps_a_temperature_of_zero():
    assert LlamaCpp(temperature=0.0, top_p=0.9, max_tokens=5).sampling() == Sampling(
        temperature=0.0, top_p=0.9, max_tokens=5
    )


def test_cores():
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_errors_in_a_log():
    assert _error("0.00.022.909 E llama_model_load: error loading model: no") == "error loading model: no"
    assert _error("RuntimeError: no") == "RuntimeError: no"
    assert _error("ggml.c:12: GGML_ASSERT(x) failed") == "ggml.c:12: GGML_ASSERT(x) failed"
    assert _error("0.00.022.909 W srv init: odd") is None
