"""`magicoder analyse`, from files of rows to files of figures."""

import gzip
import json

import pytest
from click.testing import CliRunner
from magicoder_quality import analysis, commands
from magicoder_quality.analysis import Wish, against, analyse
from magicoder_quality.analysis.rows import data_sets

from magicoder_core import Benchmark, MagicoderError, Problem, RecipeError, RunError, Submission, progress
from magicoder_core.cli.main import cli

ROWS = [
    {
        "problem": "Sort a list of numbers.",
        "solution": "def sort(numbers): return sorted(numbers)",
        "seed": "sorted(x)",
    },
    {"problem": "Sum a list of numbers.", "solution": "def total(numbers): return sum(numbers)", "seed": "sum(x)"},
    {"problem": "Select all customers with SQL.", "solution": "SELECT * FROM customers", "seed": ""},
]


class Two(Benchmark):
    """Two problems, of which one has a reference solution with its prompt before it."""

    def problems(self):
        yield Problem(id="two/0", benchmark="two", prompt="def total(numbers):\n", entry_point="total")
        prompt = self.data.read_text("utf-8") if self.data else "Print a string."
        yield Problem(id="two/1", benchmark="two", prompt=prompt, entry_point="show")

    def references(self):
        yield Submission(problem_id="two/0", code="def total(numbers):\n    return sum(numbers)")

    def judge(self, submissions):
        return iter(())


@pytest.fixture(autouse=True)
def benchmark(monkeypatch):
    """A benchmark called ``humaneval``; no other is installed."""

    def find(kind, name):
        if (kind, name) != ("benchmark", "humaneval"):
            raise RecipeError(f"no {kind} named '{name}'")
        return Two

    monkeypatch.setattr(against, "find", find)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(cli, ["analyse", *(str(item) for item in arguments)])


def test_a_folder_gets_figures_pictures_and_a_page(rows, tmp_path):
    done = run(rows, "--to", tmp_path / "out")
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "out" / "analysis.json").read_text("utf-8"))
    assert facts["sets"] == [{"name": "rows", "path": str(rows), "rows": 3}]
    assert set(facts) == {"analysis", "sets", "lengths", "categories", "similarity", "versions"}
    assert "rows: 3 rows" in done.output
    assert f"written: {tmp_path / 'out' / 'index.html'}" in done.output
    assert "rows" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_without_a_place_a_folder_is_made_here(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(rows, "--only", "lengths").exit_code == 0
    assert (tmp_path / "rows-analysis" / "analysis.json").exists()


def test_figures_or_page_alone(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(rows, "--json", "a.json", "--html", "a.html").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json", "rows.jsonl"]


def test_similarity_names_the_nearest_problem_of_the_benchmark(rows):
    (compared,) = analyse(Wish(rows=rows, parts=["similarity"]))["similarity"]
    (found,) = compared["sets"]
    assert (compared["benchmark"], compared["items"], compared["texts"]) == ("humaneval", 2, 5)
    assert compared["terms_exact"]
    assert found["closest"][0]["row"] == 2
    assert found["closest"][0]["item"] == "two/0"
    assert found["max"] == found["closest"][0]["cosine"]
    assert sum(found["histogram"]) == 3
    assert found["nearest"] == [{"item": "two/0", "rows": 2}]


def test_the_texts_of_a_benchmark_are_prompt_and_solution():
    assert list(against.items("humaneval").texts) == [
        "def total(numbers):\n     return sum(numbers)",
        "Print a string. ",
    ]


def test_a_set_beside_is_looked_at_like_the_first(rows, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"instruction": row["problem"], "output": row["solution"]} for row in ROWS]), "utf-8")
    facts = analyse(Wish(rows=rows, beside=[other]))
    assert [one["name"] for one in facts["sets"]] == ["rows", "other"]
    for one, same in [facts["lengths"]["sets"], facts["categories"]["sets"], facts["similarity"][0]["sets"]]:
        assert {**one, "set": ""} == {**same, "set": ""}


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "parquet"])
def test_rows_are_read_from_any_file(kind, rows, tmp_path):
    path = tmp_path / f"again.{kind}"
    if kind == "parquet":
        pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(ROWS), path)
    elif kind == "json":
        path.write_text(json.dumps(ROWS), "utf-8")
    else:
        packed = gzip.compress(rows.read_bytes())
        path.write_bytes(packed if kind.endswith("gz") else rows.read_bytes())
    assert [one.name for one in data_sets([path])] == ["again"]
    facts, same = analyse(Wish(rows=path)), analyse(Wish(rows=rows))
    assert facts["similarity"][0]["sets"][0]["mean"] == same["similarity"][0]["sets"][0]["mean"]
    assert facts["lengths"]["sets"][0]["problem"] == same["lengths"]["sets"][0]["problem"]


