"""A whole job: the same files on any number of workers, from any cut of the rows, and after any stop."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from magicoder_core import RunError
from magicoder_core.filtering import reading, state, work
from magicoder_core.filtering.outputs import Growing
from magicoder_core.filtering.writing import Files

CHAIN = ("without", "turns", "measure", "exact-duplicates", "below")
LIMITED = {"options": ("below.score=turn", "below.limit=6")}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Many batches and units of few rows."""
    monkeypatch.setattr(reading, "_BLOCK", 700)
    monkeypatch.setattr(reading, "_UNIT", 2500)
    monkeypatch.setattr(reading, "_ROWS", 8)


@pytest.fixture
def data(write, rows):
    """A file of 120 rows."""
    return write(rows(120))


@pytest.fixture
def cut(write, rows):
    """The same rows in so many files, of which some do not end with a line's end."""

    def cut(count):
        size = -(-120 // count)
        paths = [write(rows(min(size, 120 - at), at), f"part-{at:03}.jsonl") for at in range(0, 120, size)]
        for path in paths[::2]:
            path.write_bytes(path.read_bytes().removesuffix(b"\n"))
        return paths

    return cut


@pytest.fixture
def expected(done, data):
    """What comes out of 120 rows by a job without any trouble."""
    outcome, kept, rejected = done(data, *CHAIN, name="expected", **LIMITED)
    return outcome, kept, rejected


def test_rows_end_in_one_of_two_files_with_what_was_said(expected, rows, lines):
    outcome, kept, rejected = expected
    kept_rows, dropped = lines(kept), lines(rejected)
    assert len(kept_rows) + len(dropped) == outcome.tally.rows == 120
    assert (len(kept_rows), outcome.tally.kept) == (outcome.tally.kept, 120 - len(dropped))
    bare = [{name: row[name] for name in rows(1)[0]} for row in kept_rows + dropped]
    assert sorted(map(json.dumps, bare)) == sorted(map(json.dumps, rows(120)))
    assert {row["rejected"]["filter"] for row in dropped} == set(CHAIN)
    assert all(row["scores"]["length"] < 90 and "rejected" not in row for row in kept_rows)
    assert any(row["flags"][0]["filter"] == "measure" for row in kept_rows if "flags" in row)
    assert outcome.said[1] == {"seen": 109}


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_makes_no_difference(expected, done, data, workers):
    outcome, kept, rejected = done(data, *CHAIN, workers=workers, **LIMITED)
    assert (kept, rejected) == expected[1:]
    assert outcome.tally == expected[0].tally
    assert list(outcome.said) == list(expected[0].said)


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (2, 1), (7, 1), (7, 2)])
def test_how_rows_are_cut_into_files_makes_no_difference(expected, done, cut, count, workers):
    outcome, kept, rejected = done(cut(count), *CHAIN, workers=workers, **LIMITED)
    assert (kept, rejected) == expected[1:]
    assert outcome.tally == expected[0].tally


def stop_after(path, turn):
    path.write_text(str(turn))


@pytest.fixture
def troubled(tmp_path, job, write, rows, monkeypatch):
    """A job whose filter fails after some rows, as long as a file says so; states are saved at each batch."""
    monkeypatch.setattr(state, "_EVERY", 0.0)
    stop = tmp_path / "stop"

    def troubled(*turns, kind=".jsonl", workers=1, killed=False, use=CHAIN, **wish):
        # Parquet has one type for a column.
        path = write([row | {"extra": None} for row in rows(120)] if kind == ".parquet" else rows(120))
        given = dict(LIMITED, **wish)
        given["options"] = (*given["options"], f"turns.stop={stop}")
        made = job(path, *use, kind=kind, workers=workers, **given)
        for turn in turns:
            stop_after(stop, turn)
            with monkeypatch.context() as patch:
                if killed:  # nothing is put in order: the state is what the last save left
                    patch.setattr(work._Work, "_stop", lambda self: None)
                with pytest.raises(RunError, match="was too much"):
                    work.run(made)
            assert not made.kept.exists()
        stop.unlink(missing_ok=True)
        return made

    return troubled


