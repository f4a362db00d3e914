"""The filter: policies, evidence, memory."""

import importlib.util
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from magicoder_decontamination import Decontaminate
from magicoder_decontamination.finding import Finder

from magicoder_core import MagicoderError, options
from magicoder_core.testing import FilterContract, instruction

TEXT = "Some towers stand by a river. "


_spec = importlib.util.spec_from_file_location("plain_bench_texts", Path(__file__).parent / "plain_bench.py")
plain_bench = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain_bench)


@pytest.mark.usefixtures("towers")
class TestContract(FilterContract):
    provider = Decontaminate(against=("towers",))
    kept = (instruction("Reverse a list.", "items[::-1]"),)
    dropped = (instruction(plain_bench.WORDS.upper(), "x"), instruction("x", plain_bench.SOLUTION))


@pytest.fixture
def subject(towers):
    return Decontaminate(against=("towers",))


def test_a_row_that_goes_says_all_of_it(subject, bench, row):
    judgement = subject.judge([row(f"{TEXT}{bench.WORDS}", "x = 1")])[0]
    assert (judgement.keep, judgement.reason) == (False, "overlaps towers: exact")
    evidence = dict(judgement.evidence)
    also = evidence.pop("also")
    assert evidence.pop("hits") > len(also)
    assert evidence.pop("excerpt").startswith("Given the heights of some towers")
    assert evidence == {
        "level": "exact",
        "benchmark": "towers",
        "problem_id": "towers/0",
        "kind": "docstring",
        "field": "problem",
        "offset": len(TEXT),
        "confidence": 1.0,
    }
    assert [one["level"] for one in also] == ["whitespace", "tokens", "ngram-coverage"]


@pytest.mark.parametrize("field", ["problem", "solution", "tests"])
def test_each_part_of_a_row_is_looked_at(subject, bench, row, field):
    parts = {"problem": "p", "solution": "s", "tests": "t"} | {field: f"# text\n{bench.SOLUTION}"}
    judgement = subject.judge([row(**parts)])[0]
    assert (judgement.keep, judgement.evidence["field"]) == (False, field)
    assert parts[field][judgement.evidence["offset"] :].startswith(bench.SOLUTION.strip())


def test_a_flag_keeps_the_row_and_says_so(towers, bench, row):
    flagging = Decontaminate(against=("towers",), levels=("exact=flag", "whitespace=flag", "tokens=flag"))
    judgement = flagging.judge([row(bench.WORDS)])[0]
    assert (judgement.keep, judgement.reason, judgement.evidence["level"]) == (True, "overlaps towers: exact", "exact")


def test_each_level_has_a_policy_of_its_own(towers, bench, row):
    mixed = Decontaminate(against=("towers",), levels=("exact=flag", "tokens=reject"))
    exact, tokens = row(bench.WORDS), row(bench.WORDS.replace(",", "-"))
    assert [one.keep for one in mixed.judge([exact, tokens])] == [False, False]
    assert mixed.judge([exact])[0].evidence["level"] == "tokens"
    only = Decontaminate(against=("towers",), levels=("exact", "tokens=flag"))
    assert [one.keep for one in only.judge([exact, tokens])] == [False, True]


def test_what_the_user_allows_is_no_contamination(towers, bench, row):
    allowing = Decontaminate(against=("towers",), levels=("exact", "whitespace", "tokens"), allow=(bench.SOLUTION,))
    assert [one.keep for one in allowing.judge([row(solution=bench.SOLUTION), row(bench.WORDS)])] == [True, False]


def test_the_published_level_is_one_of_them(row):
    pytest.importorskip(
        "magicoder_humaneval", reason="the published sets are those of HumanEval, which is not installed"
    )
    both = Decontaminate(against=("humaneval",), levels=("magicoder-compat", "exact=flag"))
    judgement = both.judge([row(solution="return number % 1.0 + 7")])[0]
    assert (judgement.keep, judgement.evidence["level"]) == (False, "magicoder-compat")
    assert judgement.evidence["note"] == "human_eval_solutions_match"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"levels": ["fuzzy"]}, "levels: no level 'fuzzy'; there are: magicoder-compat, exact"),
        ({"levels": ["exact=drop"]}, "exact=drop: a policy is one of reject, flag"),
        ({"levels": ["exact", "exact=flag"]}, "levels: each once"),
        ({"levels": []}, "levels: each once, and at least one"),
        ({"against": []}, "against: at least one benchmark"),
        ({"against": ["towers", "towers=x"]}, "against: each benchmark once"),
        ({"coverage": 0}, "coverage: a share above 0"),
        ({"min_characters": 3}, "min_characters must be at least 8"),
    ],
)
def test_options_that_make_no_sense_are_refused(table, message):
    with pytest.raises(MagicoderError, match=message):
        options.bind(Decontaminate, table, "filter")


