"""What the gate is for, in virtual time: as fast as the provider bears it, and hardly a request wasted."""

from __future__ import annotations

from statistics import mean

import pytest
from asking.simulation import (
    Provider,
    by_chance,
    capacity,
    drive,
    exponential,
    fixed,
    fixed_window,
    lognormal,
    outage,
    run,
    sliding_window,
    token_bucket,
)

from magicoder_core.asking import Gate

SAME, VARIED, WILD = fixed(0.3), lognormal(0.3), exponential(0.3)


def measure(provider, count, cap=256, **gate):
    """``count`` prompts against the provider that ``provider()`` makes."""

    async def main():
        return await drive(Gate(cap, **gate), provider(), count)

    return run(main())


@pytest.mark.parametrize("retry_after", [None, 1.0])
@pytest.mark.parametrize("latency", [SAME, VARIED, WILD], ids=["same", "varied", "wild"])
def test_a_capacity_of_40_is_used(latency, retry_after):
    result = measure(lambda: Provider(latency, [capacity(40, retry_after)], seed=1), 2000)
    assert result.rate >= 0.85 * 40 / 0.3
    assert result.wasted <= 0.05


@pytest.mark.parametrize("retry_after", [None, 1.0])
@pytest.mark.parametrize("latency", [SAME, VARIED], ids=["same", "varied"])
@pytest.mark.parametrize("headers", [False, True])
def test_6000_requests_per_minute_are_used(latency, retry_after, headers):
    result = measure(lambda: Provider(latency, [token_bucket(100, 10, retry_after, headers=headers)]), 1500)
    assert result.rate >= 0.85 * 100
    assert result.wasted <= (0.005 if headers else 0.05)


@pytest.mark.parametrize("window", [sliding_window, fixed_window])
@pytest.mark.parametrize("latency", [SAME, VARIED], ids=["same", "varied"])
def test_a_limit_per_second_is_used(window, latency):
    result = measure(lambda: Provider(latency, [window(100, 1.0)]), 1500)
    assert result.rate >= 0.85 * 100
    assert result.wasted <= 0.05


@pytest.mark.parametrize("cap", [64, 256])
@pytest.mark.parametrize("fraction", [0.1, 0.2])
def test_refusals_by_chance_slow_nothing_down(fraction, cap):
    """Measured at nine tenths of the prompts: the last ones wait for their own retries, however fast the gate is."""
    count = 16 * cap

    def took(seed, *, adaptive):
        provider = lambda: Provider(VARIED, [by_chance(fraction, retry_after=1.0)], seed=seed)  # noqa: E731
        return sorted(measure(provider, count, cap, adaptive=adaptive).answered)[count * 9 // 10]

    ours, best = (mean(took(seed, adaptive=adaptive) for seed in range(2)) for adaptive in (True, False))
    assert best >= 0.8 * ours


@pytest.mark.parametrize("cap", [8, 64, 256])
def test_without_refusals_nothing_is_lost(cap):
    count = 20 * cap
    ours, best = (measure(lambda: Provider(SAME), count, cap, adaptive=adaptive) for adaptive in (True, False))
    assert ours.rate >= 0.95 * best.rate


@pytest.mark.parametrize("slots", [4, 16])
@pytest.mark.parametrize("latency", [SAME, VARIED], ids=["same", "varied"])
def test_a_queue_is_kept_short_and_the_slots_busy(slots, latency):
    result = measure(lambda: Provider(latency, slots=slots), 60 * slots + 400)
    assert result.rate >= 0.95 * slots / 0.3
    settled = [here for when, _, here in result.trace if when > 260 * 0.3 / slots + 1 and here]
    assert max(settled) <= 8 * slots
    assert min(settled[: len(settled) // 2]) >= slots


def test_a_batching_server_is_not_taken_for_a_queue():
    """Where all are worked on at once and each only slows the others down, more out means more done."""
    provider = lambda: Provider(lambda r: 0.3 * r.uniform(0.8, 1.2))  # noqa: E731
    assert measure(provider, 2000).trace[-1][1] == 256


def test_a_capacity_that_changes_is_followed():
    bears = lambda when: 40 if when < 8 else 80 if when < 16 else 20  # noqa: E731
    result = measure(lambda: Provider(SAME, [capacity(bears)]), 4000)
    ideal = 16 + (4000 - 8 * 120 / 0.3) / (20 / 0.3)
    assert result.seconds <= ideal / 0.8
    assert result.wasted <= 0.05


def test_all_faults_together_lose_nothing():
    rules = lambda: [by_chance(0.1, retry_after=1.0), by_chance(0.05, "failed"), by_chance(0.02, "failed")]  # noqa: E731
    results = [measure(lambda seed=seed: Provider(WILD, rules(), seed=seed), 1000, 64) for seed in range(3)]
    assert sum(result.lost for result in results) == 0
    assert mean(sorted(result.answered)[899] for result in results) <= 1000 * 0.3 / 64 / 0.75


@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_an_outage_costs_few_requests_and_no_prompt(outcome):
    """A minute of it, from the fifth second on; what comes after is as fast as before."""
    result = measure(lambda: Provider(SAME, [outage(5, 65, outcome)]), 3000, 64)
    assert result.lost == 0
    assert result.failures + result.refusals <= 64 + 20
    assert result.seconds <= 65 + 15 + (3000 - 16 * 64) * 0.3 / 64 / 0.85


@pytest.mark.parametrize("network", [0.02, 0.06])
def test_refusals_from_far_away_are_heard_in_time(network):
    result = measure(lambda: Provider(SAME, [capacity(40)], network=network), 2000)
    assert result.rate >= 0.85 * 40 / (0.3 + network)
    assert result.wasted <= 0.05
