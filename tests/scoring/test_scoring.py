"""pass@k and its intervals."""

import itertools
import math

import pytest

from magicoder_core import Verdict, scoring


def test_pass_at_k_against_all_draws():
    for n, c in [(5, 0), (5, 2), (6, 3), (4, 4)]:
        samples = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            draws = list(itertools.combinations(samples, k))
            assert scoring.pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_exact_for_many_samples():
    assert scoring.pass_at_k(200, 1, 100) == 0.5
    assert scoring.pass_at_k(10_000, 1, 1) == 1e-4


@pytest.mark.parametrize(("n", "c", "k"), [(1, 2, 1), (1, 0, 2), (1, 1, 0), (0, 0, 1), (3, -1, 1)])
def test_pass_at_k_refuses_what_makes_no_sense(n, c, k):
    with pytest.raises(ValueError, match="pass@"):
        scoring.pass_at_k(n, c, k)


def test_wilson():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert scoring.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert scoring.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert scoring.wilson(20, 20)[1] == 1.0
    with pytest.raises(ValueError, match="tasks"):
        scoring.wilson(0, 0)


def test_bootstrap_is_the_same_each_time_and_near_the_normal_one():
    values = [0.0, 1.0] * 82
    low, high = scoring.bootstrap(values)
    assert (low, high) == scoring.bootstrap(values)
    half = 1.96 * math.sqrt(0.25 / 164)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.02)
    assert scoring.bootstrap([1.0, 1.0]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="tasks"):
        scoring.bootstrap([])


def test_summary_of_one_sample_each():
    found = scoring.summary({"a": [True], "b": [False], "c": [True], "d": [True]})
    assert list(found) == ["pass@1"]
    low, high = scoring.wilson(3, 4)
    assert found["pass@1"] == {"value": 0.75, "low": low, "high": high, "tasks": 4}


def test_summary_of_many_samples():
    found = scoring.summary({"a": [True] * 10, "b": [False] * 9 + [True], "c": [False] * 12})
    assert list(found) == ["pass@1", "pass@10"]
    assert found["pass@1"]["value"] == pytest.approx(1.1 / 3)
    assert found["pass@10"]["value"] == pytest.approx(2 / 3)
    assert found["pass@1"]["low"] <= found["pass@1"]["value"] <= found["pass@1"]["high"]


def test_harness_errors_are_no_failures_of_the_model():
    statuses = [("a", "pass"), ("a", "fail"), ("b", "harness_error"), ("c", "timeout"), ("c", "harness_error")]
    verdicts = [
        Verdict(problem_id=name, sample=number, status=status) for number, (name, status) in enumerate(statuses)
    ]
    found = scoring.results(verdicts)
    assert found == {"a": [True, False], "b": [], "c": [False]}
    assert scoring.harness_errors(verdicts) == 2
    assert scoring.summary(found)["pass@1"] == {**scoring.summary(found)["pass@1"], "value": 0.25, "tasks": 2}


def test_where_all_pass_the_interval_is_no_point():
    every = scoring.summary({str(task): [True] * 10 for task in range(20)})
    assert (every["pass@1"]["low"], every["pass@1"]["high"]) == scoring.wilson(20, 20)
    mixed = scoring.summary({"a": [True, False], "b": [True, True]})
    assert (mixed["pass@1"]["low"], mixed["pass@1"]["high"]) == scoring.bootstrap([0.5, 1.0])


def verdict(task, status, base=None, **facts):
    extra = {} if base is None else {"base_status": base, "plus_status": status}
    return Verdict(problem_id=task, sample=0, status=status, extra=extra, **facts)


def test_a_tally_gives_what_the_lists_give():
    statuses = [("a", "pass"), ("a", "fail"), ("b", "harness_error"), ("c", "timeout"), ("c", "pass"), ("a", "pass")]
    verdicts = [verdict(*pair, cpu_seconds=0.5, isolation="bubblewrap") for pair in statuses]
    tally = scoring.Tally()
    for one in verdicts:
        tally.add(one)
    assert tally.metrics() == scoring.summary(scoring.results(verdicts))
    assert tally.summary()["statuses"] == {"fail": 1, "harness_error": 1, "pass": 3, "timeout": 1}
    assert (tally.total, tally.harness_errors, tally.cpu_seconds, tally.isolation) == (6, 1, 3.0, {"bubblewrap"})
    assert tally.unjudged == verdicts[2]
    assert [task.missed for task in tally.tasks.values()] == [verdicts[1], None, verdicts[3]]


def test_base_and_plus_are_two_scores():
    tally = scoring.Tally()
    for one in (verdict("a", "fail", "pass"), verdict("b", "pass", "pass"), verdict("c", "fail", "fail")):
        tally.add(one)
    for lost in (verdict("d", "harness_error", "pass"), verdict("a", "harness_error", "harness_error")):
        tally.add(lost)
    found = tally.metrics((1,))
    assert list(found) == ["pass@1", "base pass@1"]
    assert (found["pass@1"]["value"], found["base pass@1"]["value"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert found["base pass@1"]["tasks"] == 3


def test_nothing_to_score():
    assert scoring.Tally().metrics() == {}
    assert scoring.summary({}) == {}
    assert scoring.summary({"a": []}) == {}


def test_groups_have_scores_of_their_own_and_one_that_was_not_judged_has_none():
    tally = scoring.Tally({"a": "cpp", "b": "java", "c": "cpp", "d": "swift"})
    for task, status in (("a", "pass"), ("b", "fail"), ("c", "timeout"), ("d", "harness_error")):
        tally.add(verdict(task, status))
    found = tally.grouped((1,))
    assert list(found) == ["cpp", "java", "swift"]
    assert {group: metrics["pass@1"]["value"] for group, metrics in found.items() if "pass@1" in metrics} == {
        "cpp": 0.5,
        "java": 0.0,
    }
    assert found["cpp"]["statuses"] == {"pass": 1, "timeout": 1}
    assert found["swift"] == {"statuses": {"harness_error": 1}}
    assert scoring.Tally().grouped() == {}
