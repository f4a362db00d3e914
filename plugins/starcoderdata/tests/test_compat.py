"""The published rows, order and draws, against a plain rewriting of what the published program does."""

import json
import random

import datasets
import pytest
from magicoder_starcoderdata import StarCoderData, published

from magicoder_core import Shard, progress


def contents(count):
    """Documents of many shapes: with tags, blank, with exotic line ends, binary."""
    shapes = (
        "".join(f"line {number}\n" for number in range(100)),
        "<reponame>a/b<gh_stars>1-10\nx = 1\ny = 2\n",
        "\n\n\n",
        "a\fb\u2028c\x85d\re\r\nf",
        "nul\0\nbyte\n",
    )
    return [shapes[number % 5] if number % 3 else shapes[0] for number in range(count)]


def expected(texts):
    """(row, snippet) in the published order: mapped in chunks of 1,000, then shuffled by ``datasets`` itself."""

    def chunk(batch, indices):
        random.seed(976 + indices[0])
        seeds = []
        for text in batch["content"]:
            lines = text.splitlines(keepends=True)
            start = random.choice(range(len(lines)))
            seeds.append("".join(lines[start : start + random.randint(1, 15)]))
        return {"seed": seeds, "raw_index": indices}

    rows = datasets.Dataset.from_dict({"content": texts})
    rows = rows.map(chunk, batched=True, batch_size=1000, with_indices=True, keep_in_memory=True)
    rows = rows.shuffle(seed=976, keep_in_memory=True)
    return list(zip(rows["raw_index"], rows["seed"], strict=True))


def write(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"content": text, "id": str(n)}) + "\n" for n, text in enumerate(texts)))
    return str(path)


def drawn(shard=None, **options):
    snippets = StarCoderData(mode="compat", **options).snippets(shard or Shard(seed=1))
    return [(snippet.origin.row, snippet.code) for snippet in snippets]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    datasets.disable_progress_bars()
    texts = contents(2300)
    return write(tmp_path_factory.mktemp("compat") / "python" / "x.jsonl", texts), expected(texts)


def test_bit_for_bit(corpus):
    path, rows = corpus
    assert drawn(paths=(path,), limit=5000) == rows
    assert drawn(Shard(seed=99), paths=(path,), limit=5000) == rows  # the run's seed is not the published one


def test_a_part_of_the_published_order(corpus):
    path, rows = corpus
    assert drawn(paths=(path,), start=700, limit=40) == rows[700:740]
    assert drawn(paths=(path,), start=2290, mix={"python": 40}) == rows[2290:]
    assert drawn(paths=(path,), start=2300) == []


def test_shards_are_the_whole(corpus):
    path, rows = corpus
    parts = [drawn(Shard(index=index, count=3), paths=(path,), limit=100) for index in range(3)]
    assert sorted(row for part in parts for row in part) == sorted(rows[:100])


def test_tags_stay_and_are_read_all_the_same(corpus):
    path, rows = corpus
    assert any(seed.startswith("<reponame>") for _, seed in rows)
    named = [item.origin.repository for item in StarCoderData(mode="compat", paths=(path,)).snippets(Shard())]
    assert set(named) == {None, "a/b"}


def test_empty_documents_are_skipped_and_counted_and_draw_nothing(tmp_path):
    full = "".join(f"line {number}\n" for number in range(100))
    lines = []

    class Ear(progress.Silent):
        def say(self, line):
            lines.append(line)

    with progress.reporting(Ear()):
        rows = drawn(paths=(write(tmp_path / "x.jsonl", ["", full, "", full]),))
    assert sorted(rows) == [
        (1, "".join(full.splitlines(keepends=True)[42:54])),
        (3, "".join(full.splitlines(keepends=True)[87:91])),
    ]
    assert lines == ["starcoderdata: 2 snippets; skipped 2 documents: 2 empty"]


def test_lone_surrogates_survive_the_wait(tmp_path):
    assert drawn(paths=(write(tmp_path / "x.jsonl", ["s = '\ud800'\n"]),)) == [(0, "s = '\ud800'\n")]


def test_only_the_first_rows_of_a_language_count(tmp_path, monkeypatch):
    assert published.FIRST == 150_000
    monkeypatch.setattr(published, "FIRST", 1200)
    texts = contents(1500)
    path = write(tmp_path / "x.jsonl", texts)
    assert drawn(paths=(path,), limit=5000) == expected(texts[:1200])


@pytest.mark.parametrize("rows", [0, 1, 7, 1000, 150_000])
def test_the_order_is_that_of_the_installed_datasets(rows):
    ours = published.shuffled(rows)
    assert ours == datasets.Dataset.from_dict({"n": range(rows)}).shuffle(seed=976, keep_in_memory=True)["n"][:]
