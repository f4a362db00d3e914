"""Rate limits are read from headers as providers write them; what cannot be read is as if it were not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from magicoder_core import ratelimits
from magicoder_core.ratelimits import RateLimits


def reset(text: str) -> float | None:
    """Seconds that a reset header's text stands for."""
    limits = ratelimits.read({"x-ratelimit-reset-requests": text})
    return limits.reset_requests if limits else None


def test_openai_names_in_any_case():
    headers = {
        "Content-Type": "application/json",
        "X-RateLimit-Limit-Requests": "6000",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-requests": "5999",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-requests": "10ms",
        "x-ratelimit-reset-tokens": "6s",
    }
    assert ratelimits.read(headers) == RateLimits(6000, 150000, 5999, 149984, 0.01, 6)


def test_mistral_names():
    headers = {"x-ratelimit-limit-req-minute": "60", "x-ratelimit-remaining-tokens-minute": "500"}
    assert ratelimits.read(headers) == RateLimits(requests_per_minute=60, remaining_tokens=500)


def test_anthropic_names_with_moments():
    soon = datetime.now(UTC) + timedelta(seconds=30)
    limits = ratelimits.read(
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": soon.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "anthropic-ratelimit-tokens-limit": "40000",
            "anthropic-ratelimit-tokens-reset": "2001-01-01T00:00:00+00:00",
            "anthropic-ratelimit-input-tokens-limit": "1",
        }
    )
    assert limits is not None
    assert limits.requests_per_minute == 50
    assert limits.tokens_per_minute == 40000
    assert limits.reset_requests == pytest.approx(29.5, abs=1.5)
    assert limits.reset_tokens == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1h2m3s", 3723),
        ("2m59.56s", 179.56),
        ("0s", 0),
        ("1.5", 1.5),
        (" 12 ", 12),
        ("250us", 0.00025),
        ("", None),
        ("soon", None),
        ("1s?", None),
        ("1 m", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_durations(text, seconds):
    assert reset(text) == (None if seconds is None else pytest.approx(seconds))


def test_a_moment_without_a_zone_is_utc():
    moment = datetime.now(UTC) + timedelta(seconds=100)
    assert reset(moment.replace(tzinfo=None).isoformat()) == pytest.approx(100, abs=1)


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"x-ratelimit-limit-requests": "many"}])
def test_nothing_said(headers):
    assert ratelimits.read(headers) is None


def test_a_limit_per_day_is_none_per_minute():
    limits = ratelimits.read(
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-reset-tokens": "7.66s",
        }
    )
    assert limits is not None
    assert limits.requests_per_minute is None
    assert limits.remaining_requests == 14370
    assert limits.tokens_per_minute == 18000
