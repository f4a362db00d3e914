"""The published filter, decision for decision, against the published matcher written out."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_decontamination import MagicoderCompat

from magicoder_core import MagicoderError, find
from magicoder_core.testing import FilterContract, instruction

for needed in ("magicoder_humaneval", "magicoder_evalplus"):
    pytest.importorskip(needed, reason="the published sets are those of benchmarks that are not installed")

REAL = Path(__file__).parents[4] / "shared" / "data"
ONLY = ("mbpp_docstrings", "mbpp_solutions", "apps_docstrings", "gsm8k_questions", "ds_1000_prompts")


def published(sets, row):
    """What `find_substrings` of ise-uiuc/magicoder at 3ef43f0 decides: loop over sets, loop over needles, first match."""
    content = f"{row.problem.lower()}\n\n{row.solution.lower()}"
    for name, needles in sets.items():
        for needle in needles:
            if needle.lower() in content:
                return f"{name}_match", needle
    return None, None


def ours(judgement):
    return judgement.reason, judgement.evidence.get("matched_substring")


def mbpp_file(folder, texts):
    """Google's file, with these texts as the first tasks."""
    lines = []
    for number in range(500):
        words, code = (
            texts[number] if number < len(texts) else (f"words of task {number} that nobody writes", f"code_{number}()")
        )
        record = {
            "task_id": number + 11,
            "text": words,
            "code": code,
            "test_list": ["assert f() == 1"],
            "test_setup_code": "",
        }
        lines.append(json.dumps(record))
    path = folder / "mbpp.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


class TestContract(FilterContract):
    provider = MagicoderCompat(ignored=ONLY)
    kept = (instruction("Reverse a list.", "items[::-1]"),)
    dropped = (
        instruction("x", "def f(strings):\n    Return ''.join(Strings)"),
        instruction(
            "Check if in given list of numbers, are any two numbers closer to each other than\n    given threshold.\n"
            "    >>> has_close_elements([1.0, 2.0, 3.0], 0.5)\n    False\n"
            "    >>> has_close_elements([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3)\n    True",
            "",
        ),
    )


def test_the_published_sets_have_the_published_sizes():
    sets = [name for name, *_ in MagicoderCompat(ignored=ONLY).needles]
    assert sets.count("human_eval_docstrings") == 164
    assert sets.count("human_eval_solutions") == 161  # the paper meant 160: two literals run together in its list
    assert sets == sorted(sets, key=["human_eval_docstrings", "human_eval_solutions"].index)


@pytest.mark.parametrize(
    ("problem", "solution", "is_kept"),
    [
        ("", "return x + y", True),
        ("", "return ''.join(strings)", False),
        ("", "return '' . join(strings)", True),
        ("", "RETURN NUMBER % 1.0", False),
        ("", "return number %\n1.0", True),
        ("return number % 1.0", "", False),
        ("return number", "% 1.0", True),
    ],
)
def test_nothing_is_folded_but_capitals(problem, solution, is_kept):
    assert MagicoderCompat(ignored=ONLY).judge([instruction(problem, solution)])[0].keep == is_kept


def test_a_needle_may_stand_across_the_two_columns(tmp_path):
    path = mbpp_file(tmp_path, [("left of the gap\n\nright of the gap", "code()")])
    subject = MagicoderCompat(mbpp=path, ignored=("apps_docstrings", "gsm8k_questions", "ds_1000_prompts"))
    judgement = subject.judge([instruction("It is LEFT of the gap", "right of the gap it is")])[0]
    assert judgement.reason == "mbpp_docstrings_match"
    assert (judgement.evidence["field"], judgement.evidence["offset"]) == ("problem", 6)


def test_the_first_needle_of_the_first_set_is_reported(tmp_path):
    path = mbpp_file(tmp_path, [("second in the row", "third()"), ("first in the row", "fourth()")])
    subject = MagicoderCompat(mbpp=path, ignored=("apps_docstrings", "gsm8k_questions", "ds_1000_prompts"))
    row = instruction("third() fourth() first in the row, second in the row", "return number % 1.0")
    assert ours(subject.judge([row])[0]) == ("mbpp_docstrings_match", "second in the row")


def test_an_empty_needle_matches_every_row_as_it_does_there(tmp_path):
    path = mbpp_file(tmp_path, [("words of some use", "")])
    subject = MagicoderCompat(mbpp=path, ignored=("apps_docstrings", "gsm8k_questions", "ds_1000_prompts"))
    rows = [
        instruction("a", "b"),
        instruction("some words of some use", "b"),
        instruction("words of task 7 that nobody writes", ""),
    ]
    assert [ours(one) for one in subject.judge(rows)] == [
        ("mbpp_solutions_match", ""),
        ("mbpp_docstrings_match", "words of some use"),
        ("mbpp_docstrings_match", "words of task 7 that nobody writes"),
    ]


