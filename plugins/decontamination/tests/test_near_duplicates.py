"""Filter `near-duplicates` beside exact Jaccard indices, and what must make no difference to it."""

from __future__ import annotations

import copy
import gc
import importlib.util
import json
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from magicoder_decontamination import near_duplicates
from magicoder_decontamination.near_duplicates import NearDuplicates

from magicoder_core import RecipeError, RunError
from magicoder_core.testing import FilterContract, instruction

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("near_rows", HERE / "near_rows.py")
near_rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(near_rows)
row = near_rows.row

CODE = "def f(items):\n    for item in items:\n        if item > 3 and item != 7:\n            yield item * 2\n    return None\n"


class TestNearDuplicates(FilterContract):
    provider = NearDuplicates()
    kept = (instruction(), instruction("Other.", "other", "rust"))


@pytest.fixture(scope="module")
def texts():
    return near_rows.corpus(1500)


@pytest.fixture(scope="module")
def near(texts):
    """For each row all earlier ones that are near by a threshold, from 0.4 on."""
    found = near_rows.near_pairs([f"{text}\n\n" for text in texts], 0.4)

    def by(threshold=0.7):
        return [{other: index for other, index in each.items() if index >= threshold} for each in found]

    return by


@pytest.fixture(scope="module")
def rows(texts):
    return [row(text, number=number) for number, text in enumerate(texts)]


@pytest.fixture(scope="module")
def judged(rows):
    return judge(rows)


def judge(rows, sizes=(256,), filter_=None):
    """All judgements, with batches of the given sizes in turn."""
    filter_ = filter_ or NearDuplicates()
    said, begin, turn = [], 0, 0
    while begin < len(rows):
        said += filter_.judge(rows[begin : begin + sizes[turn % len(sizes)]])
        begin, turn = begin + sizes[turn % len(sizes)], turn + 1
    return said


def reasons(*texts, **options):
    said = NearDuplicates(**options).judge([row(text, number=number) for number, text in enumerate(texts)])
    return [each.reason for each in said]


def test_what_is_dropped_is_near_to_an_earlier_row_and_hardly_any_such_row_is_missed(near, judged):
    near = near()
    dropped = [number for number, said in enumerate(judged) if not said.keep]
    assert all(near[number] for number in dropped)
    assert len(dropped) >= 0.99 * sum(map(bool, near))
    assert 300 < len(dropped) < 1000


def test_the_evidence_is_true(near, rows, judged):
    near = near()
    places = {row.id: number for number, row in enumerate(rows)}
    complete = 0
    for number, said in enumerate(judged):
        if said.keep:
            continue
        first = places[said.evidence["duplicate_of"]]
        nearest = places[said.evidence.get("nearest", said.evidence["duplicate_of"])]
        assert said.evidence["jaccard"] == round(near[number][nearest], 4)
        assert judged[first].keep
        assert judged[nearest].keep or judged[nearest].evidence["duplicate_of"] == rows[first].id
        best = max(near[number].values())
        complete += (near[number][nearest], nearest) == (
            best,
            min(each for each, index in near[number].items() if index == best),
        )
    assert complete >= 0.98 * sum(not said.keep for said in judged)


