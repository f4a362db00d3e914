"""The teacher against a real server on the loopback, on LiteLLM's routes to OpenAI and to Anthropic."""

import asyncio
import os
import subprocess
import sys
import warnings
from importlib import metadata

import pytest
import servers
from magicoder_litellm import LiteLLM, library
from servers import Server

from magicoder_core import PluginError, RecipeError, Reply, Request, Sampling, TeacherError
from magicoder_core.testing import TeacherContract

PROMPT = "Make [Problem Description] and [Solution] of:\n```\nfor child in children:\n```"
KEY = "sk-test-0123456789abcdef"
ROUTES = {"openai/loopback": "/v1", "anthropic/claude-loopback": ""}
WAYS = pytest.mark.parametrize("translate", [True, False], ids=["translated", "its-client"])


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    # A proxy of the machine must not stand between a test and its own server.
    monkeypatch.setenv("NO_PROXY", "*")


def ask(server, *prompts, route="openai/loopback", **options):
    """The replies (or errors) of one teacher to all prompts at once."""
    base = server.url.removesuffix("/v1") + ROUTES.get(route, "/v1")
    teacher = LiteLLM(**{"model": route, "api_base": base, "timeout": 20.0} | options)

    async def asked():
        try:
            await teacher.open()
            requests = [prompt if isinstance(prompt, Request) else Request.of(prompt) for prompt in prompts]
            return await asyncio.gather(*(teacher.complete(each) for each in requests), return_exceptions=True)
        finally:
            await teacher.close()

    return asyncio.run(asked())


def meet(fault, **options):
    """What comes of one request that meets ``fault``, and how many attempts it took."""
    with Server(script=[fault] * 3, slow=options.pop("slow", 5.0)) as server:
        (found,) = ask(server, PROMPT, **options)
        return found, sum(server.counts.values())


@WAYS
@pytest.mark.parametrize("route", ROUTES)
def test_an_answer(route, translate):
    with Server() as server:
        (reply,) = ask(server, PROMPT, route=route, translate=translate)
    assert isinstance(reply, Reply), reply
    assert reply.text == servers.answer([{"content": PROMPT}])
    assert reply.finish_reason == "stop"
    assert reply.usage.prompt_tokens > 5
    assert reply.usage.completion_tokens > 50
    assert reply.usage.usd is None
    assert reply.reasoning is None


@WAYS
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("fault", "kind", "waits"),
    [
        ("429", "rate_limited", None),
        ("429-seconds", "rate_limited", servers.WAIT),
        ("429-ms", "rate_limited", servers.WAIT),
        ("quota", "quota", 1.0),
        ("401", "auth", None),
        ("402", "quota", None),
        ("403", "auth", None),
        ("400", "bad_request", None),
        ("404", "bad_request", None),
        ("422", "bad_request", None),
        ("408", "transient", None),
        ("500", "transient", None),
        ("502", "transient", None),
        ("503", "overloaded", servers.WAIT),
        ("529", "overloaded", None),
        ("cut", "transient", None),
        ("html", "malformed", None),
        ("json", "malformed", None),
    ],
)
def test_each_fault_has_its_kind_and_one_attempt(fault, kind, waits, route, translate):
    error, attempts = meet(fault, route=route, translate=translate)
    assert isinstance(error, TeacherError), error
    assert (error.kind, error.retry_after, error.charged) == (kind, waits, fault in {"cut", "json"})
    assert attempts == 1
    assert str(error).startswith(f"{route}: ")
    assert "\n" not in str(error)
    assert KEY not in f"{error!r} {error.__cause__!r}"


@WAYS
@pytest.mark.parametrize(
    ("fault", "kind", "charged"),
    [
        ("reset", "transient", False),
        ("close", "transient", False),
        ("no-choices", "malformed", True),
        ("null-choice", "malformed", True),
        ("empty", "malformed", True),
        ("null", "malformed", True),
        ("filtered", "content_filter", True),
        ("filtered-400", "content_filter", False),
        ("error-in-200", "rate_limited", False),
    ],
)
def test_more_faults_of_openai(fault, kind, charged, translate):
    error, attempts = meet(fault, translate=translate)
    assert isinstance(error, TeacherError), error
    assert (error.kind, error.charged, attempts) == (kind, charged, 1)


@WAYS
def test_an_http_date_is_waited_for_to_the_end(translate):
    error, _ = meet("429-date", translate=translate)
    assert servers.WAIT <= error.retry_after <= servers.WAIT + 1


@WAYS
@pytest.mark.parametrize("route", ROUTES)
def test_silence_is_a_timeout(route, translate):
    error, attempts = meet("slow", timeout=0.3, slow=2.0, route=route, translate=translate)
    assert (error.kind, attempts) == ("timeout", 1)


@WAYS
@pytest.mark.parametrize("route", ROUTES)
def test_nobody_listens(route, translate):
    error = ask(Server(port=9), PROMPT, route=route, translate=translate)[0]
    assert (error.kind, error.charged) == ("transient", False)


