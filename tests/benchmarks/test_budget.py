"""Limits in money, tokens and requests with 256 requests in flight, by the server's own account. Goal: overshoot 0."""

import budgets
import pytest

# About a third and two thirds of what all rows would take: a row is about 480 tokens of prompt and 550 of answer.
SHARES = (0.35, 0.7)
WHOLE = {"max_requests": 1.0, "max_tokens": 1030.0, "max_usd": 0.0067}


@pytest.mark.parametrize("tokens", [4.0, 1.0], ids=["4 bytes a token", "1 byte a token"])
@pytest.mark.parametrize("limit", WHOLE)
def test_no_limit_is_passed(limit, tokens, bench):
    rows = bench.scaled(2000, 600)
    behaviour = {"latency": 0.2, "jitter": 0.2, "answer_bytes": 1800, "bytes_per_token": tokens}
    bench.server.reset(faults={"500": 0.05, "429-seconds": 0.05, "json": 0.01}, wait=0.2, **behaviour)
    recipe = budgets.recipe(bench.folder, bench.server.url, rows, concurrency=256)
    dear = 1.0 if limit == "max_requests" else 4 / tokens
    lines, before = [], 0
    for share in (*SHARES, 3.0):
        value = rows * share * WHOLE[limit] * dear
        value = value if limit == "max_usd" else round(value)
        spent = budgets.run(bench.server, recipe, limit, value)
        lines.append(
            {
                "limit": value,
                "spent": spent.of(limit),
                "over": max(0.0, spent.of(limit) - value),
                "% used": 100 * spent.of(limit) / value,
                "rows": spent.rows,
                "bought twice": spent.twice,
                "most in flight": spent.most,
                "status": spent.status,
            }
        )
        assert spent.of(limit) <= value
        assert spent.twice == 0
        assert (spent.status == 0) == (share == 3.0), spent.line
        assert before <= spent.rows
        before = spent.rows
    bench.table(f"{limit}, {rows} prompts, {tokens:g} bytes a token, then resumed with more", lines)
