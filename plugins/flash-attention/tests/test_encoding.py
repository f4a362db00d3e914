"""Rows as labelled tokens."""

from __future__ import annotations

import pytest
from magicoder_flash_attention.encoding import IGNORED, Example, collate, encode, order
from magicoder_flash_attention.template import Template

from magicoder_core import RunError, progress
from magicoder_core.testing import instruction


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def template(make_tokenizer):
    return Template(make_tokenizer())


def test_only_the_response_and_its_stop_token_are_labelled(template):
    (example,) = encode([instruction("p", "solution")], template, 1000)
    batch = collate([(0, example)], pad=template.tokenizer.pad_token_id)
    labels = batch["labels"][0].tolist()
    assert set(labels[: example.prompt]) == {IGNORED}
    assert template.tokenizer.decode(labels[example.prompt :]) == "solution<|im_end|>"


def test_the_stop_token_is_labelled_although_it_is_the_pad_token_and_stands_in_the_text(template):
    pad = template.tokenizer.pad_token_id
    assert pad == template.stop
    rows = [instruction("p", "a <|im_end|> b"), instruction("p", "much longer than the first of the rows")]
    short, long = encode(rows, template, 1000)
    batch = collate([(4, short), (7, long)], pad)
    end = len(short.tokens)
    assert batch["labels"][0, short.prompt : end].tolist() == short.tokens[short.prompt :]
    assert short.tokens[short.prompt :].count(pad) == 2
    assert batch["labels"][0, end:].unique().tolist() == [IGNORED]
    assert batch["attention_mask"].sum(-1).tolist() == [end, len(long.tokens)]
    assert batch["rows"].tolist() == [4, 7]


def test_over_long_rows_are_left_out_and_counted(template):
    rows = [instruction("p", "x" * length) for length in (10, 500, 20)]
    heard = Heard()
    with progress.reporting(heard):
        kept = encode(rows, template, 300)
    assert [example.id for example in kept] == [rows[0].id, rows[2].id]
    assert heard.lines == ["1 of 3 rows left out: longer than 300 tokens"]


def test_a_row_of_exactly_the_limit_stays(template):
    (example,) = encode([instruction("p", "x")], template, 1000)
    assert len(encode([instruction("p", "x")], template, len(example.tokens))) == 1


@pytest.mark.parametrize("rows", [[], [instruction("p", "x" * 500)]])
def test_no_row_left_is_an_error(template, rows):
    with pytest.raises(RunError, match=f"none of {len(rows)} rows fits into max_length = 100"):
        encode(rows, template, 100)


def test_every_row_once_an_epoch_in_another_order_each_time():
    numbers = order(50, 3, seed=1)
    epochs = [numbers[start : start + 50] for start in (0, 50, 100)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert numbers == order(50, 3, seed=1)
    assert numbers != order(50, 3, seed=2)


def test_a_single_row_needs_no_padding():
    batch = collate([(0, Example("id", [1, 2, 3], 2))], pad=9)
    assert batch["input_ids"].tolist() == [[1, 2, 3]]
    assert batch["labels"].tolist() == [[IGNORED, IGNORED, 3]]
