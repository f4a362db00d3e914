"""The data in both formats: told apart by looking, known by their hash, and what is wrong with them said with its place."""

import gzip
import hashlib
import json
import shutil
import urllib.request
from pathlib import Path

import ds1000_problems
import pytest
from magicoder_ds1000 import Ds1000, data, download, records

from magicoder_core import MagicoderError, RunError

OWN = Path(__file__).with_name("own.jsonl")


def test_the_committed_problems_are_those_of_the_module(tmp_path):
    assert OWN.read_text("utf-8") == ds1000_problems.jsonl(tmp_path / "own.jsonl").read_text("utf-8")


def test_there_are_two_problems_of_each_library():
    found = data.opened(OWN, "completion")
    assert sorted(found.tasks) == sorted(f"{name}/{number}" for name in data.LIBRARIES for number in (0, 1))
    assert sum(library.tasks for library in data.LIBRARIES.values()) == 1000


@pytest.fixture(params=["jsonl", "gz", "folder of a file", "tree", "folder of a tree", "zip", "zip of a folder"])
def place(request, tmp_path):
    """The problems in each form that they may have, and their format."""
    if request.param in {"jsonl", "gz", "folder of a file"}:
        path = ds1000_problems.jsonl(tmp_path / "ds1000.jsonl")
        if request.param == "gz":
            packed = tmp_path / "packed"  # what it is, is seen by looking, not by its name
            packed.write_bytes(gzip.compress(path.read_bytes()))
            path = packed
        return (tmp_path if request.param.startswith("folder") else path), "jsonl"
    root = ds1000_problems.tree(tmp_path / "above" / "ds1000_data")
    if request.param.startswith("zip"):
        whole = root.parent if request.param == "zip of a folder" else root
        return Path(shutil.make_archive(str(tmp_path / "packed"), "zip", whole)), "tree"
    return (root.parent if request.param.startswith("folder") else root), "tree"


def test_each_form_gives_the_same_problems(place):
    where, form = place
    found = data.opened(where, "completion")
    assert (found.form, found.version, len(found.sha256)) == (form, "unknown", 64)
    assert set(found.tasks) == set(ds1000_problems.BY_ID)
    for name, task in found.tasks.items():
        own = ds1000_problems.BY_ID[name]
        assert (task.prompt, task.reference, task.cases) == (own.prompt(), own.right, max(1, len(own.data)))
        assert "[insert]" in task.context
        assert (task.files is None) == (form == "jsonl")


def test_the_tree_has_insertion_problems_and_none_of_matplotlib(tmp_path):
    found = data.opened(ds1000_problems.tree(tmp_path / "tree"), "insertion")
    assert {task.library for task in found.tasks.values()} == set(data.LIBRARIES) - {"Matplotlib"}
    assert "[insert]" in found.tasks["Numpy/0"].prompt


def test_the_newer_format_has_no_insertion_problems():
    with pytest.raises(RunError, match=r"ds1000.mode: own.jsonl has no insertion problems, .* mode = 'completion'"):
        data.opened(OWN, "insertion")


def test_the_files_of_a_problem_are_read_when_needed(tmp_path):
    root = ds1000_problems.tree(tmp_path / "tree")
    folder = root / "Numpy" / "Completion" / "q0"
    (folder / "input").mkdir()
    (folder / "input" / "input1.pkl").write_bytes(b"never read as a pickle here")
    (folder / "more.csv").write_text("a,b\n", "utf-8")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root))
    for where in (root, packed):
        files = data.opened(where, "completion").tasks["Numpy/0"].files
        assert files.kind == 3
        assert files.within("input") == {"input/input1.pkl": b"never read as a pickle here"}
        assert files.within("ans") == {}
        assert files.loose == {"more.csv": b"a,b\n"}


