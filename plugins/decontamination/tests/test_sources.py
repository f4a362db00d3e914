"""Texts that are kept out of training data: GSM8K, APPS, DS-1000, MultiPL-E, from local files."""

import gzip
import json
from pathlib import Path

import pytest
from magicoder_decontamination import Apps, Ds1000, Gsm8k, MultiPLE, hub
from magicoder_decontamination.sources import cut, words

from magicoder_core import MagicoderError, Submission

REAL = Path(__file__).parents[4] / "shared" / "data"


def lines(path, *records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def texts(benchmark):
    return [(needle.problem_id, needle.kind, needle.text) for needle in benchmark.needles()]


def test_gsm8k_answers_come_without_the_marks_of_a_calculator(tmp_path):
    path = lines(tmp_path / "test.jsonl", {"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5 ducks\n#### 5"})
    assert texts(Gsm8k(data=path)) == [("gsm8k/0", "question", "How many?"), ("gsm8k/0", "answer", "2 + 3 = 5 ducks")]


@pytest.mark.parametrize("name", ["apps.jsonl", "apps.jsonl.gz"])
def test_apps_solutions_are_texts_and_programs(tmp_path, name):
    record = {
        "problem_id": 4000,
        "question": "Add.",
        "solutions": json.dumps(["print(sum(map(int, input().split())))"]),
    }
    found = texts(Apps(data=lines(tmp_path / name, record, {"question": "None.", "solutions": ""})))
    code = "print(sum(map(int, input().split())))"
    assert found == [
        ("apps/4000", "question", "Add."),
        ("apps/4000", "solution", code),
        ("apps/4000", "program", code),
        ("apps/1", "question", "None."),
    ]


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("Do it.\nBEGIN SOLUTION\n<code>", "Do it.\n"),
        ("Do it.\n### SOLUTION START\n# here BEGIN SOLUTION", "Do it.\n### "),
        ("Do it.", "Do it."),
    ],
)
def test_ds_1000_prompts_end_where_the_solution_begins(prompt, left):
    assert cut(prompt) == left


def test_ds_1000_is_read_in_both_its_formats(tmp_path):
    new = lines(
        tmp_path / "new.jsonl",
        {
            "prompt": "Sort.\nBEGIN SOLUTION",
            "reference_code": "a.sort()",
            "metadata": {"library": "Numpy", "library_problem_id": 3},
        },
    )
    old = tmp_path / "data" / "Numpy" / "Insertion" / "q3"
    old.mkdir(parents=True)
    (old / "prompt.txt").write_text("Sort.\nBEGIN SOLUTION", "utf-8")
    (old / "reference_code.txt").write_text("a.sort()", "utf-8")
    completion = tmp_path / "data" / "Numpy" / "Completion" / "q3"
    completion.mkdir(parents=True)
    (completion / "prompt.txt").write_text("Not this one.", "utf-8")
    expected = [("Numpy/3", "prompt", "Sort.\n"), ("Numpy/3", "solution", "a.sort()")]
    assert texts(Ds1000(data=new)) == expected
    assert texts(Ds1000(data=tmp_path / "data")) == expected


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("/// Add two.\n/// Really.\nfn add(a: i64) {\n", "Add two.\nReally."),
        ("#lang racket\n;; Add two.\n(define (add a)\n", "Add two."),
        ("#!/bin/bash\n# Add two.\n#\n# $1 is a number\nadd() {\n", "Add two.\n\n$1 is a number"),
        ("#include<x>\n// Add two.\nint add(int a) {\n", "Add two."),
        ("import std.math;\n/*\nAdd two.\n*/\nint add(int a) {\n", "Add two."),
        ('""" Add two.\nReally."""\nfunction add(a)\n', "Add two.\nReally."),
        ("--  Add two.\nlocal function add(a)\n", "Add two."),
        ("class Problem {\n    // Add two.\n    public static", "Add two."),
    ],
)
def test_the_words_of_a_translated_prompt_come_without_the_marks_of_comments(prompt, said):
    assert words(prompt) == said


