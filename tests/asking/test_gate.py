"""The gate by itself: places, order, limits per minute, outages, and nobody who leaves takes a place along."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from asking.simulation import run

from magicoder_core import RunError
from magicoder_core.asking import Gate
from magicoder_core.asking.breaker import LONGEST_PROBE_PAUSE
from magicoder_core.asking.controller import Controller
from magicoder_core.asking.evidence import ALARMS, Flow, Place
from magicoder_core.asking.pace import Bucket, Left, Window
from magicoder_core.ratelimits import RateLimits


def now() -> float:
    return asyncio.get_running_loop().time()


async def turn() -> None:
    """Let everybody who can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def seconds(gate: Gate, count: int, tokens: int = 0) -> list[float]:
    """When each of ``count`` requests went out, all of them wanting to at once, each answered after 10 ms."""
    begin, went = now(), []

    async def one() -> None:
        place = await gate.enter(tokens)
        went.append(now() - begin)
        await asyncio.sleep(0.01)
        gate.leave(place, "answered", tokens=tokens)

    await asyncio.gather(*(one() for _ in range(count)))
    return went


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(begin <= time < begin + 59.999 for time in times) for begin in times)


# -- places


@pytest.mark.parametrize("adaptive", [True, False])
def test_no_more_than_the_concurrency_are_out(adaptive):
    async def main():
        gate, out, most = Gate(3, adaptive=adaptive), 0, 0

        async def one():
            nonlocal out, most
            place = await gate.enter()
            out += 1
            most = max(most, out)
            await asyncio.sleep(0.3)
            out -= 1
            gate.leave(place, "answered")

        await asyncio.gather(*(one() for _ in range(20)))
        return most, gate.figures()["in_flight"]

    assert run(main()) == (3, 0)


def test_a_free_place_is_entered_without_waiting():
    async def main():
        entering = Gate(1).enter()
        with pytest.raises(StopIteration):
            entering.send(None)  # it did not suspend

    run(main())


def test_a_gate_may_be_made_before_there_is_a_loop_and_outlive_one():
    gate = Gate(1)

    async def main():
        gate.leave(await gate.enter(), "answered")

    asyncio.run(main())
    asyncio.run(main())
    assert gate.limit == 1


def test_first_come_first_served_but_retries_go_before():
    async def main():
        gate, order = Gate(1), []

        async def one(name, retry):
            place = await gate.enter(retry=retry)
            order.append(name)
            gate.leave(place, "answered")

        place = await gate.enter()
        tasks = [asyncio.ensure_future(one(n, r)) for n, r in (("a", False), ("b", False), ("c", True), ("d", True))]
        await turn()
        gate.leave(place, "answered")
        await asyncio.gather(*tasks)
        return order

    assert run(main()) == ["c", "d", "a", "b"]


def test_who_is_cancelled_while_waiting_takes_no_place():
    async def main():
        gate = Gate(1)
        place = await gate.enter()
        waiting = [asyncio.ensure_future(gate.enter()) for _ in range(3)]
        await turn()
        waiting[0].cancel()
        waiting[1].cancel()
        gate.leave(place, "answered")
        last = await waiting[2]
        assert gate.figures()["in_flight"] == 1
        gate.leave(last, "answered")
        assert gate.figures()["in_flight"] == 0

    run(main())


def test_who_is_cancelled_when_the_place_is_already_theirs_gives_it_back():
    async def main():
        gate = Gate(1)
        place = await gate.enter()
        first, second = asyncio.ensure_future(gate.enter()), asyncio.ensure_future(gate.enter())
        await turn()
        gate.leave(place, "answered")  # the place is first's now, though it has not run since
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        gate.leave(await second, "answered")
        assert gate.figures()["in_flight"] == 0

    run(main())


def test_a_place_that_is_given_back_is_free():
    async def main():
        gate = Gate(1, requests_per_minute=60, tokens_per_minute=10)
        gate.give_back(await gate.enter(10))
        started = now()
        await gate.enter(10)
        return now() - started

    assert run(main()) <= 1.01  # its tokens are back; that it was no request either is not known to the bucket


