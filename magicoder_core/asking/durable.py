"""Makes what was written to a file durable, in groups and in a thread of its own."""

from __future__ import annotations

import os
import threading

LONGEST = 0.05
"""Seconds that a record may wait for the disk."""

MOST = 64
"""Records that may wait together; the disk is asked for whichever comes first."""


class Syncer:
    """Calls ``fdatasync`` for a descriptor; whoever writes never waits for the disk, and hears of its failure.

    The thread starts with the first record and ends with `close`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._written = self._durable = 0
        self._closing = self._hurried = False
        self._thread: threading.Thread | None = None
        self.error: OSError | None = None
        """Why the disk failed, once it did."""

    def wrote(self) -> None:
        """One more record was written."""
        self._written += 1
        waiting = self._written - self._durable
        # The thread is woken by the first of a group and by one that fills it; the others find it waiting already.
        if waiting in (1, MOST):
            with self._changed:
                self._start()
                self._changed.notify()

    def flush(self) -> None:
        """Wait until all that was written so far is on the disk.

        Raises:
            OSError: the disk failed.
        """
        wanted = self._written
        with self._changed:
            self._start()
            self._hurried = True
            self._changed.notify()
            self._changed.wait_for(lambda: self._durable >= wanted or self.error is not None)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """End the thread; the last records are made durable first.

        Raises:
            OSError: the disk failed.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._await_group():
            written = self._written
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self.error = error
            with self._changed:
                self._durable = written
                self._hurried = False
                self._changed.notify_all()

    def _await_group(self) -> bool:
        """Wait for a record, then for more or for `LONGEST`; False when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._hurried or self._written > self._durable)
            full = self._closing or self._hurried
            if not full:
                self._changed.wait_for(
                    lambda: self._closing or self._hurried or self._written - self._durable >= MOST, LONGEST
                )
            return self._written > self._durable or self._hurried
