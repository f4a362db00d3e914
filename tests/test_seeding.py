"""The draw of a snippet: its distribution, and that nothing but key and seed decides it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from statistics import mean

import pytest

from magicoder_core import RecipeError
from magicoder_core.seeding import MIXES, PublishedDraw, draw, interleave, mixed, refusal

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


# -- the draw as published ---------------------------------------------------------------------------------------------

VECTORS = {
    0: [(42, 12), (87, 4), (91, 1), (37, 9), (75, 8)],
    1000: [(0, 11), (7, 4), (76, 14), (59, 6), (52, 5)],
    2000: [(39, 5), (58, 2), (41, 15), (62, 9), (63, 11)],
}
"""(start from 0, length) of each chunk's first five documents of 100 lines, computed with the published program."""


@pytest.mark.parametrize("chunk", VECTORS)
def test_the_published_draw_bit_for_bit(chunk):
    published = PublishedDraw()
    drawn = [published.draw(HUNDRED, chunk + number) for number in range(5)]
    assert [(first - 1, last - first + 1) for _, first, last in drawn] == VECTORS[chunk]
    assert drawn[0][0] == "".join(HUNDRED.splitlines(keepends=True)[drawn[0][1] - 1 : drawn[0][2]])


def test_the_published_draw_runs_on_from_chunk_to_chunk():
    published = PublishedDraw()
    drawn = [published.draw(HUNDRED, row) for row in range(2005)]
    for chunk, expected in VECTORS.items():
        assert [(first - 1, last - first + 1) for _, first, last in drawn[chunk : chunk + 5]] == expected


def test_the_published_draw_has_the_published_faults():
    published = PublishedDraw()
    # Lines of str.splitlines, blank snippets; and an empty document, which ended the program, draws nothing.
    assert published.draw("", 0) is None
    code, first, last = published.draw("\n" * 100, 1)
    assert (first - 1, last - first + 1, code) == (42, 12, "\n" * 12)
    assert PublishedDraw().draw("a\fb\u2028c", 0)[0] in {"a\f", "a\fb\u2028", "a\fb\u2028c", "b\u2028", "b\u2028c", "c"}


def test_the_published_draw_knows_no_state_in_the_middle():
    published = PublishedDraw()
    published.draw(HUNDRED, 0)
    for row in (0, 1, 2, 1000):
        published.draw(HUNDRED, row)
    for row in (1000 + 2, 7, 1):
        with pytest.raises(ValueError, match=f"row {row}"):
            published.draw(HUNDRED, row)


# -- the mix -----------------------------------------------------------------------------------------------------------


def test_the_paper_s_mix():
    assert sum(MIXES["paper"].values()) == 80_000
    assert Counter(MIXES["paper"].values()) == {5_000: 8, 40_000: 1}


def test_any_part_of_a_mix_has_its_proportions():
    mix = MIXES["paper"]
    items = list(interleave({name: iter([name] * count) for name, count in mix.items()}, mix))
    assert Counter(items) == mix
    given = Counter()
    for number, name in enumerate(items, 1):
        given[name] += 1
        assert abs(given[name] - number * mix[name] / 80_000) <= 2


def test_a_stream_that_ends_is_not_made_up_for():
    streams = {"a": iter("aa"), "b": iter("b" * 99), "c": iter("")}
    assert Counter(interleave(streams, {"a": 5, "b": 5, "c": 1})) == {"a": 2, "b": 5}


def test_without_a_mix_streams_take_turns_to_the_end():
    assert "".join(interleave({"a": iter("aa"), "b": iter("bbbb"), "c": iter("c")})) == "abcabbb"
    assert list(interleave({})) == []


def test_only_what_is_given_is_drawn():
    streams = {"a": iter("aaa"), "b": iter("bbb")}
    items = interleave(streams, {"a": 2, "b": 2})
    assert next(items) == "a"
    assert list(streams["b"]) == ["b", "b", "b"]
    assert list(items) == ["a"]
    assert list(streams["a"]) == ["a"]


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ("papier", "x.mix: no mix 'papier'; did you mean 'paper'"),
        ("zzz", "there are: paper; or write a table"),
        ({}, "x.mix: at least one language"),
        ({"python": 0}, r"x.mix.python: must be at least 1 \(got 0\)"),
    ],
)
def test_wrong_mixes(mix, message):
    with pytest.raises(RecipeError, match=message):
        mixed(mix, "x.mix")


def test_right_mixes():
    assert mixed("paper", "x") == MIXES["paper"]
    assert mixed({"zig": 3}, "x") == {"zig": 3}


# -- licences ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "mit",
        " MIT ",
        "MIT AND Apache-2.0",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only OR MIT",
        "(GPL-3.0-only OR MIT) AND Apache-2.0",
        "GPL-2.0-only AND BSD-2-Clause OR MIT",
        "Apache-2.0 WITH LLVM-exception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "((MIT))",
        "Public  domain",
    ],
)
def test_a_licence_that_is_allowed(licence):
    allowed = ["MIT", "Apache-2.0", "gpl-2.0-only with classpath-exception-2.0", "public domain"]
    assert refusal(licence, allowed) is None


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT AND (GPL-3.0-only OR LGPL-3.0-only)",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT-0",
        "MIT License",
        "MIT AND",
        "AND MIT",
        "(MIT",
        "MIT)",
        "MIT Apache-2.0",
        "MIT WITH",
        "()",
    ],
)
def test_a_licence_that_is_not_allowed(licence):
    assert refusal(licence, ("MIT", "Apache-2.0")) == "licence not allowed"


@pytest.mark.parametrize("licence", [None, "", " "])
def test_an_unknown_licence_is_refused(licence):
    assert refusal(licence, ("MIT", "")) == "licence unknown"
