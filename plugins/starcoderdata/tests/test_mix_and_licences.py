"""The Stack's schema with its licences, Swift from there, and mixes of languages, from local files."""

import json
from collections import Counter

import datasets
import pyarrow as pa
import pytest
from magicoder_starcoderdata import StarCoderData, TheStack
from pyarrow import parquet

from magicoder_core import RecipeError, RunError, Shard, options, progress
from magicoder_core.seeding import MIXES
from magicoder_core.testing import SeedSourceContract

FOLDERS = {"csharp": "c-sharp"}


def code(name, lines=30):
    return "".join(f"{name}_{number} = {number}\n" for number in range(1, lines + 1))


def of_the_stack(language, count=20, licences=("MIT",)):
    about = {
        "hexsha": "0" * 40,
        "size": 1,
        "ext": "x",
        "lang": language,
        "avg_line_length": 1.5,
        "alphanum_fraction": 0.5,
    }
    return [
        about
        | {
            "hexsha": f"{number:040x}",
            "content": code(f"{language}{number}"),
            "max_stars_repo_path": f"/src/{number}.x",
            "max_stars_repo_name": f"owner/{language}-{number}",
            "max_stars_repo_head_hexsha": "f" * 40,
            "max_stars_repo_licenses": list(licences),
            "max_stars_count": float(number),
            "max_stars_repo_stars_event_min_datetime": None,
            "max_forks_repo_licenses": ["GPL-3.0"],
        }
        for number in range(count)
    ]


def of_starcoderdata(language, count=20):
    return [{"id": f"{language}{n}", "content": code(f"{language}{n}"), "max_stars_count": 1} for n in range(count)]


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(value) + "\n" for value in values))
    else:
        parquet.write_table(pa.Table.from_pylist(values), path)
    return str(path)


@pytest.fixture
def paper(tmp_path):
    """A small copy of what the published mix was drawn from."""
    for language in MIXES["paper"]:
        values = of_the_stack("Swift") if language == "swift" else of_starcoderdata(language, 90)
        write(tmp_path / "paper" / FOLDERS.get(language, language) / "x.parquet", values)
    return str(tmp_path / "paper")


