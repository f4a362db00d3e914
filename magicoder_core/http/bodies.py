"""Requests as OpenAI-compatible servers take them, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from magicoder_core.records import Request, Sampling


def body(request: Request, model: str, defaults: Sampling) -> dict[str, Any]:
    """The JSON to post for ``request``; what its sampling leaves open comes from ``defaults``, what both do is left out.

    Repeated draws get a seed of their own (``seed + sample``): with one seed a server would answer all of them alike.
    """
    sampling = request.sampling.over(defaults)
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    return {"model": model, "messages": messages, **_drawn(sampling)}


def _drawn(sampling: Sampling) -> dict[str, Any]:
    """The fields of a body that say how to draw."""
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "n": sampling.n if sampling.n > 1 else None,
        "seed": None if sampling.seed is None else sampling.seed + sampling.sample,
        "stop": list(sampling.stop) or None,
        "grammar": sampling.grammar,
        "response_format": None if sampling.json_schema is None else _response_format(sampling.json_schema),
    }
    return {name: value for name, value in optional.items() if value is not None}


def _response_format(schema: str) -> Mapping[str, Any]:
    """As OpenAI has it since 2024-08, and vLLM, SGLang and llama.cpp's server after it."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": json.loads(schema)}}


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as JSON; lone surrogates, which UTF-8 cannot hold, are escaped."""
    import orjson

    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode("ascii")
