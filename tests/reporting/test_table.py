"""Figures come to their columns; averages are weighted by tasks; what could not be judged is no 0."""

from __future__ import annotations

import pytest
from reports import LIBRARIES, SIX, counted, grouped, made, metrics, python

from magicoder_core.reporting import published, table
from magicoder_core.reporting.reading import scores


@pytest.fixture
def tabled(desk):
    """A table of reports, each a row of its own name, or of the one before the equals sign."""

    def tabled(reports, **wish):
        for name, report in reports.items():
            desk.file(f"{name.replace('=', '-')}.json", report)
        given = [f"{name.partition('=')[0]}={name.replace('=', '-')}.json" for name in reports]
        return table(scores(given), **{"with_published": False, **wish})

    return tabled


def shown(suite):
    """Rows as people see them: name, then the figure of each column in per cent."""
    values = [[row.cells[c.key].value if c.key in row.cells else None for c in suite.columns] for row in suite.rows]
    return [
        (row.name, *(value and round(100 * value, 1) for value in line))
        for row, line in zip(suite.rows, values, strict=True)
    ]


def test_base_and_plus_tests_are_two_columns(tabled):
    made_of = tabled({"m=1": python(100, 90), "m=2": python(300, 250, 378, "mbpp+"), "n": python(82, 41)})
    (suite,) = made_of.suites
    assert [column.title for column in suite.columns] == ["HumanEval", "HumanEval+", "MBPP", "MBPP+"]
    assert shown(suite) == [("m", 61.0, 54.9, 79.4, 66.1), ("n", 50.0, 25.0, None, None)]
    cell = suite.rows[0].cells["humaneval+"]
    assert (cell.low, cell.high) == (metrics(90, 164)["pass@1"]["low"], metrics(90, 164)["pass@1"]["high"])
    assert cell.tasks == 164


def test_a_benchmarks_own_score_has_its_column_and_the_base_tests_are_told(tabled):
    made_of = tabled({"m=1": python(100, 90), "m=2": made("humaneval", counted(82, 164))})
    assert shown(made_of.suites[0]) == [("m", 50.0, 54.9)]
    assert made_of.unplaced == [
        "m: base pass@1 of humaneval+ is 61.0% [53.3, 68.1]; the column HumanEval has the score of humaneval itself"
    ]


def test_the_same_benchmark_twice_is_two_rows(tabled):
    made_of = tabled({"m=1": python(100, 90), "m=2": python(82, 41), "o": python(0, 0)})
    assert shown(made_of.suites[0]) == [("m", 61.0, 54.9), ("m (#2)", 50.0, 25.0), ("o", 0.0, 0.0)]


def test_a_score_goes_to_the_first_row_that_has_room(tabled):
    reports = {"m=1": python(100, 90), "m=2": python(82, 41), "m=3": made("mbpp", counted(189, 378))}
    assert shown(tabled(reports).suites[0]) == [("m", 61.0, 54.9, 50.0), ("m (#2)", 50.0, 25.0, None)]


def test_several_reasons_are_left_to_the_report(tabled):
    broken = [{"task_id": str(number), "reason": f"reason {number}"} for number in range(2)]
    row = tabled({"m": grouped("ds1000", {"Numpy": (1, 2), "Scipy": 2}, broken=broken)}).suites[0].rows[0]
    assert row.cells["ds1000/scipy"].why == "not judged: its report tells under `broken`"


def test_rows_stand_in_the_order_in_which_scores_were_given(tabled):
    made_of = tabled({"b": python(), "a": made("humaneval", counted(82, 164)), "c": python()})
    assert [row.name for row in made_of.suites[0].rows] == ["b", "a", "c"]


def test_languages_stand_as_in_the_paper_and_the_average_is_weighted(tabled):
    groups = {name: (number, tasks) for number, (name, tasks) in enumerate(sorted(SIX.items()), 40)}
    (suite,) = tabled({"m": grouped("multipl-e", {"ts": (10, 159), "lua": (20, 161), **groups})}).suites
    assert suite.title == "MultiPL-E, HumanEval"
    titles = ["Java", "JS", "C++", "PHP", "Swift", "Rust", "TS", "Lua", "average", "all"]
    assert [column.title for column in suite.columns] == titles
    row = suite.rows[0].cells
    assert row["multipl-e/average"].value == pytest.approx(sum(passed for passed, _ in groups.values()) / 955)
    assert row["multipl-e/average"].tasks == 955
    assert row["multipl-e/all"].value == pytest.approx((30 + sum(passed for passed, _ in groups.values())) / 1275)


def test_an_average_over_all_groups_of_a_report_has_the_reports_own_interval(tabled):
    groups = {name: (50, tasks) for name, tasks in SIX.items()}
    report = grouped("multipl-e", groups)
    cell = tabled({"m": report}).suites[0].rows[0].cells["multipl-e/average"]
    assert (cell.low, cell.high) == (report["metrics"]["pass@1"]["low"], report["metrics"]["pass@1"]["high"])


def test_an_average_over_reports_of_single_languages_is_weighted_too(tabled):
    reports = {f"m={name}": grouped("multipl-e", {name: (50, tasks)}) for name, tasks in SIX.items()}
    cell = tabled(reports).suites[0].rows[0].cells["multipl-e/average"]
    whole = metrics(300, 955)["pass@1"]
    assert (cell.value, cell.tasks, cell.scores) == (pytest.approx(300 / 955), 955, (0, 1, 2, 3, 4, 5))
    # Strata of about one share: the interval of the whole, but for Wilson's pull to the middle.
    assert (cell.low, cell.high) == (pytest.approx(whole["low"], abs=0.005), pytest.approx(whole["high"], abs=0.005))


