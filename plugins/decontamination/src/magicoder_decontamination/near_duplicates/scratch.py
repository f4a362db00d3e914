"""A file without a name: gone when nobody holds it, whatever becomes of the process."""

from __future__ import annotations

import errno
import os
import tempfile
import weakref

from magicoder_core import RunError


class Scratch:
    """Bytes that are appended and read at their places, in an unlinked file of the folder for temporary files."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self.size = 0

    def append(self, content: bytes) -> int:
        """Write ``content`` at the end; returns its place.

        Raises:
            RunError: there is no space left.
        """
        place, left = self.size, memoryview(content)
        while left:
            try:
                written = os.pwrite(self._file, left, self.size)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                    raise
                folder = tempfile.gettempdir()
                raise RunError(
                    f"{folder}: no space left for what a filter remembers ({self.size} bytes so far); "
                    "name a larger folder in TMPDIR"
                ) from error
            self.size += written
            left = left[written:]
        return place

    def replace(self, content: bytes, place: int) -> None:
        """Write ``content`` over as many bytes that are there."""
        os.pwrite(self._file, content, place)

    def read(self, size: int, place: int) -> bytes:
        """At most ``size`` bytes at a place: fewer only where the file ends."""
        return os.pread(self._file, size, place)

    def read_into(self, buffer: memoryview, place: int) -> None:
        """Fill ``buffer``, of single bytes, with those at a place.

        Raises:
            RunError: the file ends before, which none of ours does: somebody has truncated it.
        """
        left = buffer
        while left:
            got = os.preadv(self._file, [left], place)
            if not got:
                raise RunError(
                    f"{tempfile.gettempdir()}: a temporary file of a filter was cut short; run the command again"
                )
            left, place = left[got:], place + got
