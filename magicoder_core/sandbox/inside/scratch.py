"""The places where programs write, emptied after each of them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

MOST = 50_000
"""Entries of a place that are removed one by one; a box with more is given up, which empties it at once."""


class Spoilt(Exception):  # noqa: N818 - it ends the box
    """A place could not be emptied."""


def empty(places: Iterable[str]) -> None:
    """Remove all that is in ``places``, whatever its names and permissions; links are removed and not followed.

    Raises:
        Spoilt: there is too much, or something cannot be removed.
    """
    left = MOST
    for place in places:
        try:
            if _names(place):
                left = _clear(place, left)
                open_up(place)
        except (OSError, RecursionError) as error:
            raise Spoilt(place) from error


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)  # noqa: PTH208 - pathlib is not loaded here
    except PermissionError:
        open_up(place)
        return os.listdir(place)  # noqa: PTH208 - as above


def open_up(place: str) -> None:
    """Let everybody write into ``place``, if it is ours."""
    with contextlib.suppress(PermissionError):
        os.chmod(place, 0o777)  # noqa: PTH101, S103 - as above; it is a folder of the box's own


def _clear(place: str, left: int) -> int:
    """Empty the folder ``place``; how many more entries may be removed."""
    waiting = [place]
    while waiting:
        folder = waiting[-1]
        if folder != place:
            os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101 - as above
        deeper = []
        with os.scandir(folder) as entries:
            for entry in entries:
                left -= 1
                if left < 0:
                    raise Spoilt(place)
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.path)
                else:
                    os.unlink(entry.path)  # noqa: PTH108 - as above
        waiting += deeper
        if not deeper and waiting.pop() != place:
            os.rmdir(folder)  # noqa: PTH106 - as above
    return left
