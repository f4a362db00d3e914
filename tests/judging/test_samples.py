"""Samples as people hand them in: both formats, packed or not, folders; and what is wrong with them."""

from __future__ import annotations

import gzip
import json

import pytest
from plain_benchmark import Grouped, Plain

from magicoder_core import Problem, RunError
from magicoder_core.judging import Samples

PROBLEMS = {
    name: Problem(id=name, benchmark="plain", prompt=prompt)
    for name, prompt in {"H/0": "def f():\n", "H/1": "def g():\n"}.items()
}


def samples_of(path, *others):
    return Samples(path, Plain(), PROBLEMS, *others)


def read(path):
    return [(item.position, item.task_id, item.number, item.code) for item in samples_of(path)]


def test_a_solution_is_a_whole_program_and_a_completion_follows_the_prompt(samples_file):
    path = samples_file(
        [
            {"task_id": "H/1", "completion": "    return 1\n"},
            {"task_id": "H/0", "solution": "x"},
            {"task_id": "H/1", "solution": "y", "completion": "z", "extra": [1]},
            {"task_id": "H/0", "solution": None, "completion": "w"},
        ]
    )
    assert read(path) == [
        (0, "H/1", 0, "def g():\n    return 1\n"),
        (1, "H/0", 0, "x"),
        (2, "H/1", 1, "y"),
        (3, "H/0", 1, "def f():\nw"),
    ]


def test_an_answer_that_was_not_given_is_no_program(samples_file):
    path = samples_file([{"task_id": "H/0", "solution": None}, {"task_id": "H/1", "completion": None}])
    assert [item.code for item in samples_of(path)] == [None, None]
    assert next(iter(samples_of(path))).note == "no answer"


def test_packed_whatever_the_name(tmp_path):
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(b'\n{"task_id": "H/0", "solution": "\xc3\xa4"}\n\n'))
    assert read(path) == [(0, "H/0", 0, "ä")]
    path.rename(plain := tmp_path / "s.jsonl")
    assert read(plain) == [(0, "H/0", 0, "ä")]


def test_a_folder_of_programs_by_number(tmp_path):
    for name, text in {"10": "ten", "2": "two", "0": "nought"}.items():
        (tmp_path / "H_1").mkdir(exist_ok=True)
        (tmp_path / "H_1" / f"{name}.py").write_text(text)
    (tmp_path / "H_1" / "notes.txt").write_text("no program")
    (tmp_path / "H_0").mkdir()
    (tmp_path / "H_0" / "0.py").write_text("zero")
    (tmp_path / "eval_results.json").write_text("{}")
    assert read(tmp_path) == [
        (0, "H/0", 0, "zero"),
        (1, "H/1", 0, "nought"),
        (2, "H/1", 1, "two"),
        (3, "H/1", 2, "ten"),
    ]


def test_a_survey_counts_and_numbers_skip_what_is_unknown(samples_file):
    rows = [{"task_id": name, "solution": "x"} for name in ("H/0", "Z/9", "H/0", "H/2", "Z/9", "H/1")]
    samples = samples_of(samples_file(rows), {"H/2"})
    found = samples.survey()
    assert (dict(found.known), dict(found.unknown), found.left_out, found.total) == (
        {"H/0": 2, "H/1": 1},
        {"Z/9": 2},
        1,
        3,
    )
    assert [(item.position, item.task_id, item.number) for item in samples] == [
        (0, "H/0", 0),
        (1, "H/0", 1),
        (2, "H/1", 0),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "not JSON in UTF-8"),
        (b"\xff{}", "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON in UTF-8"),
        (b"[1]", "a JSON object was expected, not list"),
        (b'{"solution": "x"}', "the field 'task_id' is missing"),
        (b'{"task_id": 3, "solution": "x"}', "the field 'task_id' is no text (got 3)"),
        (b'{"task_id": "H/0"}', "neither 'solution' nor 'completion' is there"),
        (b'{"task_id": "H/0", "solution": ["x"]}', "the field 'solution' is no text (got ['x'])"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_and_what_would_be_right(tmp_path, line, says):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"task_id": "H/0", "solution": "x"}\n\n' + line + b"\n")
    with pytest.raises(RunError) as failed:
        samples_of(path).survey()
    assert str(failed.value).startswith(f"{path}:3: {says}")
    assert '{"task_id": ..., "solution": ...}' in str(failed.value)


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "s.gz"
    packed = gzip.compress(json.dumps({"task_id": "H/0", "solution": "x" * 999}).encode() * 99)
    for bytes_ in (packed[:40], packed[:-4], packed[:-8] + bytes(8), packed[:15] + b"\xff" * 9 + packed[24:]):
        path.write_bytes(bytes_)
        with pytest.raises(RunError, match=r"s\.gz.*(a damaged gzip file|not JSON)"):
            samples_of(path).survey()
    (tmp_path / "H_0").mkdir()
    (tmp_path / "H_0" / "0.py").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"0\.py: not UTF-8 text"):
        read(tmp_path)


def test_a_digest_tells_place_and_text_apart(samples_file):
    rows = [("H/0", "x"), ("H/0", "x"), ("H/1", "x"), ("H/1", None), ("H/1", "no answer"), ("H/0", "\ud800")]
    path = samples_file({"task_id": name, "solution": code} for name, code in rows)
    digests = {item.digest for item in samples_of(path)}
    assert len(digests) == len(rows)
    assert digests == {item.digest for item in samples_of(path)}


def test_it_reads_lazily(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text('{"task_id": "H/0", "solution": "x"}\n' * 50_000 + "broken\n")
    reading = iter(samples_of(path))
    assert next(reading).position == 0
    reading.close()


def test_the_benchmark_says_whose_a_row_is_and_what_program_it_makes(samples_file):
    problems = {"plain/0": Problem(id="plain/0", benchmark="plain", prompt="ri", group="north")}
    rows = [
        {"number": 0, "completion": "ght!"},
        {"number": 0, "solution": "north right"},
        {"number": 9, "solution": "x"},
    ]
    samples = Samples(samples_file(rows), Grouped(), problems)
    assert [item.code for item in samples] == ["right", "right"]
    assert dict(samples.survey().unknown) == {"plain/9": 1}
    assert samples.groups == {"plain/0": "north"}
    with pytest.raises(RunError, match=r"more\.jsonl:1: the field 'number' is missing; a line is"):
        Samples(samples_file([{"solution": "x"}], "more.jsonl"), Grouped(), problems).survey()
