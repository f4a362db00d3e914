"""OpenAI's and Anthropic's batches against a server on the loopback that has both."""

import asyncio
import json

import pytest
from batch_server import KEY
from magicoder_batch import AnthropicBatch, OpenAIBatch
from servers import answer

from magicoder_core import (
    BudgetError,
    Message,
    Price,
    RecipeError,
    Reply,
    Request,
    RunError,
    Sampling,
    TeacherError,
    prices,
)
from magicoder_core.asking import Budget
from magicoder_core.deferring import Batch
from magicoder_core.testing import TeacherContract

FAST = {"linger_seconds": 0.05, "poll_seconds": 0.01, "settle_seconds": 0.0, "timeout": 10.0}
KINDS = {OpenAIBatch: "POST /batches", AnthropicBatch: "POST /messages/batches"}
KEY_ENVS = {OpenAIBatch: "OPENAI_API_KEY", AnthropicBatch: "ANTHROPIC_API_KEY"}

both = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def teacher(kind, server, **options):
    return kind(**{"model": "loopback", "base_url": server.url} | FAST | options)


def requests(number):
    return [Request.of(f"def f{place}(): ...") for place in range(number)]


def texts(asked):
    return [answer([{"content": message.content} for message in request.messages]) for request in asked]


def check(replies, asked):
    assert [reply.text if isinstance(reply, Reply) else reply for reply in replies] == texts(asked)


@both
def test_raw_text_to_go_on_with_goes_into_no_batch(kind, serve, ask):
    server = serve()
    (refused,) = ask(teacher(kind, server), Request.continuing("def f"))
    assert isinstance(refused, RunError)
    assert "cannot go on with raw text" in str(refused)
    assert server.batches == []


@both
def test_answers_come_in_any_order_and_each_has_its_own(kind, serve, ask):
    server, asked = serve(polls=2), requests(40)
    replies = ask(teacher(kind, server), *asked)
    check(replies, asked)
    assert len(server.batches) == 1
    first = replies[0]
    assert (first.model, first.finish_reason) == ("loopback", "stop")
    assert (first.usage.prompt_tokens, first.usage.completion_tokens > 3) == (3, True)


@both
def test_batches_are_as_large_as_allowed(kind, serve, ask):
    server, asked = serve(), requests(10)
    check(ask(teacher(kind, server, batch_requests=4), *asked), asked)
    assert sorted(len(made.requests) for made in server.batches) == [2, 4, 4]


@both
def test_failed_and_expired_requests_go_into_the_next_batch(kind, serve, ask):
    server, asked = serve(errors=0.3, expired=0.3), requests(30)
    check(ask(teacher(kind, server, linger_seconds=0.3), *asked), asked)
    assert len(server.batches) == 2
    assert set(server.submitted.values()) == {1, 2}


@both
def test_a_request_that_is_refused_is_one_line(kind, serve, ask):
    (error,) = ask(teacher(kind, serve(bad=1.0)), *requests(1))
    assert isinstance(error, TeacherError)
    assert error.kind == "bad_request"
    assert str(error) in {"HTTP 400: too long", "HTTP 400: too bad"}


@both
def test_a_cut_connection_after_the_batch_was_made_does_not_make_another(kind, serve, ask):
    server, asked = serve(cut_creates=1, others=3), requests(5)
    check(ask(teacher(kind, server), *asked), asked)
    assert server.calls[KINDS[kind]] == 1
    assert set(server.submitted.values()) == {1}


@both
def test_a_list_that_lags_is_asked_twice(kind, serve, ask):
    server, asked = serve(cut_creates=1, others=2), requests(5)
    server.hidden = 1 if kind is OpenAIBatch else 2  # Anthropic's mark takes one look
    check(ask(teacher(kind, server), *asked), asked)
    assert server.calls[KINDS[kind]] == 1


@both
def test_a_batch_is_found_among_many_pages(kind, serve, ask):
    server, asked = serve(cut_creates=1, others=7, page=2), requests(3)

    def others_more():
        for place in range(7, 12):
            server.make([{"custom_id": f"other-{place}", "body": {}, "params": {}}], {"magicoder_batch": "x"}, "theirs")

    made = server.make

    def make_and_more(*given):
        result = made(*given)
        server.make = made
        others_more()
        return result

    server.make = make_and_more
    check(ask(teacher(kind, server), *asked), asked)
    assert server.calls[KINDS[kind]] == 1


