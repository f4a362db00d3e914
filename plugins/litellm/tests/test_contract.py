"""Both ways to a provider against a real server: the same requests go out, and the same replies are read."""

import asyncio
import json
from dataclasses import replace

import pytest
from magicoder_litellm import LiteLLM
from magicoder_litellm.translating import PROVIDERS

from magicoder_core import Message, Request, Sampling, TeacherError

SCHEMA = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
ODD = ' \t"quoted" \\n \\ é \U0001f600 {{x}} <think>y</think>\n\u2028 [z](https://q.r/s.png)\n'

SHAPES = {
    "openai/gpt-4o-mini": "/v1",
    "openai/gpt-5-mini": "/v1",
    "azure/gpt-4o": "",
    "anthropic/claude-sonnet-4-5": "",
    "gemini/gemini-2.5-flash": "",
    "mistral/mistral-small-latest": "/v1",
    "ollama/llama3": "",
    "ollama_chat/llama3": "",
    "hosted_vllm/qwen": "/v1",
}
"""Models, and what their ``api_base`` ends in."""

OTHERS = sorted(f"{name}/some-model" for name in PROVIDERS if not any(each.startswith(f"{name}/") for each in SHAPES))

REQUESTS = {
    "plain": Request.of("u"),
    "system": Request.of(ODD, system=f"s {ODD}"),
    "turns": Request(
        messages=tuple(
            Message(role=role, content=f"{role} {number}")
            for number, role in enumerate(("system", "user", "assistant", "user"))
        )
    ),
    "drawn": Request.of(
        "u", sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=7, seed=3, sample=2, stop=("x",))
    ),
    "two": Request.of("u", sampling=Sampling(n=2)),
    "schema": Request.of("u", sampling=Sampling(json_schema=SCHEMA)),
    "surrogate": Request.of("u \ud800"),
}

CONNECTION = {"host", "content-length", "connection", "accept-encoding", "accept", "user-agent", "content-type"}


def both(provider, model, *requests, **options):
    """What comes of the requests, asked one after another in each way: replies or errors, by way."""
    base = provider.url + SHAPES.get(model, "/v1")

    async def asked(translate):
        teacher = LiteLLM(**{"model": model, "api_base": base, "timeout": 20.0, "translate": translate} | options)
        await teacher.open()
        try:
            return [await outcome(teacher, request) for request in requests], known(teacher)
        finally:
            await teacher.close()

    async def outcome(teacher, request):
        try:
            return teacher.read(request, (await teacher.send(request)).body)
        except TeacherError as error:
            return error

    return asyncio.run(asked(translate=True)), asyncio.run(asked(translate=False))


def known(teacher):
    """Whether each kind of request has a template."""
    return [template is not None for template in teacher._line.translator._known.values()] if teacher.translate else []


def openai(text="A fine day.", end="stop", **message):
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "service_tier": "default",
        "choices": [
            {"index": 0, "finish_reason": end, "message": {"role": "assistant", "content": text, **message}},
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


def anthropic(*parts, end="end_turn", **used):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": list(parts) or [{"type": "text", "text": "A fine day."}],
        "stop_reason": end,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 5, **used},
    }


def gemini(*parts, end="STOP", **used):
    content = {"role": "model", "parts": list(parts) or [{"text": "A fine day."}]}
    return {
        "candidates": [{"content": content, "finishReason": end, "index": 0}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 5, "totalTokenCount": 16, **used},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    }


def ollama(end="stop", **message):
    return {
        "model": "llama3",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "A fine day.", **message},
        "done_reason": end,
        "done": True,
        "prompt_eval_count": 11,
        "eval_count": 5,
    }


def generated(text="A fine day.", end="stop", **more):
    value = ollama(end) | {"response": text, **more}
    del value["message"]
    return value


def answer_of(model):
    provider = model.partition("/")[0]
    natives = {"anthropic": anthropic, "gemini": gemini, "ollama_chat": ollama, "ollama": generated}
    return natives.get(provider, openai)()


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("model", SHAPES)
@pytest.mark.usefixtures("keys")
def test_both_ways_ask_the_same(provider, model, name):
    provider.answer(answer_of(model))
    (ours, translated), (theirs, _) = both(provider, model, REQUESTS[name], top_p=0.75)
    if name == "surrogate":
        # No UTF-8, so some of LiteLLM's clients cannot send it; ours escapes it, as JSON can.
        assert provider.asked[0][3] == json.loads(json.dumps(provider.asked[0][3]))
        assert "\ud800" in json.dumps(provider.asked[0][3], ensure_ascii=False)
        return
    assert translated == [True]
    assert ours[0].text == theirs[0].text
    same_requests(provider.asked)