@pytest.mark.parametrize("sizes", [(1,), (2,), (7,), (1500,), (3, 200, 1)])
def test_batches_make_no_difference(rows, judged, sizes):
    tried = NearDuplicates()
    assert judge(rows, sizes, tried) == judged
    reference = NearDuplicates()
    judge(rows, filter_=reference)
    assert tried.report() == reference.report()


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_number_of_files_makes_no_difference(rows, judged, parts):
    length = -(-len(rows) // parts)
    assert judge(rows, (length,)) == judged


@pytest.mark.parametrize("in_memory", [1, 1000, 9000])
def test_the_disk_makes_no_difference(monkeypatch, rows, judged, in_memory):
    monkeypatch.setattr(near_duplicates, "_IN_MEMORY", in_memory)
    tried = NearDuplicates()
    assert judge(rows, (50,), tried) == judged
    assert tried._index._table._disk._runs


@pytest.mark.parametrize("bound", [1, 5000])
def test_long_rows_are_taken_few_at_once_and_that_makes_no_difference(monkeypatch, rows, judged, bound):
    monkeypatch.setattr(near_duplicates, "_CHARACTERS", bound)
    assert judge(rows[:300]) == judged[:300]


def test_a_recalled_run_goes_on_as_if_it_had_never_stopped(rows, judged):
    again = NearDuplicates()
    again.recall(rows[:700])
    assert list(again.judge(rows[700:])) == judged[700:]


def test_pythons_own_hashes_make_no_difference(judged):
    code = (
        "import importlib.util, json, sys\n"
        f"spec = importlib.util.spec_from_file_location('near_rows', {str(HERE / 'near_rows.py')!r})\n"
        "near_rows = importlib.util.module_from_spec(spec); spec.loader.exec_module(near_rows)\n"
        "from magicoder_decontamination.near_duplicates import NearDuplicates\n"
        "rows = [near_rows.row(text, number=n) for n, text in enumerate(near_rows.corpus(1500))]\n"
        "print(json.dumps([each.to_dict() for each in NearDuplicates().judge(rows)]))"
    )
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        assert json.loads(told) == [each.to_dict() for each in judged]


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("    ", "  "),
        CODE.replace("    ", "\t").replace("\n", "\r\n"),
        CODE.upper(),
        f"\n\n{CODE}   ",
        CODE.replace(" ", "   ").replace(":", " : "),
    ],
)
def test_indentation_white_space_and_case_make_no_difference(other):
    said = NearDuplicates().judge([row("p", CODE), row("p", other, 1)])
    assert said[1].evidence["jaccard"] == 1.0


def test_a_row_near_to_a_dropped_one_goes_too_and_names_the_kept_one():
    words = [f"w{number}" for number in range(100)]
    chain = [row(" ".join(words[begin : begin + 60]), number=begin) for begin in (0, 8, 16, 24)]
    said = NearDuplicates().judge(chain)
    assert [each.keep for each in said] == [True, False, False, False]
    assert [each.evidence.get("duplicate_of") for each in said[1:]] == [chain[0].id] * 3
    assert [each.evidence.get("nearest") for each in said[1:]] == [None, chain[1].id, chain[2].id]
    # 56 shingles each, of which neighbours share 48.
    assert [each.evidence["jaccard"] for each in said[1:]] == [0.75] * 3


def test_of_several_near_rows_the_nearest_counts_then_the_first():
    words = [f"w{number}" for number in range(60)]
    first, second, third = words, [*words[:-1], "x"], [*words[:-1], "y"]
    rows = [row(" ".join(item), number=number) for number, item in enumerate([first, second, third, [*second, "z"]])]
    said = NearDuplicates().judge(rows)
    assert said[2].evidence == {"duplicate_of": rows[0].id, "jaccard": round(55 / 57, 4)}
    assert said[3].evidence == {"duplicate_of": rows[0].id, "nearest": rows[1].id, "jaccard": round(56 / 57, 4)}


@pytest.mark.parametrize("share", [7, 8])
def test_the_threshold_itself_is_near(share):
    common = [f"w{number}" for number in range(share + 4)]
    texts = [" ".join(common), " ".join([*common, *(f"x{number}" for number in range(10 - share))])]
    assert near_rows.near_pairs(texts)[1] == {0: share / 10}
    # Few shingles: more seeds than one, as a pair at the threshold is missed now and then.
    found = [reasons(*texts, threshold=share / 10, seed=seed)[1] for seed in range(50)]
    assert found.count("near duplicate") >= 48
    assert reasons(*texts, threshold=share / 10 + 0.001) == [None, None]


@pytest.mark.parametrize(
    ("texts", "near"),
    [
        (["one two", "One  TWO.", "one three", "two one", "one"], [False, True, False, False, False]),
        (["a b c d", "a b c d", "a b c d e"], [False, True, False]),
        (["a b c d e", "a b c d e", "a b c d f"], [False, True, False]),
        (["", " \n", "!!!", "?", "! ! !", ""], [False, True, False, False, True, True]),
        (["\ud800", "\ud800", "\u00e9", "\u00c9"], [False, True, False, True]),
    ],
)
def test_rows_shorter_than_a_shingle_are_near_to_equal_ones_only(texts, near):
    assert [reason is not None for reason in reasons(*texts)] == near


