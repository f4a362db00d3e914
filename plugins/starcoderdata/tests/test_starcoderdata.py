"""Local files in StarCoderData's schema: what is drawn of them, and what is said of them."""

import json
import subprocess
import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pytest
from magicoder_starcoderdata import StarCoderData, arrow
from magicoder_starcoderdata.documents import COLUMNS, document, read_prefix
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


def write_arrow(path, values):
    """In the format of streams, as ``datasets`` saves its tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(values)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table, max_chunksize=7)
    return str(path)


def write_arrow_file(path, values):
    """In the format of Arrow files (Feather)."""
    path = path.with_suffix(".arrow")
    table = pa.Table.from_pylist(values)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as whole:
        whole.write_table(table, max_chunksize=7)
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


@pytest.mark.parametrize("write", [write_jsonl, write_parquet, write_arrow, write_arrow_file])
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
        assert snippet.origin.row == number
    assert len({snippet.origin.lines for snippet in snippets}) > 1


def test_parquet_and_jsonl_of_the_same_rows_draw_the_same(tmp_path):
    values = rows("python")
    one = draw_all(paths=(write_jsonl(tmp_path / "a.jsonl", values),))
    two = draw_all(paths=(write_parquet(tmp_path / "b.parquet", values),))
    # A star count is a float in some shards of the corpus, and a snippet must not depend on its place.
    moved = [value | {"max_stars_count": 3.0} for value in reversed(values)]
    three = draw_all(paths=(write_parquet(tmp_path / "c.parquet", moved),))
    assert [snippet.id for snippet in one] == [snippet.id for snippet in two]
    assert {snippet.code for snippet in one} == {snippet.code for snippet in three}
    assert [snippet.origin.row for snippet in three] == list(range(30))


def test_columns_may_be_more_or_fewer(tmp_path):
    values = [
        {"content": code("a"), "lang": "Python", "extra": [1, 2]},
        {"content": code("b"), "lang": "", "extra": []},
    ]
    snippets = draw_all(paths=(write_parquet(tmp_path / "x.parquet", values),))
    assert [snippet.origin.path for snippet in snippets] == ["python/0", "python/1"]
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
    assert heard.lines == ["starcoderdata: 1 snippets; skipped 5 documents: 1 binary, 1 blank, 3 empty"]


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
    drawn = draw(row["content"], document([row.get(name) for name in COLUMNS], 0, "python", "c").key, 5, 3)
    assert (snippet.code, *snippet.origin.lines) == drawn


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ()}, "languages: at least one"),
        ({"start": -1}, r"start: must be at least 0 \(got -1\)"),
        ({"start": 5}, "start: only the mode 'compat'"),
        ({"mode": "paper"}, "mode: no mode 'paper'; there are: default, compat"),
        ({"mode": "compat", "lines": 3}, r"lines: the published draw is of at most 15 lines \(got 3\)"),
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
    cut = tmp_path / "f.arrow"
    cut.write_bytes(Path(write_arrow(tmp_path / "whole.arrow", rows("python"))).read_bytes()[:3000])
    text.write_text("x")
    broken.write_bytes(b"PAR1 not really")
    torn.write_text('{"content": "x = 1"}\n{"content": "y')
    other.write_text('{"code": "x = 1", "id": "1"}\n')
    latin = tmp_path / "e.jsonl"
    latin.write_bytes(b'{"content": "\xe4"}\n')
    for path, kind, message in (
        (text, RecipeError, "is none of .parquet, .jsonl, .arrow"),
        (broken, RunError, "b.parquet: cannot be read as Parquet"),
        (torn, RunError, "c.jsonl:2: not JSON"),
        (other, RunError, r"d.jsonl: no column 'content' \(there are: code, id\)"),
        (latin, RunError, "e.jsonl:1: not UTF-8"),
        (cut, RunError, "f.arrow: cannot be read as Arrow"),
    ):
        with pytest.raises(kind, match=message) as info:
            draw_all(paths=(str(path),))
        assert "\n" not in str(info.value)


def test_what_datasets_saves_is_read_without_it(tmp_path):
    saved = datasets.Dataset.from_list(rows("python", 25))
    saved.save_to_disk(tmp_path / "saved" / "python", num_shards=3)
    write_arrow(tmp_path / "saved" / "python" / "cache-0123.arrow", rows("rust", 5))  # a table of datasets' own work
    program = (
        "import sys; from magicoder_starcoderdata import StarCoderData; from magicoder_core import Shard;"
        "print([s.origin.path for s in StarCoderData(paths=(sys.argv[1],)).snippets(Shard())]); assert 'datasets' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "saved")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([f"src/python_{number}.x" for number in range(25)])


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary(), pa.string_view()]
)
def test_text_in_any_of_arrow_s_ways(tmp_path, kind):
    table = pa.table({"content": pa.array([code("a"), None, code("b")], pa.string()).cast(kind), "id": [1, None, 3]})
    parquet.write_table(table, tmp_path / "x.parquet")
    assert [snippet.origin.row for snippet in draw_all(paths=(str(tmp_path),))] == [0, 2]


def test_what_is_no_utf_8_is_binary(tmp_path):
    bad = pa.array([b"x = 1\n", b"\xff\xfe\n", b"y = 1\n"])
    for name, column in (("binary", bad), ("text", pa.StringArray.from_buffers(3, *bad.buffers()[1:]))):
        parquet.write_table(pa.table({"content": column}), tmp_path / f"{name}.parquet")
        heard = Heard()
        with progress.reporting(heard):
            snippets = draw_all(paths=(str(tmp_path / f"{name}.parquet"),))
        assert [snippet.code for snippet in snippets] == ["x = 1\n", "y = 1\n"]
        assert heard.lines == ["starcoderdata: 2 snippets; skipped 1 documents: 1 binary"]


def test_files_and_blocks_of_any_size_draw_the_same(tmp_path, monkeypatch):
    values = rows("python", 40)
    one = draw_all(paths=(write_parquet(tmp_path / "one" / "a.parquet", values),))
    for number in range(0, 40, 7):
        write_parquet(tmp_path / "many" / f"train-{number:05}.parquet", values[number : number + 7])
    assert draw_all(paths=(str(tmp_path / "many"),)) == one
    monkeypatch.setattr(arrow, "ROWS", 3)
    assert draw_all(paths=(str(tmp_path / "one"),)) == one


@pytest.mark.parametrize("folder", ["c-sharp", "CSharp", "c#", "csharp"])
@pytest.mark.parametrize("asked", ["c-sharp", "C#", "csharp"])
def test_languages_are_understood_however_they_are_written(tmp_path, folder, asked):
    write_jsonl(tmp_path / folder / "x.jsonl", rows("a", 2))
    write_jsonl(tmp_path / "python" / "x.jsonl", rows("b", 2))
    snippets = draw_all(paths=(str(tmp_path),), languages=(asked,))
    assert [(snippet.language, snippet.origin.path) for snippet in snippets] == [
        ("csharp", "src/a_0.x"),
        ("csharp", "src/a_1.x"),
    ]


def test_the_innermost_folder_tells_the_language_and_none_above_the_path(tmp_path):
    top = tmp_path / "rust" / "python"
    write_jsonl(top / "java" / "x.jsonl", rows("a", 1))
    write_jsonl(top / "x.jsonl", rows("b", 1))
    assert [item.origin.path for item in draw_all(paths=(str(top),), languages=("java",))] == ["src/a_0.x"]
    assert [item.origin.path for item in draw_all(paths=(str(top),))] == ["src/b_0.x"]
    with pytest.raises(RecipeError, match="no folder named 'rust'"):
        draw_all(paths=(str(top),), languages=("rust",))


def test_a_row_of_another_language_is_left_out(tmp_path):
    values = [{"content": code(str(n)), "lang": lang} for n, lang in enumerate(["C++", "cpp", "C", "", None, "Cap'n"])]
    heard = Heard()
    with progress.reporting(heard):
        snippets = draw_all(paths=(write_parquet(tmp_path / "x.parquet", values),), languages=("c++",))
    assert [(snippet.language, snippet.origin.row) for snippet in snippets] == [
        ("cpp", 0),
        ("cpp", 1),
        ("cpp", 3),
        ("cpp", 4),
    ]
    assert heard.lines == ["starcoderdata: 4 snippets; skipped 2 documents: 2 of another language"]


def test_the_check_looks_at_local_files(tmp_path):
    write_jsonl(tmp_path / "python" / "x.jsonl", rows("a", 2))
    StarCoderData(paths=(str(tmp_path),)).check()
    (tmp_path / "empty").mkdir()
    for options, kind, message in (
        ({"paths": ("nowhere",)}, RecipeError, "nowhere does not exist"),
        ({"paths": (str(tmp_path),), "languages": ("java",)}, RecipeError, "no folder named 'java'"),
        ({"paths": (str(tmp_path / "empty"),)}, RunError, "no .parquet or .jsonl or .arrow file in"),
    ):
        with pytest.raises(kind, match=message):
            StarCoderData(**options).check()