@pytest.mark.parametrize("model", OTHERS)
@pytest.mark.usefixtures("keys")
def test_all_providers_that_are_sent_to_by_us(provider, model, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-mine-0123456789")
    provider.answer(answer_of(model))
    requests = [REQUESTS["system"], REQUESTS["turns"], REQUESTS["drawn"]]
    (ours, translated), (theirs, _) = both(provider, model, *requests, api_key_env="MY_KEY")
    assert translated == [True] * 3
    assert [reply.text for reply in ours] == [reply.text for reply in theirs]
    same_requests(provider.asked)


def same_requests(asked):
    """The first half, sent by us, is what the second is, sent by LiteLLM's client."""
    half = len(asked) // 2
    assert half
    for (*ours, our_headers, our_body), (*theirs, their_headers, their_body) in zip(
        asked[:half], asked[half:], strict=True
    ):
        assert ours == theirs
        assert our_body == their_body
        assert matter(our_headers) == matter(their_headers)
        assert our_headers["content-type"].startswith("application/json")


def matter(headers):
    return {k: v for k, v in headers.items() if k not in CONNECTION and not k.startswith("x-stainless-")}


READ = {
    "openai": (
        openai(),
        openai(end="length"),
        openai(reasoning_content="Let me think."),
        openai("<think>\nLet me think.\n</think>\n\nA fine day."),
        openai() | {"choices": [{**each, "index": n} for n in range(2) for each in openai(f"Day {n}.")["choices"]]},
        openai() | {"usage": None},
        openai(None, "content_filter"),
        openai(""),
        openai() | {"choices": []},
        openai("Half", "content_filter"),
        b'{"id": "c1", "choices": [{"message": {"content": "cut off he',
        b"<html>a proxy</html>",
    ),
    "mistral": (
        openai(),
        openai(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Let me think."}]},
                {"type": "text", "text": "A fine day."},
            ]
        ),
    ),
    "azure": (
        openai(),
        openai() | {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]},
        openai(None, "content_filter"),
    ),
    "anthropic": (
        anthropic(),
        anthropic(end="max_tokens"),
        anthropic(end="stop_sequence"),
        anthropic(end="refusal"),
        anthropic({"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}),
        anthropic(
            {"type": "thinking", "thinking": "Let me think.", "signature": "x"}, {"type": "text", "text": "A fine day."}
        ),
        anthropic(cache_creation_input_tokens=3, cache_read_input_tokens=4),
        anthropic({"type": "text", "text": ""}),
        anthropic() | {"content": []},
    ),
    "gemini": (
        gemini(),
        gemini(end="MAX_TOKENS"),
        gemini({"text": "One. "}, {"text": "Two."}),
        gemini({"text": "Let me think.", "thought": True}, {"text": "A fine day."}, thoughtsTokenCount=7),
        gemini(thoughtsTokenCount=7, totalTokenCount=23),
        gemini(end="SAFETY"),
        gemini(end="RECITATION"),
        gemini(cachedContentTokenCount=4),
        {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 11, "totalTokenCount": 11},
            "modelVersion": "gemini-2.5-flash",
        },
        gemini() | {"candidates": [*gemini({"text": "A."})["candidates"], *gemini({"text": "B."})["candidates"]]},
    ),
    "ollama_chat": (
        ollama(),
        ollama("length"),
        ollama(thinking="Let me think."),
        ollama(content="<think>Let me think.</think>A fine day."),
    ),
    "ollama": (generated(), generated(thinking="Let me think."), generated("<think>Let me think.</think>A fine day.")),
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, answers in READ.items() for number in range(len(answers))]
)
@pytest.mark.usefixtures("keys")
def test_both_ways_read_the_same(provider, name, number):
    model = next(each for each in SHAPES if each.startswith(f"{name}/"))
    provider.answer(READ[name][number])
    (ours, translated), (theirs, _) = both(provider, model, REQUESTS["plain"])
    assert translated == [True]
    assert plain(ours[0]) == plain(theirs[0])


def plain(found):
    if isinstance(found, TeacherError):
        return found.kind, found.charged
    # LiteLLM puts its own name for the provider before the model's for some.
    reasoning = found.reasoning and found.reasoning.strip()
    return replace(found, model=found.model.rpartition("/")[2], text=found.text.strip(), reasoning=reasoning)


@pytest.mark.parametrize(
    ("model", "answer"),
    [("ollama/llama3", generated("A fine", "length")), ("mistral/mistral-small-latest", openai(end="model_length"))],
)
@pytest.mark.usefixtures("keys")
def test_what_was_cut_is_cut_even_where_litellm_calls_it_whole(provider, model, answer):
    provider.answer(answer)
    (ours, _), (theirs, _) = both(provider, model, REQUESTS["plain"])
    assert (ours[0].finish_reason, theirs[0].finish_reason) == ("length", "stop")
