"""What `magicoder explain` says of a row's judgement."""

from __future__ import annotations

import json

import pytest

from magicoder_core import jsonl, lineage
from magicoder_core.rundir import RunDirectory
from magicoder_core.testing import instruction


@pytest.fixture
def judged(tmp_path):
    """The line about the judgement of a row that has these fields more, in the file of that name."""

    def judged(name, **more):
        row = instruction().to_dict()
        jsonl.write(tmp_path / "instructions.jsonl", [row])
        jsonl.write(tmp_path / name, [row | more])
        (line,) = [
            line for line in lineage.tell(lineage.walk(RunDirectory(tmp_path), row["id"])) if "judgement" in line
        ]
        return " ".join(line.split())

    return judged


def test_evidence_of_a_dropped_row_is_json(judged):
    why = {"filter": "length", "reason": "short", "evidence": {"it's": None, "very": True}}
    line = judged("rejected.jsonl", rejected=why)
    head, _, evidence = line.partition("{")
    assert head == "judgement dropped by length: short "
    assert json.loads("{" + evidence) == why["evidence"]
    assert judged("rejected.jsonl", rejected=why | {"evidence": {}}) == "judgement dropped by length: short"


def test_scores_and_flags_of_a_kept_row_are_told_with_evidence(judged):
    flags = [{"filter": "judge", "reason": "graded", "evidence": {"why": None}}, {"filter": "b", "reason": "odd"}]
    line = judged("kept.jsonl", scores={"judge_style": 4, "length": 1.5}, flags=flags)
    assert line == (
        'judgement kept by no filter to pass; scores {"judge_style":4,"length":1.5}; judge: graded {"why":null}; b: odd'
    )
    assert judged("kept.jsonl", scores={}) == "judgement kept by no filter to pass"