def test_mbpp_by_another_file_than_googles_is_refused(tmp_path):
    path = tmp_path / "few.jsonl"
    path.write_text(
        json.dumps({"task_id": 11, "text": "a", "code": "b", "test_list": ["assert f() == 1"], "test_setup_code": ""}),
        "utf-8",
    )
    with pytest.raises(MagicoderError, match=r"magicoder-compat.mbpp: Google's mbpp.jsonl is needed"):
        MagicoderCompat(mbpp=path, ignored=("apps_docstrings", "gsm8k_questions", "ds_1000_prompts")).judge(
            [instruction()]
        )


PIECES = [
    "left of the gap",
    "code()",
    "\u00c4rger\u0130",
    "\u03a3",
    "a b",
    "\n\n",
    " ",
    "x",
    "Left",
    "OF THE GAP",
    "\0",
    "\ud800",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
    needles=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4),
)
def test_decisions_are_those_of_the_published_matcher(tmp_path_factory, rows, needles):
    needles = [(words.replace("\0", "-"), code.replace("\0", "-")) for words, code in needles]
    path = mbpp_file(tmp_path_factory.mktemp("mbpp"), needles)
    subject = MagicoderCompat(mbpp=path, ignored=("apps_docstrings", "gsm8k_questions", "ds_1000_prompts"))
    sets = {}
    for name, _, text in subject.needles:
        sets.setdefault(name, []).append(text)
    given_rows = [instruction(*row) for row in rows]
    assert [ours(one) for one in subject.judge(given_rows)] == [published(sets, row) for row in given_rows]


@pytest.mark.skipif(not (REAL / "mbpp").is_dir(), reason=f"no real data in {REAL}")
def test_decisions_over_the_real_needles_are_those_of_the_published_matcher():
    subject = MagicoderCompat(
        mbpp=REAL / "mbpp" / "mbpp.jsonl",
        gsm8k=REAL / "gsm8k" / "test.jsonl",
        ignored=("apps_docstrings", "ds_1000_prompts"),
    )
    sets = {}
    for name, _, text in subject.needles:
        sets.setdefault(name, []).append(text)
    assert {name: len(texts) for name, texts in sets.items()} == {
        "mbpp_docstrings": 500,
        "mbpp_solutions": 500,
        "human_eval_docstrings": 164,
        "human_eval_solutions": 161,
        "gsm8k_questions": 1319,
    }
    chance = random.Random(5)
    needles = [text for texts in sets.values() for text in texts]
    rows = []
    for number in range(300):
        text = chance.choice(needles)
        text = chance.choice(
            [text, text.upper(), text[1:], text.replace("\n", "\r\n"), f"{text}\u03a3", chance.choice(needles) + text]
        )
        filler = f"Row {number} has some words before and some after it. "
        rows.append(instruction(filler + (text if number % 2 else ""), f"{filler}{'' if number % 2 else text} End."))
    verdicts = [published(sets, row) for row in rows]
    assert [ours(one) for one in subject.judge(rows)] == verdicts
    assert 100 < sum(reason is not None for reason, _ in verdicts) < 290


def test_the_data_come_from_the_benchmarks(tmp_path):
    """Whoever brings a benchmark `humaneval` of his own is asked, and not a copy that is kept here."""
    assert {needle.benchmark for _, needle, _ in MagicoderCompat(ignored=ONLY).needles} == {
        find("benchmark", "humaneval").__name__.lower()
    }


def test_data_that_are_not_there_are_said_before_the_work(tmp_path):
    with pytest.raises(MagicoderError, match=r"magicoder-compat.gsm8k: .*nowhere does not exist"):
        MagicoderCompat(gsm8k=tmp_path / "nowhere").check()


def test_local_data_are_inputs_whoever_names_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MBPP_PATH", str(tmp_path / "mbpp.jsonl"))
    monkeypatch.setenv("APPS_PATH", str(tmp_path / "apps.jsonl"))
    subject = MagicoderCompat(gsm8k=tmp_path / "gsm8k.jsonl", ignored=("ds_1000_prompts",))
    assert subject.inputs() == {name: tmp_path / f"{name}.jsonl" for name in ("mbpp", "apps", "gsm8k")}