def test_anthropics_batches_of_the_same_size_are_told_apart_by_their_requests(serve, ask):
    server, asked = serve(cut_creates=1), requests(3)
    made = server.make

    def make_two(given, *more):
        theirs = [{**item, "custom_id": f"other-{place}"} for place, item in enumerate(given)]
        result = made(given, *more)
        made(theirs, *more)
        return result

    server.make = make_two
    check(ask(teacher(AnthropicBatch, server), *asked), asked)
    assert server.calls["POST /messages/batches"] == 1


@both
def test_results_that_break_off_are_read_again(kind, serve, ask):
    server, asked = serve(cut_results=2), requests(20)
    check(ask(teacher(kind, server), *asked), asked)
    assert set(server.submitted.values()) == {1}


@both
def test_a_busy_server_is_asked_again(kind, serve, ask):
    server, asked = serve(busy=3), requests(2)
    check(ask(teacher(kind, server), *asked), asked)


def test_a_batch_that_failed_as_a_whole_is_one_line(serve, ask):
    for error in ask(teacher(OpenAIBatch, serve(fail="Enqueued token limit reached")), *requests(2)):
        assert isinstance(error, RunError)
        assert "failed as a whole: line 3: invalid_request: Enqueued token limit reached; nothing" in str(error)


@both
def test_a_batch_that_is_refused_is_one_line(kind, serve, ask):
    (error,) = ask(teacher(kind, serve(refuse=404)), *requests(1))
    assert isinstance(error, RunError)
    assert str(error).startswith("a batch of 1 requests was refused: 127.0.0.1:")
    assert str(error).endswith("HTTP 404: no such model")


@both
def test_a_cancelled_batch_stops_the_run(kind, serve, ask):
    server, asked = serve(polls=10**6), requests(3)
    made = server.make

    def make_cancelled(*given):
        result = made(*given)
        result.cancelled = True
        return result

    server.make = make_cancelled
    ends = ask(teacher(kind, server), *asked)
    assert sorted(isinstance(end, Reply) for end in ends) == [False, False, True]
    assert any("was cancelled at the provider" in str(end) for end in ends)


@both
def test_a_wrong_key_is_not_repeated(kind, serve, ask, monkeypatch):
    monkeypatch.setenv(KEY_ENVS[kind], "sk-wrong-9876543210")
    (error,) = ask(teacher(kind, serve()), *requests(1))
    assert error.kind == "auth"
    assert "***" in str(error)
    assert "9876543210" not in f"{error!r} {error.__cause__!r}"


@both
def test_a_missing_key_is_told_before_anything_is_spent(kind, monkeypatch):
    monkeypatch.delenv(KEY_ENVS[kind])
    with pytest.raises(TeacherError, match=f"set the environment variable {KEY_ENVS[kind]}"):
        kind(model="m").check()
    kind(model="m", base_url="http://127.0.0.1:1/v1").check()
    monkeypatch.setenv(KEY_ENVS[kind], "two words")
    with pytest.raises(TeacherError, match="holds no key"):
        kind(model="m").check()
    with pytest.raises(RecipeError, match="base_url: an address"):
        kind(model="m", base_url="api.example.com").check()


@both
def test_prices_are_those_of_batches(kind, serve, ask, monkeypatch):
    given = kind(model="m", usd_per_million_prompt_tokens=2.0, usd_per_million_completion_tokens=4.0)
    assert given.price() == Price(usd_per_prompt_token=2e-6, usd_per_completion_token=4e-6)
    listed = Price(usd_per_prompt_token=1e-6, usd_per_completion_token=6e-6)
    monkeypatch.setattr(
        prices, "bundled", lambda model, provider: listed if (model, provider) == ("m", kind.provider) else None
    )
    assert kind(model="m").price() == Price(usd_per_prompt_token=5e-7, usd_per_completion_token=3e-6)
    assert kind(model="other").price() is None


@both
def test_money_is_counted_at_the_price_of_batches(kind, serve, ask):
    budget, asked = Budget(), requests(3)
    cheap = teacher(kind, serve(), usd_per_million_prompt_tokens=1e6, usd_per_million_completion_tokens=0.0)
    replies = ask(cheap, *asked, budget=budget)
    assert [reply.usage.usd for reply in replies] == [3.0, 3.0, 3.0]
    assert budget.usd == pytest.approx(9.0)


@both
def test_a_budget_holds_for_batches_too(kind, serve, ask):
    server, asked = serve(), requests(5)
    ends = ask(teacher(kind, server), *asked, budget=Budget(max_requests=3))
    check(ends[:3], asked[:3])
    assert [type(end) for end in ends[3:]] == [BudgetError, BudgetError]
    assert server.submitted.total() == 3
    check(ask(teacher(kind, server), *asked), asked)
    assert set(server.submitted.values()) == {1}


