"""Records from folders, files and the Hub, each with where it is from."""

import gzip
import json
import logging
import shutil
from pathlib import Path

import pytest
from magicoder_multipl_e import hub, naming
from magicoder_multipl_e.data import KNOWN, everything, read

from magicoder_core import RunError, progress

REAL = Path(__file__).parents[4] / "shared" / "data" / "multipl-e"
RECORD = {
    "name": "Own_1_f",
    "language": "lua",
    "prompt": "local function f()\n",
    "tests": "os.exit(lu.LuaUnit.run())",
    "stop_tokens": ["\n\n"],
}


def lines(path, *records):
    text = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def heard():
    with progress.reporting(reporter := Heard()):
        yield reporter.lines


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_folder_gives_the_chosen_suites_and_languages(tmp_path, ending, heard):
    lines(tmp_path / f"humaneval-lua-reworded.{ending}", RECORD)
    lines(tmp_path / f"mbpp-lua-reworded.{ending}", RECORD | {"name": "mbpp_2_g"})
    lines(tmp_path / f"humaneval-go-reworded.{ending}", RECORD | {"language": "go_test.go"})
    assert list(read(tmp_path, "humaneval", ("lua",)).tasks) == ["lua/Own_1_f"]
    assert list(read(tmp_path, "both", ("lua",)).tasks) == ["lua/Own_1_f", "lua/mbpp_2_g"]
    assert list(read(tmp_path, "humaneval", ("go", "lua")).tasks) == ["go/Own_1_f", "lua/Own_1_f"]
    assert [task.id for task in everything(tmp_path)] == ["go/Own_1_f", "lua/Own_1_f", "lua/mbpp_2_g"]


def test_one_file_gives_the_languages_that_it_has(tmp_path, heard):
    path = lines(tmp_path / "x.jsonl", RECORD, RECORD | {"language": "rs"}, RECORD | {"name": "Own_2_g"})
    data = read(path, "humaneval", ())
    assert data.languages == ("lua", "rs")
    assert list(data.tasks) == ["lua/Own_1_f", "lua/Own_2_g", "rs/Own_1_f"]
    assert list(read(path, "humaneval", ("rs",)).tasks) == ["rs/Own_1_f"]
    with pytest.raises(RunError, match="holds no task in js, but in lua, rs"):
        read(path, "humaneval", ("js", "rs"))


def test_unknown_bytes_are_named_and_used(tmp_path, heard):
    data = read(lines(tmp_path / "x.jsonl", RECORD), "humaneval", ())
    said = (
        f"warning: multipl-e: x.jsonl is not one of the published files (sha256 {data.sources[0].sha256}); it is used"
    )
    assert heard == [f"{said} all the same"]
    assert not data.sources[0].known


def test_what_decides_verdicts_has_one_hash_wherever_it_lies(tmp_path, heard):
    one = read(lines(tmp_path / "x.jsonl", RECORD), "humaneval", ())
    same = read(lines(tmp_path / "y.jsonl.gz", RECORD | {"original": "elsewhere"}), "humaneval", ())
    other = read(lines(tmp_path / "z.jsonl", RECORD | {"tests": "os.exit(0)"}), "humaneval", ())
    assert one.sha256 == same.sha256 != other.sha256
    assert one.sources[0].sha256 != same.sources[0].sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"x.jsonl:1: not JSON"),
        ("[]", r"x.jsonl:1: a JSON object was expected, not list"),
        (
            json.dumps(RECORD) + "\n" + json.dumps(RECORD | {"tests": 1}),
            r"x.jsonl:2: the field 'tests' is missing or no text",
        ),
        (
            json.dumps(RECORD | {"stop_tokens": "\n"}),
            r"x.jsonl:1: the field 'stop_tokens' is missing or no list of texts",
        ),
        (json.dumps(RECORD | {"language": "cobol"}), r"x.jsonl:1: no language of MultiPL-E is called 'cobol'"),
        (json.dumps(RECORD) + "\n" + json.dumps(RECORD), r"x.jsonl: there are two tasks with the id 'lua/Own_1_f'"),
        ("\n", "x.jsonl holds no task"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, heard, text, message):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(RunError, match=message):
        read(tmp_path / "x.jsonl", "humaneval", ())


