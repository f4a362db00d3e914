"""The draw of a snippet: its distribution, and that nothing but key and seed decides it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from statistics import mean

import pytest

from magicoder_core.seeding import draw

HUNDRED = "".join(f"line {number}\n" for number in range(1, 101))


def test_is_the_same_in_another_process_whatever_the_hash_seed():
    program = "from magicoder_core.seeding import draw; print(draw('a\\nb\\nc\\nd\\n' * 50, 'k', 7))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": value}, capture_output=True, text=True, check=True
        ).stdout
        for value in ("0", "1")
    }
    assert len(seen) == 1


def test_never_changes_between_versions():
    # Ids of snippets, and with them paid answers in journals, hang on these draws.
    assert [draw(HUNDRED, f"doc{n}", 3407)[1:] for n in range(4)] == [
        (44, 55),
        (75, 81),
        (49, 51),
        (57, 62),
    ]


@pytest.mark.parametrize(("lines", "expected"), [(5, 2.73), (20, 6.13), (100, 7.63), (300, 7.88)])
def test_mean_length_is_the_published_one(lines, expected):
    text = "x\n" * lines
    drawn = [draw(text, str(key), 1) for key in range(4000)]
    assert mean(last - first + 1 for _, first, last in drawn) == pytest.approx(expected, abs=0.25)


def test_start_and_length_are_uniform_and_independent():
    drawn = [draw(HUNDRED, str(key), 0) for key in range(15_000)]
    starts = Counter(first for _, first, _ in drawn)
    lengths = Counter(last - first + 1 for _, first, last in drawn if first <= 86)
    assert set(starts) == set(range(1, 101))
    assert set(lengths) == set(range(1, 16))
    assert max(starts.values()) < 2 * min(starts.values())
    assert max(lengths.values()) < 1.3 * min(lengths.values())


def test_code_is_what_stands_in_those_lines():
    for key in range(200):
        code, first, last = draw(HUNDRED, str(key), 5)
        assert code == "".join(HUNDRED.splitlines(keepends=True)[first - 1 : last])
        assert 1 <= last - first + 1 <= 15


def test_key_and_seed_both_matter():
    assert len({draw(HUNDRED, str(key), 1)[1:] for key in range(20)}) > 10
    assert len({draw(HUNDRED, "same", seed)[1:] for seed in range(20)}) > 10


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n\n", "\f\n\v"])
def test_blank_document_gives_nothing(text):
    assert draw(text, "k", 1) is None


def test_a_blank_draw_is_tried_again():
    half_blank = ("\n" * 20 + "code\n" * 20) * 5
    assert all(draw(half_blank, str(key), 1, max_lines=1) for key in range(100))


def test_a_nearly_blank_document_may_give_nothing_but_never_blank_code():
    nearly = "\n" * 5000 + "x"
    drawn = [draw(nearly, str(key), 1) for key in range(300)]
    assert None in drawn
    assert all(item is None or item[0].strip() for item in drawn)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_stay_and_count_as_in_an_editor(end):
    text = end.join(f"l{n}" for n in range(1, 31))
    for key in range(50):
        code, first, last = draw(text, str(key), 1)
        assert code.startswith(f"l{first}")
        assert code.removesuffix(end).endswith(f"l{last}")
        assert code in text


def test_form_feeds_and_exotic_separators_end_no_line():
    text = "a\f\nb\u2028c\nd\x85e\n"
    assert {draw(text, str(key), 1, max_lines=1) for key in range(60)} == {
        ("a\f\n", 1, 1),
        ("b\u2028c\n", 2, 2),
        ("d\x85e\n", 3, 3),
    }


def test_one_line_without_an_end():
    assert draw("x = 1", "k", 1) == ("x = 1", 1, 1)


def test_odd_keys_and_lone_surrogates_are_no_trouble():
    assert draw("x\n", "a\udce9\0b", -1) == ("x\n", 1, 1)


def test_a_length_below_one_is_a_mistake():
    with pytest.raises(ValueError, match="at least 1"):
        draw("x\n", "k", 1, max_lines=0)
