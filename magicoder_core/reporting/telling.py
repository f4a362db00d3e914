"""What a score depends on, in words: a few lines under the table for each score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from magicoder_core.judging.selftest import REFERENCE, self_tested
from magicoder_core.judging.words import short as cut
from magicoder_core.reporting.comparing import data, drawn, short
from magicoder_core.reporting.reading import Score

_OF_DATA = ("tasks", "subset", "suite", "languages", "libraries", "licence", "license")
_OF_JUDGING = ("semantics", "limits", "tests", "quirks")
_OF_ASKING = ("model", "samples", "style", "mode")
_REASONS = 5
"""Reasons of broken tasks that are told; the report has all."""


def told(score: Score) -> list[tuple[str, str]]:
    """What it is about and the words: data, judging, isolation, asking, what was left out, versions."""
    lines = [
        ("report", str(score.path)),
        ("data", _data(score)),
        ("judged by", "; ".join(_labelled(score.versions, _OF_JUDGING))),
        ("isolation", str(score.report.get("isolation") or score.versions.get("isolation", "not told"))),
        ("asked", _asked(score)),
        ("left out", "; ".join(_left_out(score))),
        ("self-test", _self_tested(score)),
        ("versions", ", ".join(_versions(score))),
    ]
    return [(name, cut(words, 2000)) for name, words in lines if words]


def _data(score: Score) -> str:
    found = data(score)
    first = [str(found.pop("data"))] if "data" in found else []
    rest = [f"{name} {short(str(value))}" for name, value in found.items()]
    return ", ".join([*first, *rest, *_labelled(score.versions, _OF_DATA)])


def _labelled(facts: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Facts of these names; what says itself what it is stands without its name."""
    bare = ("subset", "tests")
    made = [(name, short(str(facts[name]))) for name in names if facts.get(name)]
    return [value if name in bare else f"{name} {value}" for name, value in made if value]


def _asked(score: Score) -> str:
    versions, how = score.versions, drawn(score)
    lines = [f"model {versions['model']}"] if "model" in versions else []
    if "samples" in versions:
        lines.append(f"samples of sha256 {short(versions['samples'])}")
    lines += [f"{name} {_plain(value)}" for name, value in how.items()]
    if number := score.report.get("cut"):
        lines.append(f"{number} answers were cut at their end")
    if not score.decoding:
        lines.append("how they were drawn is not known here")
    return ", ".join(lines)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _left_out(score: Score) -> Iterator[str]:
    if errors := score.report.get("harness_errors"):
        yield f"{errors} programs could not be judged (harness_error) and count for nothing"
    if score.missing:
        yield f"{len(score.missing)} tasks have no sample"
    reasons = Counter(score.broken.values())
    first = {reason: task for task, reason in reversed([*score.broken.items()])}
    for reason, number in reasons.most_common(_REASONS):
        more = f" and {number - 1} more tasks" if number > 1 else ""
        yield f"broken here: {first[reason]}{more}: {cut(reason)}"
    if len(reasons) > _REASONS:
        yield f"broken for other reasons: {sum(reasons.values()) - sum(n for _, n in reasons.most_common(_REASONS))} tasks"


def _self_tested(score: Score) -> str:
    test = score.report.get("self_test") or {}
    broken = sum(reason.startswith(REFERENCE) for reason in score.broken.values())
    return self_tested(test, broken) if test else ""


def _versions(score: Score) -> list[str]:
    """The software, toolchains among it: all that the other lines do not have."""
    shown = {*data(score), *_OF_DATA, *_OF_JUDGING, *_OF_ASKING, "isolation", *score.decoding}
    return [f"{name} {short(str(value))}" for name, value in score.versions.items() if name not in shown and value]