@pytest.mark.parametrize("how", [{"workers": 1}, {"killed": True}, {"killed": True, "workers": 2}], ids=str)
@pytest.mark.parametrize("turns", [(0,), (1,), (50,), (108,), (10, 11, 40, 90)], ids=str)
def test_what_was_stopped_goes_on_to_the_same_files(expected, troubled, turns, how, said):
    made = troubled(*turns, **how)
    before = state.read(made.state)
    outcome = work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]
    assert outcome.tally == expected[0].tally
    assert list(outcome.said) == list(expected[0].said)
    assert not [line for line in said if "made anew" in line]
    if turns[-1] >= 50 and "killed" not in how:  # else it depends on the disk how far the last state was
        assert before["position"][1] > 1000


def test_what_was_written_past_the_last_state_is_cut_off(expected, troubled):
    made = troubled(60, killed=True)
    for name in ("K.jsonl.part", "K-rejected.jsonl.part", "K.jsonl.decisions.part"):
        with (made.kept.parent / name).open("ab") as part:
            part.write(b'{"half a line')
    work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]


@pytest.mark.parametrize("left", ["", "{", "[]", '{"form": 0}'])
def test_a_state_that_cannot_be_read_is_none(expected, troubled, left):
    made = troubled(60)
    made.state.write_text(left)
    work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]


def test_a_part_that_is_gone_means_to_begin_anew(expected, troubled, said):
    made = troubled(60)
    (made.kept.parent / "K-rejected.jsonl.part").unlink()
    work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]
    assert said[-1].endswith("made anew, because files of the interrupted try are gone")


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("step", ["finish", "clear"])
def test_stopped_while_files_get_their_names_it_goes_on(troubled, monkeypatch, kind, step):
    if kind == ".parquet":
        pytest.importorskip("pyarrow")
    whole = troubled(kind=kind)
    work.run(whole)
    wanted = (whole.kept.read_bytes(), whole.rejected.read_bytes())
    for path in (whole.kept, whole.rejected, whole.state):
        path.unlink()
    made = troubled(kind=kind)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        if step == "clear":
            patch.setattr(Files, "clear", staticmethod(die))
        else:
            patch.setattr("magicoder_core.filtering.outputs.Output.finish", _once(die))
        with pytest.raises(Killed):
            work.run(made)
    outcome = work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == wanted
    assert outcome.tally.rows == 120
    assert [path.name for path in sorted(made.kept.parent.glob("K*part*"))] == []


def _once(die):
    """The second output is not finished."""
    from magicoder_core.filtering.outputs import Output

    real, calls = Output.finish, []

    def finish(self, table):
        calls.append(self)
        return real(self, table) if len(calls) == 1 else die()

    return finish


def test_what_is_done_is_not_done_again(expected, job, data, monkeypatch):
    made = job(data, *CHAIN, name="expected", **LIMITED)
    monkeypatch.setattr(work._Work, "run", None)
    outcome = work.run(made)
    assert outcome.known
    assert outcome.tally == expected[0].tally


def test_new_begins_anew(expected, done, data):
    outcome, kept, rejected = done(data, *CHAIN, name="expected", new=True, **LIMITED)
    assert not outcome.known
    assert (kept, rejected) == expected[1:]


def test_other_options_and_other_rows_begin_anew_and_say_what_changed(expected, done, data, said):
    outcome, _, _ = done(data, *CHAIN, name="expected", options=("below.score=turn", "below.limit=5"))
    assert not outcome.known
    assert "expected.jsonl: made anew, because this changed: below: limit: 6.0 -> 5.0" in said[-1]
    with data.open("ab") as more:
        more.write(data.read_bytes().splitlines(keepends=True)[0])
    outcome, _, _ = done(data, *CHAIN, name="expected", options=("below.score=turn", "below.limit=5"))
    assert outcome.tally.rows == 121
    assert f"{data}: bytes: " in said[-1]


