"""The stage `evaluate`: streams, tests itself first, goes on where it stopped, and says what a score depends on."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from plain_benchmark import Plain

from magicoder_core import (
    RunError,
    checking,
    lineage,
    page,
    plugins,
    recipe,
    running,
    sandbox,
    stages,
    summary,
)
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Run

PLUGIN = Path(__file__).parent.parent / "plain_benchmark.py"
RECIPE = """
[model]
use = "words"
[[benchmark]]
use = "plain"
samples = 2
"""
FINAL = ("samples.jsonl", "verdicts.jsonl", "report.json")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))
    (tmp_path / "r.toml").write_text(RECIPE)


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Run the stage with overrides; gives its folder. A patched `Plain.judge` is used."""

    def evaluate(*overrides, name="run", redo=None):
        catalogue = plugins.load([PLUGIN])
        # The file is loaded once more as a plugin: its class is not the one that tests patch.
        monkeypatch.setattr(catalogue.find("benchmark", "plain").provider, "judge", Plain.judge)
        read = recipe.read(tmp_path / "r.toml", overrides)
        run = Run(read, recipe.bind(read, catalogue), RunDirectory(tmp_path / name), catalogue)
        with run.directory.locked():
            run.directory.begin(run.recipe, run.plan)
            list(stages.run(run, stages.select(run.plan), redo))
        return tmp_path / name / "plain"

    return evaluate


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("style", "said"), [("words", None), ("raw", "cannot go on with raw text")])
def test_a_model_that_cannot_be_asked_so_is_refused_before_anything_is_spent(tmp_path, style, said):
    catalogue = plugins.load([PLUGIN])
    plan = recipe.bind(recipe.read(tmp_path / "r.toml", [f"benchmark.0.style={style}"]), catalogue)
    found = dict(stages.preflight(plan, stages.select(plan)))
    assert (said in str(found["plain"])) if said else found["plain"] is None


def test_answers_verdicts_and_the_report(evaluate):
    folder = evaluate('benchmark.bad=["plain/4"]')
    assert [(row["task_id"], row["sample"], row["solution"]) for row in rows(folder / "samples.jsonl")[:3]] == [
        ("plain/0", 0, "right"),
        ("plain/0", 1, "wrong"),
        ("plain/1", 0, "right"),
    ]
    verdicts = rows(folder / "verdicts.jsonl")
    assert [row["status"] for row in verdicts] == ["pass", "fail"] * 4 + ["harness_error"] * 2
    assert list(verdicts[1]) == [
        *("task_id", "sample", "status", "detail", "isolation"),
        *("base_status", "plus_status", "plus_fail_tests"),
    ]
    report = json.loads((folder / "report.json").read_text())
    assert report["metrics"]["pass@1"]["value"] == report["metrics"]["base pass@1"]["value"] == 0.5
    assert report["metrics"]["pass@1"]["tasks"] == 4
    assert report["metrics"]["statuses"] == {"fail": 4, "harness_error": 2, "pass": 4}
    assert report["isolation"] == report["versions"]["isolation"] == "bubblewrap"
    assert {"data": "sha256 0123", "semantics": "strict", "model": "words:words"}.items() <= report["versions"].items()
    assert report["decoding"] == {"temperature": 0.8, "max_tokens": 7, "samples": 2, "style": "words"}
    assert [item["task_id"] for item in report["broken"]] == ["plain/4"]
    assert (report["self_test"], report["harness_errors"]) == ({"references": 5, "mistakes": 1}, 2)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FINAL, "timings.jsonl"])


def test_answers_that_are_cut_are_counted_and_told(evaluate, said):
    report = json.loads(
        (evaluate('model.words=["right", "wro", "wro"]', "benchmark.samples=3") / "report.json").read_text()
    )
    assert report["cut"] == 10
    assert "plain, model: 10 of 15 answers were cut at max_tokens = 7" in said
    said.clear()
    evaluate('model.words=["right", "wro"]', "model.limit=0", "benchmark.limit=1", name="unlimited")
    assert "plain, model: 1 of 2 answers were cut at the most tokens that the teacher gives" in said
    said.clear()
    report = json.loads((evaluate(name="whole") / "report.json").read_text())
    assert report["cut"] == 0
    assert not [line for line in said if " cut " in line]


SAME = "samples = 2 at temperature 0 gives the same answer 2 times, at 2 times the price: set samples = 1"