def test_columns_have_the_meaning_that_is_given_to_them(tmp_path, rows):
    path = tmp_path / "named.jsonl"
    path.write_text("".join(json.dumps({"q": row["problem"], "a": row["solution"]}) + "\n" for row in ROWS), "utf-8")
    facts = analyse(Wish(rows=path, columns="problem=q,solution=a", parts=["lengths"]))
    assert facts["lengths"]["sets"][0]["problem"] == analyse(Wish(rows=rows))["lengths"]["sets"][0]["problem"]


def test_categories_of_seeds_leave_rows_without_one_out(rows):
    (found,) = analyse(Wish(rows=rows, parts=["categories"], mode="seed"))["categories"]["sets"]
    assert found["none"] == 1
    assert sum(found["counts"]) == 2


def test_the_same_rows_give_the_same_figures(rows):
    assert analyse(Wish(rows=rows)) == analyse(Wish(rows=rows))


def test_sets_of_one_name_are_told_apart(rows, tmp_path):
    other = tmp_path / "more" / "rows.jsonl"
    other.parent.mkdir()
    other.write_bytes(rows.read_bytes())
    assert [one.name for one in data_sets([rows, other])] == [str(rows), str(other)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"problem": "p", "solution": "s"}\n{"problem": \n', r"rows.jsonl:2: not JSON"),
        (b'{"problem": "p", "solution": 3}\n', r"rows.jsonl:1: the field 'solution' is no text"),
        (b'{"text": "p"}\n', r"rows.jsonl:1: no columns problem and solution"),
        (b"[1]\n", r"rows.jsonl: item 1: a JSON object was expected, not int"),
        (b'"text"\n', r"rows.jsonl:1: a JSON object was expected, not str"),
        (b"\n\n", r"rows.jsonl: no rows"),
    ],
)
def test_bad_rows_are_named_in_one_line_and_nothing_is_written(content, complaint, rows, tmp_path):
    rows.write_bytes(content)
    done = run(rows, "--to", tmp_path / "out")
    assert isinstance(done.exception, RunError)
    assert "\n" not in str(done.exception)
    with pytest.raises(RunError, match=complaint):
        raise done.exception
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"beside": ["nothing.jsonl"]}, "nothing.jsonl: no such file or folder"),
        ({"beside": ["rows.jsonl"]}, "rows.jsonl: given twice"),
        ({"beside": ["/dev/null"]}, "/dev/null: rows are read twice"),
        ({"beside": [f"{number}" for number in range(6)]}, "7 sets are more than pictures can tell apart; compare 6"),
        ({"against": ["humanewal"]}, "no benchmark named 'humanewal'"),
        ({"columns": "problem=q"}, "problem and solution are needed together"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(wish, complaint, rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    beside = [tmp_path / path for path in wish.pop("beside", [])]
    with pytest.raises(MagicoderError, match=complaint) as caught:
        analyse(Wish(rows=rows, beside=beside, **wish))
    assert "\n" not in str(caught.value)


def test_a_benchmark_without_problems_is_refused(rows, monkeypatch):
    monkeypatch.setattr(Two, "problems", lambda self: iter(()))
    with pytest.raises(RunError, match="--against humaneval: the benchmark has no problems"):
        analyse(Wish(rows=rows))


def test_rows_that_change_between_the_passes_are_noticed(rows, monkeypatch):
    class Growing(analysis.analysing.Index):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            with rows.open("a") as out:
                out.write(json.dumps(ROWS[0]) + "\n")

    monkeypatch.setattr(analysis.analysing, "Index", Growing)
    with pytest.raises(RunError, match="3 rows at first and 4 later"):
        analyse(Wish(rows=rows))


class Heard:
    """Notes what is told of the work."""

    def __init__(self):
        self.totals, self.done = [], []

    def begin(self, name, total, unit):
        self.totals.append((total, unit))
        self.done.append(0.0)
        return len(self.totals) - 1

    def advance(self, task, amount, figures):
        self.done[task] += amount

    def end(self, task):
        pass

    def say(self, line):
        pass


def test_each_pass_tells_how_many_bytes_it_has_read(rows):
    heard = Heard()
    with progress.reporting(heard):
        analyse(Wish(rows=rows))
    size = rows.stat().st_size
    assert heard.totals == [(size, "B"), (size, "B")]
    assert heard.done == [size, size]


def test_choices_of_the_command_are_those_there_are():
    assert list(commands.PARTS) == list(analysis.PARTS)
    assert list(commands.TEXTS) == list(analysis.MODES)
    embedding = next(option for option in commands.analyse.params if option.name == "embedding")
    assert embedding.default == analysis.WORD_VECTORS


def test_help_imports_no_analysis():
    import subprocess
    import sys

    code = (
        "import sys; from magicoder_quality import commands; print(*(name for name in sys.modules if name in "
        "('numpy', 'jinja2', 'magicoder_quality.analysis', 'bpe_openai')))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).strip() == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("rows.jsonl --json rows.jsonl", "--json rows.jsonl: is rows.jsonl as well"),
        ("rows.jsonl --json ./folder/../rows.jsonl", "is rows.jsonl as well"),
        (
            "rows.jsonl --beside folder/more.jsonl --html folder/more.jsonl",
            "--html folder/more.jsonl: is folder/more.jsonl as well",
        ),
        ("rows.jsonl --against humaneval=data.txt --json data.txt", "--json data.txt: is data.txt as well"),
        ("rows.jsonl --json z --html z", "--html z: is --json as well"),
        ("folder --to folder/out", "--to (analysis.json) folder/out/analysis.json: lies in"),
        ("folder --to folder", "--to (analysis.json) folder/analysis.json: lies in"),
        ("folder --json folder/facts.json", "--json folder/facts.json: lies in"),
        ("rows.jsonl --to out --json out/index.html", "--to (index.html) out/index.html: is --json as well"),
        ("rows.jsonl --to out --html out/analysis.json", "--to (analysis.json) out/analysis.json: is --html as well"),
        ("linked.jsonl --json rows.jsonl", "--json rows.jsonl: is linked.jsonl as well"),
    ],
)
def test_nothing_that_is_read_is_written_over(arguments, complaint, rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "more.jsonl").write_bytes(rows.read_bytes())
    (tmp_path / "data.txt").write_text("Print a text.", "utf-8")
    (tmp_path / "linked.jsonl").symlink_to(rows)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = run(*arguments.split())
    assert isinstance(done.exception, RunError)
    assert complaint in str(done.exception)
    assert "\n" not in str(done.exception)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_default_folder_of_other_rows_is_not_taken(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "more" / "rows.jsonl"
    other.parent.mkdir()
    other.write_bytes(rows.read_bytes())
    for _ in range(2):
        assert run("rows.jsonl", "--only", "lengths").exit_code == 0
    done = run(other, "--only", "lengths")
    assert isinstance(done.exception, RunError)
    assert "rows-analysis has the analysis of rows.jsonl" in str(done.exception)
    assert run(other, "--only", "lengths", "--to", "second").exit_code == 0


def test_rows_of_which_none_has_the_text_have_no_category(tmp_path):
    path = tmp_path / "plain.jsonl"
    path.write_text('{"problem": "Sort.", "solution": "x"}\n', "utf-8")
    done = run(path, "--only", "categories", "--text", "seed", "--to", tmp_path / "out")
    assert done.exit_code == 0, done.exception
    assert "categories: no text had a category" in done.output
    assert "no text had a category" in (tmp_path / "out" / "categories.svg").read_text("utf-8")


def test_a_benchmark_may_have_its_data_in_a_file(tmp_path):
    data = tmp_path / "data.txt"
    data.write_text("Print a text.", "utf-8")
    found = against.items(f"humaneval={data}")
    assert (found.benchmark, found.texts[1]) == ("humaneval", "Print a text. ")
