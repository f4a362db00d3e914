"""Downloads EvalPlus' releases, once, into our own cache: ``evalplus/<name>.jsonl.gz`` in it.

What EvalPlus itself has downloaded is taken instead, where its hash shows that it is the release.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from magicoder_core import RunError, jsonl, models, progress
from magicoder_evalplus.releases import Release

HOST = "https://github.com"

_SECONDS = 30.0
"""Without a byte, after which a download is given up."""

_BLOCK = 1 << 16
_MOST = 256 << 20
"""Bytes of a download; the largest release has 3 MB."""


def place(release: Release) -> Path:
    """Where a release lies once it is there."""
    return models.cache_dir() / "evalplus" / f"{release.name}.jsonl.gz"


def found(release: Release) -> Path | None:
    """The file of a release if it is on this machine; nothing is downloaded."""
    own = place(release)
    return own if own.exists() else _of_evalplus(release)


def obtain(release: Release) -> Path:
    """The file of a release, downloaded if need be.

    Raises:
        RunError: it cannot be had, or is not what was published; says what to do.
    """
    if (path := found(release)) is not None:
        return path
    address, path = f"{HOST}/{release.address}", place(release)
    progress.say(f"{release.benchmark}: downloading {address}")
    try:
        packed = _fetched(address, release.benchmark)
        _check(packed, release)
        jsonl.write_bytes(path, packed)
    except (OSError, ValueError, EOFError, zlib.error, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise RunError(
            f"{release.benchmark}: cannot get {address} ({reason}); set 'data' to a copy of that file, or put it at {path}"
        ) from error
    return path


def _of_evalplus(release: Release) -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(base).expanduser() / "evalplus" / f"{release.name}.jsonl"
    try:
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return None
    return path if md5 == release.md5 else None


def _fetched(address: str, benchmark: str) -> bytes:
    """The bytes at an address.

    Raises:
        OSError: there is no answer, or another one than the file.
        ValueError: it never ends.
    """
    packed = bytearray()
    with _opened(address) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        with progress.task(f"download {benchmark}", total=total or None, unit="B") as advance:
            while block := answer.read(_BLOCK):
                packed += block
                advance(len(block))
                if len(packed) > _MOST:
                    raise ValueError("it has no end")
    if total and len(packed) != total:
        raise ValueError(f"{len(packed)} of {total} bytes arrived")
    return bytes(packed)


def _opened(address: str) -> http.client.HTTPResponse:
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(address, timeout=_SECONDS)  # noqa: S310 - our own host
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"{error.code} {error.reason}") from error
    return answer


def _check(packed: bytes, release: Release) -> None:
    """Look whether this is the release, as far as its hash is known.

    Raises:
        OSError, EOFError, zlib.error: it is no whole gzip file.
        ValueError: it is something else.
    """
    md5 = hashlib.md5(gzip.decompress(packed), usedforsecurity=False).hexdigest()
    if release.md5 not in (None, md5):
        raise ValueError(f"its text has the md5 {md5}, {release.md5} was published")
