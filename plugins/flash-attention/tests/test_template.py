"""One template for training and serving."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from magicoder_flash_attention.template import LEAD_IN, MAGICODER, Template

from magicoder_core import Message


def turn(role, content):
    return Message(role=role, content=content)


@pytest.fixture(params=[{}, {"chat": None}], ids=["chat", "markers"])
def template(request, make_tokenizer):
    return Template(make_tokenizer(**request.param))


def test_what_is_asked_is_what_was_trained(template):
    prompt, learnt = template.pair("Add two numbers.", "return a + b")
    asked = template.prompt([turn("user", f"{LEAD_IN}\nAdd two numbers.")])
    assert asked == prompt
    begun = template.prompt([turn("user", f"{LEAD_IN}\nAdd two numbers."), turn("assistant", "return a + b")])
    assert [*begun, template.stop] == prompt + learnt


def test_raw_text_gets_no_markers_but_the_special_tokens_of_a_text(make_tokenizer):
    from tokenizers import processors

    tokenizer = make_tokenizer()
    plain = tokenizer("def f", add_special_tokens=False)["input_ids"]
    bos = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", bos)]
    )
    assert Template(tokenizer).prompt([turn("text", "def f")]) == [bos, *plain]


def test_a_response_ends_with_the_stop_token(template):
    _, learnt = template.pair("Say 0.", "")
    assert learnt == [template.stop]


def test_the_stop_token_is_what_ends_a_turn_not_eos(make_tokenizer):
    template = Template(make_tokenizer(eos="<|endoftext|>"))
    assert template.tokenizer.convert_ids_to_tokens(template.stop) == "<|im_end|>"


def test_without_a_turn_end_the_stop_token_is_eos(make_tokenizer):
    bare = "{% for message in messages %}{{ message.content }}{% endfor %}"
    template = Template(make_tokenizer(chat=bare))
    assert template.stop == template.tokenizer.eos_token_id


def test_stops_are_all_that_are_known(make_tokenizer):
    template = Template(make_tokenizer(eos="<|endoftext|>"))
    names = template.tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert template.stops(SimpleNamespace(eos_token_id=[3, 1])) == sorted([1, 3, *names])


def test_the_markers_are_those_of_the_released_checkpoints(make_tokenizer):
    # sha256 of the whole format with its two placeholders, from ise-uiuc/magicoder 3ef43f0.
    tokenizer = make_tokenizer(chat=None)
    template = Template(tokenizer)
    assert tokenizer.chat_template == MAGICODER
    text = tokenizer.decode(template.prompt([turn("user", "{instruction}")])) + "{response}"
    assert len(text) == 188
    digest = "6d1d340931afea7ff50f6e796d9a454652c8651a138d7a5acbb26c7508accb4f"
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_the_markers_take_a_system_turn_and_several_turns(make_tokenizer):
    template = Template(make_tokenizer(chat=None))
    turns = [turn("system", "Be brief."), turn("user", "1+1?"), turn("assistant", "2"), turn("user", "2+2?")]
    text = template.tokenizer.decode(template.prompt(turns))
    assert text == (
        "Be brief.\n\n@@ Instruction\n1+1?\n\n@@ Response\n2<|im_end|>\n\n@@ Instruction\n2+2?\n\n@@ Response\n"
    )


def test_special_tokens_of_a_prompt_are_added_once(template):
    template.tokenizer.add_bos_token = True
    before = template.prompt([turn("user", "x")])
    assert before.count(template.tokenizer.convert_tokens_to_ids("<|endoftext|>")) == 0
