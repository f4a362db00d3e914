"""Exported rows: their columns, the snippets they are joined with, Parquet, and the card that goes with them."""

from __future__ import annotations

import json
import random
import tracemalloc
from dataclasses import replace

import pytest

from magicoder_core import RunError, exporting, jsonl
from magicoder_core.errors import RecipeError
from magicoder_core.exporting import FORMATS, Tally, card
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.rundir import RunDirectory
from magicoder_core.testing import instruction, snippet

FACTS = {
    "name": "tried",
    "created": "2026-01-01T00:00:00+00:00",
    "recipe_key": "abcd1234",
    "git_commit": None,
    "versions": {"magicoder-core": "0.1.0", "magicoder-litellm": "0.2.0"},
    "provenance": {"method": {"prompt": "paper", "template_sha256": "37119e"}},
    "stages": {
        "seeds": {
            "counts": {"snippets": 5},
            "key": {"seed_source": {"use": "files", "options": {"paths": ["/home/me/secret"], "limit": 5}}},
        },
        "generate": {
            "counts": {"rows": 4, "failed": {"truncated": 1}, "tokens": 12345, "usd": 0.5},
            "key": {
                "method": {"use": "oss-instruct", "options": {"template": "/home/me/prompt.txt", "seed": 976}},
                "teacher": {
                    "use": "openai-compatible",
                    "identity": "gpt-3.5-turbo-1106",
                    "options": {"model": "gpt-3.5-turbo-1106", "base_url": "http://10.0.0.1/v1", "temperature": 0.0},
                },
            },
        },
        "filter": {
            "counts": {"rows": 4, "kept": 3, "rejected": {"length: a | b": 1}},
            "key": {"filters": [{"use": "length", "options": {}}]},
        },
    },
}


def seed(number, licence="MIT", **origin):
    made = snippet(f"x = {number}\n", language="rust" if number % 2 else "python")
    return replace(made, origin=replace(made.origin, licence=licence, **origin))


def row_of(parent, problem="Do it.", solution="```\nx\n```"):
    return replace(instruction(problem, solution, language=parent.language), parent=parent.id)


