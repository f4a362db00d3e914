"""The benchmark as the core sees it: problems, requests, programs, needles, and what stands beside a score."""

import json
from pathlib import Path

import pytest
from magicoder_multipl_e import MultiPLE, toolchains
from magicoder_multipl_e.needles import words

from magicoder_core import MagicoderError, Reply, Submission, progress

OWN = Path(__file__).parent / "own.jsonl"
REAL = Path(__file__).parents[4] / "shared" / "data" / "multipl-e"


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    monkeypatch.delenv("MULTIPL_E_PATH", raising=False)


def one(language, **options):
    benchmark = MultiPLE(data=OWN, languages=(language,), **options)
    return benchmark, next(benchmark.problems())


def test_problems_are_grouped_by_language():
    found = list(MultiPLE(data=OWN, languages=("rs", "C++")).problems())
    assert [(item.id, item.group, item.language) for item in found] == [
        ("rs/Own_0_twice", "rs", "rs"),
        ("cpp/Own_0_twice", "cpp", "cpp"),
    ]


def test_each_takes_the_first_of_each_language(tmp_path):
    record = json.loads(OWN.read_text("utf-8").splitlines()[0])
    more = [record | {"name": f"Own_{n}", "language": key} for key in ("rs", "go_test.go") for n in range(3)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, more)))
    found = [item.id for item in MultiPLE(data=tmp_path / "x.jsonl", each=2).problems()]
    assert found == ["rs/Own_0", "rs/Own_1", "go/Own_0", "go/Own_1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ("cobol",)}, "no language of MultiPL-E is called 'cobol'"),
        ({"languages": ("js", "JavaScript")}, "languages names js twice"),
        ({"each": 0}, "each must be at least 1"),
        ({"cpu_scale": 0.0}, "cpu_scale must be above 0"),
        ({"limit": 0}, "limit must be at least 1"),
    ],
)
def test_what_makes_no_benchmark_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MultiPLE(**options)


def test_a_row_names_its_problem_by_language_and_name():
    several, single = MultiPLE(data=OWN), MultiPLE(data=OWN, languages=("go",))
    assert several.task({"task_id": "Own_0_twice", "language": "go_test.go"}) == "go/Own_0_twice"
    assert several.task({"task_id": "go/Own_0_twice", "language": "Go"}) == "go/Own_0_twice"
    assert several.task({"task_id": "go/Own_0_twice"}) == "go/Own_0_twice"
    assert single.task({"task_id": "Own_0_twice"}) == "go/Own_0_twice"
    with pytest.raises(ValueError, match="the field 'language' is missing; it is one of cpp, cs, d"):
        several.task({"task_id": "Own_0_twice"})
    with pytest.raises(ValueError, match="no language of MultiPL-E is called 'x'"):
        several.task({"task_id": "Own_0_twice", "language": "x"})
    with pytest.raises(TypeError, match="the field 'language' is no text"):
        several.task({"task_id": "Own_0_twice", "language": 1})
    with pytest.raises(ValueError, match="the field 'task_id' is missing"):
        several.task({"language": "go"})


def test_a_row_that_lacks_its_language_is_told_where_to_put_it():
    assert '"language": ' in MultiPLE.row
    with pytest.raises(ValueError, match=r"the field 'language' is missing; it is one of js, php$"):
        MultiPLE(data=OWN, languages=("js", "php")).task({"task_id": "Own_0_twice"})


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_rows_in_a_language_that_is_not_chosen_are_said_to_be_that_once():
    benchmark = MultiPLE(data=OWN, languages=("js", "rs"))
    with progress.reporting(heard := Heard()):
        found = [benchmark.task({"task_id": "Own_0_twice", "language": word}) for word in ("PHP", "php", "rust")]
    assert found == ["php/Own_0_twice", "php/Own_0_twice", "rs/Own_0_twice"]
    said = [line for line in heard.lines if "do not count" in line]
    assert said == ["warning: multipl-e: samples in php do not count: php is not among 'languages' (js, rs)"]


@pytest.mark.parametrize(
    ("names", "suite"),
    [
        (["HumanEval_0_a"], "humaneval"),
        (["mbpp_1_b"], "mbpp"),
        (["HumanEval_0_a", "mbpp_1_b"], "humaneval and mbpp, together in one score for each language"),
        (["Own_0_twice"], "other"),
    ],
)
@pytest.mark.parametrize("asked", ["humaneval", "mbpp"])
def test_the_suite_of_a_report_is_what_the_data_have(tmp_path, monkeypatch, names, suite, asked):
    monkeypatch.setattr(toolchains, "told", lambda keys: [(key, True, f"{key} told") for key in keys])
    record = next(row for row in map(json.loads, OWN.read_text("utf-8").splitlines()) if row["language"] == "js")
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(record | {"name": name}) for name in names))
    assert MultiPLE(data=tmp_path / "x.jsonl", suite=asked).provenance()["suite"] == suite


def test_a_completion_is_cut_as_published_and_a_solution_taken_apart():
    benchmark, problem = one("rs")
    assert benchmark.completed(problem, "    2 * x\n}\nfn main() {}\n") == f"{problem.prompt}    2 * x"
    solution = "fn twice(x: isize) -> isize {\n    2 * x\n}\nfn main() {}\n"
    assert benchmark.solved(problem, solution) == "fn twice(x: isize) -> isize {\n    2 * x"


