"""`magicoder filter` as people call it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from magicoder_core import plugins
from magicoder_core.filtering import rows
from magicoder_core.testing import instruction

PLUGIN = Path(__file__).parent.parent / "filtering_plugin.py"
WORDINGS = ("problem", "instruction")
ROWS = [
    {"instruction": f"Do {number}{' bad' if number % 3 == 1 else ''}", "output": "x" * number} for number in range(80)
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    yield
    plugins.use([])


def read(paths):
    return rows.read([Path(path) for path in paths])


@pytest.fixture
def filtered(called):
    """Run `magicoder filter ARGUMENTS` into K.jsonl and R.jsonl."""

    def filtered(*arguments, kept="K.jsonl", rejected="R.jsonl"):
        return called("filter", "--plugin", PLUGIN, *arguments, "--kept", kept, "--rejected", rejected)

    return filtered


def test_rows_go_through_filters_and_a_summary_is_told(filtered):
    status, out, err = filtered("rows.jsonl", "--use", "without", "--use", "measure", "--report", "J.json")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:4] == [
        "rows      80  of 1 file",
        "kept      53  66.2%  K.jsonl",
        "rejected  27  33.8%  R.jsonl",
        "flagged   13  of the kept ones",
    ]
    assert lines[5].split() == ["filter", "rejected", "flagged", "CPU", "s", "reasons"]
    assert lines[6].split()[:3] == ["without", "27", "0"]
    assert lines[6].endswith("27 has bad")
    assert lines[7].split()[:3] == ["measure", "0", "13"]
    assert lines[7].endswith("13 long (flag)")
    assert lines[9].split() == ["length", "53", "rows", "mean", "39.25", "min", "0", "max", "78"]
    kept = [json.loads(line) for line in Path("K.jsonl").read_text().splitlines()]
    assert [{"instruction": row["instruction"], "output": row["output"]} for row in kept] == [
        row for row in ROWS if "bad" not in row["instruction"]
    ]


def test_what_a_row_teaches_is_the_same_after_filtering(filtered):
    own = [replace(instruction(f"Do {number}"), wording=wording).to_dict() for number, wording in enumerate(WORDINGS)]
    Path("own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own))
    assert filtered("rows.jsonl", "own.jsonl", "--use", "measure")[0] == 0
    before, after = ([row.instruction for row in read(paths)] for paths in (["rows.jsonl", "own.jsonl"], ["K.jsonl"]))
    assert after == before
    assert after[-2:] == ["Write a solution to the following coding problem:\nDo 0", "Do 1"]


def test_the_report_has_all_of_it(filtered):
    filtered("rows.jsonl", "--use", "without", "--use", "turns", "-o", "without.word='7'", "--report", "deep/J.json")
    told = json.loads(Path("deep/J.json").read_text())
    assert list(told) == [
        *(
            "versions",
            "inputs",
            "outputs",
            "columns",
            "rows",
            "kept",
            "rejected",
            "flagged",
            "seconds",
            "filters",
            "asked",
        )
    ]
    assert {"magicoder-core", str(PLUGIN)} == set(told["versions"])
    assert (told["rows"], told["kept"] + told["rejected"]) == (80, 80)
    first, second = told["filters"]
    assert (first["use"], first["options"], first["rejected"]) == ("without", {"word": "7"}, {"has 7": 17})
    assert second["report"] == {"seen": 63}
    assert second["scores"]["turn"]["count"] == 63
    assert second["cpu_seconds"] >= 0


def test_the_same_command_says_that_it_is_done(filtered):
    once = filtered("rows.jsonl", "--use", "without")
    again = filtered("rows.jsonl", "--use", "without", "--report", "J.json")
    assert again[1] == "All of this was done before; --new does it again.\n" + once[1]
    assert json.loads(Path("J.json").read_text())["kept"] == 53
    assert "done before" not in filtered("rows.jsonl", "--use", "without", "--new")[1]


def test_one_filter_may_stand_twice(filtered):
    status, out, err = filtered(
        *("rows.jsonl", "--use", "without", "--use", "without"), *("-o", "0.word='7'", "-o", "1.word='8'")
    )
    assert (status, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[5:7]] == [["without", "17"], ["without", "7"]]


def test_of_two_of_one_name_the_number_is_needed(filtered):
    status, _, err = filtered("rows.jsonl", "--use", "without", "--use", "without", "-o", "without.word='7'")
    assert (status, err) == (1, "magicoder: -o without: there are 2 of that name; give the number (0, 1)\n")


def test_of_a_single_filter_an_option_needs_no_name(filtered):
    assert "17 has 7" in filtered("rows.jsonl", "--use", "without", "-o", "word='7'")[1]


def test_columns_and_folders(filtered):
    Path("data/deep").mkdir(parents=True)
    Path("data/b.jsonl").write_text('{"q": "bad", "a": "x"}\n')
    Path("data/deep/a.jsonl").write_text('{"q": "good", "a": "x"}\n')
    status, out, err = filtered("data", "--use", "without", "--columns", "problem=q,solution=a")
    assert (status, err) == (0, "")
    assert out.startswith("rows      2  of 2 files\n")
    assert Path("K.jsonl").read_text() == '{"q": "good", "a": "x"}\n'


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("none.jsonl", "--use", "without"), "none.jsonl: no such file or folder of rows"),
        (("rows.jsonl", "--use", "witout"), "filter[0].use: no filter named 'witout'; did you mean 'without'?"),
        (
            ("rows.jsonl", "--use", "without", "-o", "without.wrd=x"),
            "filter[0].wrd: no such option; did you mean 'word'?",
        ),
        (("rows.jsonl", "--use", "without", "-o", "witout.word=x"), "-o witout: no such entry; there are: without"),
        (("rows.jsonl", "--use", "measure", "-o", "measure.flag=x"), "filter[0].flag: Input should be a valid integer"),
        (("rows.jsonl", "--use", "without", "--columns", "problem=q"), "--columns: problem and solution are needed"),
        (
            ("rows.jsonl", "--use", "without", "--columns", "problem=q,solution=a"),
            "rows.jsonl:1: no column 'q' (--columns problem=q); there are: instruction, output",
        ),
        (
            ("rows.jsonl", "--use", "length", "-o", "min_problem=9999"),
            "length: min_problem = 9999 is above max_problem",
        ),
        (("rows.jsonl", "--use", "opinion"), "filter 'opinion' asks a model: say which, as -o opinion.teacher.use="),
        (("-", "--use", "without"), "-: a pipe is read but once"),
        (
            ("rows.jsonl", "--use", "without", "--report", "K.jsonl.filter.json"),
            "--kept K.jsonl: K.jsonl.filter.json is written beside it, which is --report as well; choose another file",
        ),
        (
            ("rows.jsonl", "--use", "without", "--report", "rows.jsonl/J.json"),
            "rows.jsonl is no folder); choose another place",
        ),
        (("rows.jsonl", "--use", "without", "--report", "R.jsonl"), "--report R.jsonl: is --rejected as well; choose"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(filtered, arguments, line):
    status, out, err = filtered(*arguments)
    assert (status, out) == (1, "")
    assert line in err
    assert err.startswith("magicoder: ")
    assert err.count("\n") == 1
    assert not Path("K.jsonl").exists()


@pytest.mark.parametrize(
    ("kept", "line"),
    [
        ("rows.jsonl", "--kept rows.jsonl: is rows.jsonl as well; choose another file"),
        ("./rows.jsonl", "--kept rows.jsonl: is rows.jsonl as well; choose another file"),
        ("R.jsonl", "--rejected R.jsonl: is --kept as well; choose another file"),
        ("K.txt", "--kept K.txt: the name tells the format: .jsonl, .jsonl.gz or .parquet is needed"),
        ("/dev/null", "--kept /dev/null: the name tells the format"),
    ],
)
def test_an_output_that_would_do_harm_is_refused(filtered, kept, line):
    before = Path("rows.jsonl").read_bytes()
    status, _, err = filtered("rows.jsonl", "--use", "without", kept=kept)
    assert status == 1
    assert line in err
    assert Path("rows.jsonl").read_bytes() == before


def test_an_output_among_the_rows_is_refused(filtered):
    Path("data").mkdir()
    Path("rows.jsonl").rename("data/rows.jsonl")
    status, _, err = filtered("data", "--use", "without", kept="data/K.jsonl")
    assert status == 1
    assert "lies in" in err
    assert "whose files are read; choose another place" in err


def test_a_filter_that_cannot_work_here_is_told_before_anything_is_written(filtered, monkeypatch):
    from magicoder_core import RunError
    from magicoder_core.builtin.length import Length

    def check(self):
        raise RunError("length: no ruler")

    monkeypatch.setattr(Length, "check", check)
    status, _, err = filtered("rows.jsonl", "--use", "length")
    assert (status, err) == (1, "magicoder: length: no ruler\n")
    assert sorted(path.name for path in Path().iterdir()) == ["rows.jsonl"]


def test_limits_of_asking_end_with_their_own_status(filtered):
    teacher = ("-o", "opinion.teacher.use=oracle", "-o", "generate.max_requests=5")
    status, _, err = filtered("rows.jsonl", "--use", "opinion", *teacher)
    assert status == 3
    assert "generate.max_requests = 5 is reached" in err
    status, out, _ = filtered("rows.jsonl", "--use", "opinion", *teacher[:2])
    assert status == 0
    assert "oracle:oracle: 80 answers (5 from the journal), 0 tokens" in out


@pytest.mark.parametrize("arguments", [(), ("rows.jsonl",), ("rows.jsonl", "--use", "without", "--workers", "0")])
def test_wrong_usage_is_told(called, arguments):
    status, _, err = called("filter", *arguments)
    assert status == 2
    assert "Usage: " in err
