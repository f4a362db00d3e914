"""CPU time of a request to a provider: LiteLLM's own ``acompletion``, and the teacher `litellm` in both of its ways.

`nox -s bench` runs it; the figures go to docs/measured.md. Nothing is asserted of them but that every request was
answered. Each model is a process of its own, in which all ways to it take their turn in each round: two processes that
do the same differ by up to a tenth. The import of LiteLLM, which all share, is over before the first round, and so is
the recording of templates, which is told apart.

Run as a script this file is such a process: it reads a way and a number of requests a line and prints what they took.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

REQUESTS, WARM, IN_FLIGHT, LATENCY = 500, 70, 64, 0.1
KEY = "sk-test-0123456789abcdef"
TEXT = "Make [Problem Description] and [Solution] of:\n```\n" + "for child in children: visit(child)\n" * 45 + "```"
MODELS = {
    "openai/loopback": "/v1",
    "hosted_vllm/loopback": "/v1",
    "azure/loopback": "",
    "anthropic/claude-loopback": "",
}
"""Models, and what their ``api_base`` ends in."""

GOALS = {"acompletion": 1.0, "teacher": 0.25, "fallback": 1.1}
"""Ways, and how much of the CPU time of ``acompletion`` each may take; ``fallback`` is the teacher by LiteLLM's client."""


@pytest.mark.plugins
def test_cpu_of_a_request_through_litellm(capsys, pytestconfig):
    rounds, count = pytestconfig.getoption("rounds"), max(1, round(REQUESTS * pytestconfig.getoption("scale")))
    with serving() as base, contextlib.ExitStack() as stack:
        workers = {model: stack.enter_context(working(model, base + MODELS[model])) for model in MODELS}
        pairs = [(model, way) for model in MODELS for way in GOALS]
        first = {(model, way): ask(workers[model], way, WARM)["cpu"] for model, way in pairs}
        taken = {pair: [] for pair in pairs}
        for _ in range(rounds):
            for model, way in pairs:
                taken[model, way].append(ask(workers[model], way, count)["cpu"] / count)
    with capsys.disabled():
        print(f"\nCPU ms a request, median of {rounds} rounds of {count}, {IN_FLIGHT} in flight, {LATENCY:g} s latency")
        report(first, {pair: statistics.median(each) for pair, each in taken.items()})


def report(first, taken):
    for (model, way), seconds in taken.items():
        line = f"  {model:26} {way:12} {1000 * seconds:7.3f}"
        if way != "acompletion":
            line += f"  {seconds / taken[model, 'acompletion']:.3f} times acompletion (goal {GOALS[way]:g})"
        print(f"{line}  [first {WARM}: {1000 * first[model, way]:.0f} ms]")


@contextlib.contextmanager
def serving():
    """A model server in a process of its own; yields its address."""
    command = [sys.executable, str(Path(__file__).parents[1] / "servers.py"), "--latency", str(LATENCY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip().removesuffix("/v1")
        finally:
            server.terminate()


@contextlib.contextmanager
def working(model, base):
    """A process that asks one model."""
    environment = {**os.environ, "NO_PROXY": "*", "MY_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, "-W", "ignore", __file__, model, base]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as worker:
        yield worker
        worker.stdin.close()


def ask(worker, way, count):
    worker.stdin.write(f"{way} {count}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


# -- the process that asks --------------------------------------------------------------------------------------------


def main(model, base):
    """Ask in the way, and as many requests, as each line of the input says; print the CPU seconds that they took."""
    number = 0
    with asyncio.Runner() as runner:
        ways = {"acompletion": runner.run(plain(model, base))}
        ways |= {way: runner.run(taught(model, base, translate=way == "teacher")) for way in ("teacher", "fallback")}
        for line in sys.stdin:
            way, _, count = line.partition(" ")
            texts = iter([f"{TEXT} {number + each}" for each in range(int(count))])
            number += int(count)
            before, begun = time.process_time(), time.perf_counter()
            runner.run(all_of(ways[way][0], texts))
            print(json.dumps({"cpu": time.process_time() - before, "wall": time.perf_counter() - begun}), flush=True)
        for _, close in ways.values():
            runner.run(close())


async def all_of(asked, texts):
    """Answer all texts, so many in flight; an empty answer or a failure ends it."""

    async def worker():
        for text in texts:
            assert len(await asked(text)) > 100

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(worker())


async def plain(model, base):
    """LiteLLM as its documentation has it."""
    import litellm

    litellm.suppress_debug_info = True  # lines on the standard output, for models that its lists lack

    async def asked(text):
        response = await litellm.acompletion(
            model=model,
            messages=[{"role": "user", "content": text}],
            temperature=0.0,
            max_tokens=2048,
            api_base=base,
            api_key=KEY,
            timeout=300.0,
            max_retries=0,
            num_retries=0,
            drop_params=True,
        )
        return response.choices[0].message.content

    return asked, litellm.close_litellm_async_clients


async def taught(model, base, *, translate):
    """The teacher, from the request to the reply."""
    from magicoder_litellm import LiteLLM

    from magicoder_core import Request

    teacher = LiteLLM(model=model, api_base=base, api_key_env="MY_KEY", translate=translate)
    await teacher.open()

    async def asked(text):
        return (await teacher.complete(Request.of(text))).text

    return asked, teacher.close


if __name__ == "__main__":
    main(*sys.argv[1:])
