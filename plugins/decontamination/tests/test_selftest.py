"""`magicoder decontaminate`: planting into rows, and what is said of them."""

import ast
import json

import pytest
from click.testing import CliRunner
from magicoder_decontamination.planting import PERTURBATIONS, Task, renamed, tasks_of

from magicoder_core.cli.main import cli

LEVELS = ["exact", "whitespace", "tokens", "ngram-coverage", "ast"]


@pytest.fixture
def task(bench):
    return Task("towers", "towers/0", words=bench.WORDS, solution=bench.SOLUTION, program=bench.PROGRAM)


def test_each_perturbation_changes_the_text_in_its_way(task):
    made = {name: one.of(task) for name, one in PERTURBATIONS.items()}
    assert all(made.values())
    assert made["words, UPPER CASE"].isupper()
    assert "  \r\n" in made["words, CRLF and trailing blanks"]
    assert ">>>" not in made["words, examples in a code block"]
    assert "```python\ntowers_in_reach(" in made["words, examples in a code block"]
    assert made["words, without examples"].strip().endswith("river.")
    assert made["solution, with comments"].count("#") > 2
    assert ast.dump(ast.parse(f"def f():\n{made['solution, with comments']}")) == ast.dump(
        ast.parse(f"def f():\n{task.solution}")
    )
    assert '"""' not in made["program, reformatted"]
    assert "heights" not in made["program, every name changed"]
    assert len(set(made.values())) == len(made) - 1  # no quotes here that could be typographic


def test_what_a_task_has_not_is_not_planted():
    task = Task("a", "a/0", words="Say hello to everybody who is there.")
    assert [name for name, one in PERTURBATIONS.items() if one.of(task) and "examples" in name] == []
    assert {one.part for one in PERTURBATIONS.values() if one.of(task)} == {"problem"}


def test_renaming_leaves_what_is_not_the_programs_own():
    code = "import math\n\ndef area(radius, *, scale=1):\n    total = math.pi * radius ** 2\n    return max(total, key=len, default=scale)\n"
    text = renamed(ast.parse(code))
    assert all(word in text for word in ("math.pi", "max(", "key=len", "default=")), text
    assert not any(word in text for word in ("area", "radius", "total", "scale")), text


def test_tasks_are_put_together_of_needles(bench, towers):
    from magicoder_core import find

    first, second = tasks_of(find("benchmark", "towers")().needles())
    assert (first.problem_id, first.words, first.program) == ("towers/0", bench.WORDS, bench.PROGRAM)
    assert (second.words, second.solution) == (None, bench.SHORT)


@pytest.fixture
def run(bench_file, tmp_path):
    def command(rows, *arguments):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        report = tmp_path / "report.json"
        options = ["-o", 'against=["towers"]', "--json", str(report), *arguments]
        done = CliRunner().invoke(cli, ["--plugin", str(bench_file), "decontaminate", str(path), *options])
        return done, json.loads(report.read_text("utf-8")) if report.exists() else None

    yield command
    from magicoder_core import plugins

    plugins.use([])


ROWS = [{"problem": f"Write page {number} for a zoo.", "solution": f"print({number})"} for number in range(30)]


def test_it_says_what_stands_in_rows(run, bench):
    done, report = run([*ROWS, {"problem": bench.WORDS.upper(), "solution": "x"}])
    assert done.exit_code == 0, done.output
    assert report["rows"] == 31
    assert report["rows_with_hits"] == {"exact": 1, "ngram-coverage": 1, "tokens": 1, "whitespace": 1}
    assert (report["hits"][0]["row"], report["hits"][0]["problem_id"]) == (31, "towers/0")
    assert report["perturbations"] == {}
    assert "row 31: exact, towers towers/0 (docstring)" in done.output


def test_the_self_test_counts_what_each_level_finds(run):
    done, report = run(ROWS, "--self-test")
    assert done.exit_code == 0, done.output
    assert report["rows_with_hits"] == {}
    recall = {name: facts["recall"] for name, facts in report["perturbations"].items()}
    assert set(recall) == set(PERTURBATIONS)
    assert recall["words, as they are"] == {**dict.fromkeys(LEVELS, 1.0), "ast": 0.0, "any level": 1.0}
    assert recall["program, every name changed"] == {**dict.fromkeys(LEVELS, 0.0), "ast": 1.0, "any level": 1.0}
    assert recall["solution, with comments"]["exact"] < 1.0 == recall["solution, with comments"]["tokens"]
    assert "program, every name changed" in done.output


def test_what_is_missed_is_named(run):
    done, report = run(ROWS, "--self-test", "-o", 'levels=["exact"]')
    assert done.exit_code == 0, done.output
    assert report["perturbations"]["program, every name changed"]["missed"] == ["towers/0"]
    assert "missed: program, every name changed: towers/0" in done.output


def test_tasks_and_rows_can_be_limited(run):
    done, report = run(ROWS, "--self-test", "--tasks", "1", "--limit", "7")
    assert done.exit_code == 0, done.output
    assert report["rows"] == 7
    assert {facts["planted"] for facts in report["perturbations"].values()} == {1}


def test_options_may_have_the_filters_name_before_them(run):
    done, report = run(ROWS, "-o", 'decontaminate.levels=["exact=flag"]')
    assert done.exit_code == 0, done.output
    assert report["options"]["levels"] == {"exact": "flag"}


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ([], (), "there are no rows to look at"),
        (ROWS, ("-o", "nonsense=1"), "decontaminate.nonsense: no such option"),
        ([{"problem": "p"}], (), "rows.jsonl:1"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, rows, arguments, message):
    done, _ = run(rows, *arguments)
    assert message in str(done.exception)


def test_a_report_never_lies_over_what_is_read(run, tmp_path):
    path = tmp_path / "rows.jsonl"
    done, _ = run(ROWS, "--json", str(path))
    assert "rows.jsonl" in str(done.exception)
    assert len(path.read_text("utf-8").splitlines()) == len(ROWS)


def test_rows_that_are_all_contaminated_leave_nothing_to_plant_into(run, bench):
    done, _ = run([{"problem": bench.WORDS, "solution": "x"}], "--self-test")
    assert "no row without a hit is left to plant into" in str(done.exception)
