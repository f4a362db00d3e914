"""What a provider says of its rate limits in the headers of an answer.

OpenAI's names (``x-ratelimit-limit-requests``), which most compatible servers take over, Mistral's
(``x-ratelimit-limit-req-minute``) and Anthropic's (``anthropic-ratelimit-requests-limit``). Limits are per minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_MINUTE = 60.0
_SLACK = 1.5
"""Seconds: a limit per minute may say that it is whole again in a minute and a little, of rounding."""

_LIMITS: Final = {"requests": "requests_per_minute", "tokens": "tokens_per_minute"}
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _names() -> dict[str, str]:
    """Header name, in lower case -> field of `RateLimits`."""
    names = {}
    for what, limit in _LIMITS.items():
        for stem, field in (("limit", limit), ("remaining", f"remaining_{what}"), ("reset", f"reset_{what}")):
            names[f"x-ratelimit-{stem}-{what}"] = field
            names[f"anthropic-ratelimit-{what}-{stem}"] = field
            names[f"x-ratelimit-{stem}-{'req' if what == 'requests' else what}-minute"] = field
    return names


_FIELDS: Final = _names()


@dataclass(frozen=True, slots=True)
class RateLimits:
    """A provider's word on its limits; None where it says nothing.

    Args:
        requests_per_minute: how many requests it takes in a minute.
        tokens_per_minute: how many tokens, of prompts and answers together, it takes in a minute.
        remaining_requests: how many requests it would take now.
        remaining_tokens: how many tokens it would take now.
        reset_requests: seconds until all of ``requests_per_minute`` is there again.
        reset_tokens: seconds until all of ``tokens_per_minute`` is there again.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    remaining_requests: float | None = None
    remaining_tokens: float | None = None
    reset_requests: float | None = None
    reset_tokens: float | None = None


def read(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits in an answer's headers, or None if they name none; what cannot be read is as if it were not there.

    A limit that takes longer than a minute to be whole again is none per minute (some providers put requests per
    *day* under the same name), so it is left out.
    """
    found = [(name, headers[name]) for name in headers if "ratelimit" in name.lower()]
    return _read(found) if found else None


def _read(found: list[tuple[str, str]]) -> RateLimits | None:
    values: dict[str, float] = {}
    for name, text in found:
        field = _FIELDS.get(name.lower())
        value = None if field is None else _duration(text) if field.startswith("reset") else _number(text)
        if field is not None and value is not None:
            values[field] = value
    for what, limit in _LIMITS.items():
        if values.get(f"reset_{what}", 0.0) > _MINUTE + _SLACK:
            values.pop(limit, None)
    return RateLimits(**values) if values else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _duration(text: str) -> float | None:
    """Seconds from ``1s``, ``6m0s``, ``20ms``, ``1h2m3s``, plain seconds or a moment as of RFC 3339."""
    text = text.strip()
    if (plain := _number(text)) is not None:
        return plain
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
