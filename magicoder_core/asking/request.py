"""What names an answer: the model, the conversation and how to draw."""

from __future__ import annotations

import hashlib
import json

from magicoder_core.records import Request


def journal_key(teacher: str, request: Request) -> str:
    """sha256 in hex over the teacher's identity (``provider:model``) and the request with its full sampling.

    The request's ``sample`` number is part of its sampling, so repeated draws have keys of their own.
    """
    content = {"teacher": teacher, **request.to_dict()}
    del content["id"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