class Heard(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def draw_all(source, shard=None):
    heard = Heard()
    with progress.reporting(heard):
        return list(source.snippets(shard or Shard(seed=7))), heard.lines


class TestContractOfTheStack(SeedSourceContract):
    provider = TheStack()

    @pytest.fixture
    def subject(self, tmp_path):
        write(tmp_path / "data" / "swift" / "a.parquet", of_the_stack("Swift"))
        write(tmp_path / "data" / "c++" / "a.jsonl", of_the_stack("C++"))
        return TheStack(paths=(str(tmp_path),), mix={"swift": 9, "cpp": 4}, licences=("MIT",))


class TestContractOfCompat(SeedSourceContract):
    provider = StarCoderData()

    @pytest.fixture
    def subject(self, tmp_path):
        write(tmp_path / "rust" / "a.parquet", of_starcoderdata("rust"))
        return StarCoderData(paths=(str(tmp_path),), languages=("rust",), mode="compat")


# -- The Stack ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_the_stack_s_origin(tmp_path, name):
    path = write(tmp_path / "data" / "swift" / name, of_the_stack("Swift", 3, ["MIT", "Apache-2.0", "MIT"]))
    snippets, _ = draw_all(TheStack(paths=(path,), languages=("Swift",)))
    assert [(item.language, item.origin.row, item.origin.path) for item in snippets] == [
        ("swift", number, f"src/{number}.x") for number in range(3)
    ]
    origin = snippets[0].origin
    assert (origin.corpus, origin.repository, origin.revision) == ("the-stack", "owner/Swift-0", "f" * 40)
    assert origin.licence == "Apache-2.0 AND MIT"


@pytest.mark.parametrize(
    ("values", "licence"),
    [
        ({"max_stars_repo_licenses": []}, None),
        ({"max_stars_repo_licenses": None}, None),
        ({"max_stars_repo_licenses": ["", " "]}, None),
        ({"max_stars_repo_licenses": ["MIT", None]}, None),
        ({"max_stars_repo_licenses": ["MIT"]}, "MIT"),
        ({"max_stars_repo_licenses": ["MIT OR Zlib", "ISC"]}, "ISC AND (MIT OR Zlib)"),
        ({"license": "mit"}, "mit"),
        ({"licenses": ["ISC", "Zlib"]}, "ISC AND Zlib"),
        ({"max_stars_repo_licenses": 7}, None),
    ],
)
def test_licences_in_any_column(tmp_path, values, licence):
    other = {name: None if value is None else type(value)() for name, value in values.items()}
    rows = [values | {"content": "x = 1\n"}, other | {"content": "y = 1\n"}]
    found = []
    for name in ("x.jsonl", "x.parquet"):
        snippets, _ = draw_all(TheStack(paths=(write(tmp_path / name, rows),)))
        found.append(snippets[0].origin.licence)
    assert found == [licence, licence]


def test_only_allowed_licences_and_what_is_unknown_is_refused(tmp_path):
    given = (["MIT"], ["MIT", "GPL-3.0"], [], None, ["ISC", "mit"], ["GPL-3.0"])
    rows = [row for licences in given for row in of_the_stack("Swift", 1, licences or ())]
    rows[3]["max_stars_repo_licenses"] = None
    path = write(tmp_path / "x.jsonl", rows)
    for mode in ("default", "compat"):
        source = TheStack(paths=(path,), languages=("swift",), licences=("MIT", "ISC"), mode=mode)
        source.check()
        snippets, lines = draw_all(source)
        assert sorted(snippet.origin.row for snippet in snippets) == [0, 4]
        assert lines == ["the-stack: 2 snippets; skipped 4 documents: 2 licence not allowed, 2 licence unknown"]


def test_a_corpus_that_names_no_licence_is_refused_at_once(tmp_path):
    with pytest.raises(RecipeError, match=r"licences: StarCoderData does not say licences, so all python .*the-stack"):
        StarCoderData(licences=("MIT",))
    with pytest.raises(RecipeError, match="all python would"):
        StarCoderData(licences=("MIT",), mix="paper")
    StarCoderData(licences=("MIT",), languages=("swift",))
    TheStack(licences=("MIT",))
    path = write(tmp_path / "x.parquet", of_starcoderdata("python"))
    with pytest.raises(RunError, match=r"licences: .*x\.parquet has no column .* or license or licenses: all would"):
        StarCoderData(licences=("MIT",), paths=(path,)).check()
    StarCoderData(paths=(path,)).check()


# -- mixes -------------------------------------------------------------------------------------------------------------


def test_a_mix_is_exact_in_proportion_and_swift_is_the_stack_s(paper):
    mix = {"python": 80, "c++": 10, "C#": 10, "swift": 20}
    snippets, lines = draw_all(StarCoderData(paths=(paper,), mix=mix))
    assert Counter(item.language for item in snippets) == {"python": 80, "cpp": 10, "csharp": 10, "swift": 20}
    assert Counter(item.language for item in snippets[:24]) == {"python": 16, "cpp": 2, "csharp": 2, "swift": 4}
    assert {item.origin.corpus for item in snippets if item.language == "swift"} == {"the-stack"}
    assert {item.origin.licence for item in snippets if item.language == "swift"} == {"MIT"}
    assert {item.origin.corpus for item in snippets if item.language != "swift"} == {"starcoderdata"}
    assert lines == ["starcoderdata: 120 snippets"]
    limited, _ = draw_all(StarCoderData(paths=(paper,), mix=mix, limit=50))
    assert limited == snippets[:50]


def test_the_paper_s_mix_and_languages_that_run_out_are_said(paper):
    snippets, lines = draw_all(StarCoderData(paths=(paper,), mix="paper"))
    assert Counter(item.language for item in snippets) == dict.fromkeys(MIXES["paper"], 90) | {"swift": 20}
    assert "starcoderdata: swift ran out after 20 of 5,000 snippets" in lines
    assert "starcoderdata: python ran out after 90 of 40,000 snippets" in lines
    assert lines[-1] == "starcoderdata: 740 snippets"
    first, lines = draw_all(StarCoderData(paths=(paper,), mix="paper", limit=160))
    assert first == snippets[:160]
    assert Counter(item.language for item in first) == dict.fromkeys(MIXES["paper"], 10) | {"python": 80}
    assert lines == ["starcoderdata: 160 snippets"]


@pytest.mark.parametrize("count", [2, 3, 8])
def test_shards_of_a_mix_are_the_whole(paper, count):
    source = StarCoderData(paths=(paper,), mix={"python": 30, "swift": 50, "rust": 7})
    whole, _ = draw_all(source)
    parts = [draw_all(source, Shard(seed=7, index=index, count=count))[0] for index in range(count)]
    assert sorted(item.id for part in parts for item in part) == sorted(item.id for item in whole)
    assert all(parts)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mix": "papers"}, "mix: no mix 'papers'; did you mean 'paper'"),
        ({"mix": {}}, "mix: at least one language"),
        ({"mix": {"c#": 1, "csharp": 1}}, "mix: 'csharp' is named twice"),
        ({"mix": {"../x": 1}}, r"seed_source.mix: no language '\.\./x'"),
        ({"mix": {"python": 0}}, r"mix.python: must be at least 1 \(got 0\)"),
        ({"mix": {"python": 1}, "languages": ("rust",)}, "mix: names the languages itself; leave `languages` out"),
    ],
)
def test_wrong_mixes(given, message):
    with pytest.raises(RecipeError, match=message):
        StarCoderData(**given)


