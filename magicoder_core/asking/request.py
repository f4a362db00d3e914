"""What names an answer: the model, the conversation and how to draw."""

from __future__ import annotations

import hashlib

from magicoder_core.records import Request


def journal_key(teacher: str, request: Request) -> str:
    """32 hex digits of BLAKE2b over the teacher's identity (``provider:model``) and the request with its full sampling.

    The request's ``sample`` number is part of its sampling, so repeated draws have keys of their own.
    """
    content = teacher.encode("utf-8", "surrogatepass") + b"\0" + request.spelled()
    return hashlib.blake2b(content, digest_size=16).hexdigest()