def test_files_that_cannot_be_read_are_named(tmp_path, heard):
    (tmp_path / "x.jsonl").write_bytes(b"{}\n\xff")
    with pytest.raises(RunError, match=r"x.jsonl:2: not UTF-8 text"):
        read(tmp_path / "x.jsonl", "humaneval", ())
    (tmp_path / "y.jsonl.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(RunError, match=r"y.jsonl.gz is a damaged gzip file"):
        read(tmp_path / "y.jsonl.gz", "humaneval", ())
    with pytest.raises(RunError, match=r"cannot read .*nowhere.jsonl \(No such file or directory\)"):
        read(tmp_path / "nowhere.jsonl", "humaneval", ())
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"holds no .jsonl file"):
        list(everything(tmp_path / "empty"))


def test_a_folder_without_a_chosen_language_says_what_it_has(tmp_path, heard):
    lines(tmp_path / "humaneval-lua-reworded.jsonl", RECORD)
    with pytest.raises(
        RunError, match=r"has no humaneval-rs-reworded.jsonl, humaneval-js-reworded.jsonl; there are: humaneval-lua"
    ):
        read(tmp_path, "humaneval", ("rs", "js"))


class Hub:
    """The library `datasets`, with one configuration, or out of reach."""

    def __init__(self, records):
        self._records = records

    def load_dataset(self, name, configuration, *, revision, split):
        if configuration not in self._records:
            raise ValueError(f"BuilderConfig {configuration!r} not found")
        assert (name, revision, split) == ("nuprl/MultiPL-E", "abc", "test")
        return self._records[configuration]

    def get_dataset_config_names(self, name, *, revision):
        return list(self._records)


def test_the_hub_is_asked_for_configurations_at_the_revision(monkeypatch):
    hub.loaded.cache_clear()
    records = {"humaneval-lua": [RECORD], "mbpp-lua": [RECORD | {"name": "mbpp_1"}]}
    monkeypatch.setattr(hub, "_library", lambda: Hub(records))
    data = hub.loaded("both", ("lua",), "abc")
    assert list(data.tasks) == ["lua/Own_1_f", "lua/mbpp_1"]
    assert [source.name for source in data.sources] == [
        "nuprl/MultiPL-E@abc humaneval-lua",
        "nuprl/MultiPL-E@abc mbpp-lua",
    ]
    assert [task.id for task in hub.all_of("abc")] == ["lua/Own_1_f", "lua/mbpp_1"]
    with pytest.raises(RunError, match=r"humaneval-rs at revision abc cannot be had \(ValueError: .*\); name a folder"):
        hub.loaded("humaneval", ("rs",), "abc")


def test_a_hub_out_of_reach_is_said_once_and_not_at_each_try(monkeypatch, caplog):
    class Lost(Hub):
        def load_dataset(self, *_args, **_options):
            logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s [Retry 1/5].")
            raise ConnectionError("no way there")

    hub.loaded.cache_clear()
    monkeypatch.setattr(hub, "_library", lambda: Lost({}))
    with pytest.raises(RunError, match=r"cannot be had \(ConnectionError: no way there\)"):
        hub.loaded("humaneval", ("lua",), "abc")
    assert caplog.messages == []
    logging.getLogger("huggingface_hub.utils._http").warning("heard again")
    assert caplog.messages == ["heard again"]


@pytest.mark.parametrize(
    ("word", "key"),
    [("C++", "cpp"), ("go_test.go", "go"), ("JavaScript", "js"), ("js", "js"), ("C#", "cs"), (" rust ", "rs")],
)
def test_languages_have_many_names(word, key):
    assert naming.key(word) == key


def test_no_word_means_two_languages():
    words = [word for key, name in naming.NAMES.items() for word in {key, name.spoken.lower(), *name.others}]
    assert len(words) == len(set(words))


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
def test_the_published_files_are_known(heard, tmp_path):
    for name in KNOWN:
        shutil.copy(REAL / f"{name}-reworded.jsonl", tmp_path)
    languages = tuple(name.partition("-")[2] for name in KNOWN if name.startswith("humaneval"))
    data = read(tmp_path, "humaneval", languages)
    assert heard == []
    assert all(source.known for source in data.sources)
    assert sum(task.language == "cpp" for task in data.tasks.values()) == 161
