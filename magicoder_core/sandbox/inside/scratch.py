"""The places where programs write, emptied after each of them."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable

MOST = 50_000
"""Entries of a place that are removed one by one; a box with more is given up, which empties it at once."""


class Spoilt(Exception):  # noqa: N818 - it ends the box
    """A place could not be emptied."""


def empty(places: Iterable[str], most: int = MOST) -> None:
    """Remove all that is in ``places``, whatever its names, depth and permissions; links are removed and not followed.

    Raises:
        Spoilt: there are more than ``most`` entries, or something cannot be removed.
    """
    for place in places:
        try:
            if _names(place):
                most = _clear(place, most)
                open_up(place)
        except OSError as error:
            raise Spoilt(place) from error


def dissolve(work: str) -> None:
    """Remove the temporary folder of a box without walls, of which ``work`` is a part; as far as it can be."""
    folder = os.path.dirname(work)  # noqa: PTH120 - pathlib is not loaded here
    with contextlib.suppress(OSError, Spoilt):
        empty([work], sys.maxsize)
        for entry in list(os.scandir(folder)):
            for link in [] if entry.path == work else list(os.scandir(entry.path)):
                os.unlink(link.path)  # noqa: PTH108 - as above
            os.rmdir(entry.path)  # noqa: PTH106 - as above
        os.rmdir(folder)  # noqa: PTH106 - as above


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


def _clear(place: str, most: int) -> int:
    """Empty the folder ``place``; how many more entries may be removed.

    What lies in a folder is moved up beside it first: no path is longer than two names, however deep it was.
    """
    number = 0
    while entries := list(os.scandir(place)):
        most -= len(entries)
        if most < 0:
            raise Spoilt(place)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108 - pathlib is not loaded here
                continue
            os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101 - as above
            for inner in os.scandir(entry.path):
                number += 1
                if inner.is_dir(follow_symlinks=False):
                    # To move a folder is to write into it: its parent is noted there.
                    os.chmod(inner.path, stat.S_IRWXU)  # noqa: PTH101 - as above
                os.rename(inner.path, _free(place, number))  # noqa: PTH104 - as above
            os.rmdir(entry.path)  # noqa: PTH106 - as above
    return most


def _free(place: str, number: int) -> str:
    """A path in ``place`` that is not taken."""
    while os.path.lexists(path := f"{place}/{number}.{os.urandom(8).hex()}"):
        number += 1
    return path
