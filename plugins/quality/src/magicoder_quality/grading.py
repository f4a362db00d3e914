"""A judge's answer read: a score and a reason for each axis, however the model wrapped them up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_SCORES = ("score", "rating", "grade", "value", "points", "mark")
_REASONS = ("reason", "reasoning", "explanation", "justification", "rationale", "comment", "feedback", "analysis")
_NUMBER = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(?:\s*(?:/|out of)\s*(\d+))?(?![\d.]*\d)")
_WORDS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_MOST_OBJECTS = 50
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)


class Grade(NamedTuple):
    """A score on one axis, and why."""

    score: float
    reason: str


def grades(answer: str, axes: Sequence[str], lowest: int, highest: int) -> dict[str, Grade] | None:
    """The grade on each of the ``axes``, in their order; None if one is missing or off the scale.

    Read are JSON objects, in a fence or within prose, keys in any case, with numbers as numbers or text ("4/5", "four"), axes
    nested or in a list; else lines as ``Correctness: 4 - it never ...``. The last object that has all axes counts.
    """
    text = _THINKING.sub("", answer)
    for found in reversed(list(_objects(text))):
        if read := _from_object(found, axes, lowest, highest):
            return read
    return _from_lines(text, axes, lowest, highest)


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects and lists in a text, outermost first."""
    decoder = json.JSONDecoder()
    at = 0
    for _ in range(_MOST_OBJECTS):
        found = re.compile(r"[{\[]").search(text, at)
        if found is None:
            return
        try:
            value, at = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            at = found.start() + 1
            continue
        yield value


def _from_object(value: Any, axes: Sequence[str], lowest: int, highest: int) -> dict[str, Grade] | None:
    if isinstance(value, list):
        value = _listed(value)
    if not isinstance(value, Mapping):
        return None
    named = {_key(str(name)): item for name, item in value.items()}
    read: dict[str, Grade] = {}
    for axis in axes:
        grade = _grade(named, axis, lowest, highest)
        if grade is None:
            # One level deeper: {"scores": {...}} and the like.
            inner = (
                _from_object(item, axes, lowest, highest) for item in value.values() if isinstance(item, Mapping | list)
            )
            return next((found for found in inner if found), None)
        read[axis] = grade
    return read


def _listed(items: list[Any]) -> dict[str, Any]:
    """A list of objects that name their axis, as one object."""
    found = {}
    for item in items:
        if isinstance(item, Mapping):
            name = next(
                (item[key] for key in ("axis", "name", "criterion", "dimension") if isinstance(item.get(key), str)), ""
            )
            found[name] = item
    return found


def _grade(named: Mapping[str, Any], axis: str, lowest: int, highest: int) -> Grade | None:
    item = named.get(_key(axis))
    reason = named.get(_key(f"{axis} reason"), "")
    if isinstance(item, Mapping):
        inner = {_key(str(name)): value for name, value in item.items()}
        reason = next((inner[name] for name in _REASONS if isinstance(inner.get(name), str)), reason)
        item = next((inner[name] for name in _SCORES if name in inner), None)
    score = _score(item, lowest, highest)
    return None if score is None else Grade(score, str(reason).strip())


def _score(value: Any, lowest: int, highest: int) -> float | None:
    """A score on the scale; None for what is none, or is off it."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        word = value.strip().lower().partition(" ")[0].strip(".,")
        found = _NUMBER.search(value)
        if found is None and word not in _WORDS:
            return None
        if found and found[2] and int(found[2]) != highest:
            return None
        value = float(found[1]) if found else _WORDS[word]
    return float(value) if isinstance(value, int | float) and lowest <= value <= highest else None


def _from_lines(text: str, axes: Sequence[str], lowest: int, highest: int) -> dict[str, Grade] | None:
    read: dict[str, Grade] = {}
    for axis in axes:
        name = r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", axis)))
        pattern = rf"^[\s*#>\-\d.)\"'`|]*{name}[\"'`*| ]*(?:\(?score\)?)?[\"'`*\s]*[:=|\u2013-]+[\s*\"'`]*(.{{0,400}})$"
        found = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
        score = _score(found[1], lowest, highest) if found else None
        if found is None or score is None:
            return None
        read[axis] = Grade(score, re.sub(r"^[\d./*\s]+(?:out of \d+)?[\s:\u2013|-]*", "", found[1]).strip())
    return read


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "-", name.strip().lower())