def test_a_benchmark_that_is_not_there_is_said_before_the_work(towers):
    with pytest.raises(
        MagicoderError, match=r"decontaminate.against: no benchmark named 'tower'; did you mean 'towers'"
    ):
        Decontaminate(against=("tower",)).check()


def test_the_report_has_the_needle_sets_with_their_hashes(subject, bench, row):
    subject.judge([row(bench.WORDS), row(), row(solution=bench.SOLUTION)])
    report = subject.report()
    assert report["needle_sets"]["towers"]["needles"] == 4
    assert len(report["needle_sets"]["towers"]["hash"]) == 16
    json.dumps(report)


@pytest.fixture
def looked(monkeypatch):
    """How many rows each look was for, and at which needle sets."""
    calls = []
    original = Finder._look

    def look(self, looks, rows, parts):
        calls.append((len(rows), sorted({name for name, _ in looks})))
        return original(self, looks, rows, parts)

    monkeypatch.setattr(Finder, "_look", look)
    return calls


@pytest.fixture
def rows(bench, row):
    return [row(), row(bench.WORDS), row(solution="def f(number):\n    return number % 1.0"), row("Another row.")]


def test_a_memory_looks_only_at_what_is_new(towers, tmp_path, rows, row, looked):
    remembering = Decontaminate(against=("towers",), memory=tmp_path / "memory")
    first = remembering.judge(rows)
    again = replace(remembering)
    assert list(again.judge([*rows, row("A new row.")])) == [*first, again.judge([row("A new row.")])[0]]
    assert looked == [(4, ["towers"]), (1, ["towers"])]
    assert [one.keep for one in first] == [True, False, True, True]


def test_old_rows_are_held_against_new_needles_and_released_when_their_set_goes(towers, tmp_path, rows, looked):
    memory = tmp_path / "memory"
    towers_alone = Decontaminate(against=("towers",), memory=memory)
    both = Decontaminate(against=("towers", "rivers"), memory=memory)
    other = Decontaminate(against=("rivers",), memory=memory)
    assert [one.keep for one in towers_alone.judge(rows)] == [True, False, True, True]
    assert [one.keep for one in both.judge(rows)] == [True, False, False, True]
    assert [one.keep for one in other.judge(rows)] == [True, True, False, True]
    assert [one.keep for one in replace(towers_alone).judge(rows)] == [True, False, True, True]
    assert looked == [(4, ["towers"]), (4, ["rivers"])]


def test_a_memory_says_what_looking_would_have_said(towers, tmp_path, rows):
    plain = Decontaminate(against=("towers", "rivers"))
    remembering = replace(plain, memory=tmp_path / "memory")
    remembering.judge(rows)
    assert list(replace(remembering).judge(rows)) == list(plain.judge(rows))


@pytest.mark.parametrize("change", [{"coverage": 0.9}, {"min_characters": 60}, {"allow": ("a text of some length",)}])
def test_other_settings_are_other_looks(towers, tmp_path, rows, looked, change):
    remembering = Decontaminate(against=("towers",), memory=tmp_path / "memory")
    remembering.judge(rows)
    changed = replace(remembering, **change)
    assert list(changed.judge(rows)) == list(replace(changed, memory=None).judge(rows))
    assert [count for count, _ in looked] == [4, 4, 4]


