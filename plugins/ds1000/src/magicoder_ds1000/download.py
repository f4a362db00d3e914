"""Downloads the official JSONL, once, into our own cache: ``ds1000/ds1000.jsonl.gz`` in it."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from magicoder_core import RunError, jsonl, models, progress
from magicoder_ds1000.data import OFFICIAL, REVISION, WHERE

ADDRESS = f"https://github.com/xlang-ai/DS-1000/raw/{REVISION}/data/ds1000.jsonl.gz"

_SECONDS = 30.0
"""Without a byte, after which the download is given up."""

_MOST = 8 << 20
"""Bytes of the download; the file has 418,089."""


def place() -> Path:
    """Where the file lies once it is there."""
    return models.cache_dir() / "ds1000" / "ds1000.jsonl.gz"


def obtain() -> Path:
    """The file, downloaded if need be.

    Raises:
        RunError: it cannot be had, or is not what was published; says what to do.
    """
    path = place()
    if path.exists():
        return path
    progress.say(f"ds1000: downloading {ADDRESS}")
    try:
        packed = _fetched()
        _check(packed)
        jsonl.write_bytes(path, packed)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise RunError(f"ds1000: no data: cannot get {ADDRESS} ({reason}); {WHERE}") from error
    return path


def _fetched() -> bytes:
    """The bytes at the address.

    Raises:
        OSError: there is no answer, or another one than the file.
        ValueError: it is far too long.
    """
    try:
        with urllib.request.urlopen(ADDRESS, timeout=_SECONDS) as answer:
            content: bytes = answer.read(_MOST + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"{error.code} {error.reason}") from error
    if len(content) > _MOST:
        raise ValueError("it has no end")
    return content


def _check(packed: bytes) -> None:
    """Look whether this is what was published.

    Raises:
        ValueError: it is something else.
    """
    if (found := hashlib.sha256(packed).hexdigest()) != OFFICIAL:
        raise ValueError(f"its sha256 is {found}, {OFFICIAL} was published")
