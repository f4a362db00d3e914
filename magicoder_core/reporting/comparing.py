"""What must be equal for two figures to be compared, and what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from magicoder_core.reporting.reading import Score
from magicoder_core.reporting.shapes import Cell, Column

_HASHES = re.compile(r"^(sha256|md5)\b|\b(sha256|md5)$")
_NAMES = ("data", "data_version", "revision")
_DRAWN = ("style", "mode", "temperature", "top_p", "max_tokens", "samples")
_ALIKE = ("semantics", "limits", "tests")
_SHORT = 12
"""Digits of a hash that are shown; all of them are compared."""

_HEX = re.compile(r"\b[0-9a-f]{32,64}\b")


def short(text: str) -> str:
    """Text with its hashes cut."""
    return _HEX.sub(lambda found: found[0][:_SHORT], text)


def data(score: Score, group: str = "") -> dict[str, str]:
    """The names and hashes of the data, of one group alone where the report tells them apart."""
    found = {
        name: value
        for name, value in score.versions.items()
        if name in _NAMES or _HASHES.search(name.replace("_", " "))
    }
    own = {name: value for name, value in found.items() if group and group in _words(name)}
    if own:
        return own
    return {name: _of_group(str(value), group) for name, value in found.items()}


def _words(text: str) -> set[str]:
    return set(re.split(r"[^0-9A-Za-z#+]+", text))


def _of_group(value: str, group: str) -> str:
    """Of a list of files with their hashes, those of the group; all of it where none is."""
    pieces = re.split(r"[,;]\s*", value)
    own = [piece for piece in pieces if group and group in _words(piece)]
    return ", ".join(own) if own and len(pieces) > 1 else value


def differences(one: Score, other: Score, column: Column, cells: tuple[Cell, Cell]) -> list[str]:
    """Why two figures of a column must not be compared, a phrase each; empty if nothing is known that speaks against it.

    Args:
        one: the score that is looked at.
        other: the score beside which it stands.
        column: the figures' column.
        cells: the figures, in the same order.
    """
    return [
        *_data(data(one, column.group), data(other, column.group)),
        *_versions(one.versions, other.versions),
        *_subset(one, other, column, cells),
        *_drawing(one, other),
    ]


def _data(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    """By the hashes that both have; by name and version only where there is none. One reason is enough."""
    both = [name for name in one if name in other]
    hashes = [name for name in both if name not in _NAMES]
    for name in [name for name in hashes or both if one[name] != other[name]][:1]:
        yield f"{_label(name)} {short(one[name])} instead of {short(other[name])}"


def _versions(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in _ALIKE:
        mine, theirs = (_plain(name, facts.get(name, "")) for facts in (one, other))
        if mine and theirs and mine != theirs:
            yield f"{name} {mine} instead of {theirs}"


def _subset(one: Score, other: Score, column: Column, cells: tuple[Cell, Cell]) -> Iterator[str]:
    """Other tasks; which ones an average is without, the columns that it is over tell."""
    mine, theirs = cells
    if mine.over != theirs.over:
        yield f"over {', '.join(mine.over)} instead of {', '.join(theirs.over)}"
    elif mine.tasks != theirs.tasks:
        yield f"{mine.tasks} tasks instead of {theirs.tasks}"
    elif not mine.over and _left_out(one, column.group) != _left_out(other, column.group):
        yield "other tasks are left out"


def _left_out(score: Score, group: str) -> set[str]:
    """Tasks that are broken or have no sample; of one group where tasks are named after theirs."""
    names = {*score.broken, *score.missing}
    own = {name for name in names if group and name.startswith(f"{group}/")}
    return own if group else names


def _drawing(one: Score, other: Score) -> Iterator[str]:
    """Where both say how answers were drawn."""
    mine, theirs = drawn(one), drawn(other)
    for name in _DRAWN:
        if name in mine and name in theirs and mine[name] != theirs[name]:
            yield f"{_label(name)} {_plain(name, mine[name])} instead of {_plain(name, theirs[name])}"


def drawn(score: Score) -> dict[str, Any]:
    """How the answers were asked for and drawn, as far as the report tells; ``samples`` is a number for each task."""
    told = {name: score.versions[name] for name in ("style", "mode") if name in score.versions}
    return told | {name: score.decoding[name] for name in _DRAWN if name in score.decoding}


def conditions(score: Score, cell: Cell, wanted: Mapping[str, Any], titles: Sequence[str] = ()) -> list[str]:
    """Why a figure must not be compared with the published ones, a phrase each.

    Args:
        score: the score.
        cell: the figure.
        wanted: what is known of the published ones: ``tasks``, or for another fact the values that are alike and,
            as its first, the one to name.
        titles: of an average, the columns that the published one is over.
    """
    found = []
    if missing := [title for title in titles if title not in cell.over]:
        found.append(f"without {', '.join(missing)}")
    elif (tasks := wanted.get("tasks")) is not None and cell.tasks != tasks:
        found.append(f"{cell.tasks} tasks instead of {tasks}")
    told = {**score.versions, **drawn(score)}
    for name, alike in wanted.items():
        if name != "tasks" and name in told and _plain(name, told[name]) not in alike:
            found.append(f"{_label(name)} {_plain(name, told[name])} instead of {alike[0]}")
    return found


def _plain(name: str, value: Any) -> str:
    """Numbers as people write them; semantics without what they mean, which stands after a colon."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.partition(":")[0] if name == "semantics" else text


def _label(name: str) -> str:
    """A fact's name in words; of hashes it is told whose they are."""
    return f"data {name}" if _HASHES.search(name) else name.replace("_", " ")
