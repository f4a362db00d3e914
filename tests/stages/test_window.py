"""Concurrent work in the order of its input."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import count

import pytest

from magicoder_core.stages.window import in_order


async def later(number):
    await asyncio.sleep(0.001 * (7 - number % 7))
    return -number


def test_results_come_in_the_order_of_the_input():
    async def main():
        return [pair async for pair in in_order(range(1, 30), later, lambda: 5)]

    assert asyncio.run(main()) == [(number, -number) for number in range(1, 30)]


def test_input_is_pulled_no_further_than_work_is_under_way():
    pulled = []

    def endless():
        for number in count(1):
            pulled.append(number)
            yield number

    async def main():
        async with aclosing(in_order(endless(), later, lambda: 4)) as work:
            async for number, _ in work:
                if number == 10:
                    break

    asyncio.run(main())
    assert len(pulled) <= 14


def test_no_more_is_worked_on_than_may_be_and_a_late_head_stops_nobody():
    out, most, done = set(), [], []

    async def work(number):
        out.add(number)
        most.append(len(out))
        await asyncio.sleep(0.2 if number == 0 else 0.001)
        out.remove(number)
        done.append(number)

    async def main():
        async for number, _ in in_order(range(60), work, lambda: 40, active=lambda: 4):
            if number == 0:
                assert len(done) == 40, "all that the window holds, while the first was late"

    asyncio.run(main())
    assert max(most) == 4
    assert len(done) == 60


def test_work_that_never_waits_is_all_done():
    async def work(number):
        return number

    async def main():
        return [number async for number, _ in in_order(range(50), work, lambda: 20, active=lambda: 3)]

    assert asyncio.run(main()) == [*range(50)]


def test_an_input_that_fails_is_heard_of_and_the_rest_is_ended():
    def broken():
        yield from range(6)
        raise ValueError("the corpus")

    seen = []

    async def main():
        async for number, _ in in_order(broken(), later, lambda: 4):
            seen.append(number)

    with pytest.raises(ValueError, match="the corpus"):
        asyncio.run(main())
    assert seen == [*range(len(seen))]


def test_a_failure_is_raised_in_its_turn_and_the_rest_is_cancelled():
    ended = []

    async def work(number):
        try:
            await asyncio.sleep(0.5 if number > 2 else 0)
        finally:
            ended.append(number)
        if number == 2:
            raise ValueError("two")
        return number

    seen = []

    async def main():
        async for number, _ in in_order([1, 2, 3, 4], work, lambda: 4):
            seen.append(number)

    with pytest.raises(ValueError, match="two"):
        asyncio.run(main())
    assert seen == [1]
    assert sorted(ended) == [1, 2, 3, 4]
