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


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer(route):
    with Server() as server:
        (reply,) = ask(server, PROMPT, route=route)
    assert isinstance(reply, Reply), reply
    assert reply.text == servers.answer([{"content": PROMPT}])
    assert reply.finish_reason == "stop"
    assert reply.usage.prompt_tokens > 5
    assert reply.usage.completion_tokens > 50
    assert reply.usage.usd is None
    assert reply.reasoning is None


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("fault", "kind", "retry_after", "charged"),
    [
        ("429", "rate_limited", None, False),
        ("429-seconds", "rate_limited", servers.WAIT, False),
        ("429-ms", "rate_limited", servers.WAIT, False),
        ("quota", "quota", 1.0, False),
        ("401", "auth", None, False),
        ("402", "quota", None, False),
        ("403", "auth", None, False),
        ("400", "bad_request", None, False),
        ("404", "bad_request", None, False),
        ("422", "bad_request", None, False),
        ("408", "timeout", None, False),
        ("500", "transient", None, False),
        ("502", "transient", None, False),
        ("503", "overloaded", servers.WAIT, False),
        ("529", "overloaded", None, False),
        ("cut", "transient", None, True),
        ("html", "malformed", None, False),
        ("json", "malformed", None, True),
    ],
)
def test_each_fault_has_its_kind_and_one_attempt(fault, kind, retry_after, charged, route):
    error, attempts = meet(fault, route=route)
    assert isinstance(error, TeacherError), error
    assert (error.kind, error.retry_after, error.charged) == (kind, retry_after, charged)
    assert attempts == 1
    assert str(error).startswith(f"{route}: ")
    assert "\n" not in str(error)
    assert KEY not in f"{error!r} {error.__cause__!r}"


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
def test_more_faults_of_openai(fault, kind, charged):
    error, attempts = meet(fault)
    assert isinstance(error, TeacherError), error
    assert (error.kind, error.charged, attempts) == (kind, charged, 1)


def test_an_http_date_is_waited_for_to_the_end():
    error, _ = meet("429-date")
    assert servers.WAIT <= error.retry_after <= servers.WAIT + 1


@pytest.mark.parametrize("route", ROUTES)
def test_silence_is_a_timeout(route):
    error, attempts = meet("slow", timeout=0.3, slow=2.0, route=route)
    assert (error.kind, attempts) == ("timeout", 1)


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_listens(route):
    error = ask(Server(port=9), PROMPT, route=route)[0]
    assert (error.kind, error.charged) == ("transient", False)


@pytest.mark.parametrize("fault", ["null-usage", "no-finish", "reasoning", "think"])
def test_odd_answers_are_answers(fault):
    reply, _ = meet(fault)
    assert reply.text.strip() == servers.answer([{"content": PROMPT}]).strip()
    assert reply.finish_reason == "stop"
    assert (reply.reasoning or "").strip() == ("Let me think." if fault in {"reasoning", "think"} else "")


def test_what_was_cut_short_is_a_result():
    assert meet("truncated")[0].finish_reason == "length"
    thinking, _ = meet("thinking-only")
    assert (thinking.text, thinking.reasoning) == ("", "Let me think.")


def test_what_is_sent():
    sampling = Sampling(seed=3, sample=1, stop=("x",), temperature=0.5)
    with Server() as server:
        ask(server, Request.of("u", system="s", sampling=sampling), top_p=0.9, max_tokens=7)
        (asked,) = server.requests
    expected = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "seed": 4, "stop": ["x"], "model": "loopback"}
    assert asked.body.items() >= expected.items()
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_what_anthropic_does_not_take_is_left_out():
    request = Request.of("u", sampling=Sampling(seed=3))
    with Server() as server:
        (reply,) = ask(server, request, route="anthropic/claude-loopback")
        (asked,) = server.requests
    assert isinstance(reply, Reply)
    assert "seed" not in asked.body


def test_a_model_with_a_known_price_has_one():
    with Server() as server:
        (reply,) = ask(server, PROMPT, route="openai/gpt-4o-mini")
    assert 0 < reply.usage.usd < 0.01


def test_many_at_once():
    with Server(latency=0.05) as server:
        replies = ask(server, *(f"{PROMPT} {n}" for n in range(40)))
    assert len({reply.text for reply in replies}) == 40


def test_a_key_of_another_variable(monkeypatch):
    monkeypatch.setenv("MY_KEY", f"{KEY}-mine\n")
    with Server(key=f"{KEY}-mine") as server:
        assert ask(server, PROMPT, api_key_env="MY_KEY")[0].finish_reason == "stop"
        (error,) = ask(server, PROMPT)
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
        "    for base, model in ((server.url, 'openai/x'), (server.url[:-3], 'anthropic/x')) * 2:\n"
        "        asyncio.run(once(LiteLLM(model=model, api_base=base)))\n"
        "gc.collect()\n"
    )
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "always::ResourceWarning,always::RuntimeWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "Warning" in line or "Unclosed" in line] == []


def test_warnings_stay_inside():
    with warnings.catch_warnings(record=True) as seen, Server() as server:
        warnings.simplefilter("always")
        ask(server, PROMPT)
    assert [str(item.message) for item in seen] == []


class TestContract(TeacherContract):
    deterministic = True
    failing = LiteLLM(model="openai/x", api_base="http://127.0.0.1:9/v1")

    @pytest.fixture
    def subject(self):
        with Server() as server:
            yield LiteLLM(model="openai/loopback", api_base=server.url)
