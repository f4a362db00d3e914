"""The teacher `transformers`, on a tiny random model."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from magicoder_flash_attention import Transformers

from magicoder_core import Message, Request, Sampling
from magicoder_core.testing import TeacherContract

LONG = Sampling(max_tokens=24)
ASKED = [Request.of("word " * size, sampling=LONG) for size in (1, 9, 3, 30, 2)]


@pytest.fixture
def subject(tiny):
    return Transformers(model=str(tiny), dtype="float32", batch_size=4)


class TestContract(TeacherContract):
    deterministic = True

    @pytest.fixture
    def subject(self, tiny):
        return Transformers(model=str(tiny), dtype="float32")


def texts(teacher, requests):
    return [reply.text for reply in teacher.complete_batch(requests)]


def test_a_batch_answers_as_transformers_does_alone(subject, tiny):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    for request, reply in zip(ASKED, subject.complete_batch(ASKED), strict=True):
        turns = [message.to_dict() for message in request.messages]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        mask = torch.ones_like(ids)
        out = model.generate(ids, attention_mask=mask, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
        assert reply.usage.completion_tokens == len(out)
        assert reply.usage.prompt_tokens == ids.shape[1]
        assert reply.finish_reason == ("stop" if out[-1] == 258 else "length")


def test_each_row_has_its_own_limit(subject):
    asked = [Request.of("x", sampling=Sampling(max_tokens=limit)) for limit in (1, 5, 9, 24)]
    replies = subject.complete_batch(asked)
    counts = [reply.usage.completion_tokens for reply in replies]
    assert counts == [min(limit, counts[-1]) for limit in (1, 5, 9, 24)]
    assert replies[0].finish_reason == "length"


def test_it_stops_at_stop_strings_which_are_cut_off(subject):
    (whole,) = texts(subject, [Request.of("y", sampling=LONG)])
    stop = whole[4:6]
    (reply,) = subject.complete_batch([Request.of("y", sampling=replace(LONG, stop=(stop, "never")))])
    assert reply.text == whole[: whole.index(stop)]
    assert reply.finish_reason == "stop"


def test_it_stops_at_every_stop_token(tiny, tmp_path, make_tokenizer):
    import json
    import shutil

    shutil.copytree(tiny, tmp_path / "copy")
    (first,) = Transformers(model=str(tiny), dtype="float32").complete_batch([ASKED[0]])
    token = make_tokenizer()(first.text[0])["input_ids"][0]
    config = tmp_path / "copy" / "generation_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "eos_token_id": [258, token]}))
    (reply,) = Transformers(model=str(tmp_path / "copy"), dtype="float32").complete_batch([ASKED[0]])
    assert (reply.text, reply.finish_reason, reply.usage.completion_tokens) == ("", "stop", 1)


def test_draws_depend_on_the_request_alone(subject):
    hot = Sampling(max_tokens=12, temperature=1.0, seed=3)
    asked = [Request.of("z", sampling=replace(hot, sample=number)) for number in range(4)]
    together = texts(subject, asked)
    assert len(set(together)) == 4
    assert texts(subject, asked[::-1]) == together[::-1]
    assert [texts(subject, [request])[0] for request in asked] == together


def test_top_p_of_almost_nothing_is_greedy(subject):
    greedy = texts(subject, [Request.of("z", sampling=Sampling(max_tokens=12, temperature=0.0))])
    for share in (0.0, 1e-6):
        narrow = Sampling(max_tokens=12, temperature=1.0, top_p=share)
        assert texts(subject, [Request.of("z", sampling=narrow)]) == greedy


def test_a_last_turn_of_the_assistant_is_continued(subject, make_tokenizer):
    (whole,) = texts(subject, [Request.of("y", sampling=Sampling(max_tokens=6))])
    begun = whole.encode()[:3].decode("utf-8", "ignore")
    turns = (Message(role="user", content="y"), Message(role="assistant", content=begun))
    size = len(make_tokenizer()(begun)["input_ids"])
    (rest,) = texts(subject, [Request(messages=turns, sampling=Sampling(max_tokens=6 - size))])
    assert begun + rest == whole


def test_raw_text_is_gone_on_with_as_it_stands(subject, tiny):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    ids = tokenizer("def f(x):\n", return_tensors="pt")["input_ids"]
    mask = torch.ones_like(ids)
    out = model.generate(ids, attention_mask=mask, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
    raw, chat = subject.complete_batch([Request.continuing("def f(x):\n", sampling=LONG), ASKED[0]])
    assert raw.text == tokenizer.decode(out, skip_special_tokens=True)
    assert raw.usage.prompt_tokens == ids.shape[1]
    assert chat == subject.complete_batch([ASKED[0]])[0]


def test_an_indent_after_raw_text_stays_whole(subject):
    """As SentencePiece has it: a blank at what is taken for a text's beginning is none of the text's."""

    class Pieces:
        def decode(self, tokens, **_):
            return "".join(" " * token for token in tokens)[1:]

    subject._engine._template.tokenizer = Pieces()
    assert subject._engine._decode([4]) == "   "
    assert subject._engine._after([1])([4, 2]) == "      "
    assert subject._engine._after([])([4]) == "   "


def test_options_are_defaults_that_a_request_overrides(tiny):
    teacher = Transformers(model=str(tiny), dtype="float32", max_tokens=3, temperature=0.5)
    short, long = teacher.complete_batch([Request.of("x"), Request.of("x", sampling=LONG)])
    assert short.usage.completion_tokens <= 3 < long.usage.completion_tokens


def test_a_prompt_beyond_the_context_is_answered_with_nothing(subject):
    reply, other = subject.complete_batch([Request.of("x" * 5000), Request.of("x", sampling=LONG)])
    assert (reply.text, reply.finish_reason) == ("", "length")
    assert other.usage.completion_tokens > 0


def test_identity_is_of_the_content(tiny, tmp_path, save_model):
    save_model(tmp_path / "tiny")
    one, two = Transformers(model=str(tiny)), Transformers(model=str(tmp_path / "tiny"))
    assert one.identity == two.identity
    assert one.identity.startswith("tiny@")
    (tmp_path / "tiny" / "generation_config.json").write_text("{}")
    assert Transformers(model=str(tmp_path / "tiny")).identity != one.identity
    assert Transformers(model="owner/name").identity == "owner/name"


def test_speed_is_shown(subject):
    assert subject.status() == {}
    subject.complete_batch(ASKED)
    assert subject.status()["tokens_per_second"] > 0


def test_closing_lets_go_and_opening_loads_again(subject):
    async def twice():
        await subject.open()
        first = await subject.complete(ASKED[0])
        await subject.close()
        assert "_engine" not in subject.__dict__
        return first, await subject.complete(ASKED[0])

    first, second = asyncio.run(twice())
    assert first == second


def test_a_local_model_needs_no_network_and_says_nothing(subject, no_network, capfd):
    subject.complete_batch(ASKED)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""
