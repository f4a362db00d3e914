"""Calls that take too long are ended, and only those."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from magicoder_core.http.deadlines import Deadlines


async def call(deadlines, seconds):
    """What becomes of a call that would take so long."""
    task = deadlines.begin()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not deadlines.was_late(task):
            raise
        return "late"
    finally:
        deadlines.end(task)
    return "in time"


def test_only_what_takes_too_long_is_ended():
    async def several():
        deadlines = Deadlines(0.1)
        first = [asyncio.create_task(call(deadlines, seconds)) for seconds in (0.01, 5, 0.02, 5)]
        await asyncio.sleep(0.05)
        second = [asyncio.create_task(call(deadlines, seconds)) for seconds in (5, 0.01)]
        told = await asyncio.gather(*first, *second)
        assert deadlines._due == {}
        assert deadlines._late == set()
        return told

    assert asyncio.run(several()) == ["in time", "late", "in time", "late", "late", "in time"]


def test_each_is_ended_at_its_own_time():
    async def measured():
        deadlines, loop = Deadlines(0.2), asyncio.get_running_loop()

        async def began(after):
            await asyncio.sleep(after)
            start = loop.time()
            assert await call(deadlines, 5) == "late"
            return loop.time() - start

        return await asyncio.gather(*(began(after) for after in (0, 0.05, 0.1, 0.15)))

    assert all(0.2 <= took < 0.6 for took in asyncio.run(measured()))


def test_a_task_goes_on_after_a_late_call():
    async def twice():
        deadlines = Deadlines(0.05)
        first = await call(deadlines, 5)
        second = await call(deadlines, 0.001)
        await asyncio.sleep(0.1)  # nothing is left that could end the task now
        assert asyncio.current_task().cancelling() == 0
        return first, second

    assert asyncio.run(twice()) == ("late", "in time")


def test_another_loop_has_a_timer_of_its_own():
    deadlines = Deadlines(0.1)

    async def first():
        waiting = asyncio.create_task(call(deadlines, 5))
        await asyncio.sleep(0.01)
        waiting.cancel()

    asyncio.run(first())
    assert asyncio.run(call(deadlines, 5)) == "late"


def test_who_ends_otherwise_when_time_is_up_is_not_cancelled_later():
    async def swallowed():
        deadlines = Deadlines(0.02)
        task = deadlines.begin()
        with contextlib.suppress(asyncio.CancelledError):  # a library that takes it for its own
            await asyncio.sleep(5)
        deadlines.end(task)
        assert task.cancelling() == 0
        return await call(deadlines, 5)

    assert asyncio.run(swallowed()) == "late"


def test_who_is_cancelled_by_others_stays_so():
    async def cancelled():
        deadlines = Deadlines(5)
        task = asyncio.create_task(call(deadlines, 5))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return deadlines._due

    assert asyncio.run(cancelled()) == {}


def test_who_is_cancelled_by_others_and_late_at_once_stays_cancelled():
    async def cancelled():
        deadlines = Deadlines(0.05)
        task = asyncio.create_task(call(deadlines, 5))
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        deadlines._timer.cancel()
        asyncio.get_running_loop().call_later(
            0.02, lambda: (deadlines._due.update({task: 0.0}), deadlines._look(asyncio.get_running_loop()))
        )
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
