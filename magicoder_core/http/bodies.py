"""Requests as OpenAI-compatible servers take them, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from magicoder_core import jsonl
from magicoder_core.records import Request, Sampling

_OPTIONAL = ("temperature", "top_p", "max_tokens", "seed", "grammar", "json_schema")
"""What a sampling may leave open, by the names that servers know it, but for the last."""

_optional = attrgetter(*_OPTIONAL)


def body(request: Request, model: str, defaults: Sampling) -> dict[str, Any]:
    """The JSON to post for ``request``; what its sampling leaves open comes from ``defaults``, what both do is left out.

    Repeated draws get a seed of their own (``seed + sample``): with one seed a server would answer all of them alike.
    """
    sampling = request.sampling
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    made: dict[str, Any] = {"model": model, "messages": messages}
    for name, own, default in zip(_OPTIONAL, _optional(sampling), _optional(defaults), strict=True):
        if (value := default if own is None else own) is not None:
            made[name] = value
    if "seed" in made:
        made["seed"] += sampling.sample
    if "json_schema" in made:
        made["response_format"] = _response_format(made.pop("json_schema"))
    if stop := sampling.stop or defaults.stop:
        made["stop"] = list(stop)
    if sampling.n > 1:
        made["n"] = sampling.n
    return made


def _response_format(schema: str) -> Mapping[str, Any]:
    """As OpenAI has it since 2024-08, and vLLM, SGLang and llama.cpp's server after it."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": json.loads(schema)}}


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as JSON; lone surrogates, which UTF-8 cannot hold, are escaped."""
    return jsonl.encoded(body)