def test_levels_that_come_later_are_looked_at_alone(towers, tmp_path, rows, bench, row, looked):  # noqa: PLR0917 - fixtures
    memory = tmp_path / "memory"
    rows = [*rows, row(bench.WORDS.replace(",", "-"))]
    Decontaminate(against=("towers",), levels=("exact",), memory=memory).judge(rows)
    more = Decontaminate(against=("towers",), levels=("exact", "tokens"), memory=memory)
    assert [one.keep for one in more.judge(rows)] == [True, False, True, True, False]
    assert {one.evidence["level"] for one in more.judge(rows) if not one.keep} == {"exact", "tokens"}
    assert len(looked) == 2


@pytest.mark.parametrize("content", [b"no database at all, but a text", b""])
def test_a_file_that_is_no_memory_is_refused_and_an_empty_one_taken(towers, tmp_path, rows, content):
    path = tmp_path / "memory"
    path.write_bytes(content)
    remembering = Decontaminate(against=("towers",), memory=path)
    if not content:
        assert len(remembering.judge(rows)) == 4
        return
    with pytest.raises(MagicoderError, match=r"decontaminate.memory: .*memory is no memory of decontamination"):
        remembering.judge(rows)
    assert path.read_bytes() == content


def test_a_memory_of_another_version_is_refused(towers, tmp_path, rows):
    path = tmp_path / "memory"
    with sqlite3.connect(path) as file:
        file.execute("pragma user_version=99")
    file.close()
    with pytest.raises(MagicoderError, match="is of version 99, and 1 is needed"):
        Decontaminate(against=("towers",), memory=path).judge(rows)


def test_equal_rows_of_a_batch_are_looked_at_once(towers, tmp_path, bench, row, looked):
    remembering = Decontaminate(against=("towers",), memory=tmp_path / "memory")
    assert [one.keep for one in remembering.judge([row(bench.WORDS), row(bench.WORDS), row()])] == [False, False, True]
    assert looked == [(2, ["towers"])]


def test_a_damaged_memory_is_said_in_a_line(towers, tmp_path, rows):
    path = tmp_path / "memory"
    remembering = Decontaminate(against=("towers",), memory=path)
    remembering.judge(rows)
    remembering._finder.memory._file.close()
    content = bytearray(path.read_bytes())
    content[200:] = bytes(len(content) - 200)
    path.write_bytes(content)
    for other in path.parent.glob("memory-*"):
        other.unlink()
    with pytest.raises(MagicoderError, match=r"decontaminate.memory: .*memory is "):
        replace(remembering).judge(rows)


def test_a_memory_may_be_asked_for_any_number_of_rows(towers, tmp_path, row):
    many = [row(f"Row {number}.") for number in range(40_000)]
    remembering = Decontaminate(against=("towers",), levels=("exact",), memory=tmp_path / "memory")
    assert all(one.keep for one in remembering.judge(many))
    assert all(one.keep for one in replace(remembering).judge(many))


def test_finds_that_are_less_sure_than_wanted_only_flag(towers, row):
    short = row(solution="def f(width):\n    return width / 7.25")
    (strict,) = Decontaminate(against=("towers",)).judge([short])
    (lenient,) = Decontaminate(against=("towers",), min_confidence=0.9).judge([short])
    assert (strict.keep, lenient.keep, lenient.reason) == (False, True, "overlaps towers: exact")
    assert lenient.evidence["confidence"] < 0.9


def test_the_published_level_needs_a_published_benchmark(towers):
    with pytest.raises(MagicoderError, match=r"magicoder-compat knows apps, .*, and 'against' names none of them"):
        Decontaminate(against=("towers",), levels=("magicoder-compat",)).check()


def test_a_list_that_is_written_as_a_text_is_explained():
    with pytest.raises(MagicoderError, match=r'levels: a list is needed, as \["a", "b"\] \(got \'exact,tokens\'\)'):
        options.bind(Decontaminate, {"levels": "exact,tokens"}, "filter")


def test_local_data_are_inputs_whoever_names_them(towers, tmp_path, monkeypatch):
    """A stage whose benchmark's data have changed is done anew."""
    monkeypatch.setenv("GSM8K_PATH", str(tmp_path / "b.jsonl"))
    subject = Decontaminate(against=(f"towers={tmp_path / 'a.jsonl'}", "gsm8k", "rivers"))
    assert subject.inputs() == {"against towers.data": tmp_path / "a.jsonl", "against gsm8k.data": tmp_path / "b.jsonl"}
