"""The teacher against a real server on the loopback: every answer and every fault a provider has been seen to give."""

import asyncio
import pickle
import socket
import subprocess
import sys

import pytest
import servers
from servers import Server

from magicoder_core import Message, RecipeError, Request, Sampling, TeacherError, find, http
from magicoder_core.builtin.openai_compatible import OpenAICompatible
from magicoder_core.options import bind
from magicoder_core.testing import TeacherContract

HERE = "http://127.0.0.1:9/v1"
PROMPT = "Make [Problem Description] and [Solution] of:\n```\nfor child in children:\n```"
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    # A proxy of the machine must not stand between a test and its own server.
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def ask(server, *prompts, **options):
    """The replies (or errors) of one teacher to all prompts at once."""
    teacher = OpenAICompatible(**{"model": "loopback", "base_url": server.url, "timeout": 20.0} | options)

    async def asked():
        await teacher.open()
        try:
            requests = [prompt if isinstance(prompt, Request) else Request.of(prompt) for prompt in prompts]
            return await asyncio.gather(*(teacher.complete(each) for each in requests), return_exceptions=True)
        finally:
            await teacher.close()

    return asyncio.run(asked())


def meet(fault, **options):
    """What comes of one request that meets ``fault``."""
    with Server(script=[fault], slow=options.pop("slow", 5.0)) as server:
        return ask(server, PROMPT, **options)[0]


def test_an_answer_has_text_model_and_usage():
    with Server() as server:
        (reply,) = ask(server, PROMPT)
    assert reply.text.startswith("[Problem Description]")
    assert reply.text == servers.answer([{"content": PROMPT}])
    assert (reply.finish_reason, reply.model, reply.reasoning) == ("stop", "loopback", None)
    assert reply.usage.prompt_tokens > 5
    assert reply.usage.completion_tokens > 50
    assert reply.usage.usd is None


def test_the_answer_of_the_server_is_a_right_program():
    space = {}
    code = servers.answer([{"content": PROMPT}]).split("```python\n")[1].split("```")[0]
    exec(code, space)
    (function,) = [value for name, value in space.items() if "score" in name]
    assert function([]) == 0


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
        ("redirect", "bad_request", None, False),
        ("filtered-400", "content_filter", None, False),
        ("408", "transient", None, False),
        ("500", "transient", None, False),
        ("502", "transient", None, False),
        ("503", "overloaded", servers.WAIT, False),
        ("529", "overloaded", None, False),
        ("reset", "transient", None, False),
        ("close", "transient", None, False),
        ("cut", "transient", None, True),
        ("html", "malformed", None, False),
        ("json", "malformed", None, True),
        ("no-choices", "malformed", None, True),
        ("null-choice", "malformed", None, True),
        ("empty", "malformed", None, True),
        ("null", "malformed", None, True),
        ("filtered", "content_filter", None, True),
        ("error-in-200", "rate_limited", None, False),
    ],
)
def test_each_fault_has_its_kind(fault, kind, retry_after, charged):
    error = meet(fault)
    assert isinstance(error, TeacherError)
    assert (error.kind, error.retry_after, error.charged) == (kind, retry_after, charged)
    assert "\n" not in str(error)
    assert str(error).startswith("127.0.0.1:")


def test_an_http_date_is_waited_for_to_the_end():
    error = meet("429-date")
    assert error.kind == "rate_limited"
    assert servers.WAIT <= error.retry_after <= servers.WAIT + 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "86400"}, 86400.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30", "Date": "Wed, 21 Oct 2015 07:28:00 -0000"}, 30.0),
    ],
)
def test_every_form_of_retry_after(headers, seconds):
    assert http.retry_after(headers) == seconds


def test_silence_is_a_timeout():
    error = meet("slow", timeout=0.2, slow=2.0)
    assert (error.kind, error.charged) == ("timeout", True), "it was sent, so it may be billed"
    assert "0.2 s" in str(error)


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        (error,) = ask(Server(), PROMPT, base_url=url)
    assert (error.kind, error.charged) == ("transient", False)


@pytest.mark.parametrize("fault", ["null-usage", "no-finish", "reasoning", "think"])
def test_odd_answers_are_answers(fault):
    reply = meet(fault)
    assert reply.text == servers.answer([{"content": PROMPT}])
    assert reply.finish_reason == "stop"
    assert reply.reasoning == ("Let me think." if fault in {"reasoning", "think"} else None)
    assert (reply.usage.completion_tokens == 0) == (fault == "null-usage")


def test_what_was_cut_short_is_a_result():
    truncated, thinking = meet("truncated"), meet("thinking-only")
    assert truncated.finish_reason == thinking.finish_reason == "length"
    assert servers.answer([{"content": PROMPT}]).startswith(truncated.text)
    assert (thinking.text, thinking.reasoning) == ("", "Let me think.")


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("plain", "plain", None),
        ("<think>a</think>b", "b", "a"),
        ("\n<think>\na\n\nb</think>\n\nc\n", "c\n", "a\n\nb"),
        ("a\nb\n</think>\n\nc", "c", "a\nb"),
        ("<think>never ends", "<think>never ends", None),
        ("The tag `</think>` ends a trace", "The tag `</think>` ends a trace", None),
        ("say <think>x</think>", "say <think>x</think>", None),
    ],
)
def test_reasoning_before_the_answer(text, answer, reasoning):
    assert http.split_reasoning(text) == (answer, reasoning)


