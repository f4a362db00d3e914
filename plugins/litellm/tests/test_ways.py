"""Which way a request goes, what is learnt of LiteLLM and how, and what is kept of an answer."""

import asyncio
import json
import socket
import subprocess
import sys
from importlib import metadata

import httpx
import pytest
from magicoder_litellm import LiteLLM, library, recording, templates
from magicoder_litellm.translating import Translator
from servers import Server

from magicoder_core import PluginError, Request, Sampling, TeacherError, prices, progress

KEY = "sk-test-0123456789abcdef"
REQUEST = Request.of("u")
ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A fine day."}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
}
COHERE = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "A fine day."}]},
    "usage": {"tokens": {"input_tokens": 11, "output_tokens": 5}, "billed_units": {}},
}


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def calls(monkeypatch):
    """How often LiteLLM's ``acompletion`` was called."""
    litellm, counted = library.load(), []
    original = litellm.acompletion

    async def counting(**call):
        counted.append(call)
        return await original(**call)

    monkeypatch.setattr(litellm, "acompletion", counting)
    return counted


def sent(model, base, *requests, **options):
    """The bodies that came, all asked at once, and what was said."""
    heard = Heard()

    async def asked():
        teacher = LiteLLM(**{"model": model, "api_base": base, "timeout": 20.0} | options)
        try:
            await teacher.open()
            return [wire.body for wire in await asyncio.gather(*map(teacher.send, requests))]
        finally:
            await teacher.close()

    with progress.reporting(heard):
        return asyncio.run(asked()), heard.lines


@pytest.mark.usefixtures("keys")
def test_litellm_is_asked_twice_for_each_kind_of_request(calls):
    plain = [Request.of(f"u{n}", sampling=Sampling(seed=n, sample=n % 3)) for n in range(30)]
    other = [Request.of(f"u{n}", system="s", sampling=Sampling(max_tokens=5)) for n in range(5)]
    with Server() as server:
        bodies, said = sent("openai/loopback", server.url, *plain, *other)
        assert len(server.requests) == 35
        assert sorted(asked.body.get("seed", -1) for asked in server.requests)[5:] == sorted(
            n + n % 3 for n in range(30)
        )
    assert len(calls) == 4
    assert (len(set(bodies)), said) == (35, [])


@pytest.mark.usefixtures("keys")
def test_another_provider_goes_through_its_client_and_that_is_said_once(provider, calls):
    provider.answer(COHERE)
    bodies, said = sent(
        "cohere_chat/command-r", f"{provider.url}/v2/chat", REQUEST, REQUEST, api_key_env="OPENAI_API_KEY"
    )
    assert [path for _, path, *_ in provider.asked] == ["/v2/chat"] * 2
    assert len(calls) == 2
    why = "the provider cohere_chat is not known to be asked alike otherwise"
    assert said == [f"cohere_chat/command-r: asked through LiteLLM's own client, for {why}"]
    assert LiteLLM(model="cohere_chat/command-r").read(REQUEST, bodies[0]).text == "A fine day."


@pytest.mark.usefixtures("keys")
def test_a_message_without_text_is_left_to_litellm(calls):
    with Server() as server:
        sent("anthropic/claude-loopback", server.url.removesuffix("/v1"), Request.of("u", system=" "))
    assert len(calls) == 1


@pytest.mark.usefixtures("keys")
def test_requests_that_are_all_drawn_differently_are_left_to_litellm_in_the_end(calls):
    requests = [Request.of("u", sampling=Sampling(temperature=n / 100)) for n in range(40)]
    with Server() as server:
        _, said = sent("openai/loopback", server.url, *requests)
    assert len(calls) == 2 * 32 + 8
    assert said == ["openai/loopback: asked through LiteLLM's own client, for more than 32 kinds of requests are asked"]


@pytest.mark.usefixtures("keys")
def test_what_our_connections_cannot_do_is_left_to_litellm(calls, monkeypatch):
    monkeypatch.setenv("SSL_VERIFY", "False")
    with Server() as server:
        _, said = sent("openai/loopback", server.url, REQUEST)
    assert len(calls) == 1
    assert said == ["openai/loopback: asked through LiteLLM's own client, for the environment sets SSL_VERIFY"]


@pytest.mark.parametrize(("header", "is_kept"), [("api-key", True), ("authorization", False)])
def test_a_token_that_ends_is_in_no_template(monkeypatch, header, is_kept):
    """Entra ID's, which Azure takes instead of a key."""

    async def recorded(litellm, call):
        body = json.dumps(call).encode()
        return recording.Sent("POST", "https://a.b/openai/chat/completions", {header: "Bearer x"}, body)

    monkeypatch.setattr(recording, "recorded", recorded)
    translator = Translator(None, "azure", "azure/x", lambda request: request.content(), Sampling())
    assert bool(asyncio.run(translator.template(REQUEST))) == is_kept


@pytest.mark.parametrize("translate", [True, False])
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.usefixtures("keys")
def test_what_is_said_of_limits_is_passed_on(provider, status, translate):
    value = ANSWER if status == 200 else {"error": {"message": "slower"}}
    provider.answer(value, status, x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="59")

    async def asked():
        teacher = LiteLLM(model="openai/loopback", api_base=provider.url, timeout=20.0, translate=translate)
        try:
            return (await teacher.send(REQUEST)).limits
        except TeacherError as error:
            return error.limits
        finally:
            await teacher.close()

    limits = asyncio.run(asked())
    assert (limits.requests_per_minute, limits.remaining_requests) == (60, 59)


