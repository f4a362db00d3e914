"""Rows with what was said of them: as they came, and what is new at the end."""

from __future__ import annotations

import json

import pytest

from magicoder_core.filtering.decisions import Decision
from magicoder_core.filtering.merging import MergeError, line, merged

NAMES = ("one", "two")
DROPPED = Decision(by=1, reason="no", evidence='{"a":1}')
FLAGGED = Decision(flags=[(0, "hm", "{}")])
SCORED = Decision(scores=[(0, {"x": 1}), (1, {"x": 2.5, "y": 3})])


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (b'{"a": 1}\n', b'{"a": 1}\n'),
        (b'{ "a":1.50 }\r\n', b'{ "a":1.50 }\r\n'),
        (b'{"a": 1}', b'{"a": 1}\n'),
        (b'{"a": 1, "rejected": {"reason": "before"}}\n', b'{"a":1}\n'),
    ],
)
def test_a_line_of_which_nothing_is_said_stays_as_it_came(raw, written):
    assert line(raw, None, NAMES) == written


@pytest.mark.parametrize(
    ("decision", "end"),
    [
        (DROPPED, b',"rejected":{"filter":"two","reason":"no","evidence":{"a":1}}}\n'),
        (FLAGGED, b',"flags":[{"filter":"one","reason":"hm","evidence":{}}]}\n'),
        (SCORED, b',"scores":{"x":2.5,"y":3}}\n'),
        (
            Decision(by=0, reason="no", scores=[(0, {"x": 1})], flags=[(0, "hm", "{}"), (1, "ha", '{"b":[]}')]),
            b',"scores":{"x":1},"flags":[{"filter":"one","reason":"hm","evidence":{}},{"filter":"two","reason":"ha","evidence":{"b":[]}}],"rejected":{"filter":"one","reason":"no","evidence":{}}}\n',
        ),
    ],
)
@pytest.mark.parametrize("raw", [b'{ "n": 12345678901234567890123, "f": 1.50, "s": "\\ud800" }\r\n', b'{"n": 1}'])
def test_what_is_new_stands_at_the_end_and_all_else_stays(raw, decision, end):
    made = line(raw, decision, NAMES)
    assert made == raw.rstrip()[:-1] + end
    assert json.loads(made) == merged(json.loads(raw), decision, NAMES)


def test_what_is_there_already_is_merged():
    raw = b'{"scores": {"w": 1, "x": 0}, "flags": [{"filter": "one", "reason": "hm", "evidence": {}}], "big": 12345678901234567890123}'
    made = json.loads(line(raw, Decision(scores=SCORED.scores, flags=[*FLAGGED.flags, (1, "ha", "{}")]), NAMES))
    assert made["scores"] == {"w": 1, "x": 2.5, "y": 3}
    assert [flag["reason"] for flag in made["flags"]] == ["hm", "ha"]
    assert made["big"] == 12345678901234567890123


def test_an_earlier_rejection_gives_way():
    raw = b'{"a": 1, "rejected": {"filter": "old", "reason": "before"}}'
    assert json.loads(line(raw, DROPPED, NAMES))["rejected"]["reason"] == "no"
    assert "rejected" not in json.loads(line(raw, FLAGGED, NAMES))
    assert merged(json.loads(raw), None, NAMES) == {"a": 1}


@pytest.mark.parametrize(("name", "decision"), [("scores", SCORED), ("flags", FLAGGED)])
def test_somebody_elses_field_is_not_written_over(name, decision):
    with pytest.raises(MergeError, match=f"the field '{name}' holds something of its own"):
        line(json.dumps({name: 3}).encode(), decision, NAMES)
    assert json.loads(line(json.dumps({name: None}).encode(), decision, NAMES))[name]
