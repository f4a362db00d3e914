"""A limit is never passed by the server's own account, and a higher one goes on; the benchmark does it at full width."""

import budgets
import driving
import pytest


@pytest.fixture(scope="module")
def server():
    with driving.ServerProcess() as running:
        yield running


@pytest.mark.parametrize(("limit", "value"), [("max_requests", 17), ("max_tokens", 30_000), ("max_usd", 0.2)])
def test_a_limit_holds_with_many_in_flight_and_a_higher_one_goes_on(limit, value, server, tmp_path):
    server.reset(latency=0.05, jitter=0.05, bytes_per_token=2, answer_bytes=600, faults={"500": 0.1, "json": 0.1})
    recipe = budgets.recipe(tmp_path, server.url, rows=40, concurrency=32)
    first = budgets.run(server, recipe, limit, value)
    assert first.status == 3, "a status of its own: all is kept, and more money goes on"
    assert f"generate.{limit} = {value} is reached" in first.line
    assert first.requests > 0
    assert first.rows < 40
    assert first.rows == first.good, (
        "every answer that was paid for is a row, though an early snippet waits for its own"
    )
    assert first.of(limit) <= value
    second = budgets.run(server, recipe, limit, value * 100)
    assert second.status == 0, second.line
    assert (second.rows, second.twice) == (40, 0)
