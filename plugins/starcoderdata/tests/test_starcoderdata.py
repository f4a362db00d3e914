"""Local files in the corpus's schema, and the Hub's stream with the Hub itself replaced."""

import json
import pickle
from itertools import islice

import datasets
import httpx
import huggingface_hub
import pyarrow as pa
import pytest
from huggingface_hub.errors import GatedRepoError
from magicoder_starcoderdata import StarCoderData, hub
from magicoder_starcoderdata.documents import document, read_prefix
from pyarrow import parquet

from magicoder_core import RecipeError, RunError, Shard, progress
from magicoder_core.seeding import draw
from magicoder_core.testing import SeedSourceContract


def code(name, lines=40):
    return "".join(f"{name}_{number} = {number}\n" for number in range(1, lines + 1))


def rows(language, count=30):
    return [
        {
            "max_stars_repo_path": f"src/{language}_{number}.x",
            "max_stars_repo_name": f"owner/{language}-{number}",
            "max_stars_count": number,
            "id": str(number),
            "content": code(f"{language}{number}"),
        }
        for number in range(count)
    ]


def write_jsonl(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


def write_parquet(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(values), path)
    return str(path)


def draw_all(shard=None, **options):
    return list(StarCoderData(**options).snippets(shard or Shard(seed=7)))


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


class TestContract(SeedSourceContract):
    provider = StarCoderData()
    empty = StarCoderData()

    @pytest.fixture
    def subject(self, tmp_path):
        write_parquet(tmp_path / "python" / "a.parquet", rows("python"))
        write_jsonl(tmp_path / "rust" / "b.jsonl", rows("rust", 12))
        return StarCoderData(paths=(str(tmp_path),), languages=("python", "rust"))

    @pytest.fixture(autouse=True)
    def _empty(self, tmp_path):
        type(self).empty = StarCoderData(paths=(write_jsonl(tmp_path / "empty" / "e.jsonl", []),))


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_snippets_and_their_origin(write, tmp_path):
    path = write(tmp_path / f"x.{write.__name__.removeprefix('write_')}", rows("python", 5))
    snippets = draw_all(paths=(path,))
    assert len(snippets) == 5
    for number, snippet in enumerate(snippets):
        whole = code(f"python{number}").splitlines(keepends=True)
        first, last = snippet.origin.lines
        assert snippet.code == "".join(whole[first - 1 : last])
        assert 1 <= last - first + 1 <= 15
        assert snippet.language == "python"
        assert (snippet.origin.repository, snippet.origin.path) == (f"owner/python-{number}", f"src/python_{number}.x")
        assert snippet.origin.licence is None
    assert len({snippet.origin.lines for snippet in snippets}) > 1


def test_parquet_and_jsonl_of_the_same_rows_draw_the_same(tmp_path):
    values = rows("python")
    one = draw_all(paths=(write_jsonl(tmp_path / "a.jsonl", values),))
    two = draw_all(paths=(write_parquet(tmp_path / "b.parquet", values),))
    # A star count is a float in some shards of the corpus, and a snippet must not depend on its place.
    moved = [value | {"max_stars_count": 3.0} for value in reversed(values)]
    three = draw_all(paths=(write_parquet(tmp_path / "c.parquet", moved),))
    assert [snippet.id for snippet in one] == [snippet.id for snippet in two]
    assert {snippet.id for snippet in one} == {snippet.id for snippet in three}


def test_columns_may_be_more_or_fewer(tmp_path):
    values = [
        {"content": code("a"), "lang": "Python", "extra": [1, 2]},
        {"content": code("b"), "lang": "", "extra": []},
    ]
    snippets = draw_all(paths=(write_parquet(tmp_path / "x.parquet", values),))
    assert [snippet.origin.path for snippet in snippets] == ["x.parquet/0", "x.parquet/1"]
    assert {snippet.origin.repository for snippet in snippets} == {None}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("<reponame>a/b<filename>src/x.py<gh_stars>10-100\n", ("a/b", "src/x.py", "10-100")),
        ("<reponame>a/b\n", ("a/b", None, None)),
        ("<filename>a <b>.py<gh_stars>0\n", (None, "a <b>.py", "0")),
        ("<gh_stars>1000+\n", (None, None, "1000+")),
        ("<reponame>a/b<gh_stars>0\r\n", ("a/b", None, "0")),
        ("<filename>only", (None, "only", None)),
    ],
)
def test_the_line_of_tags(line, expected):
    prefix = read_prefix(line + ("code\n" if line.endswith("\n") else ""))
    assert (prefix.repository, prefix.path, prefix.stars) == expected
    assert prefix.end == len(line)