def test_problem_and_solution_count_as_one_text_unless_one_is_named():
    long = " ".join(f"w{number}" for number in range(100))
    rows = [row("one problem of its own kind", long), row("another that is quite different", long, 1)]
    assert [each.keep for each in NearDuplicates().judge(rows)] == [True, False]
    assert [each.keep for each in NearDuplicates(fields=("problem",)).judge(rows)] == [True, True]
    assert NearDuplicates(fields=("solution",)).judge(rows)[1].evidence["jaccard"] == 1


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.6, 0.8, 0.9, 1.0])
def test_any_threshold_finds_its_pairs(near, rows, threshold):
    near = near(threshold)
    dropped = [
        number for number, each in enumerate(judge(rows, filter_=NearDuplicates(threshold=threshold))) if not each.keep
    ]
    assert all(near[number] for number in dropped)
    assert len(dropped) >= 0.98 * sum(map(bool, near))


def test_other_widths_of_shingles(texts, rows):
    near = near_rows.near_pairs([f"{text}\n\n" for text in texts], width=2)
    dropped = [number for number, each in enumerate(judge(rows, filter_=NearDuplicates(words=2))) if not each.keep]
    assert all(near[number] for number in dropped)
    assert len(dropped) >= 0.99 * sum(map(bool, near))


def test_a_template_that_everybody_has_hides_nobody():
    template = " ".join(f"t{number}" for number in range(40))
    own = [" ".join(f"w{number}_{place}" for place in range(60)) for number in range(300)]
    texts = [f"{template} {text}" for text in own]
    copies = [f"{template} {text} and more" for text in own]
    tried = NearDuplicates()
    said = tried.judge([row(text, number=number) for number, text in enumerate([*texts, *copies])])
    assert [each.keep for each in said] == [True] * 300 + [False] * 300
    assert tried.report()["verified"] < 20 * 600


def test_the_report_counts():
    tried = NearDuplicates()
    assert tried.report() == {"rows": 0, "candidates": 0, "verified": 0, "near": 0}
    tried.judge([row(CODE), row(CODE, number=1), row("something else")])
    assert tried.report() == {"rows": 3, "candidates": 1, "verified": 1, "near": 1}
    assert json.loads(json.dumps(tried.report())) == tried.report()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"threshold": 0.3}, "threshold = 0.3"),
        ({"threshold": 1.1}, "threshold = 1.1"),
        ({"words": 0}, "words = 0"),
        ({"fields": ()}, r"fields = \[\]"),
    ],
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(RecipeError, match=f"^near-duplicates: {told}: "):
        NearDuplicates(**options).check()
    with pytest.raises(RecipeError, match=told):
        NearDuplicates(**options).judge([row("p")])


def test_copies_have_the_options_and_nothing_that_was_seen():
    first = NearDuplicates(words=3)
    first.judge([row(CODE)])
    for other in (copy.copy(first), pickle.loads(pickle.dumps(first))):
        assert other == first
        assert other.judge([row(CODE)])[0].keep
    assert not first.judge([row(CODE)])[0].keep


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_files_are_closed_with_the_filter_and_have_no_names(monkeypatch, tmp_path, rows):
    monkeypatch.setattr(near_duplicates, "_IN_MEMORY", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gc.collect()
    before = open_files()
    tried = NearDuplicates()
    judge(rows[:500], (50,), tried)
    assert open_files() > before
    assert not list(tmp_path.iterdir())
    del tried
    gc.collect()
    assert open_files() == before


@pytest.mark.skipif(os.name != "posix", reason="no limits of file sizes here")
def test_a_full_disk_is_said(rows):
    tried, limits = NearDuplicates(), resource.getrlimit(resource.RLIMIT_FSIZE)
    tried.judge(rows[:256])
    resource.setrlimit(resource.RLIMIT_FSIZE, (tried._index._shelf._file.size + 1000, limits[1]))
    try:
        with pytest.raises(RunError, match=r"no space left for what a filter remembers .* TMPDIR$"):
            tried.judge(rows[256:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_ids_of_any_length_are_told():
    rows = [row(CODE), row(CODE, number=1)]
    object.__setattr__(rows[0], "id", "an id as users write it, \u00e4\u00f6\u00fc, longer than any of ours " * 9)
    assert NearDuplicates().judge(rows)[1].evidence["duplicate_of"] == rows[0].id