@pytest.mark.parametrize("language", ["rs", "cs", "go", "rkt"])
def test_a_model_is_asked_in_three_styles(language):
    benchmark, problem = one(language, style="completion")
    request = benchmark.request(problem)
    assert request.messages[-1].content == problem.prompt.strip()
    rows = map(json.loads, OWN.read_text("utf-8").splitlines())
    assert request.sampling.stop == tuple(next(row["stop_tokens"] for row in rows if row["prompt"] == problem.prompt))
    chat = one(language)[0].request(problem).messages[-1].content
    assert problem.prompt.strip() in chat
    assert "```" in chat
    paper = one(language, style="magicoder")[0].request(problem)
    assert paper.messages[-1].content.count(problem.prompt.strip()) == 2
    assert paper.messages[-1].content.endswith(problem.prompt.strip())
    assert paper.sampling.stop == ("```",)


def test_the_published_prompts_in_csharp_are_asked_with_their_signature(tmp_path):
    record = next(row for row in map(json.loads, OWN.read_text("utf-8").splitlines()) if row["language"] == "cs")
    record["prompt"] = record["prompt"].replace("    public static", "    //     public static")
    (tmp_path / "x.jsonl").write_text(json.dumps(record))
    chat, raw = (MultiPLE(data=tmp_path / "x.jsonl", style=style) for style in ("chat", "completion"))
    problem = next(chat.problems())
    assert "\n    public static long Twice(long x) {\n```" in chat.request(problem).messages[-1].content
    assert raw.request(problem).messages[-1].content.endswith("//     public static long Twice(long x) {")


def test_an_answer_is_read_by_the_style_it_was_asked_in():
    text = "\n    2 * x\n}\n\nfn main() {}\n```\nWords."
    expected = {
        "completion": "    2 * x",
        "magicoder": "    2 * x",
    }
    for style, end in expected.items():
        benchmark, problem = one("rs", style=style)
        code = benchmark.extract(problem, Reply(text=text))
        assert code.endswith(end)
        assert "main" not in code
    benchmark, problem = one("rs")
    assert benchmark.extract(problem, Reply(text=f"```rust\n{problem.prompt}    2 * x\n}}\n```")).endswith(
        "{\n    2 * x"
    )


def test_needles_are_of_all_languages_if_none_is_chosen(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(OWN.read_text("utf-8"))
    found = {needle.problem_id.partition("/")[0] for needle in MultiPLE(data=tmp_path).needles()}
    assert {"lua", "go", "swift", "cpp"} < found
    monkeypatch.setenv("MULTIPL_E_PATH", str(tmp_path))
    assert {needle.problem_id.partition("/")[0] for needle in MultiPLE().needles()} == found
    chosen = list(MultiPLE(data=OWN, languages=("lua",)).needles())
    assert [(needle.problem_id, needle.kind) for needle in chosen] == [
        ("lua/Own_0_twice", "prompt"),
        ("lua/Own_0_twice", "words"),
    ]
    assert chosen[1].text == "Give back twice the number."


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


def test_a_folder_that_lacks_a_paper_language_is_a_doubt_and_no_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchains, "told", lambda keys: [(key, key != "swift", f"{key} told") for key in keys])
    monkeypatch.setattr(toolchains, "doubts", lambda keys: [f"{key} told" for key in keys if key == "swift"])
    (tmp_path / "humaneval-lua-reworded.jsonl").write_text(OWN.read_text("utf-8"))
    benchmark = MultiPLE(data=tmp_path)
    benchmark.check()
    first, *rest = benchmark.doubts()
    assert first.startswith(f"{tmp_path} has no humaneval-java-reworded.jsonl, ")
    assert rest == ["swift told"]
    assert list(benchmark.notes()) == ["java told", "js told", "cpp told", "php told", "rs told"]
    with pytest.raises(MagicoderError, match="has no humaneval-java-reworded"):
        list(benchmark.problems())


def test_what_is_missing_is_said_before_anything_runs(tmp_path, monkeypatch):
    with pytest.raises(MagicoderError, match=r"multipl-e.data: .*nowhere does not exist"):
        MultiPLE(data=tmp_path / "nowhere").check()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MagicoderError, match=r"pip install 'magicoder-multipl-e\[hub\]', or name a folder"):
        MultiPLE().check()


def test_a_program_for_no_problem_is_an_error():
    with pytest.raises(MagicoderError, match="no problem named 'rs/Nothing' in the data"):
        list(one("rs")[0].judge([Submission(problem_id="rs/Nothing", code="")]))


def test_what_stands_beside_a_score(monkeypatch):
    monkeypatch.setattr(toolchains, "told", lambda keys: [(key, True, f"{key} 1.0") for key in keys])
    found = MultiPLE(data=OWN, languages=("rs", "lua"), semantics="multipl-e").provenance()
    assert found["data"].startswith("own.jsonl ")
    assert found["data"].endswith(" (unknown)")
    assert found["tasks"] == "2"
    assert found["semantics"].startswith("multipl-e")
    assert "may not be training data" in found["licence"]
    assert (found["tools.rs"], found["tools.lua"]) == ("rs 1.0", "lua 1.0")


def test_kept_verdicts_do_not_make_another_benchmark():
    assert "cache" in MultiPLE.passing


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
def test_the_real_data_are_read():
    kinds = [needle.kind for needle in MultiPLE(data=REAL).needles()]
    assert kinds.count("prompt") == kinds.count("words") > 4000
    paper = MultiPLE(data=REAL, suite="both")
    assert sum(1 for _ in paper.problems()) == 955 + 2335