@pytest.mark.parametrize("content", ["", "x = 1\n", "# <reponame>a\n", "\n<reponame>a/b\n", "<html>\n"])
def test_what_is_no_line_of_tags(content):
    assert read_prefix(content).end == 0


def test_tags_are_stripped_and_fill_the_origin(tmp_path):
    content = "<reponame>o/r<filename>p/q.py<gh_stars>1-10\nprint(1)\n"
    values = [{"content": content}, {"content": content.replace("p/q", "p/z"), "max_stars_repo_name": "real/name"}]
    one, two = draw_all(paths=(write_jsonl(tmp_path / "x.jsonl", values),))
    assert one.code == "print(1)\n"
    assert one.origin.lines == (1, 1)
    assert (one.origin.repository, one.origin.path) == ("o/r", "p/q.py")
    assert (two.origin.repository, two.origin.path) == ("real/name", "p/z.py")


def test_what_gives_no_snippet_is_skipped_and_counted(tmp_path):
    contents = ["", None, " \n\t\n", "a\0b\n", "<gh_stars>0\n", "x = 1\n"]
    heard = Heard()
    with progress.reporting(heard):
        snippets = draw_all(paths=(write_jsonl(tmp_path / "x.jsonl", [{"content": each} for each in contents]),))
    assert [snippet.code for snippet in snippets] == ["x = 1\n"]
    assert heard.lines == ["starcoderdata: 1 snippets; skipped 5 documents: 1 binary, 4 blank"]


def test_odd_text_is_text(tmp_path):
    contents = ["s = '\ud800'\n", "ж = '日本'\x0c\u2028\r\n", "no newline at the end"]
    snippets = draw_all(paths=(write_jsonl(tmp_path / "x.jsonl", [{"content": each} for each in contents]),))
    assert [snippet.code for snippet in snippets] == contents


def test_languages_take_turns_and_share_the_limit(tmp_path):
    for language in ("python", "rust", "c-sharp", "java"):
        write_jsonl(tmp_path / language / "data.jsonl", rows(language))
    snippets = draw_all(paths=(str(tmp_path),), languages=("python", "CSharp", "c#", "rust"), limit=7)
    assert [snippet.language for snippet in snippets] == ["python", "csharp", "rust"] * 2 + ["python"]