# -- limits per minute


@pytest.mark.parametrize("most", [1, 7, 60, 150])
def test_requests_per_minute_are_never_passed_and_well_used(most):
    async def main():
        return await seconds(Gate(50, requests_per_minute=most), 3 * most + 1)

    times = run(main())
    assert most_in_a_minute(times) <= most
    assert times[-1] <= 3.1 * 60


def test_tokens_per_minute_are_never_passed():
    async def main():
        return await seconds(Gate(50, tokens_per_minute=1000), 40, tokens=100)

    times = run(main())
    assert most_in_a_minute(times) == 10
    assert times[-1] == pytest.approx(180, abs=1)


def test_tokens_that_were_not_used_are_there_again_at_once():
    async def main():
        gate = Gate(50, tokens_per_minute=1000)
        place = await gate.enter(1000)
        gate.leave(place, "answered", tokens=100)
        begin = now()
        other = await gate.enter(900)
        assert now() == begin
        gate.leave(other, "answered", tokens=900)
        await gate.enter(1)
        return now() - begin

    assert run(main()) == pytest.approx(60)


def test_a_request_larger_than_the_minute_goes_out_alone():
    window = Window(100)
    assert window.wait(0.0, 500) == 0
    window.take(0.0, 500)
    assert window.wait(30.0, 1) == 30
    assert window.wait(60.0, 500) == 0


def test_a_correction_after_its_minute_changes_nothing():
    window = Window(100)
    charge = window.take(0.0, 100)
    assert window.wait(61.0, 100) == 0
    window.correct(charge, 61.0, 0)
    window.take(61.0, 100)
    assert window.wait(62.0, 1) > 0


def test_a_bucket_saves_no_more_than_a_second():
    bucket = Bucket(600)
    assert bucket.wait(1000.0) == 0
    for _ in range(10):
        bucket.take()
    assert bucket.wait(1000.0) > 0


def test_what_is_left_fills_up_and_is_corrected():
    left = Left(0.0, 600, 0)
    assert left.wait(0.0, 1) == pytest.approx(0.1)
    assert left.wait(0.1, 1) == 0
    left.said(0.1, 600, 30, 5)  # up to 5 of the 30 may be gone already
    left.take(25)
    assert left.wait(0.1, 1) == pytest.approx(0.1)
    left.said(10.0, 600, 0, 0)
    assert left.wait(10.0, 1) == pytest.approx(0.1)


def test_headers_pace_requests_before_anything_is_refused():
    async def main():
        gate = Gate(50)
        limits = RateLimits(requests_per_minute=600, remaining_requests=0, tokens_per_minute=6000, remaining_tokens=1e9)
        gate.leave(await gate.enter(), "answered", limits=limits)
        return await seconds(gate, 11)

    assert run(main())[-1] == pytest.approx(1.1)


def test_headers_pace_tokens():
    async def main():
        gate = Gate(50)
        limits = RateLimits(tokens_per_minute=6000, remaining_tokens=0)
        gate.leave(await gate.enter(), "answered", limits=limits)
        return await seconds(gate, 10, tokens=100)

    assert run(main())[-1] == pytest.approx(10, abs=1)


# -- outages


async def fail(gate: Gate, count: int, outcome="failed", *, retry=False, after=0.0) -> list[bool]:
    """``count`` requests at once that fail; which of them counted as the request's own failure."""

    async def one() -> bool:
        place = await gate.enter(retry=retry)
        await asyncio.sleep(after)
        return gate.leave(place, outcome)

    return await asyncio.gather(*(one() for _ in range(count)))