def test_an_output_that_was_changed_since_is_made_anew(expected, done, data, said, tmp_path):
    (tmp_path / "expected.jsonl").write_text("mine")
    _, kept, rejected = done(data, *CHAIN, name="expected", **LIMITED)
    assert (kept, rejected) == expected[1:]
    assert "was changed since it was made" in said[-1]


def test_two_at_a_time_are_refused(job, write, rows):
    made = job(write(rows(3)), "without")
    with state.locked(made.kept), pytest.raises(RunError, match="another magicoder writes these files"):
        work.run(made)
    work.run(made)
    assert not list(made.kept.parent.glob("*.lock"))


def test_two_that_write_one_file_are_refused(job, write, rows, tmp_path):
    path = write(rows(3))
    made = replace(job(path, "without"), rejected=tmp_path / "R.jsonl")
    other = replace(job(path, "without", name="L"), rejected=tmp_path / "R.jsonl")
    for held in (made.kept, made.rejected):
        with (
            state.locked(held),
            pytest.raises(RunError, match=f"{held.name}.lock: another magicoder writes these files"),
        ):
            work.run(made)
    with state.locked(made.kept, made.rejected), pytest.raises(RunError, match=r"R\.jsonl\.lock: another magicoder"):
        work.run(other)
    work.run(other)
    assert not list(tmp_path.glob("*.lock"))


def test_which_filter_and_which_of_its_options_changed_is_told(done, data, said):
    def told(*use, **wish):
        said.clear()
        done(data, *use, **wish)
        return said[-1].partition("because this changed: ")[2] if said else ""

    told("without", "length", "without")
    assert told("without", "length", "without", options=("length.min_problem=3",)) == "length: min_problem: 30 -> 3"
    assert told("without", "length", "without", options=("2.word=odd",)) == (
        'length: min_problem: 3 -> 30; without (2): word: "bad" -> "odd"'
    )
    assert told("without", "length") == "filters: without, length, without -> without, length"
    said_ = told("length", "without", options=("length.min_problem=3",))
    assert said_ == "filters: without, length -> length, without; length: min_problem: 30 -> 3"


def test_which_files_changed_is_told(done, cut, said):
    paths = cut(7)
    done(paths, "without")
    done(paths[:2], "without")
    assert f"because this changed: inputs: {paths[0]}, {paths[1]}, " in said[-1]
    assert said[-1].endswith(f" and 2 more -> {paths[0]}, {paths[1]}")


def test_a_worker_that_dies_is_told_and_the_rest_goes_on(job, data, tmp_path):
    armed = tmp_path / "armed"
    armed.touch()
    plain = job(data, *CHAIN, name="plain", **LIMITED)
    work.run(plain)
    options = (*LIMITED["options"], f"fatal.armed={armed}", "fatal.word='Problem 61'")
    made = job(data, *CHAIN, "fatal", workers=2, options=options)
    with pytest.raises(RunError) as caught:
        work.run(made)
    assert "a worker was ended by SIGKILL, as the system does where memory is short, while it judged" in str(
        caught.value
    )
    assert "run the same command again to go on" in str(caught.value)
    armed.unlink()
    work.run(made)
    assert made.kept.read_bytes() == plain.kept.read_bytes()
    assert made.rejected.read_bytes() == plain.rejected.read_bytes()


