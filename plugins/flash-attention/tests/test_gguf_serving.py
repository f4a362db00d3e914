"""llama.cpp loads what is exported and computes what transformers computes, on tiny models and on real ones."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest
from magicoder_flash_attention import Transformers, student
from magicoder_flash_attention.gguf import architectures, export, weights
from magicoder_flash_attention.template import MAGICODER, Template

from magicoder_core import Message, Request, Sampling

serving = pytest.importorskip("magicoder_llama_cpp", reason="llama.cpp comes with the plugin llama-cpp")
_spec = importlib.util.spec_from_file_location("gguf_tiny", Path(__file__).parent / "gguf_tiny.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

TEXT = "def add(a, b):\n    return a + b\n\nprint(add(1, 23))  # it's a naïve café"
CLOSE = {"f16": 0.05, "bf16": 0.4, "q8_0": 0.8}
"""Largest difference of log-probabilities (0.03, 0.27, 0.50 were seen): llama.cpp rounds what it multiplies to the same
kind. The models are random and 64 numbers wide, which is worst; one that is wrong differs by 7."""


def asked(path, *requests):
    """The answers of a llama.cpp server for ``path`` to ``(way, body)`` requests."""
    import aiohttp
    from magicoder_llama_cpp.child import Child

    async def session():
        child = Child("tiny", path, parallel=1, context=256, threads=1, connections=2)
        try:
            url = await child.address()
            async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {child.key}"}) as web:
                return [await posted(web, url + way, body) for way, body in requests]
        finally:
            child.end()

    async def posted(web, url, body):
        async with web.post(url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    return asyncio.run(session())


def distance(path, model, tokens, count=16):
    """The largest difference of log-probabilities between llama.cpp and transformers.

    Over all tokens of the vocabulary, at each of ``count`` steps that llama.cpp takes greedily after ``tokens``. It tells
    no probabilities where a token ends inside a character.
    """
    import torch

    body = {"prompt": tokens, "n_predict": count, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
    (answer,) = asked(path, ("/completion", {**body, "n_probs": tiny.SIZE, "return_tokens": True}))
    assert len(answer["tokens"]) == count
    with torch.no_grad():
        logits = model(torch.tensor([tokens + answer["tokens"]])).logits[0, len(tokens) - 1 : -1]
    told = iter(answer["completion_probabilities"])
    step, worst, seen = next(told, None), 0.0, 0
    for token, truth in zip(answer["tokens"], logits.log_softmax(-1), strict=True):
        if step is not None and step["id"] == token:
            mine = torch.full((tiny.SIZE,), float("-inf"))
            for one in step["top_logprobs"]:
                mine[one["id"]] = one["logprob"]
            worst, seen, step = max(worst, float((mine - truth).abs().max())), seen + 1, next(told, None)
    assert step is None, "each step was compared"
    assert seen >= count // 3
    return worst


@pytest.mark.parametrize("name", tiny.CONFIGS)
def test_llama_cpp_computes_what_transformers_does(tmp_path, name):
    words, model = tiny.tokenizer(), tiny.model(tiny.CONFIGS[name]())
    export(tiny.save(tmp_path / "m", model, words), tmp_path / "m.gguf")
    assert distance(tmp_path / "m.gguf", model, words(TEXT)["input_ids"]) < CLOSE["f16"]


@pytest.mark.parametrize("kind", ["bf16", "q8_0"])
def test_other_kinds_are_as_close_as_their_rounding_lets_them(tmp_path, kind):
    words, model = tiny.tokenizer(), tiny.model(tiny.config("qwen2"))
    export(tiny.save(tmp_path / "m", model, words), tmp_path / "m.gguf", kind)
    assert distance(tmp_path / "m.gguf", model, words(TEXT)["input_ids"]) < CLOSE[kind]


@pytest.mark.parametrize("wrong", ["heads", "scaling"])
def test_the_comparison_sees_what_is_wrong(tmp_path, monkeypatch, wrong):
    if wrong == "heads":
        monkeypatch.setattr(weights, "turn", lambda rows, head: rows)
    else:
        monkeypatch.setattr(architectures, "rope_factors", lambda config: None)
    words, model = tiny.tokenizer(), tiny.model(tiny.CONFIGS["llama, llama3"]())
    export(tiny.save(tmp_path / "m", model, words), tmp_path / "m.gguf")
    assert distance(tmp_path / "m.gguf", model, words(TEXT)["input_ids"]) > 1


def test_no_text_goes_beyond_a_sliding_window_which_llama_cpp_does_not_know(tmp_path):
    words, model = tiny.tokenizer(), tiny.model(tiny.config("starcoder2", sliding_window=64))
    export(tiny.save(tmp_path / "m", model, words), tmp_path / "m.gguf")
    tokens = words(TEXT)["input_ids"][:40]
    assert distance(tmp_path / "m.gguf", model, tokens) < CLOSE["f16"]
    body = {"prompt": tokens, "n_predict": 100, "temperature": 0, "ignore_eos": True, "return_tokens": True}
    (answer,) = asked(tmp_path / "m.gguf", ("/completion", body))
    assert len(tokens) + len(answer["tokens"]) <= 64 + 1


HARD = [
    *tiny.TEXTS,
    " 1 12 123 1234 12345, v1.2.3\n\n\n  x",
    "don't DON'T I'LL we'Ve 'sun'",
    "a\r\nb\n\n c\t\td   \n",
    "{}()[];:!?#$%^&*+=<>/\\|`~\"'_ ...,,, !!",
    "한국어 텍스트 여기 日本語のテキスト中文。",
    "<|im_start|>user\n[over][out] plain <tool> text<|im_end|>",
    "🙂👍🏽 e\u0301 \u00a0nbsp \u200b zero\nzero",
]


@pytest.mark.parametrize("name", tiny.SPLITS)
def test_text_becomes_the_same_tokens(tmp_path, name):
    words = tiny.tokenizer(name, plain=["<tool>", "õ"])
    export(tiny.save(tmp_path / "m", tiny.model(tiny.config("llama")), words), tmp_path / "m.gguf")
    asking = {"add_special": True, "parse_special": True}
    answers = asked(tmp_path / "m.gguf", *(("/tokenize", {"content": text, **asking}) for text in HARD))
    for text, answer in zip(HARD, answers, strict=True):
        assert answer["tokens"] == words(text)["input_ids"], text


def test_the_texts_tell_all_ways_to_split_apart():
    """Else the test above could not see a wrong name; dbrx and llama-bpe differ in whole words that are tokens."""
    seen = {name: tuple(tuple(tiny.tokenizer(name)(text)["input_ids"]) for text in HARD) for name in tiny.SPLITS}
    assert len(set(seen.values())) == len(seen)


@pytest.mark.parametrize(
    ("chat", "more"),
    [
        (tiny.CHAT, {}),
        (MAGICODER, {}),
        (MAGICODER, {"bos": "<s>"}),
        (MAGICODER, {"bos": "<s>", "adds_bos": True}),
        (MAGICODER + "{{ pad_token }}{{ unk_token }}", {}),
        (None, {"bos": "<s>", "adds_bos": True}),
    ],
)
def test_a_conversation_becomes_the_same_tokens(tmp_path, chat, more):
    words = tiny.tokenizer(chat=chat, **more)
    export(tiny.save(tmp_path / "m", tiny.model(tiny.config("llama")), words), tmp_path / "m.gguf")
    turns = (Message(role="user", content="Add 1 and 2."), Message(role="assistant", content="3"))
    turns = (*turns, Message(role="user", content="And 4?"))
    body = {"messages": [turn.to_dict() for turn in turns]}
    prompts = {"max_tokens": 1, "n_probs": 1, "temperature": 0}
    rendered, answer = asked(
        tmp_path / "m.gguf", ("/apply-template", body), ("/v1/chat/completions", {**body, **prompts})
    )
    template = Template(words)
    truth = template.prompt(turns)
    assert answer["usage"]["prompt_tokens"] == len(truth)
    start = words.bos_token if more.get("adds_bos") else ""
    # llama.cpp takes the BOS that it puts there itself out of the text.
    assert words(start + rendered["prompt"].removeprefix(start), add_special_tokens=False)["input_ids"] == truth


@pytest.mark.parametrize("stop", ["[over]", "[out]", "[done]"])
def test_it_stops_at_every_stop_token(tmp_path, stop):
    """EOS and two others of the generation config; the model is made to say one of them at once."""
    import torch

    words, model = tiny.tokenizer(eos="[over]"), tiny.model(tiny.config("llama", tie_word_embeddings=False))
    stops = [words.convert_tokens_to_ids(token) for token in ("[over]", "[out]", "[done]")]
    model.generation_config.eos_token_id = stops
    prompt = Template(words).prompt([Message(role="user", content="x")])
    with torch.no_grad():
        hidden = model.model(torch.tensor([prompt]))[0][0, -1]
        model.lm_head.weight[words.convert_tokens_to_ids(stop)] = 100 * hidden / hidden.norm()
    folder = tiny.save(tmp_path / "m", model, words)
    export(folder, tmp_path / "m.gguf")
    (truth,) = Transformers(model=str(folder), dtype="float32").complete_batch([Request.of("x")])
    body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 8, "temperature": 0}
    (answer,) = asked(tmp_path / "m.gguf", ("/v1/chat/completions", body))
    said = answer["choices"][0]["finish_reason"], answer["usage"]["completion_tokens"]
    assert said == (truth.finish_reason, truth.usage.completion_tokens) == ("stop", 1)


ASKED = [
    "Write a Python function that adds two numbers.",
    "What is the capital of France?",
    "Write a Rust function that reverses a string.",
]


CLOSE_CALL = 0.25
"""Two tokens whose logits transformers has so near may change places in float16."""


@pytest.mark.model
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"])
def test_a_real_model_answers_as_the_teacher_transformers_does(tmp_path, name, capsys):
    import torch

    folder = Path(student.source(name))
    export(folder, tmp_path / "m.gguf")
    requests = [Request.of(text, sampling=Sampling(max_tokens=48, temperature=0.0)) for text in ASKED]
    truth = Transformers(model=str(folder), dtype="float32").complete_batch(requests)
    words, model = student.tokenizer_of(str(folder)), student.model_of(str(folder), torch.float32, "sdpa")
    for request, mine, theirs in zip(requests, served(tmp_path / "m.gguf", requests), truth, strict=True):
        assert mine.usage.prompt_tokens == theirs.usage.prompt_tokens
        one, two = (words(reply.text)["input_ids"] for reply in (mine, theirs))
        same = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
        with capsys.disabled():
            print(f"\n{name}: {same} of {len(two)} tokens agree: {request.messages[0].content}")  # noqa: T201 - a figure
        if mine.text == theirs.text:
            assert mine.finish_reason == theirs.finish_reason
        else:
            start = Template(words).prompt(request.messages)
            with torch.no_grad():
                logits = model(torch.tensor([start + two[:same]])).logits[0, -1]
            assert float(logits[two[same]] - logits[one[same]]) < CLOSE_CALL


def served(path, requests):
    """The replies of the teacher llama-cpp."""

    async def session():
        teacher = serving.LlamaCpp(model=str(path), parallel=1, context=512)
        await teacher.open()
        try:
            return [await teacher.complete(request) for request in requests]
        finally:
            await teacher.close()

    return asyncio.run(session())