@WAYS
@pytest.mark.parametrize("fault", ["null-usage", "no-finish", "reasoning", "think"])
def test_odd_answers_are_answers(fault, translate):
    reply, _ = meet(fault, translate=translate)
    assert reply.text.strip() == servers.answer([{"content": PROMPT}]).strip()
    assert reply.finish_reason == "stop"
    assert (reply.reasoning or "").strip() == ("Let me think." if fault in {"reasoning", "think"} else "")


@WAYS
def test_what_was_cut_short_is_a_result(translate):
    assert meet("truncated", translate=translate)[0].finish_reason == "length"
    thinking, _ = meet("thinking-only", translate=translate)
    assert (thinking.text, thinking.reasoning) == ("", "Let me think.")


@WAYS
def test_what_is_sent(translate):
    sampling = Sampling(seed=3, sample=1, stop=("x",), temperature=0.5)
    with Server() as server:
        ask(server, Request.of("u", system="s", sampling=sampling), top_p=0.9, max_tokens=7, translate=translate)
        (asked,) = server.requests
    expected = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "seed": 4, "stop": ["x"], "model": "loopback"}
    assert asked.body.items() >= expected.items()
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]
    assert asked.headers["authorization"] == f"Bearer {KEY}"


@WAYS
def test_what_anthropic_does_not_take_is_left_out(translate):
    request = Request.of("u", sampling=Sampling(seed=3))
    with Server() as server:
        (reply,) = ask(server, request, route="anthropic/claude-loopback", translate=translate)
        (asked,) = server.requests
    assert isinstance(reply, Reply)
    assert "seed" not in asked.body


def test_a_model_with_a_known_price_has_one():
    known = LiteLLM(model="openai/gpt-4o-mini").price()
    assert 0 < known.usd_per_prompt_token < known.usd_per_completion_token < 1e-5
    assert LiteLLM(model="openai/loopback").price() is None
    own = LiteLLM(
        model="openai/gpt-4o-mini", usd_per_million_prompt_tokens=1.0, usd_per_million_completion_tokens=2.0
    ).price()
    assert (own.usd_per_prompt_token, own.usd_per_completion_token) == (1e-6, 2e-6)


@WAYS
def test_many_at_once(translate):
    with Server(latency=0.05) as server:
        replies = ask(server, *(f"{PROMPT} {n}" for n in range(40)))
    assert len({reply.text for reply in replies}) == 40


@WAYS
def test_a_key_of_another_variable(monkeypatch, translate):
    monkeypatch.setenv("MY_KEY", f"{KEY}-mine\n")
    with Server(key=f"{KEY}-mine") as server:
        assert ask(server, PROMPT, api_key_env="MY_KEY", translate=translate)[0].finish_reason == "stop"
        (error,) = ask(server, PROMPT, translate=translate)
    assert error.kind == "auth"
    assert KEY not in str(error)
    with pytest.raises(TeacherError, match="set the environment variable NO_SUCH_KEY") as info:
        asyncio.run(LiteLLM(model="openai/x", api_key_env="NO_SUCH_KEY").open())
    assert info.value.kind == "auth"


def test_a_model_of_no_provider():
    with pytest.raises(RecipeError, match=r"teacher\.model: litellm knows no provider for 'nobody-knows'"):
        asyncio.run(LiteLLM(model="nobody-knows").open())


@pytest.mark.parametrize("version", library.DENIED)
def test_a_denied_release_is_not_imported(version, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    with pytest.raises(PluginError, match=f"litellm {version} .* is not imported"):
        library.check_version()


def test_the_denied_releases_are_outside_the_declared_range():
    requirement = next(line for line in metadata.requires("magicoder-litellm") if line.startswith("litellm"))
    assert all(f"!={version}" in requirement or "!=1.107.*" in requirement for version in library.DENIED)


def test_its_import_needs_no_network():
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('network at import')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from magicoder_litellm import library\n"
        "library.load()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LITELLM_LOCAL_MODEL_COST_MAP"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_stays_open_or_complains():
    """A whole session in a process of its own: what is left open there complains when the process ends."""
    code = (
        "import asyncio, gc\n"
        "from servers import Server\n"
        "from magicoder_core import Request\n"
        "from magicoder_litellm import LiteLLM\n"
        "async def once(teacher):\n"
        "    await teacher.open()\n"
        "    await asyncio.gather(*(teacher.complete(Request.of(f'{n}')) for n in range(5)))\n"
        "    await teacher.close()\n"
        "with Server() as server:\n"
        "    for base, model in ((server.url, 'openai/x'), (server.url[:-3], 'anthropic/x')):\n"
        "        for way in (True, False, True):\n"
        "            asyncio.run(once(LiteLLM(model=model, api_base=base, translate=way)))\n"
        "gc.collect()\n"
    )
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "always::ResourceWarning,always::RuntimeWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "Warning" in line or "Unclosed" in line] == []


@WAYS
def test_warnings_stay_inside(translate):
    with warnings.catch_warnings(record=True) as seen, Server() as server:
        warnings.simplefilter("always")
        ask(server, PROMPT, translate=translate)
    assert [str(item.message) for item in seen] == []


class TestContract(TeacherContract):
    deterministic = True
    failing = LiteLLM(model="openai/x", api_base="http://127.0.0.1:9/v1")

    @pytest.fixture
    def subject(self):
        with Server() as server:
            yield LiteLLM(model="openai/loopback", api_base=server.url)
