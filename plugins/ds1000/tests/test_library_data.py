"""Data sets that libraries download: fetched into the environment, seen in the box, told where they are not there."""

import os
import sys
from dataclasses import replace

import ds1000_problems
import pytest
from ds1000_problems import OWN, PYTHON
from magicoder_ds1000 import Ds1000, library_data
from magicoder_ds1000.library_data import FOLDER, SOURCES, Source, fetch

from magicoder_core import Submission

OURS = Source(
    library="Numpy",
    variable="OWN_DATA",
    folder="own-data",
    files=["a.csv", "b.csv"],
    code="import os, pathlib\nfor name in 'ab': (pathlib.Path(os.environ['OWN_DATA']) / f'{name}.csv').write_text(name)",
    call="load_own(",
)


@pytest.fixture
def place(tmp_path):
    """An environment: the Python that runs the tests, at another place."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def offered(monkeypatch, **changes):
    monkeypatch.setattr(library_data, "SOURCES", (replace(OURS, **changes),))


def test_data_sets_are_fetched_once(place, monkeypatch, said):
    offered(monkeypatch)
    assert list(fetch(place, ())) == []
    assert said == ["ds1000: downloading a.csv, b.csv"]
    folder = place / FOLDER / "own-data"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.csv": "a", "b.csv": "b"}
    assert [path.name for path in folder.parent.iterdir()] == ["own-data"], "nothing is left beside it"
    assert library_data.known(place) == ["a.csv", "b.csv"]
    offered(monkeypatch, code="raise SystemExit('asked again')")
    assert list(fetch(place, ())) == []
    (folder / "b.csv").unlink()
    assert "asked again" in next(fetch(place, ()))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise OSError('no network')", "OSError: no network"),
        ("raise SystemExit(3)", "exit status 3"),
        ("pass", "OWN_DATA has no a.csv afterwards"),
        (f"{OURS.code}\nraise OSError('in the midst')", "OSError: in the midst"),
    ],
)
def test_data_sets_that_cannot_be_had_are_told_and_none_is_half_there(place, monkeypatch, code, cause):
    offered(monkeypatch, code=code)
    (line,) = fetch(place, ())
    assert line.startswith(
        f"cannot download a.csv, b.csv ({cause}): Numpy's problems that load them will be shown as broken"
    )
    assert str(place / FOLDER / "own-data") in line
    assert library_data.known(place) == []


def test_a_download_without_end_is_given_up(place, monkeypatch):
    offered(monkeypatch, code="import time; time.sleep(600)")
    monkeypatch.setattr(library_data, "_SECONDS", 0.5)
    assert "no end after 0.5 s" in next(fetch(place, ()))


def test_nothing_is_fetched_for_libraries_that_are_left_out(place, monkeypatch, said):
    offered(monkeypatch)
    assert list(fetch(place, ("Numpy",))) == []
    assert (said, library_data.known(place)) == ([], [])


def test_the_command_tells_what_it_could_not_fetch(place, monkeypatch):
    from magicoder_ds1000 import environments
    from magicoder_ds1000.commands import ds1000

    offered(monkeypatch, code="raise OSError('no network')")
    monkeypatch.setattr(environments, "make", lambda *_, **__: {"numpy": "1.26.4"})
    lines = ds1000.invoke(ds1000.make_context("ds1000", ["env", str(place)]))
    assert lines[0] == "  numpy 1.26.4"
    assert lines[1].startswith("cannot download a.csv, b.csv (OSError: no network)")
    assert lines[-1] == f"made: {place / 'bin' / 'python'}"


def test_each_source_is_of_a_library_and_tells_where_its_files_lie(tmp_path):
    assert {source.library for source in SOURCES} == {"Matplotlib", "Sklearn"}
    for source in SOURCES:
        compile(source.code, source.library, "exec")
    assert library_data.environment(tmp_path) == {}
    (tmp_path / FOLDER / "seaborn-data").mkdir(parents=True)
    assert library_data.environment(tmp_path) == {"SEABORN_DATA": str(tmp_path / FOLDER / "seaborn-data")}


def test_problems_whose_data_sets_are_missing_are_counted(tmp_path):
    contexts = ["sns.load_dataset('tips')", "x = 1", "fetch_california_housing()", "load_dataset(name)"]
    assert library_data.lacking(tmp_path, contexts) == 3
    folder = tmp_path / FOLDER / "scikit-learn-data"
    folder.mkdir(parents=True)
    (folder / "cal_housing_py3.pkz").touch()
    assert library_data.lacking(tmp_path, contexts) == 2


def test_a_benchmark_tells_of_missing_data_sets_and_records_those_that_are_there(tmp_path, monkeypatch, interpreter):
    text = OWN.read_text("utf-8").replace("import copy", "import copy  # load_own(", 1)
    path = tmp_path / "own.jsonl"
    path.write_text(text, "utf-8")
    offered(monkeypatch)
    monkeypatch.setattr(Ds1000, "_interpreter", property(lambda _: replace(interpreter, prefix=tmp_path)))
    subject = Ds1000(data=path, interpreter=PYTHON)
    (told,) = [line for line in subject.doubts() if "data sets" in line]
    assert told.startswith("1 problems load data sets that are not on this machine, and will be shown as broken")
    assert "interpreter's data sets" not in subject.provenance()
    (tmp_path / FOLDER / "own-data").mkdir(parents=True)
    for name in OURS.files:
        (tmp_path / FOLDER / "own-data" / name).touch()
    assert not [line for line in subject.doubts() if "data sets" in line]
    assert subject.provenance()["interpreter's data sets"] == "a.csv, b.csv"


def test_a_program_reads_them_and_cannot_change_them(tmp_path, monkeypatch, has, interpreter):
    has("Numpy")
    folder = tmp_path / FOLDER / "own-data"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("seen", "utf-8")
    offered(monkeypatch)
    monkeypatch.setattr(Ds1000, "_interpreter", property(lambda _: replace(interpreter, prefix=tmp_path)))
    right = ds1000_problems.BY_ID["Numpy/0"].right
    reads = f"import os\nassert open(os.path.join(os.environ['OWN_DATA'], 'a.csv')).read() == 'seen'\n{right}"
    writes = f"import os\nopen(os.path.join(os.environ['OWN_DATA'], 'a.csv'), 'w').write('changed')\n{right}"
    given = [Submission(problem_id="Numpy/0", code=code, sample=number) for number, code in enumerate((reads, writes))]
    first, second = Ds1000(data=OWN, interpreter=PYTHON).judge(iter(given))
    assert (first.status, second.status) == ("pass", "fail"), first.detail
    assert (folder / "a.csv").read_text("utf-8") == "seen"
    assert os.access(folder / "a.csv", os.W_OK), "and that is not by its mode"