def test_the_body_leaves_out_what_nobody_chose():
    request = Request(
        messages=(Message(role="system", content="s"), Message(role="user", content="u")),
        sampling=Sampling(temperature=0.7, seed=3, sample=2, stop=("x",)),
    )
    assert http.body(request, "m", Sampling(temperature=0.0, max_tokens=9)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.7,
        "max_tokens": 9,
        "seed": 5,
        "stop": ["x"],
    }
    assert set(http.body(Request.of("u"), "m", Sampling())) == {"model", "messages"}


def test_raw_text_is_gone_on_with():
    drawn = Sampling(temperature=0.5, n=2, seed=3, sample=2, stop=("\ndef ", "\nclass "))
    with Server() as server:
        (reply,) = ask(server, Request.continuing(PROMPT, sampling=drawn))
        asked, body = server.requests[0], server.requests[0].body
    assert asked.path == "/v1/completions"
    assert {name: body[name] for name in body if name != "messages"} == {
        "model": "loopback",
        "prompt": PROMPT,
        "temperature": 0.5,
        "max_tokens": 2048,
        "n": 2,
        "seed": 5,
        "stop": ["\ndef ", "\nclass "],
    }
    assert reply.text == servers.answer([{"content": PROMPT}])
    assert [each.text for each in reply.alternatives] == [servers.answer([{"content": PROMPT}], 1)]
    assert (reply.finish_reason, reply.model, reply.reasoning) == ("stop", "loopback", None)
    assert reply.usage.prompt_tokens > 5


@pytest.mark.parametrize(
    ("fault", "kind", "charged"),
    [
        ("429", "rate_limited", False),
        ("401", "auth", False),
        ("404", "bad_request", False),
        ("503", "overloaded", False),
        ("cut", "transient", True),
        ("json", "malformed", True),
        ("no-choices", "malformed", True),
        ("null-choice", "malformed", True),
        ("filtered", "content_filter", True),
        ("error-in-200", "rate_limited", False),
    ],
)
def test_faults_with_raw_text_are_those_of_conversations(fault, kind, charged):
    with Server(script=[fault]) as server:
        (error,) = ask(server, Request.continuing(PROMPT))
    assert (error.kind, error.charged) == (kind, charged)


def test_raw_text_may_end_where_it_stands():
    """A base model whose first token is a stop has answered; asked again it would say the same."""
    with Server(script=["empty"]) as server:
        (reply,) = ask(server, Request.continuing(PROMPT))
    assert (reply.text, reply.finish_reason) == ("", "stop")


def test_marks_of_thought_in_raw_text_are_text():
    with Server(script=["think"]) as server:
        (reply,) = ask(server, Request.continuing(PROMPT))
    assert (reply.text.startswith("<think>"), reply.reasoning) == (True, None)


def test_openai_takes_only_four_stops_for_raw_text():
    sampling = Sampling(stop=tuple("abcdef"))
    far, near = OpenAICompatible(model="m"), OpenAICompatible(model="m", base_url=HERE)
    raw = Request.continuing("u", sampling=sampling)
    assert far._body(raw)["stop"] == list("abcd")
    assert "max_tokens" in far._body(raw)
    assert "stop" not in far._body(Request.continuing("u"))
    assert near._body(raw)["stop"] == list("abcdef")
    assert far._body(Request.of("u", sampling=sampling))["stop"] == list("abcdef")


def test_zero_is_a_choice():
    request = Request.of("u", sampling=Sampling(temperature=0.0, seed=0))
    assert http.body(request, "m", Sampling(temperature=1.0)).items() >= {"temperature": 0.0, "seed": 0}.items()


def test_one_session_serves_all_and_keeps_its_connections(monkeypatch):
    with Server() as server:
        replies = ask(server, *(f"{PROMPT} {n}" for n in range(150)))
        assert len({reply.text for reply in replies}) == 150
        first = server.connections
        teacher = OpenAICompatible(model="m", base_url=server.url)

        async def in_turn():
            for number in range(20):
                await teacher.complete(Request.of(f"{number}"))
            await teacher.close()

        asyncio.run(in_turn())
        assert server.connections == first + 1
    assert first <= 150


def test_more_than_a_hundred_at_once():
    with Server(latency=0.5) as server:
        ask(server, *(f"{n}" for n in range(130)))
        assert server.connections == 130