@pytest.mark.parametrize(
    ("overrides", "doubted"),
    [
        ([], False),
        (["benchmark.temperature=0"], True),
        (["benchmark.temperature=0", "benchmark.samples=1"], False),
        (["benchmark.temperature=-1"], False),
        (["benchmark.temperature=-1", "model.temperature=0"], True),
    ],
)
def test_the_same_answer_many_times_is_doubted_before_anything_is_spent(tmp_path, overrides, doubted):
    plan = recipe.bind(recipe.read(tmp_path / "r.toml", overrides), plugins.load([PLUGIN]))
    found = list(stages.doubts(plan, stages.select(plan)))
    assert [name for name, line in found if line.startswith(SAME)] == ["plain"] * doubted
    assert not list(stages.doubts(plan, []))


def test_check_and_run_say_what_they_doubt(tmp_path, monkeypatch, said):
    catalogue = plugins.load([PLUGIN])
    monkeypatch.setattr(plugins, "catalogue", lambda: catalogue)
    given = str(tmp_path / "r.toml"), ["benchmark.temperature=0"]
    assert [item.good for item in checking.check_recipe(*given) if item.doubtful and SAME in item.detail] == [True]
    with running.prepare(recipe.read(*given), tmp_path / "run", running.Wish()):
        assert [line for line in said if line.startswith(f"warning: plain: {SAME}")]
    said.clear()
    with running.prepare(recipe.read(tmp_path / "r.toml"), tmp_path / "other", running.Wish()):
        assert not said


def test_the_environment_is_tested_before_the_first_answer(evaluate, tmp_path):
    with pytest.raises(RunError, match="known to be wrong passes here"):
        evaluate("benchmark.lenient=true", f"model.log={tmp_path / 'log'}")
    assert not (tmp_path / "log").exists()


def test_refusals_are_failures_and_only_refusals_are_an_error(evaluate, tmp_path):
    folder = evaluate('model.words=["right", "refused"]')
    second = rows(folder / "verdicts.jsonl")[1]
    assert (second["status"], second["detail"]) == ("fail", "no answer: content_filter: not that")
    with pytest.raises(RunError, match="the model answered nothing; the last time: no answer: content_filter"):
        evaluate('model.words=["refused"]', name="silent")
    assert not (tmp_path / "silent" / "plain" / "samples.jsonl").exists()


def test_pass_at_any_k(evaluate):
    report = json.loads((evaluate("benchmark.samples=4", "benchmark.ks=[1,2,3]") / "report.json").read_text())
    values = {name: value["value"] for name, value in report["metrics"].items() if name.startswith("pass@")}
    assert values == {"pass@1": 0.5, "pass@2": pytest.approx(1 - (2 * 1) / (4 * 3)), "pass@3": 1.0}


def test_stopped_while_it_judges_it_goes_on_and_the_files_are_the_same(evaluate, tmp_path, monkeypatch):
    log = tmp_path / "log"
    judged = Plain.judge

    def stopping(self, submissions):
        for number, verdict in enumerate(judged(self, submissions)):
            if number == 6 and verdict.sample:
                raise KeyboardInterrupt
            yield verdict

    monkeypatch.setattr(Plain, "judge", stopping)
    options = ("benchmark.samples=4", f"benchmark.log={log}", f"model.log={tmp_path / 'asked'}")
    with pytest.raises(KeyboardInterrupt):
        evaluate(*options)
    monkeypatch.setattr(Plain, "judge", judged)
    asked = (tmp_path / "asked").read_bytes()
    (tmp_path / "run" / "plain" / "timings.jsonl").touch()
    log.unlink()
    folder = evaluate(*options)
    assert len(log.read_text().splitlines()) == 4 + 14, "canaries, and what had no verdict"
    assert (tmp_path / "asked").read_bytes() == asked, "no answer is asked for twice"
    whole = evaluate(*options, name="whole")
    for name in FINAL:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert not (folder / "verdicts.part").exists()
    log.unlink()
    evaluate(*options, redo="evaluate")
    assert len(log.read_text().splitlines()) == 4 + 20


def test_memory_is_flat(evaluate):
    word = "right" + "#" * 20_000

    def peak(samples):
        tracemalloc.start()
        evaluate(f'model.words=["{word}"]', f"benchmark.samples={samples}", name=f"of{samples}")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(200) < peak(20) + 4_000_000, "answers of 20 MB in all"


def test_what_people_read_names_broken_tasks(evaluate, tmp_path):
    evaluate('benchmark.bad=["plain/4"]')
    directory = RunDirectory(tmp_path / "run")
    told = "\n".join(summary.overview(directory))
    assert "plain pass@1, model: 50.0% [" in told
    assert "plain base pass@1, model: 50.0% [" in told
    assert "plain, model: broken here and left out: plain/4" in told
    steps = lineage.walk(directory, "plain/1")
    assert "verdict    plain/1            plain, scored model, sample 1: fail (test 3" in "\n".join(lineage.tell(steps))
    page.write(directory)
    assert "broken here and left out: plain/4" in (tmp_path / "run" / "report.html").read_text()
