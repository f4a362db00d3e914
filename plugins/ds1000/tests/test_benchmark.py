"""The provider: its options, its problems and requests, rows of samples, needles, what stands beside a score."""

import json
import subprocess
import sys

import ds1000_problems
import pytest
from ds1000_problems import OWN, PYTHON
from magicoder_ds1000 import Ds1000
from magicoder_ds1000.needles import cut

from magicoder_core import Reply, RunError, Submission

FIRST = ds1000_problems.PROBLEMS[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"each": 0}, "each must be at least 1"),
        ({"seconds": 0}, "seconds must be above 0"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"data": OWN, "hub": "main"}, "two places of the same data"),
        ({"mode": "insertion", "style": "completion"}, "need infill, with {prefix} and {suffix}"),
        ({"mode": "insertion", "style": "magicoder", "infill": "{prefix}"}, "need infill"),
    ],
)
def test_options_that_make_no_benchmark_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Ds1000(**options)


def test_problems_are_grouped_by_library_and_can_be_chosen():
    found = list(Ds1000(data=OWN).problems())
    assert {(one.benchmark, one.group) for one in found} == {
        ("ds1000", one.library) for one in ds1000_problems.PROBLEMS
    }
    assert [one.id for one in Ds1000(data=OWN, libraries=("Scipy", "Numpy"), each=1).problems()] == [
        "Numpy/0",
        "Scipy/0",
    ]


def test_libraries_without_problems_are_an_error(tmp_path):
    path = ds1000_problems.jsonl(tmp_path / "x.jsonl", [FIRST])
    with pytest.raises(RunError, match=r"ds1000.libraries: x.jsonl has no problem about Scipy or Numpy"):
        list(Ds1000(data=path, libraries=("Scipy", "Numpy")).problems())


@pytest.mark.parametrize(
    ("style", "text", "code"),
    [
        ("chat", "Sure:\n```python\nresult = 1\n```", "result = 1"),
        ("completion", "result = 1\n</code>\nEND SOLUTION", "result = 1\n"),
        ("magicoder", "result = 1\n```\nDone.", "result = 1\n"),
    ],
)
def test_each_style_asks_and_reads_in_its_way(style, text, code):
    subject = Ds1000(data=OWN, style=style, temperature=0.2, top_p=0.5)
    problem = next(iter(subject.problems()))
    sampling = subject.request(problem).sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.2, 0.5, 1024)
    assert subject.extract(problem, Reply(text=text)).rstrip("\n") == code.rstrip("\n")


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"task_id": "Numpy/0"}, "Numpy/0"),
        ({"id": 2}, "Numpy/0"),
        ({"problem_id": 2, "id": 9}, "Numpy/0"),
        ({"task_id": 999}, "999"),
    ],
)
def test_rows_name_a_problem_by_its_id_or_the_row_of_the_data(row, name):
    assert Ds1000(data=OWN).task(row) == name


@pytest.mark.parametrize(
    ("row", "said"), [({}, "'task_id' is missing"), ({"id": None}, "is missing"), ({"id": 1.5}, "is no text")]
)
def test_rows_that_name_no_problem_are_refused(row, said):
    with pytest.raises((ValueError, TypeError), match=said):
        Ds1000(data=OWN).task(row)


def test_completions_are_read_as_officially_and_solutions_stay(tmp_path):
    own, old = Ds1000(data=OWN), Ds1000(data=ds1000_problems.tree(tmp_path / "tree"))
    problem = next(iter(own.problems()))
    text = "# SOLUTION START\nresult = 1\nEND SOLUTION"
    assert own.completed(problem, text) == "# SOLUTION START\nresult = 1"
    assert old.completed(problem, text) == "result = 1\nEND SOLUTION"
    assert own.solved(problem, text) == text


def test_references_are_the_datas_and_mistakes_are_fitted():
    subject = Ds1000(data=OWN)
    assert {one.problem_id: one.code for one in subject.references()} == {
        name: own.right for name, own in ds1000_problems.BY_ID.items()
    }
    mistakes = list(Ds1000(data=OWN, libraries=("Pandas",)).mistakes())
    assert [(one.problem_id, one.sample) for one in mistakes] == [("Pandas/0", 0), ("Pandas/0", 1)]
    assert "os._exit(0)" in mistakes[1].code


def test_needles_are_the_prompt_up_to_its_solution_and_the_reference():
    subject = Ds1000(data=OWN, libraries=("Numpy",), each=1)
    own = ds1000_problems.BY_ID["Numpy/0"]
    found = [(one.benchmark, one.problem_id, one.kind, one.text) for one in subject.needles()]
    assert found == [
        ("ds1000", "Numpy/0", "prompt", own.prompt().partition("BEGIN SOLUTION")[0]),
        ("ds1000", "Numpy/0", "solution", own.right),
    ]


