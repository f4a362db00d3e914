"""Records reach the disk in groups, by the kernel's queue or by a thread, and a failure of the disk is heard of."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import time

import pytest

from magicoder_core.asking import durable
from magicoder_core.asking.durable import LONGEST, MOST, KernelQueue, Syncer, Thread, disk_of

DISKS = [Thread] + ([KernelQueue] if sys.platform == "linux" else [])


class Counted:
    """A disk that is busy until it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.slow = False

    def busy(self):
        return self.slow

    def ask(self):
        self.asked += 1

    def close(self):
        pass


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(descriptor, b"record")
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("kind", DISKS)
def test_a_call_is_made_and_ends(kind, file):
    failures = []
    disk = kind(file, failures.append)
    assert not disk.busy()
    for _ in range(3):
        disk.ask()
        deadline = time.monotonic() + 30
        while disk.busy() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not disk.busy()
    disk.ask()
    disk.close()
    assert not failures


@pytest.mark.parametrize("kind", DISKS)
def test_a_call_that_fails_is_told(kind):
    failures = []
    disk = kind(987654, failures.append)  # no such descriptor
    disk.ask()
    disk.close()
    assert [type(failure) for failure in failures] == [OSError]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's queue is Linux'")
def test_a_number_without_a_sign_is_the_kernels_error(file):
    failures = []
    KernelQueue(file, failures.append)._done((1 << 64) - errno.EIO)
    assert [failure.errno for failure in failures] == [errno.EIO]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's queue is Linux'")
def test_linux_asks_its_kernel(file):
    assert isinstance(disk_of(file, [].append), KernelQueue)


def test_without_the_kernels_queue_a_thread_asks(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "caio.linux_aio", None)
    assert isinstance(disk_of(file, [].append), Thread)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's queue is Linux'")
def test_a_file_that_the_kernels_queue_does_not_know_is_left_to_a_thread(file):
    syncer = Syncer(file)
    for _ in range(MOST):
        syncer.wrote()
    syncer._disk.close()
    syncer._disk._done((1 << 64) - errno.EINVAL)
    assert isinstance(syncer._disk._instead, Thread)
    for _ in range(MOST):
        syncer.wrote()
    syncer.close()
    assert syncer.error is None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's queue is Linux'")
def test_a_signal_while_the_disk_is_waited_for_is_no_failure(file):
    class Interrupted:
        calls = 0

        def process_events(self, **_):
            self.calls += 1
            if self.calls == 1:
                raise SystemError(errno.EINTR, "Interrupted system call")
            disk._done(0)

    failures = []
    disk = KernelQueue(file, failures.append)
    disk._queue, disk._out = Interrupted(), True
    assert disk.busy()
    disk.close()
    assert not failures
    assert not disk.busy()


def test_a_full_group_does_not_wait(file):
    disk = Counted()
    syncer = Syncer(file, lambda *_: disk)
    for number in range(1, 3 * MOST + 1):
        syncer.wrote()
        assert disk.asked == number // MOST


def test_a_single_record_waits_for_so_long(file):
    disk = Counted()

    async def write():
        syncer = Syncer(file, lambda *_: disk)
        syncer.wrote()
        assert disk.asked == 0
        await asyncio.sleep(3 * LONGEST)
        assert disk.asked == 1
        await asyncio.sleep(3 * LONGEST)
        assert disk.asked == 1, "nothing was written since"
        syncer.wrote()
        await asyncio.sleep(3 * LONGEST)
        assert disk.asked == 2

    asyncio.run(write())


def test_the_timer_of_a_loop_that_is_gone_holds_nobody_up(file):
    disk = Counted()
    syncer = Syncer(file, lambda *_: disk)

    async def write(seconds):
        syncer.wrote()
        await asyncio.sleep(seconds)

    asyncio.run(write(0))
    assert disk.asked == 0
    asyncio.run(write(3 * LONGEST))
    assert disk.asked == 1


def test_a_slow_disk_gets_larger_groups(file):
    disk = Counted()

    async def write():
        syncer = Syncer(file, lambda *_: disk)
        for _ in range(MOST):
            syncer.wrote()
        disk.slow = True
        for _ in range(5 * MOST):
            syncer.wrote()
        assert disk.asked == 1
        disk.slow = False
        await asyncio.sleep(3 * LONGEST)
        assert disk.asked == 2, "what waited is not forgotten"

    asyncio.run(write())


def test_the_journals_error_is_the_disks(file, monkeypatch):
    def failing(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(durable.os, "fdatasync", failing)
    syncer = Syncer(file, Thread)
    for _ in range(MOST):
        syncer.wrote()
    with pytest.raises(OSError, match="Input/output"):
        syncer.close()
