"""Our own right completions pass and our own wrong ones do not, in every language whose tools are here."""

from pathlib import Path

import pytest

LANGUAGES = sorted(path.stem for path in (Path(__file__).parent / "solutions").glob("*.jsonl"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_right_completions_pass_and_wrong_ones_do_not(bench, language):
    here = bench(language)
    rows = here.rows("solutions")
    rows = rows if here.all_rows else rows[:3]
    pairs = [{"name": row["name"], "completion": row[which]} for row in rows for which in ("completion", "wrong")]
    verdicts = here.judged(pairs, cpu_scale=1.0)
    told = [f"{verdict.problem_id}: {verdict.status}, {verdict.detail}" for verdict in verdicts]
    assert len(told) == 2 * len(rows)
    assert [line for line, verdict in zip(told[::2], verdicts[::2], strict=True) if verdict.status != "pass"] == []
    unjudged = {"pass", "harness_error", "timeout"}
    assert [line for line, verdict in zip(told[1::2], verdicts[1::2], strict=True) if verdict.status in unjudged] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_twenty_problems_of_each_language(language):
    lines = (Path(__file__).parent / "solutions" / f"{language}.jsonl").read_text("utf-8").splitlines()
    assert len(set(lines)) >= 20