def test_failures_in_a_row_let_only_probes_through_until_one_is_answered():
    async def main():
        gate, begin = Gate(64), now()
        counted = await fail(gate, 10)
        assert all(counted)
        times = []
        for _ in range(8):
            place = await gate.enter()
            waiting = asyncio.ensure_future(gate.enter())
            await turn()
            assert not waiting.done()  # one at a time
            waiting.cancel()
            times.append(now() - begin)
            assert not gate.leave(place, "failed")  # an outage's failure is nobody's own
        pauses = [after - before for before, after in pairwise(times)]
        assert pauses[:4] == pytest.approx([1, 2, 4, 8])
        assert pauses[-1] == pytest.approx(LONGEST_PROBE_PAUSE)
        gate.leave(await gate.enter(), "answered")
        assert gate.limit == 64
        return len(await seconds(gate, 30))

    assert run(main()) == 30


def test_those_that_were_out_when_the_outage_began_are_not_to_blame():
    async def main():
        return sum(await fail(Gate(64), 64, after=1.0))

    assert run(main()) == 10


def test_prompts_that_always_fail_are_no_outage():
    async def main():
        return await fail(Gate(64), 100, retry=True)

    assert all(run(main()))


def test_a_no_to_one_request_shows_that_the_provider_is_there():
    async def main():
        gate = Gate(64)
        for _ in range(5):
            await fail(gate, 9)
            gate.leave(await gate.enter(), "rejected")
        return gate.limit

    assert run(main()) == 64


@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_an_outage_ends_the_wait_with_one_clear_line(outcome):
    async def main():
        gate, begin = Gate(8, outage=120), now()

        async def one():
            while True:
                gate.leave(await gate.enter(), outcome)
                await asyncio.sleep(0.1)

        ends = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
        return ends, now() - begin

    ends, took = run(main())
    assert all(isinstance(end, RunError) for end in ends)
    assert "answered nothing for 120 s" in str(ends[0])
    assert took == pytest.approx(120, abs=5)


def test_a_probe_that_is_not_sent_leaves_the_way_to_the_next():
    async def main():
        gate = Gate(8)
        await fail(gate, 10)
        gate.give_back(await gate.enter())
        gate.leave(await gate.enter(), "answered")
        return gate.limit

    assert run(main()) == 8


def test_retry_after_of_all_is_heeded_and_capped():
    async def main(retry_after):
        gate = Gate(8)
        for _ in range(ALARMS[0][0]):
            gate.leave(await gate.enter(), "refused", retry_after=retry_after)
        begin = now()
        gate.leave(await gate.enter(), "answered")
        return now() - begin

    assert run(main(7.0)) == pytest.approx(7)
    assert run(main(9999.0)) == pytest.approx(60)


def test_a_single_refusal_holds_up_nobody():
    async def main():
        gate = Gate(8)
        assert gate.leave(await gate.enter(), "refused", retry_after=30.0)  # it is the request's own
        return await seconds(gate, 4)

    assert run(main())[-1] < 0.1


# -- the controller where it could fall into a hole


def test_a_cut_is_never_so_deep_that_nothing_goes_out_any_more():
    """Half an epoch refused to the last one once set a rate of nothing: the other half had used up what was saved."""
    controller = Controller(256)
    controller._set_rate(480.0)
    controller.opening = False
    controller._next()
    places = [Place(1000 + number / 480, number, False, False, controller.epoch, 0, None) for number in range(120)]
    for place in places:
        controller.departure(place.departed, place)
    for place in places[50:]:
        place.refused = True
    controller.judge()
    assert controller.rate >= 480 / 4


def test_an_alarm_after_an_alarm_leaves_a_quarter():
    controller = Controller(256)
    controller._set_rate(400.0)
    controller._unsettled = True
    controller.settle(1000.0, 0)
    assert controller.rate >= 100


def test_what_went_through_is_right_though_refusals_come_late():
    flow = Flow()
    for number in range(100):
        now = 1000 + number / 10
        flow.through += 1
        if now >= flow.next_mark:
            flow.mark(now, 0.0)
        if number >= 30:
            flow.take_back(now - 3.0)  # each is refused three seconds later
    assert flow.rate(1010.0) == pytest.approx(30 / 4, abs=0.6)
