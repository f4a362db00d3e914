"""The Hub's stream, by the real library, with the Hub itself replaced by files."""

import pickle
from itertools import islice

import datasets
import httpx
import huggingface_hub
import pyarrow as pa
import pytest
from huggingface_hub.errors import GatedRepoError
from magicoder_starcoderdata import StarCoderData
from pyarrow import parquet

from magicoder_core import RunError, Shard


def rows(name, count):
    about = {"max_stars_repo_name": "owner/name", "max_stars_count": 7}
    code = "".join(f"{name}_{line} = {line}\n" for line in range(1, 41))
    return [
        about | {"max_stars_repo_path": f"src/{number}.x", "id": str(number), "content": code}
        for number in range(count)
    ]


def write_parquet(path, values):
    parquet.write_table(pa.Table.from_pylist(values), path)
    return str(path)


def draw_all(**options):
    return list(StarCoderData(**options).snippets(Shard(seed=7)))


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The real library streams, from a file of ours; yields what it was asked for."""
    calls = []
    load = datasets.load_dataset

    def load_dataset(name, **options):
        calls.append((name, options))
        # Star counts of one shard are whole numbers, those of the next are none: it happens in sets derived from these.
        values = rows(options["data_dir"], 5)
        names = [f"{options['data_dir'].replace('/', '-')}-{number}.parquet" for number in range(2)]
        path = [
            write_parquet(tmp_path / names[0], values[:3]),
            write_parquet(tmp_path / names[1], [value | {"max_stars_count": 2.0} for value in values[3:]]),
        ]
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
    local = draw_all(paths=(write_parquet(tmp_path / "x.parquet", rows("python", 5)),))
    assert [snippet.code for snippet in draw_all()] == [snippet.code for snippet in local]


def test_without_a_token_one_line_says_what_to_do(monkeypatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    source = StarCoderData(token_env="MY_TOKEN")
    for use in (source.check, lambda: next(source.snippets(Shard()))):
        with pytest.raises(RunError) as info:
            use()
        assert str(info.value) == (
            "bigcode/starcoderdata is gated, and there is no token: accept the terms at "
            "huggingface.co/datasets/bigcode/starcoderdata and set MY_TOKEN to your access token"
        )


def test_the_check_asks_nobody(asked):
    StarCoderData(mix="paper").check()
    assert asked == []


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
    with pytest.raises(RunError, match="HF_HUB_OFFLINE switches off: unset it, or give local `paths`"):
        StarCoderData().check()
    with pytest.raises(RunError, match="bigcode/starcoderdata/python") as info:
        draw_all()
    assert "\n" not in str(info.value)
    assert "hf_secret" not in str(info.value)


def test_a_token_is_never_part_of_the_provider(asked):
    source = StarCoderData()
    list(source.snippets(Shard()))
    assert "hf_secret" not in f"{source!r}{vars(source)!r}"
    assert b"hf_secret" not in pickle.dumps(source)
