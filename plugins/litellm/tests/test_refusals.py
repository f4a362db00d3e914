"""What each provider's own words of refusal mean, by either way to it, and that no key is in anything kept."""

import asyncio

import pytest
from magicoder_litellm import LiteLLM

from magicoder_core import Request, TeacherError

KEY = "sk-test-0123456789abcdef"
REQUEST = Request.of("u")
BASES = {"openai/x": "/v1", "mistral/mistral-small-latest": "/v1", "openrouter/x": "/v1"}
BOTH = pytest.mark.parametrize("translate", [True, False], ids=["translated", "its-client"])


def google(code, status, message, *details):
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def claude(kind, message="no"):
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def retry(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def exceeded(quota):
    violations = [{"quotaMetric": "generate_content_free_tier_requests", "quotaId": quota, "quotaValue": "20"}]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


GEMINI, CLAUDE, AZURE = "gemini/gemini-2.5-flash", "anthropic/claude-sonnet-4-5", "azure/gpt-4o"
MISTRAL, OLLAMA, ROUTER = "mistral/mistral-small-latest", "ollama_chat/llama3", "openrouter/x"
SPENT = "You exceeded your current quota, please check your plan and billing details."
MINUTE, DAY = (f"GenerateRequestsPer{each}PerProjectPerModel-FreeTier" for each in ("Minute", "Day"))
FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
    }
}

REFUSALS = {
    "gemini minute": (
        GEMINI,
        429,
        google(429, "RESOURCE_EXHAUSTED", SPENT, exceeded(MINUTE), retry("12s")),
        "rate_limited",
        12,
    ),
    "gemini fraction": (GEMINI, 429, google(429, "RESOURCE_EXHAUSTED", SPENT, retry("2.5s")), "rate_limited", 2.5),
    "gemini day": (GEMINI, 429, google(429, "RESOURCE_EXHAUSTED", SPENT, exceeded(DAY), retry("40s")), "quota", 40),
    "gemini busy": (GEMINI, 503, google(503, "UNAVAILABLE", "The model is overloaded."), "overloaded", None),
    "gemini key": (
        GEMINI,
        400,
        google(400, "INVALID_ARGUMENT", f"API key not valid: {KEY}", {"reason": "API_KEY_INVALID"}),
        "auth",
        None,
    ),
    "gemini bad": (GEMINI, 400, google(400, "INVALID_ARGUMENT", "Unknown name"), "bad_request", None),
    "claude busy": (CLAUDE, 529, claude("overloaded_error"), "overloaded", None),
    "claude rate": (CLAUDE, 429, claude("rate_limit_error"), "rate_limited", None),
    "claude spent": (CLAUDE, 400, claude("invalid_request_error", "Your credit balance is too low"), "quota", None),
    "claude key": (CLAUDE, 401, claude("authentication_error", f"invalid x-api-key {KEY}"), "auth", None),
    "claude long": (CLAUDE, 413, claude("request_too_large"), "bad_request", None),
    "claude down": (CLAUDE, 500, claude("api_error"), "transient", None),
    "azure filter": (AZURE, 400, FILTERED, "content_filter", None),
    "azure rate": (AZURE, 429, {"error": {"code": "429", "message": "Requests have exceeded"}}, "rate_limited", None),
    "azure key": (AZURE, 401, {"error": {"code": "401", "message": f"Access denied {KEY}"}}, "auth", None),
    "azure name": (AZURE, 404, {"error": {"code": "DeploymentNotFound", "message": "no"}}, "bad_request", None),
    "mistral rate": (MISTRAL, 429, {"message": "Requests rate limit exceeded"}, "rate_limited", None),
    "mistral key": (MISTRAL, 401, {"message": "Unauthorized", "request_id": "r"}, "auth", None),
    "mistral bad": (MISTRAL, 422, {"detail": [{"type": "missing", "loc": ["body"], "msg": "m"}]}, "bad_request", None),
    "ollama name": (OLLAMA, 404, {"error": "model 'llama3' not found"}, "bad_request", None),
    "ollama down": (OLLAMA, 500, {"error": "llama runner process has terminated"}, "transient", None),
    "router flagged": (
        ROUTER,
        403,
        {"error": {"code": 403, "message": "x requires moderation", "metadata": {"reasons": [], "flagged_input": "u"}}},
        "content_filter",
        None,
    ),
    "router credits": (ROUTER, 402, {"error": {"code": 402, "message": "Insufficient credits"}}, "quota", None),
    "openai spent": ("openai/x", 429, {"error": {"message": SPENT, "code": "insufficient_quota"}}, "quota", None),
}


def refused(provider, model, translate):
    base = provider.url + BASES.get(model, "")

    async def asked():
        teacher = LiteLLM(model=model, api_base=base, timeout=20.0, translate=translate)
        try:
            return await teacher.send(REQUEST)
        finally:
            await teacher.close()

    with pytest.raises(TeacherError) as info:
        asyncio.run(asked())
    return info.value


@BOTH
@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_refusal_means(provider, keys, monkeypatch, name, translate):
    model, status, body, kind, wait = REFUSALS[name]
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    provider.answer(body, status)
    error = refused(provider, model, translate)
    assert (error.kind, error.retry_after, error.charged) == (kind, wait, False)
    assert len(provider.asked) == 1
    assert str(error).startswith(f"{model}: ")
    assert "\n" not in str(error)
    assert KEY not in f"{error!r}"


@BOTH
@pytest.mark.usefixtures("keys")
def test_the_header_goes_before_the_body(provider, translate):
    provider.answer(google(429, "RESOURCE_EXHAUSTED", SPENT, retry("12s")), 429, Retry_After="3")
    assert refused(provider, GEMINI, translate).retry_after == 3