def test_a_folder_of_languages_is_one_benchmark(tmp_path):
    for language in ("rs", "lua"):
        lines(
            tmp_path / f"humaneval-{language}.jsonl",
            {"name": "HumanEval_0", "language": language, "prompt": "// Add.\nf"},
        )
    assert [one.id for one in MultiPLE(data=tmp_path).problems()] == ["lua/HumanEval_0", "rs/HumanEval_0"]
    assert [one.language for one in MultiPLE(data=tmp_path).problems()] == ["lua", "rs"]


@pytest.mark.parametrize("kind", [Gsm8k, Apps, Ds1000, MultiPLE])
def test_what_is_wrong_with_data_is_said_with_its_place(tmp_path, kind):
    with pytest.raises(MagicoderError, match=rf"{kind.name}.data: .*nowhere does not exist"):
        kind(data=tmp_path / "nowhere").check()
    with pytest.raises(
        MagicoderError, match=rf"x.jsonl:1: the field '{kind.fields[0]}' is missing or no text; is this {kind.name}"
    ):
        list(kind(data=lines(tmp_path / "x.jsonl", {"other": 1})).needles())
    (tmp_path / "torn.jsonl").write_text('{"question": "a"', "utf-8")
    with pytest.raises(MagicoderError, match=r"torn.jsonl:1: not JSON"):
        list(kind(data=tmp_path / "torn.jsonl").needles())
    (tmp_path / "damaged.jsonl.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(MagicoderError, match=r"cannot read .*damaged.jsonl.gz"):
        list(kind(data=tmp_path / "damaged.jsonl.gz").needles())


@pytest.mark.parametrize("kind", [Gsm8k, Apps, Ds1000, MultiPLE])
def test_the_variable_names_local_data_too(tmp_path, monkeypatch, kind):
    monkeypatch.setenv(kind.variable, str(tmp_path / "nowhere"))
    with pytest.raises(MagicoderError, match="nowhere does not exist"):
        kind().check()


def test_programs_are_not_scored(tmp_path):
    with pytest.raises(MagicoderError, match="rows are held against it, programs are not scored by it"):
        next(iter(Gsm8k().judge([Submission(problem_id="gsm8k/0", code="")])))


class Hub:
    """The library `datasets` where the Hub has these records, or is out of reach."""

    def __init__(self, records=None):
        self._records = records

    def load_dataset(self, name, configuration, *, split):
        if self._records is None:
            raise ConnectionError("Max retries exceeded")
        return [dict(record, name=f"{name} {configuration} {split}") for record in self._records]

    def get_dataset_config_names(self, name):
        return ["humaneval-rs", "humaneval-lua"]


def test_without_network_the_message_says_how_to_name_a_copy(monkeypatch):
    monkeypatch.delenv("GSM8K_PATH", raising=False)
    monkeypatch.setattr(hub, "_library", lambda *_: Hub())
    message = r"gsm8k: cannot be had from the Hub \(ConnectionError: .*\); name a local copy: gsm8k=PATH, or GSM8K_PATH"
    with pytest.raises(MagicoderError, match=message):
        list(Gsm8k().needles())


def test_official_copies_are_asked_for_by_their_names(monkeypatch):
    for kind in (Gsm8k, Apps, Ds1000, MultiPLE):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setattr(
        hub, "_library", lambda *_: Hub([{"prompt": "// Add.", "question": "How many?", "answer": "5"}])
    )
    assert [one.language for one in MultiPLE().problems()] == ["lua", "rs"]
    assert next(one.id for one in MultiPLE().problems()) == "lua/nuprl/MultiPL-E humaneval-lua test"
    assert [one.prompt for kind in (Gsm8k, Apps, Ds1000) for one in kind().problems()] == [
        "How many?",
        "How many?",
        "// Add.",
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
def test_the_real_data_are_read():
    assert sum(1 for _ in Gsm8k(data=REAL / "gsm8k" / "test.jsonl").problems()) == 1319
    translations = MultiPLE(data=REAL / "multipl-e")
    kinds = [needle.kind for needle in translations.needles()]
    assert kinds.count("prompt") == kinds.count("words") > 4000