def test_the_key_is_sent_and_never_shown(monkeypatch):
    monkeypatch.setenv("SOME_KEY", f" {KEY}\n")
    with Server(key=KEY) as server:
        teacher = {"api_key_env": "SOME_KEY"}
        assert ask(server, PROMPT, **teacher)[0].finish_reason == "stop"
    with Server(key="another") as server:
        (error,) = ask(server, PROMPT, **teacher)
    assert error.kind == "auth"
    assert "***" in str(error)
    assert KEY not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    provider = OpenAICompatible(model="m", api_key_env="SOME_KEY", base_url="http://127.0.0.1:1")
    asyncio.run(_opened(provider))
    assert KEY not in f"{provider!r} {vars(provider)!r}"
    assert KEY.encode() not in pickle.dumps(provider)


async def _opened(provider):
    await provider.open()
    await provider.close()


def test_a_missing_key_names_its_variable():
    teacher = OpenAICompatible(model="m", base_url="https://models.example/v1", api_key_env="MY_KEY")
    with pytest.raises(TeacherError, match=r"no key for models\.example: set the environment variable MY_KEY") as info:
        asyncio.run(teacher.open())
    assert info.value.kind == "auth"
    asyncio.run(_opened(OpenAICompatible(model="m", base_url="https://models.example/v1", api_key_env="")))


@pytest.mark.parametrize("key", ["two words", "line\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_is_none(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(TeacherError, match="OPENAI_API_KEY holds no key") as info:
        asyncio.run(OpenAICompatible(model="m").open())
    assert key not in str(info.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x/v1", "http://", "", "http://me:secret@127.0.0.1/v1"])
def test_an_address_that_is_none(url):
    with pytest.raises(RecipeError, match=r"teacher\.base_url") as info:
        asyncio.run(OpenAICompatible(model="m", base_url=url).open())
    assert "secret" not in str(info.value)


def test_capabilities_depend_on_the_recipe():
    plain, llama = OpenAICompatible(model="m"), OpenAICompatible(model="m", grammar=True)
    assert [teacher.supports("seed") for teacher in (plain, llama)] == [True, True]
    assert [teacher.supports("grammar") for teacher in (plain, llama)] == [False, True]
    assert plain.supports("text")
    assert not llama.supports("telepathy")


def test_a_price_only_where_both_halves_are_known():
    known = OpenAICompatible(
        model="m", base_url=HERE, usd_per_million_prompt_tokens=2.0, usd_per_million_completion_tokens=10.0
    )
    assert known.price().of(1000, 100) == pytest.approx(0.003)
    assert OpenAICompatible(model="m", base_url=HERE, usd_per_million_prompt_tokens=2.0).price() is None
    free = OpenAICompatible(
        model="m", base_url=HERE, usd_per_million_prompt_tokens=0, usd_per_million_completion_tokens=0
    )
    assert free.price().of(1000, 100) == 0


def test_the_name_of_the_limit_that_openai_wants():
    assert "max_completion_tokens" in OpenAICompatible(model="m")._body(Request.of("u"))
    assert "max_tokens" in OpenAICompatible(model="m", base_url="http://127.0.0.1:1/v1")._body(Request.of("u"))


def test_it_is_found_and_bound_from_a_recipe():
    provider = find("teacher", "openai-compatible")
    assert provider is OpenAICompatible
    bound = bind(provider, {"model": "m", "top_p": 0.9, "base_url": "http://localhost:1/v1"}, "teacher")
    assert bound.sampling() == Sampling(temperature=0.0, top_p=0.9, max_tokens=2048)
    assert bound.identity == "m"
    with pytest.raises(RecipeError, match=r"teacher\.model: required"):
        bind(provider, {}, "teacher")


def test_the_same_seed_gives_the_same_faults():
    def run():
        with Server(seed=5, faults={"500": 0.2, "429-ms": 0.2}) as server:
            return [type(reply).__name__ for reply in ask(server, *(f"{n}" for n in range(60)))]

    first = run()
    assert first == run()
    assert 10 <= first.count("TeacherError") <= 38


def test_as_a_process_it_counts_what_it_saw(tmp_path):
    seen = tmp_path / "seen.jsonl"
    command = [sys.executable, servers.__file__, "--count-file", str(seen), "--script", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        server = Server()
        url = process.stdout.readline().strip()
        assert ask(server, PROMPT, base_url=url)[0].kind == "transient"
        assert ask(server, PROMPT, base_url=url)[0].finish_reason == "stop"
        process.kill()
    again = Server(count_file=seen)
    assert (list(again.counts.values()), list(again.answered.values())) == ([2], [1])


class TestContract(TeacherContract):
    deterministic = True
    failing = OpenAICompatible(model="m", base_url="http://127.0.0.1:9/v1")

    @pytest.fixture
    def subject(self):
        with Server() as server:
            yield OpenAICompatible(model="loopback", base_url=server.url)


def test_stop_words_and_schemas_are_each_requests_own():
    """Whoever gets a body may change it: a client that edits a schema in place, say."""
    sampling = Sampling(stop=["END"], json_schema='{"type": "object"}')  # a list: not what the annotation says
    first, second = (http.body(Request.of("u", sampling=sampling), "m", Sampling()) for _ in range(2))
    assert first == second
    assert first["stop"] == ["END"]
    first["response_format"]["json_schema"]["schema"]["type"] = "array"
    assert second["response_format"]["json_schema"]["schema"] == {"type": "object"}