def test_one_language_needs_no_folders_and_several_do(tmp_path):
    write_jsonl(tmp_path / "all.jsonl", rows("x", 2))
    assert len(draw_all(paths=(str(tmp_path),), languages=("rust",))) == 2
    with pytest.raises(RecipeError, match="no folder named 'python'"):
        draw_all(paths=(str(tmp_path),), languages=("python", "rust"))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_share_the_limit(count, tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", [{"content": ""}, *rows("python")])
    whole = draw_all(Shard(seed=3), paths=(path,), limit=11)
    parts = [draw_all(Shard(seed=3, index=index, count=count), paths=(path,), limit=11) for index in range(count)]
    assert sorted(snippet.id for part in parts for snippet in part) == sorted(snippet.id for snippet in whole)
    assert len(whole) == 11


def test_the_run_s_seed_changes_what_is_drawn(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", rows("python"))
    one, two = (draw_all(Shard(seed=seed), paths=(path,)) for seed in (1, 2))
    assert sum(first.id != second.id for first, second in zip(one, two, strict=True)) > 20


def test_the_core_s_draw_is_used(tmp_path):
    row = rows("python", 1)[0]
    (snippet,) = draw_all(Shard(seed=5), paths=(write_jsonl(tmp_path / "x.jsonl", [row]),), lines=3)
    drawn = draw(row["content"], document(row, "python", "c", "n").key, 5, 3)
    assert (snippet.code, *snippet.origin.lines) == drawn


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ()}, "languages: at least one"),
        ({"languages": ("swift",)}, "no Swift"),
        ({"languages": ("../etc",)}, "no language '../etc'"),
        ({"limit": 0}, r"limit: must be at least 1 \(got 0\)"),
        ({"lines": -1}, "lines: must be at least 1"),
        ({"paths": ("nowhere",)}, "nowhere does not exist"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(RecipeError, match=message):
        draw_all(**options)


def test_wrong_files(tmp_path):
    text, broken, torn, other = (tmp_path / name for name in ("a.txt", "b.parquet", "c.jsonl", "d.jsonl"))
    text.write_text("x")
    broken.write_bytes(b"PAR1 not really")
    torn.write_text('{"content": "x = 1"}\n{"content": "y')
    other.write_text('{"code": "x = 1", "id": "1"}\n')
    latin = tmp_path / "e.jsonl"
    latin.write_bytes(b'{"content": "\xe4"}\n')
    for path, kind, message in (
        (text, RecipeError, "neither .parquet nor .jsonl"),
        (broken, RunError, "b.parquet: cannot be read as Parquet"),
        (torn, RunError, "c.jsonl:2: not JSON"),
        (other, RunError, r"d.jsonl: no column 'content' \(there are: code, id\)"),
        (latin, RunError, "e.jsonl:1: not UTF-8"),
    ):
        with pytest.raises(kind, match=message) as info:
            draw_all(paths=(str(path),))
        assert "\n" not in str(info.value)


# -- the Hub -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The real library streams, from a file of ours; yields what it was asked for."""
    calls = []
    load = datasets.load_dataset

    def load_dataset(name, **options):
        calls.append((name, options))
        path = write_parquet(tmp_path / f"{options['data_dir']}.parquet", rows(options["data_dir"], 5))
        return load("parquet", data_files=path, split="train", streaming=True)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    return calls


def test_the_hub_is_streamed_with_the_token(asked):
    snippets = draw_all(languages=("python", "csharp"), revision="abc")
    assert [snippet.language for snippet in snippets] == ["python", "csharp"] * 5
    assert {snippet.origin.corpus for snippet in snippets} == {"bigcode/starcoderdata@abc"}
    expected = {"split": "train", "streaming": True, "revision": "abc", "token": "hf_secret"}
    assert asked == [("bigcode/starcoderdata", {"data_dir": name} | expected) for name in ("python", "c-sharp")]


def test_nothing_is_asked_before_the_first_snippet(asked):
    snippets = StarCoderData().snippets(Shard())
    assert asked == []
    assert len(list(islice(snippets, 2))) == 2


def test_the_hub_and_local_files_draw_the_same(asked, tmp_path):
    local = draw_all(paths=(write_jsonl(tmp_path / "x.jsonl", rows("python", 5)),))
    assert [snippet.code for snippet in draw_all()] == [snippet.code for snippet in local]


def test_without_a_token_one_line_says_what_to_do(monkeypatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(RunError) as info:
        draw_all(token_env="MY_TOKEN")
    assert str(info.value) == (
        "bigcode/starcoderdata is gated, and there is no token: accept the terms at "
        "huggingface.co/datasets/bigcode/starcoderdata and set MY_TOKEN to your access token"
    )


def _gated():
    response = httpx.Response(403, request=httpx.Request("GET", "http://127.0.0.1/"))
    return GatedRepoError("403 Client Error.\n\nCannot access gated repo", response=response)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            _gated(),
            "the Hub does not give bigcode/starcoderdata/python with this token: accept the terms at .*HF_TOKEN",
        ),
        (datasets.exceptions.DatasetNotFoundError("no\nsuch"), r"accept the terms .*\(no such\)"),
        (datasets.exceptions.DataFilesNotFoundError("empty"), "starcoderdata/python: cannot be streamed: empty"),
        (ConnectionError("offline"), "cannot be streamed: offline"),
        (httpx.ConnectError("no route"), "cannot be streamed: no route"),
    ],
)
def test_what_the_hub_refuses(error, message, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(RunError, match=message) as info:
        draw_all()
    assert "\n" not in str(info.value)
    assert "hf_secret" not in str(info.value)


def test_offline_the_real_library_says_so_in_one_line(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RunError, match="bigcode/starcoderdata/python") as info:
        draw_all()
    assert "\n" not in str(info.value)
    assert "hf_secret" not in str(info.value)


def test_a_token_is_never_part_of_the_provider(asked):
    source = StarCoderData()
    list(source.snippets(Shard()))
    assert "hf_secret" not in f"{source!r}{vars(source)!r}"
    assert b"hf_secret" not in pickle.dumps(source)
    assert hub.CORPUS == "bigcode/starcoderdata"