def test_a_mix_in_a_recipe():
    source = options.bind(StarCoderData, {"mix": {"python": 3, "rust": 1}, "limit": 2}, "seed_source")
    assert options.values(source)["mix"] == {"python": 3, "rust": 1}
    assert options.bind(TheStack, {"mix": "paper"}, "seed_source").mix == "paper"
    with pytest.raises(RecipeError, match=r"seed_source\.mix"):
        options.bind(StarCoderData, {"mix": {"python": "many"}}, "seed_source")


# -- the Hub -----------------------------------------------------------------------------------------------------------


def test_each_language_is_asked_for_where_it_is(monkeypatch, tmp_path):
    load, calls = datasets.load_dataset, []

    def load_dataset(name, **given):
        calls.append((name, given["data_dir"], given["revision"]))
        values = of_the_stack("") if "stack" in name else of_starcoderdata("x")
        path = write(tmp_path / f"{len(calls)}.parquet", values)
        return load("parquet", data_files=path, split="train", streaming=True)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    mix = {"csharp": 2, "cpp": 2, "swift": 2}
    snippets, _ = draw_all(StarCoderData(mix=mix, revision="one", stack_revision="two"))
    assert calls == [
        ("bigcode/starcoderdata", "c-sharp", "one"),
        ("bigcode/starcoderdata", "cpp", "one"),
        ("bigcode/the-stack", "data/swift", "two"),
    ]
    assert Counter((item.language, item.origin.corpus, item.origin.licence) for item in snippets) == {
        ("csharp", "bigcode/starcoderdata@one", None): 2,
        ("cpp", "bigcode/starcoderdata@one", None): 2,
        ("swift", "bigcode/the-stack@two", "MIT"): 2,
    }
    calls.clear()
    draw_all(TheStack(mix=mix, licences=("MIT",), revision="three"))
    assert calls == [("bigcode/the-stack", f"data/{name}", "three") for name in ("c-sharp", "c++", "swift")]


def test_the_stack_s_terms_are_its_own(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    for source in (TheStack(), StarCoderData(languages=("swift",))):
        with pytest.raises(
            RunError, match=r"^bigcode/the-stack is gated, .*datasets/bigcode/the-stack and set HF_TOKEN"
        ):
            source.check()