@pytest.fixture
def made(tmp_path):
    """Make a run of these snippets and rows."""

    def make(seeds, rows, facts=FACTS):
        (tmp_path / "run").mkdir(exist_ok=True)
        jsonl.write(tmp_path / "run" / "snippets.jsonl", (item.to_dict() for item in seeds))
        jsonl.write(tmp_path / "run" / "kept.jsonl", (item.to_dict() for item in rows))
        (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
        return RunDirectory(tmp_path / "run")

    return make


def test_columns_of_each_format(made):
    run = made([seed(0)], [row_of(seed(0))])
    ask = "Write a solution to the following coding problem:\nDo it."
    expected = {
        "messages": {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": "```\nx\n```"}]},
        "sharegpt": {"conversations": [{"from": "human", "value": ask}, {"from": "gpt", "value": "```\nx\n```"}]},
        "instruction-response": {"instruction": ask, "response": "```\nx\n```"},
        "oss-instruct": {
            "lang": "python",
            "raw_index": 0,
            "index": 0,
            "seed": "x = 0\n",
            "problem": "Do it.",
            "solution": "```\nx\n```",
        },
    }
    assert {form: list(exporting.rows(run, form)) for form in FORMATS} == {
        form: [row] for form, row in expected.items()
    }
    for form, row in expected.items():
        assert list(FORMATS[form].columns) == list(row)


@pytest.mark.parametrize("wording", ["problem", "instruction"])
@pytest.mark.parametrize("form", ["messages", "sharegpt", "instruction-response", "oss-instruct"])
def test_a_row_that_is_exported_and_read_again_teaches_the_same(made, form, wording):
    given = replace(row_of(seed(0)), wording=wording)
    run = made([seed(0)], [given])
    if (form, wording) == ("oss-instruct", "instruction"):
        with pytest.raises(RunError, match=f"row {given.id}: is an instruction, .*; export it as messages"):
            list(exporting.rows(run, form))
        return
    (row,) = exporting.rows(run, form)
    read = Layouts().instruction(json.loads(json.dumps(row)))
    assert (read.instruction, read.solution) == (given.instruction, given.solution)


def test_index_and_raw_index_are_the_snippets_own_where_they_are_known(made):
    seeds = [seed(0), replace(seed(1, row=77), index=41), seed(2, row=88)]
    run = made(seeds, [row_of(item) for item in seeds])
    found = [(row["raw_index"], row["index"]) for row in exporting.rows(run, "oss-instruct")]
    assert found == [(0, 0), (77, 41), (88, 2)]


def test_rows_are_joined_whatever_their_order(made):
    seeds = [seed(number) for number in range(50)]
    rows = [row_of(item, f"Problem {number}") for number, item in enumerate(seeds)] * 2
    random.Random(1).shuffle(rows)
    found = list(exporting.rows(made(seeds, rows), "oss-instruct"))
    assert [row["seed"] for row in found] == [f"x = {row['problem'].split()[1]}\n" for row in found]
    assert [row["index"] for row in found] == [int(row["problem"].split()[1]) for row in found]


def test_rows_of_a_snippet_that_is_not_there(made):
    seeds = [seed(number) for number in range(4)]
    tally = Tally()
    run = made(seeds, [row_of(seeds[0]), row_of(seed(9)), row_of(seeds[1]), row_of(seeds[3]), row_of(seeds[0])])
    found = list(exporting.rows(run, "oss-instruct", tally))
    assert [row["seed"] for row in found] == ["x = 0\n", "", "x = 1\n", "x = 3\n", "x = 0\n"]
    assert (tally.rows, tally.orphans) == (5, 1)


def test_snippets_are_not_held_in_memory(made):
    seeds = [seed(number) for number in range(400)]
    big = [replace(item, code=f"{item.code}{'y' * 20_000}") for item in seeds]
    run = made(big, [row_of(item) for item in big[::3]])
    tracemalloc.start()
    try:
        assert sum(1 for _ in exporting.rows(run, "messages")) == 134
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000, "8 MB of snippets"


@pytest.mark.parametrize(("name", "line"), [("kept.jsonl", '{"problem": "x"}'), ("snippets.jsonl", '{"code": 1}')])
def test_a_damaged_line_is_one_clear_line(made, name, line):
    run = made([seed(0)], [row_of(seed(0))])
    with (run / name).open("a") as file:
        file.write(line + "\n")
    with (run / "kept.jsonl").open("a") as file:
        file.write(json.dumps(row_of(seed(5)).to_dict()) + "\n")
    with pytest.raises(RunError, match=name) as caught:
        list(exporting.rows(run, "oss-instruct"))
    assert "\n" not in str(caught.value)


def test_pyarrow_is_named_with_the_command_that_installs_it(made, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'magicoder-core\[parquet\]'"):
        exporting.table(made([seed(0)], [row_of(seed(0))]), "messages", tmp_path / "x.parquet", "parquet")


@pytest.mark.plugins
@pytest.mark.parametrize("form", FORMATS)
def test_parquet_holds_the_same_rows(made, tmp_path, form):
    parquet = pytest.importorskip("pyarrow.parquet")
    seeds = [seed(number) for number in range(2500)]
    run = made(seeds, [row_of(item, "Zähle \ud800 😀") for item in seeds])
    exporting.table(run, form, tmp_path / "rows.parquet", "parquet")
    expected = [json.loads(json.dumps(row).replace("\\ud800", "?")) for row in exporting.rows(run, form)]
    assert parquet.read_table(tmp_path / "rows.parquet").to_pylist() == expected
    assert parquet.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 3
    assert not (tmp_path / "rows.parquet.part").exists()


@pytest.mark.plugins
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_datasets_reads_what_was_exported_and_mixes_it_with_published_rows(made, tmp_path, kind, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")
    seeds = [seed(number) for number in range(3)]
    run = made(seeds, [row_of(item) for item in seeds])
    exporting.folder(run, "oss-instruct", tmp_path / "set", kind)
    cache = {"cache_dir": str(tmp_path / "cache")}
    ours = datasets.load_dataset(str(tmp_path / "set"), split="train", **cache)
    assert ours.column_names == ["lang", "raw_index", "index", "seed", "problem", "solution"]
    published = {**dict(zip(ours.column_names, ["java", 1, 2, "s", "p", "q"], strict=True)), "openai_fingerprint": "fp"}
    jsonl.write(tmp_path / "published.jsonl", [published])
    theirs = datasets.load_dataset("json", data_files=str(tmp_path / "published.jsonl"), split="train", **cache)
    mixed = datasets.concatenate_datasets([ours, theirs.select_columns(ours.column_names)])
    assert mixed["lang"][:] == ["python", "rust", "python", "java"]
    assert mixed.features["raw_index"].dtype == "int64"


def page(run, form="oss-instruct"):
    tally = Tally()
    list(exporting.rows(run, form, tally))
    return card.text(run, tally, form, "train.jsonl")


def test_a_card_says_all_that_goes_with_the_rows(made):
    seeds = [seed(0), seed(1, licence=None), seed(2, licence="Apache-2.0")]
    said = page(made(seeds, [row_of(item) for item in seeds]))
    for words in (
        "| sample | MIT | 1 |",
        "| sample | Apache-2.0 | 1 |",
        "| sample | unknown | 1 |",
        "For 1 rows nobody recorded the licence",
        "`gpt-3.5-turbo-1106`",
        "terms of the model's maker",
        "| snippets drawn | 5 |",
        "| rows made of them | 4 |",
        "| rows that all filters kept | 3 |",
        "| rows in this file | 3 |",
        "| no row of a snippet | truncated | 1 |",
        "| dropped by a filter | length: a \\| b | 1 |",
        "12,345 tokens; 0.5000 USD",
        "| magicoder-litellm | 0.2.0 |",
        "| method, prompt | paper |",
        "| method, template | prompt.txt |",
        "license: other",
        "- n<1K",
    ):
        assert words in said


def test_a_card_tells_nothing_of_our_machines(made):
    said = page(made([seed(0)], [row_of(seed(0))]))
    assert "10.0.0.1" not in said
    assert "/home/me" not in said


def test_rows_of_one_licence_have_it(made):
    assert "license: mit\n" in page(made([seed(0)], [row_of(seed(0))]))
    assert "license: other\n" in page(made([seed(0, licence="GPL-9")], [row_of(seed(0, licence="GPL-9"))]))


def test_a_card_of_a_run_that_says_little(made):
    said = page(made([seed(0)], [row_of(seed(9))], facts={}))
    assert "not recorded in this run" in said
    assert "1 rows name a snippet that is not among those of the run" in said


def test_values_do_not_break_a_card(made):
    odd = "a\n---\n| x | <b> `c`"
    facts = json.loads(json.dumps(FACTS).replace("gpt-3.5-turbo-1106", json.dumps(odd)[1:-1])) | {"name": odd}
    said = page(made([seed(0)], [row_of(seed(0))], facts=facts))
    assert said.split("\n").count("---") == 2
    assert "<b>" not in said.split("---", 2)[2]


@pytest.mark.plugins
def test_the_hub_reads_the_front_matter_of_a_card(made, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    exporting.folder(made([seed(0)], [row_of(seed(0))]), "messages", tmp_path / "set", "jsonl")
    data = hub.DatasetCard.load(tmp_path / "set" / "README.md").data
    assert data.configs == [{"config_name": "default", "data_files": [{"split": "train", "path": "train.jsonl"}]}]
    assert (data.license, data.pretty_name, data.size_categories) == ("mit", "tried", ["n<1K"])