def test_of_the_tree_the_insertion_prompts_are_looked_for_as_the_papers_filter_does(tmp_path):
    root = ds1000_problems.tree(
        tmp_path / "tree", [ds1000_problems.BY_ID[name] for name in ("Numpy/0", "Matplotlib/0")]
    )
    (root / "Numpy" / "Insertion" / "q0" / "prompt.txt").write_text("As insertion.\nBEGIN SOLUTION\n[insert]", "utf-8")
    found = {(one.problem_id, one.kind): one.text for one in Ds1000(data=root).needles()}
    assert found["Numpy/0", "prompt"] == "As insertion.\n"
    assert set(found) == {
        *(("Numpy/0", kind) for kind in ("prompt", "solution")),
        *(("Matplotlib/0", kind) for kind in ("completion", "solution")),
    }


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("Do it.\nBEGIN SOLUTION\n<code>", "Do it.\n"),
        ("Do it.\n### SOLUTION START\n# here BEGIN SOLUTION", "Do it.\n### "),
        ("Do it.", "Do it."),
    ],
)
def test_prompts_end_where_the_solution_begins(prompt, left):
    assert cut(prompt) == left


@pytest.mark.parametrize(
    ("form", "seconds"), [("jsonl", "CPU time of each program: 120 s"), ("tree", "CPU time of each test case: 60 s")]
)
def test_what_stands_beside_a_score(form, seconds, tmp_path):
    place = OWN if form == "jsonl" else ds1000_problems.tree(tmp_path / "tree")
    told = Ds1000(data=place, interpreter=PYTHON).provenance()
    assert told["format"] == {"jsonl": "JSONL of 2024", "tree": "older tree"}[form]
    assert (told["mode"], told["limits"], told["tasks"]) == ("completion", seconds, "14")
    assert told["semantics"].startswith("strict")
    assert told["interpreter's Python"].startswith("3.")
    elapsed = Ds1000(data=place, interpreter=PYTHON, semantics="ds1000", seconds=10).provenance()
    assert elapsed["limits"].startswith("elapsed time")
    assert elapsed["limits"].endswith(" 10 s")
    assert Ds1000(data=place).provenance()["interpreter's Python"] == "none"


def test_data_come_from_the_option_or_the_variable(monkeypatch):
    monkeypatch.setenv("DS1000_PATH", str(OWN))
    assert Ds1000().inputs() == Ds1000(data=OWN).inputs() == {"data": OWN}
    assert Ds1000(hub="main").inputs() == {}


def test_a_check_reads_local_data_and_asks_the_interpreter(tmp_path):
    Ds1000(data=OWN, interpreter=PYTHON).check()
    with pytest.raises(RunError, match="nowhere"):
        Ds1000(data=tmp_path / "nowhere").check()
    with pytest.raises(RunError, match=r"ds1000.interpreter: .*python is no Python .*magicoder ds1000 env PATH"):
        Ds1000(data=OWN, interpreter=tmp_path / "python").check()


def test_what_is_found_and_what_is_missing_is_told():
    with_one = Ds1000(data=OWN, interpreter=PYTHON)
    assert [line.split(" with ")[0].split()[0] for line in with_one.notes()] == ["Python"]
    assert list(Ds1000(data=OWN).notes()) == []
    assert list(Ds1000(data=OWN).doubts()) == [
        "ds1000.interpreter names no Python: nothing can be judged; make one with: magicoder ds1000 env PATH"
    ]


def test_a_submission_for_no_problem_is_an_error():
    with pytest.raises(RunError, match=r"no problem named 'Numpy/7' in own.jsonl \(completion\)"):
        list(Ds1000(data=OWN, interpreter=PYTHON).judge(iter([Submission(problem_id="Numpy/7", code="")])))


def test_score_gives_each_library_and_leaves_out_visibly_what_cannot_be_judged(tmp_path, has, monkeypatch):
    """The whole command: official rows, a group for each library, a broken reference."""
    has("Numpy")
    has("Pandas")
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    records = [
        one.record(row) for row, one in enumerate(ds1000_problems.PROBLEMS) if one.library in {"Numpy", "Pandas"}
    ]
    records[1]["reference_code"] = "    return nothing"
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    rows = [
        {"id": 0, "completion": f"{FIRST.right}\n</code>"},
        {"id": 1, "completion": "    return df"},
        {"id": 2, "completion": "result = 0"},
        {"id": 3, "completion": ds1000_problems.BY_ID["Numpy/1"].right},
    ]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    report = tmp_path / "report.json"
    options = [f"data={data}", f"interpreter={PYTHON}", "seconds=5"]
    command = [
        "score",
        "ds1000",
        str(samples),
        "--json",
        str(report),
        *(part for one in options for part in ("-o", one)),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "magicoder_core", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_bytes())
    assert {name: group["pass@1"]["value"] for name, group in told["groups"].items()} == {"Pandas": 1.0, "Numpy": 0.5}
    assert [one["task_id"] for one in told["broken"]] == ["Pandas/1"]
    assert told["versions"]["interpreter's Python"].startswith("3.")