def test_workers_end_with_the_job(job, write, rows):
    import subprocess

    started = []
    real = subprocess.Popen

    class Noting(real):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Noting)
        work.run(job(write(rows(30)), "without", "turns", workers=3))
        assert len(started) == 3
        assert all(process.poll() is not None for process in started)
        started.clear()
        work.run(job(write(rows(30)), "turns", workers=3, name="L"))
        assert started == [], "no filter judges rows one by one"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON in UTF-8 ("),
        ("[1]", "a JSON object was expected (got [1]); mend or delete it"),
        ('{"problem": "p"}', "no columns problem and solution"),
        ('{"problem": "p", "solution": 3}', "the field 'solution' is no text (got 3)"),
    ],
)
def test_a_line_that_is_no_row_is_told_with_its_place(job, write, rows, line, why):
    path = write(rows(30))
    text = path.read_text().removesuffix("\n").split("\n")
    path.write_text("\n".join([*text[:20], "", line, *text[20:]]))
    with pytest.raises(RunError) as caught:
        work.run(job(path, "without"))
    assert str(caught.value).startswith(f"{path}:22: {why}")
    if why.startswith("no columns"):
        with pytest.raises(RunError) as again:
            work.run(job(path, "without", workers=2))
        assert str(again.value) == str(caught.value)


def test_rows_in_json_and_parquet_are_rows_too(expected, done, rows, lines, tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    whole = rows(120)
    (tmp_path / "a.json").write_text(json.dumps(whole[:40], indent=2))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in whole[40:80]))
    typed = [row | {"extra": [str(item) for item in row["extra"]]} for row in whole[80:]]
    parquet.write_table(pa.Table.from_pylist(typed), tmp_path / "c.parquet", row_group_size=7)
    for workers in (1, 2):
        paths = [tmp_path / "a.json", tmp_path / "b.jsonl", tmp_path / "c.parquet"]
        _, kept, rejected = done(paths, *CHAIN, name=f"mixed{workers}", workers=workers, **LIMITED)
        for made, wanted in ((kept, expected[1]), (rejected, expected[2])):
            bare = [[{**row, "extra": None} for row in lines(text)] for text in (made, wanted)]
            assert bare[0] == bare[1]


def test_no_rows_are_no_rows(done, tmp_path):
    (tmp_path / "none.jsonl").write_bytes(b"\n\n")
    outcome, kept, rejected = done(tmp_path / "none.jsonl", "without", "turns")
    assert (outcome.tally.rows, kept, rejected) == (0, b"", b"")


def test_a_full_disk_loses_nothing_that_was_saved(expected, troubled, monkeypatch):
    """What cannot be written is not believed."""
    made = troubled(60)
    real = os.fdatasync

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(
            RunError, match=r"K\.jsonl\.part: No space left on device; make space and run the same comm"
        ):
            work.run(made)
    assert os.fdatasync is real
    work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]


@pytest.mark.parametrize("what", ["add", "flush", "close"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_of_the_disk_is_one_line_and_the_rest_goes_on(expected, troubled, monkeypatch, what, number):
    made = troubled(60)

    class Full:
        """A file on a disk that takes no more: it can be cut and found, but not written."""

        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def fail(self, *_):
            raise OSError(number, os.strerror(number))

        writelines = fail if what == "add" else lambda self, lines: self._file.writelines(lines)
        flush = fail

        def close(self):
            self._file.close()
            self.fail()

    real = Growing.__init__

    def begun(self, *arguments):
        real(self, *arguments)
        self._file = Full(self._file)

    with monkeypatch.context() as patch:
        patch.setattr(Growing, "__init__", begun)
        if what == "close":
            patch.setattr(Full, "flush", lambda self: self._file.flush())
        with pytest.raises(RunError) as caught:
            work.run(made)
    advice = "make space" if number == errno.ENOSPC else "mend that"
    assert str(caught.value).endswith(
        f"{os.strerror(number)}; {advice} and run the same command again: nothing is lost"
    )
    assert ".jsonl" in str(caught.value).partition(":")[0]
    work.run(made)
    assert (made.kept.read_bytes(), made.rejected.read_bytes()) == expected[1:]


def test_files_that_only_serve_the_work_are_gone_at_its_end(expected, tmp_path):
    names = {path.name for path in Path(tmp_path).iterdir()}
    assert names == {"rows.jsonl", "expected.jsonl", "expected-rejected.jsonl", "expected.jsonl.filter.json"}