def test_an_average_of_parts_is_never_beyond_0_and_1(tabled):
    reports = {f"m={name}": grouped("multipl-e", {name: (passed, 2)}) for name, passed in (("js", 2), ("cpp", 2))}
    cell = tabled(reports).suites[0].rows[0].cells["multipl-e/average"]
    assert 0 < cell.low < cell.value == cell.high == 1


def test_a_language_that_could_not_run_is_not_judged_and_not_in_the_average(tabled):
    broken = [{"task_id": f"swift/{number}", "reason": "swiftc is missing"} for number in range(158)]
    report = grouped("multipl-e", {"js": (80, 161), "cpp": (40, 161), "swift": 158}, broken=broken)
    row = tabled({"m": report}).suites[0].rows[0].cells
    assert (row["multipl-e/swift"].value, row["multipl-e/swift"].why) == (None, "not judged: swiftc is missing")
    assert row["multipl-e/average"].over == ("JS", "C++")
    assert row["multipl-e/average"].value == pytest.approx(120 / 322)


def test_a_score_of_which_nothing_was_judged_has_no_average(tabled):
    row = tabled({"m": grouped("multipl-e", {"js": (0, 2)}), "n": {**grouped("multipl-e", {"js": 2, "cpp": 2})}})
    assert row.suites[0].rows[1].cells["multipl-e/js"].why == "not judged: its report does not say why"
    assert "multipl-e/average" not in row.suites[0].rows[1].cells


def test_libraries_stand_as_in_the_paper_with_the_overall(tabled):
    groups = {name: (number, tasks) for number, (name, tasks) in enumerate(sorted(LIBRARIES.items()), 10)}
    (suite,) = tabled({"m": grouped("ds1000", dict(reversed(groups.items())))}).suites
    assert [column.title for column in suite.columns] == ["plt", "np", "pd", "torch", "scipy", "sklearn", "tf", "all"]
    assert [column.key for column in suite.columns][:2] == ["ds1000/plt", "ds1000/np"]
    assert suite.rows[0].cells["ds1000/all"].value == pytest.approx(sum(range(10, 17)) / 1000)


@pytest.mark.parametrize(
    ("report", "title"),
    [
        (grouped("ds1000", {"Numpy": (1, 2)}, versions={"mode": "Insertion"}), "DS-1000, Insertion"),
        (grouped("multipl-e", {"js": (1, 2)}, versions={"suite": "mbpp"}), "MultiPL-E, MBPP"),
        (grouped("multipl-e", {"js": (1, 2)}, versions={"suite": "both"}), "MultiPL-E, HumanEval and MBPP"),
        (grouped("theirs", {"easy": (1, 2)}), "theirs"),
        (made("theirs", counted(1, 2)), "Other benchmarks"),
    ],
)
def test_what_the_paper_does_not_have_stands_apart_and_has_no_published_rows(tabled, report, title):
    (suite,) = tabled({"m": report}, with_published=True).suites
    assert suite.title == title
    assert [row.name for row in suite.rows] == ["m"]
    assert suite.marks == []


def test_suites_stand_in_the_papers_order(tabled):
    reports = {
        "a": made("theirs", counted(1, 2)),
        "b": grouped("ds1000", {"Numpy": (1, 2)}),
        "c": grouped("multipl-e", {"js": (1, 2)}),
        "d": python(),
    }
    assert [suite.key for suite in tabled(reports).suites] == ["python", "multipl-e", "ds1000", "others"]


def test_pass_at_other_k(tabled):
    found = {**metrics(1, 2, samples=10), "statuses": {"pass": 10, "fail": 10}}
    made_of = tabled({"m": made("humaneval", found), "n": made("humaneval", counted(1, 2))}, k=10, with_published=True)
    assert shown(made_of.suites[0]) == [("m", 50.0), ("n", None)]
    assert made_of.suites[0].rows[1].cells["humaneval"].why == "no pass@10: a task has too few samples"
    assert made_of.sources == {}


def test_published_rows_are_those_with_a_figure_in_the_columns(tabled):
    (suite,) = tabled({"m": made("mbpp", counted(200, 399))}, with_published=True).suites
    names = [row.name for row in suite.rows if row.published]
    assert "DeepSeek-Coder-Base-1.3B" in names
    assert "DeepSeek-Coder-Base-33B" not in names
    assert not suite.rows[0].published
    assert all(set(row.cells) == {"mbpp"} for row in suite.rows)


def test_published_figures_are_facts_with_sources():
    facts = published._facts()
    columns = set(facts["conditions"])
    for row in facts["rows"]:
        assert set(row["scores"]) <= columns
        assert row["source"]
        assert set(row["source"]) <= set(facts["sources"])
        assert all(0 < value < 100 for value in row["scores"].values())
    assert len({(row["model"], row["table"]) for row in facts["rows"]}) == len(facts["rows"])


def test_published_overalls_are_the_means_that_they_are_said_to_be():
    """What was copied is held together by what can be computed from it."""
    facts = published._facts()
    for row in facts["rows"]:
        for whole in ("ds1000/all", "multipl-e/average"):
            suite = whole.partition("/")[0]
            parts = [key for key in facts["conditions"] if key.startswith(f"{suite}/") and key != whole]
            if whole in row["scores"] and len(row["scores"]) == len(parts) + 1:
                weights = {key: facts["conditions"][key]["tasks"] for key in parts}
                mean = sum(weights[key] * row["scores"][key] for key in parts) / sum(weights.values())
                assert sum(weights.values()) == facts["conditions"][whole]["tasks"]
                assert row["scores"][whole] == pytest.approx(mean, abs=0.11)
