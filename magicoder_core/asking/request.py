"""What names an answer: the model, the conversation and how to draw."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from magicoder_core.records import Request


@lru_cache(maxsize=8)
def _prefix(teacher: str) -> bytes:
    return teacher.encode("utf-8", "surrogatepass") + b"\0"


def journal_key(teacher: str, request: Request) -> str:
    """32 hex digits of BLAKE2b over the teacher's identity (``provider:model``) and the request with its full sampling.

    The request's ``sample`` number is part of its sampling, so repeated draws have keys of their own.
    """
    return blake2b(_prefix(teacher) + request.spelled(), digest_size=16).hexdigest()
