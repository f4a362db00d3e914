"""What runs share with others: a provider's limit per minute, and answers that another run has paid for."""

from __future__ import annotations

import time

import driving
import pytest

ROWS = 30


@pytest.fixture(scope="module")
def server():
    with driving.ServerProcess() as process:
        yield process


def test_a_limit_per_minute_of_the_recipe_is_kept_from_the_first_second(server, tmp_path):
    per_minute = 600
    server.reset(latency=0.0)
    recipe = driving.recipe(tmp_path, server.url, ROWS, generate=f"requests_per_minute = {per_minute}")
    ended = driving.run(tmp_path, "run", recipe, "--dir", tmp_path / "run", "--to", "generate")
    assert ended.status == 0, ended.err
    told = server.stats()
    assert told["good_distinct"] == ROWS
    # A second's worth may go out at once; all others follow evenly.
    assert told["seconds"] >= 0.95 * (ROWS - per_minute / 60) / (per_minute / 60)


def test_two_runs_at_once_share_a_cache_and_a_third_asks_for_nothing(server, tmp_path):
    server.reset(latency=0.05)
    cache = f'cache = "{tmp_path / "cache"}"'
    recipe = driving.recipe(tmp_path, server.url, ROWS, generate=cache, concurrency=4)
    begun = time.monotonic()
    names = ("one", "two")
    running = [
        driving.start(
            tmp_path, driving.command("run", recipe, "--dir", tmp_path / name, "--to", "generate"), f"output-{name}"
        )
        for name in names
    ]
    for name, process in zip(names, running, strict=True):
        ended = driving.finish(process, tmp_path, f"output-{name}", begun)
        assert ended.status == 0, ended.err
    asked = server.stats()["good"]
    assert ROWS <= asked <= 2 * ROWS
    third = driving.run(tmp_path, "run", recipe, "--dir", tmp_path / "three", "--to", "generate")
    assert third.status == 0, third.err
    assert server.stats()["good"] == asked
    assert driving.final(tmp_path / "one") == driving.final(tmp_path / "two") == driving.final(tmp_path / "three")
    assert len((tmp_path / "three" / "instructions.jsonl").read_bytes().splitlines()) == ROWS
