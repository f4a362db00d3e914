"""The data: what is read, what is refused, what is downloaded."""

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from magicoder_evalplus import HumanEvalPlus, Mbpp, MbppPlus, download, releases
from magicoder_evalplus.releases import Release

from magicoder_core import MagicoderError, progress

RELEASE = Release("humaneval+", "HumanEvalPlus", "v0.1.10")


class Lines(progress.Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def said(monkeypatch):
    reporter = Lines()
    with progress.reporting(reporter):
        yield reporter.lines


@pytest.fixture
def server(monkeypatch):
    """A host that serves ``server.files`` by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"") + self.server.missing))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as host:
        host.files, host.missing = {}, 0
        thread = threading.Thread(target=host.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr(download, "HOST", f"http://127.0.0.1:{host.server_port}")
        yield host
        host.shutdown()
        thread.join()


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path


@pytest.fixture
def published(monkeypatch, own):
    """Our own data, as if they were the release."""
    monkeypatch.setitem(releases._MD5, RELEASE.name, hashlib.md5(own.read_bytes()).hexdigest())
    return own.read_bytes()


def test_addresses_and_names_are_those_of_evalplus():
    mini = Release("humaneval+", "HumanEvalPlus", "v0.1.10", "mini")
    assert mini.name == "HumanEvalPlus-Mini-v0.1.10"
    assert mini.address == "evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus-Mini.jsonl.gz"
    other = MbppPlus()._release
    assert other.address == "evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz"
    assert Mbpp()._release.address == other.address
    assert HumanEvalPlus(variant="noextreme")._release.name == "HumanEvalPlus-NoExtreme-v0.1.10"


def test_a_release_is_downloaded_once(server, empty_cache, published, said):
    server.files["/" + RELEASE.address] = gzip.compress(published)
    benchmark = HumanEvalPlus()
    benchmark.check()
    assert said == []
    assert len(list(benchmark.problems())) == 8
    assert said[0].startswith("humaneval+: downloading http")
    server.files.clear()
    assert download.obtain(RELEASE) == empty_cache / "cache" / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl.gz"
    assert [path.name for path in download.place(RELEASE).parent.iterdir()] == ["HumanEvalPlus-v0.1.10.jsonl.gz"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "404 Not Found"),
        (b"no gzip", "Not a gzipped file"),
        (gzip.compress(b"something else", mtime=0), "was published"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-5], "end-of-stream"),
    ],
    ids=["missing", "no gzip", "other", "cut off"],
)
def test_a_download_that_fails_is_one_line_and_leaves_nothing(server, empty_cache, published, body, message):
    if body is not None:
        server.files["/" + RELEASE.address] = body
    with pytest.raises(MagicoderError, match=message) as caught:
        list(HumanEvalPlus().problems())
    assert "\n" not in str(caught.value)
    assert "set 'data' to a copy" in str(caught.value)
    assert not download.place(RELEASE).parent.exists()


def test_a_download_that_is_cut_short_is_none(server, empty_cache, published):
    server.files["/" + RELEASE.address] = gzip.compress(published)
    server.missing = 7
    with pytest.raises(MagicoderError, match="bytes arrived"):
        download.obtain(RELEASE)


def test_without_a_network_it_is_said_what_to_do(monkeypatch, empty_cache):
    monkeypatch.setattr(download, "HOST", "http://127.0.0.1:9")
    with pytest.raises(MagicoderError, match=r"Connection refused.*set 'data'"):
        list(MbppPlus().problems())


def test_what_evalplus_has_downloaded_is_taken_if_it_is_whole(empty_cache, published, monkeypatch):
    monkeypatch.setattr(download, "HOST", "http://127.0.0.1:9")
    theirs = empty_cache / "xdg" / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(published)
    assert download.obtain(RELEASE) == theirs
    theirs.write_bytes(published + b"\n")
    with pytest.raises(MagicoderError, match="cannot get"):
        download.obtain(RELEASE)


def test_an_unknown_hash_is_told_and_no_more(own, data_of, records, said):
    path = data_of(records["Own/0"], name="mine.jsonl.gz")
    benchmark = HumanEvalPlus(data=path)
    assert [problem.id for problem in benchmark.problems()] == ["Own/0"]
    md5 = hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest()
    assert said == [f"humaneval+: mine.jsonl.gz is no release that is known here (md5 {md5} of its text)"]
    assert benchmark.provenance()["data_version"] == "unknown"
    assert benchmark.provenance()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_real_files_are_known(real):
    for benchmark, name, version, tasks in (
        (HumanEvalPlus, "evalplus/HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus-v0.1.10", "164"),
        (HumanEvalPlus, "evalplus/HumanEvalPlus-Mini-v0.1.10.jsonl.gz", "HumanEvalPlus-Mini-v0.1.10", "164"),
        (MbppPlus, "evalplus/MbppPlus-v0.2.0.jsonl.gz", "MbppPlus-v0.2.0", "378"),
        (Mbpp, "mbpp/mbpp.jsonl", "mbpp (Google)", "500"),
    ):
        said = benchmark(data=real(name)).provenance()
        assert (said["data_version"], said["tasks"]) == (version, tasks)


def test_evalplus_own_variables_name_a_file_too(monkeypatch, own):
    monkeypatch.setenv("MBPP_OVERRIDE_PATH", str(own))
    assert MbppPlus().inputs() == {"data": own}
    assert len(list(Mbpp().problems())) == 8
    assert HumanEvalPlus().inputs() == {}


GOOD = {
    "task_id": "Own/9",
    "prompt": "",
    "entry_point": "f",
    "canonical_solution": "def f(): return 1",
    "base_input": [[]],
    "plus_input": {},
    "atol": 0,
}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no task"),
        (b"\n \n", "holds no task"),
        (b"{}\n", r"some.jsonl:1: the field 'task_id' is missing"),
        (json.dumps(GOOD).encode() + b"\n{oops\n", r"some.jsonl:2: not JSON"),
        (json.dumps(GOOD).encode() + b"\n[1]\n", r"some.jsonl:2: a JSON object was expected, not list"),
        (json.dumps({**GOOD, "base_input": [1]}).encode(), "the field 'base_input' is missing or no list of"),
        (json.dumps({**GOOD, "plus_input": None}).encode(), "the field 'plus_input'"),
        (json.dumps({**GOOD, "atol": "x"}).encode(), "the field 'atol'"),
        (b"\n\n\xff", r"some.jsonl:3: not UTF-8"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "damaged gzip"),
        (None, "cannot read"),
    ],
    ids=range(11),
)
def test_broken_data_is_one_line_that_names_the_place(tmp_path, raw, message):
    path = tmp_path / "some.jsonl"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(MagicoderError, match=message) as caught:
        HumanEvalPlus(data=path).check()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"semantics": "human-eval"}, "semantics of humaneval\\+ are one of strict, evalplus-0.3.1, evalplus-main"),
        ({"version": "../../x"}, "version must look like v0.1.10"),
        ({"limit": 0}, "limit must be at least 1"),
    ],
)
def test_options_that_make_no_benchmark_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HumanEvalPlus(**options)


HUMANEVAL = {**GOOD, "task_id": "HumanEval/0"}
MBPP = {**GOOD, "task_id": "Mbpp/2"}


@pytest.mark.parametrize(
    ("kind", "record", "message"),
    [
        (
            MbppPlus,
            HUMANEVAL,
            r"mbpp\+.data: \S+ holds the tasks of HumanEval\+; the benchmark for it is 'humaneval\+'",
        ),
        (Mbpp, HUMANEVAL, r"mbpp.data: \S+ holds the tasks of HumanEval\+; the benchmark for it is 'humaneval\+'"),
        (
            HumanEvalPlus,
            MBPP,
            r"humaneval\+.data: \S+ holds the tasks of MBPP\+; the benchmark for it is 'mbpp\+' or 'mbpp'",
        ),
    ],
)
def test_the_data_of_another_benchmark_are_refused(data_of, kind, record, message):
    path = data_of(record, {**record, "task_id": f"{record['task_id']}7"})
    with pytest.raises(MagicoderError, match=message) as caught:
        list(kind(data=path).problems())
    assert "\n" not in str(caught.value)
    assert len(list(kind(data=data_of(record, GOOD, name="mixed.jsonl")).problems())) == 2
    assert len(list(kind(data=data_of(GOOD, name="own.jsonl")).problems())) == 1


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"version": "v0.1.9"}, "version=v0.1.9"),
        ({"variant": "mini"}, "variant=mini"),
        ({"version": "v0.1.9", "variant": "noextreme"}, "version=v0.1.9 and variant=noextreme"),
    ],
)
def test_options_that_a_known_file_contradicts_are_refused(own, monkeypatch, options, given):
    assert len(list(HumanEvalPlus(data=own, **options).problems())) == 8, "nobody knows what it is"
    monkeypatch.setitem(releases._NAMES, hashlib.md5(own.read_bytes()).hexdigest(), RELEASE.name)
    with pytest.raises(MagicoderError) as caught:
        HumanEvalPlus(data=own, **options).check()
    assert str(caught.value) == f"humaneval+.data: {own} is {RELEASE.name}, which is not {given}"
    assert len(list(HumanEvalPlus(data=own).problems())) == 8


def test_options_that_a_known_file_bears_out_are_not_refused(data_of, monkeypatch):
    mini, path = "HumanEvalPlus-Mini-v0.1.10", data_of(GOOD)
    monkeypatch.setitem(releases._NAMES, hashlib.md5(path.read_bytes()).hexdigest(), mini)
    monkeypatch.setenv("HUMANEVAL_OVERRIDE_PATH", str(path))
    assert HumanEvalPlus(variant="mini").provenance()["data_version"] == mini
    assert HumanEvalPlus().provenance()["data_version"] == mini
    with pytest.raises(MagicoderError, match="which is not version="):
        HumanEvalPlus(version="v0.1.9").check()