def test_an_unknown_hash_is_told_and_a_known_one_named(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(data.progress, "say", told.append)
    path = ds1000_problems.jsonl(tmp_path / "some.jsonl")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert data.opened(path, "completion").version == "unknown"
    assert told == [f"ds1000: some.jsonl is no publication that is known here (sha256 {sha256})"]
    monkeypatch.setattr(data, "_KNOWN", {sha256: "ours"})
    assert data.told(data.opened(path, "completion")).version == "ours"
    assert len(told) == 1


def row(**changes):
    record = {**ds1000_problems.PROBLEMS[2].record(0), **changes}
    return json.dumps({name: value for name, value in record.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no problem; set 'data' to a copy"),
        ("{", r"bad.jsonl:1: not JSON .*; is this DS-1000"),
        ("[1]", "bad.jsonl:1: a JSON object was expected, not list"),
        (row(prompt=None), "bad.jsonl:1: the field 'prompt' is missing or no text"),
        (row(code_context=3), "bad.jsonl:1: the field 'code_context' is missing or no text"),
        (row(code_context="x = 1"), r"bad.jsonl:1: its code_context has no \[insert\]"),
        (row(metadata=None), "bad.jsonl:1: the field 'metadata' is missing"),
        (row(metadata={"library": "Polars"}), r"bad.jsonl:1: no library of DS-1000: 'Polars'; there are: Matplotlib,"),
        (row(metadata={"library": "Numpy", "test_case_cnt": "many"}), "metadata.test_case_cnt is no whole number"),
        (row() + "\n\n" + row(), r"two problems are Numpy/0"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, text, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(RunError, match=said):
        data.opened(path, "completion")


def test_problems_are_counted_where_records_have_no_number(tmp_path):
    path = tmp_path / "plain.jsonl"
    path.write_text("\n".join(row(metadata={"library": name}) for name in ("Numpy", "Scipy", "Numpy")), "utf-8")
    found = data.opened(path, "completion")
    assert list(found.tasks) == ["Numpy/0", "Scipy/0", "Numpy/1"]
    assert found.rows == {0: "Numpy/0", 1: "Scipy/0", 2: "Numpy/1"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (".cfg", "[test]\ntest_case_cnt = 1\n", r"q0/.cfg: test_type and test_case_cnt are wanted"),
        (".cfg", "nothing", r"q0/.cfg: test_type and test_case_cnt are wanted"),
        ("prompt.txt", None, "has no readable prompt.txt"),
        ("code_context.txt", "x = 1", r"code_context.txt has no \[insert\]"),
        ("reference_code.txt", b"\xff", "reference_code.txt: not UTF-8"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_wrong_with_a_tree_is_said_with_its_file(tmp_path, name, content, said, packed):
    root = ds1000_problems.tree(tmp_path / "tree")
    path = root / "Numpy" / "Completion" / "q0" / name
    path.unlink() if content is None else path.write_bytes(content if isinstance(content, bytes) else content.encode())
    where = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root)) if packed else root
    with pytest.raises(RunError, match=said):
        data.opened(where, "completion")


@pytest.mark.parametrize("kind", ["missing", "empty folder", "damaged gzip", "damaged zip"])
def test_what_is_no_data_is_said_with_where_to_get_them(tmp_path, kind):
    path = tmp_path / "data"
    if kind == "empty folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\x1f\x8bnot really" if kind == "damaged gzip" else b"PK\x05\x06 not really")
    with pytest.raises(RunError, match=r"ds1000.data: .*data"):
        data.opened(path, "completion")


class Answer:
    def __init__(self, content):
        self.content = content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, most):
        return self.content[:most]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(download.models, "cache_dir", lambda: tmp_path)
    return tmp_path / "ds1000" / "ds1000.jsonl.gz"


def test_the_official_file_is_downloaded_once_and_checked(cache, monkeypatch):
    content, asked = gzip.compress(OWN.read_bytes()), []
    monkeypatch.setattr(urllib.request, "urlopen", lambda address, timeout: asked.append(address) or Answer(content))
    monkeypatch.setattr(download, "OFFICIAL", hashlib.sha256(content).hexdigest())
    assert len(list(Ds1000().problems())) == len(list(Ds1000().problems())) == len(ds1000_problems.PROBLEMS)
    assert (asked, cache.read_bytes()) == ([download.ADDRESS], content)
    assert data.REVISION in download.ADDRESS


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda *_, **__: Answer(b"something else"), r"its sha256 is [0-9a-f]{64}, e8c6daa9"),
        (lambda *_, **__: Answer(b"x" * (9 << 20)), "it has no end"),
        (lambda *_, **__: exec("raise OSError('no way out')"), "no way out"),
    ],
)
def test_data_that_cannot_be_had_are_an_error_that_says_where_they_are(cache, monkeypatch, answer, said):
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(MagicoderError, match=said) as error:
        list(Ds1000().problems())
    for told in ("ds1000: no data", "xlang-ai/DS-1000 at b39aab71", "HKUNLP/DS-1000 at 49c1c543", "set 'data'", "hub"):
        assert told in str(error.value)
    assert not cache.exists()


class Hub:
    """The library `datasets` where the Hub has our problems, or is out of reach."""

    def __init__(self, revision="main"):
        self.revision = revision

    def load_dataset(self, name, *, split, revision):
        assert (name, split) == ("xlangai/DS-1000", "test")
        if revision != self.revision:
            raise ConnectionError("Max retries\nexceeded")
        return [one.record(number) for number, one in enumerate(ds1000_problems.PROBLEMS)]


def test_the_hubs_copy_is_loaded_at_its_revision(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", Hub("abc"))
    benchmark = Ds1000(hub="abc")
    assert [one.id for one in benchmark.problems()] == list(ds1000_problems.BY_ID)
    told = benchmark.provenance()
    assert (told["data"], len(told["sha256"])) == ("xlangai/DS-1000@abc", 64)
    with pytest.raises(
        RunError, match=r"ds1000.hub: .* at other cannot be had \(ConnectionError: Max retries exceeded\)"
    ):
        records.of_hub("other", "completion")


def test_without_its_library_the_hubs_copy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(RunError, match=r"pip install 'magicoder-ds1000\[hub\]', or set 'data'"):
        records.of_hub("main", "completion")