def test_what_openai_is_sent():
    request = Request.of("ask", system="be brief", sampling=Sampling(temperature=0.5, seed=7, stop=("END",)))
    line = json.loads(OpenAIBatch(model="gpt", max_tokens=99).line("id-1", request))
    assert (line["custom_id"], line["method"], line["url"]) == ("id-1", "POST", "/v1/chat/completions")
    assert line["body"] == {
        "model": "gpt",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "ask"}],
        "temperature": 0.5,
        "max_completion_tokens": 99,
        "seed": 7,
        "stop": ["END"],
    }
    gateway = json.loads(OpenAIBatch(model="gpt", base_url="http://gateway/v1", max_tokens=9).line("id-1", request))
    assert gateway["body"]["max_tokens"] == 9


def test_what_anthropic_is_sent():
    turns = (
        Message(role="user", content="a"),
        Message(role="assistant", content="b"),
        Message(role="user", content="c"),
    )
    system = Message(role="system", content="be brief")
    request = Request(messages=(system, *turns), sampling=Sampling(stop=("END",), max_tokens=5))
    line = json.loads(AnthropicBatch(model="claude", top_p=0.9, temperature=None).line("id-1", request))
    assert line == {
        "custom_id": "id-1",
        "params": {
            "model": "claude",
            "max_tokens": 5,
            "system": "be brief",
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            "top_p": 0.9,
            "stop_sequences": ["END"],
        },
    }


def message(**more):
    value = {"model": "claude", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"} | more
    return json.dumps({"custom_id": "x", "result": {"type": "succeeded", "message": value}}).encode()


def read(body):
    return AnthropicBatch(model="m").read(Request.of("x"), body)


def test_anthropics_answers_are_read():
    thought = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    used = {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output_tokens": 6}
    reply = read(message(content=thought, usage=used, stop_reason="max_tokens"))
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("ab", "hm", "length")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (12, 6)
    assert read(message(stop_reason="stop_sequence")).finish_reason == "stop"
    assert read(message(content=[thought[0]], stop_reason="max_tokens")).text == ""


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"content": []}, "malformed"),
        ({"content": None}, "malformed"),
        ({"content": [], "stop_reason": "refusal"}, "content_filter"),
    ],
)
def test_anthropics_answers_without_text_are_failures(more, kind):
    with pytest.raises(TeacherError) as caught:
        read(message(**more))
    assert (caught.value.kind, caught.value.charged) == (kind, True)


@both
def test_a_lone_surrogate_survives(kind, serve, ask):
    asked = [Request.of("odd \ud800 text")]
    check(ask(teacher(kind, serve()), *asked), asked)


@both
def test_a_long_line_is_read_whole(kind, serve, ask, monkeypatch):
    import batch_server

    monkeypatch.setattr(batch_server, "completion", long(batch_server.completion))
    monkeypatch.setattr(batch_server, "anthropic", long(batch_server.anthropic))
    (reply,) = ask(teacher(kind, serve()), *requests(1))
    assert len(reply.text) == 1_000_000


def long(answering):
    def made(*given, **more):
        value = answering(*given, **more)
        if "choices" in value:
            value["choices"][0]["message"]["content"] = "x" * 1_000_000
        else:
            value["content"] = [{"type": "text", "text": "x" * 1_000_000}]
        return value

    return made


def test_a_server_that_is_gone_is_a_failure_in_passing(tmp_path):
    batch = Batch(name="magicoder-1", size=1, folder=tmp_path, id="b")
    for kind in KINDS:
        gone = kind(model="m", base_url="http://127.0.0.1:9/v1")
        with pytest.raises(TeacherError) as caught:
            asyncio.run(closing(gone, gone.poll(batch)))
        assert caught.value.kind == "transient"


async def closing(teacher, step):
    try:
        return await step
    finally:
        await teacher.close()


def test_the_key_stays_out_of_what_is_shown(serve):
    given = teacher(OpenAIBatch, serve())
    assert KEY not in f"{given!r} {given._api!r}"


@pytest.fixture
def contract_server(serve, request):
    request.cls.provider = teacher(request.cls.kind, serve(polls=0))


@pytest.mark.usefixtures("contract_server")
class TestOpenAIContract(TeacherContract):
    kind = OpenAIBatch
    provider = OpenAIBatch(model="loopback")
    failing = OpenAIBatch(model="loopback", base_url="http://127.0.0.1:9/v1")


@pytest.mark.usefixtures("contract_server")
class TestAnthropicContract(TeacherContract):
    kind = AnthropicBatch
    provider = AnthropicBatch(model="loopback")
    failing = AnthropicBatch(model="loopback", base_url="http://127.0.0.1:9/v1")
