"""Requests as OpenAI-compatible servers take them, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

from magicoder_core import jsonl
from magicoder_core.records import Request, Sampling

_KINDS = 64

_manner = attrgetter("temperature", "top_p", "max_tokens", "grammar", "n")
"""How an answer is drawn, in numbers and texts, but for the seed: nearly always as the one before."""


def body(request: Request, model: str, defaults: Sampling) -> dict[str, Any]:
    """The JSON to post for ``request``; what its sampling leaves open comes from ``defaults``, what both do is left out.

    That of a chat completion; of raw text to go on with that of a completion, with a ``prompt`` instead of messages.
    Repeated draws get a seed of their own (``seed + sample``): with one seed a server would answer all of them alike.
    """
    sampling = request.sampling
    drawn = _drawn(_manner(sampling), _manner(defaults))
    if request.raw:
        made = {"model": model, "prompt": request.messages[0].content, **drawn}
    else:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        made = {"model": model, "messages": messages, **drawn}
    seed = defaults.seed if sampling.seed is None else sampling.seed
    if seed is not None:
        made["seed"] = seed + sampling.sample
    if stop := sampling.stop or defaults.stop:
        made["stop"] = list(stop)
    if schema := sampling.json_schema or defaults.json_schema:
        made["response_format"] = _response_format(schema)
    return made


@lru_cache(maxsize=_KINDS)
def _drawn(own: tuple[Any, ...], defaults: tuple[Any, ...]) -> Mapping[str, Any]:
    """The fields of a body that say how to draw; whoever gets them does not change them."""
    temperature, top_p, max_tokens, grammar = (
        default if value is None else value for value, default in zip(own[:4], defaults[:4], strict=True)
    )
    count = own[4] if own[4] > 1 else None
    optional = {
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "n": count,
        "grammar": grammar,
    }
    return {name: value for name, value in optional.items() if value is not None}


def _response_format(schema: str) -> Mapping[str, Any]:
    """As OpenAI has it since 2024-08, and vLLM, SGLang and llama.cpp's server after it."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": json.loads(schema)}}


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as JSON; lone surrogates, which UTF-8 cannot hold, are escaped."""
    return jsonl.encoded(body)