@pytest.mark.parametrize("translate", [True, False])
@pytest.mark.usefixtures("keys")
def test_a_key_in_an_answer_is_not_kept(provider, translate):
    provider.answer(json.loads(json.dumps(ANSWER).replace("A fine day.", f"Your key is {KEY}.")))
    bodies, _ = sent("openai/loopback", provider.url, REQUEST, translate=translate)
    assert KEY.encode() not in bodies[0]
    assert b"Your key is ***." in bodies[0]


def test_kept_bodies_are_read_in_either_way_and_without_litellm(provider, keys):
    provider.answer(ANSWER | {"choices": [ANSWER["choices"][0]] * 2})
    kept = [sent("openai/loopback", provider.url, REQUEST, translate=way)[0][0] for way in (True, False)]
    code = (
        "import sys\n"
        "from magicoder_core import Request\n"
        "from magicoder_litellm import LiteLLM\n"
        f"for body in {kept!r}:\n"
        "    print(LiteLLM(model='openai/x').read(Request.of('u'), body))\n"
        "assert 'litellm' not in sys.modules and 'aiohttp' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    ours, theirs = done.stdout.splitlines() or [done.stderr, ""]
    assert ours == theirs
    assert ours.count("A fine day.") == 2


@pytest.mark.usefixtures("keys")
def test_while_one_task_records_others_send(provider):
    provider.answer(ANSWER)
    library.load()
    call = {"model": "openai/x", "messages": [{"role": "user", "content": "u"}], "api_base": provider.url}

    async def both():
        ways = recording.recorded(Slow(), call), recording.recorded(Slow(), call), plain()
        return await asyncio.gather(*ways)

    class Slow:
        """Stands for LiteLLM: sends one request, after the others have begun."""

        async def acompletion(self, **call):
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", 9), timeout=1)
            async with httpx.AsyncClient() as client:
                await client.post(call["api_base"] + "/recorded", json=call)

    async def plain():
        await asyncio.sleep(0.02)
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(provider.url + "/plain", json={})).status_code

    first, second, status = asyncio.run(both())
    assert first == second
    assert (first.method, first.url, json.loads(first.body)) == ("POST", f"{provider.url}/recorded", call)
    assert status == 200
    assert [path for _, path, *_ in provider.asked] == ["/plain"]
    assert recording._patches == []


def test_there_is_no_template_for_what_changes_otherwise():
    def request(texts, url="https://a.b/v1/chat/completions", **headers):
        body = json.dumps({"messages": [{"content": text} for text in texts], "seed": 1})
        return recording.Sent("POST", url, {"content-type": "application/json", **headers}, body.encode())

    plain, awkward = templates.marks(2), templates.awkward(2)
    assert templates.made(request(plain), request(awkward), 2)
    assert not templates.made(request(plain), request(awkward, signature="x"), 2)
    assert not templates.made(request(plain), request(awkward, "https://a.b/c/chat/completions"), 2)
    assert not templates.made(request(plain), request([text.strip() for text in awkward]), 2)
    assert not templates.made(request(plain[:1]), request(awkward[:1]), 2)
    assert not templates.made(*[request(texts, "https://a.b/v1/responses") for texts in (plain, awkward)], 2)


@pytest.mark.parametrize(
    ("model", "has"),
    [
        ("openai/gpt-4o-mini", {"seed", "n", "json_schema"}),
        ("anthropic/claude-sonnet-4-5", {"json_schema"}),
        ("gemini/gemini-2.5-flash", {"seed", "n", "json_schema"}),
        ("hosted_vllm/qwen", {"seed", "n", "json_schema"}),
        ("ollama_chat/llama3", {"seed", "json_schema"}),
    ],
)
def test_what_a_model_takes(model, has):
    teacher = LiteLLM(model=model)
    assert {each for each in ("seed", "n", "json_schema", "grammar", "text") if teacher.supports(each)} == has


# It imports parts of itself as they are asked for, and pydantic has notes to its developers.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_prices_are_those_that_litellm_itself_finds():
    """Of a sample of all models that are priced by token; none is priced otherwise."""
    litellm = library.load()
    priced = [name for name, entry in litellm.model_cost.items() if entry.get("mode") == "chat"][::60]
    for name in priced:
        info, found = litellm.get_model_info(name), prices.bundled(name)
        known = found and (found.usd_per_prompt_token, found.usd_per_completion_token)
        # For LiteLLM a model without a price costs nothing.
        assert (known or (0, 0)) == (info["input_cost_per_token"] or 0, info["output_cost_per_token"] or 0), name
    assert len(priced) > 30


def test_a_check_finds_a_missing_key(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OWN_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TeacherError, match=r"no key for anthropic/x: set the environment variable ANTHROPIC_API_KEY"):
        LiteLLM(model="anthropic/x").check()
    with pytest.raises(TeacherError, match="OWN_KEY"):
        LiteLLM(model="anthropic/x", api_key_env="OWN_KEY").check()
    LiteLLM(model="anthropic/x", api_base="http://127.0.0.1:1").check()
    LiteLLM(model="bedrock/x").check()


def test_a_check_finds_a_denied_release(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: library.DENIED[0])
    with pytest.raises(PluginError, match="is not imported"):
        LiteLLM(model="ollama/x").check()
