"""The self-test: benchmark items, perturbed, are planted into rows of one's own, and each level must find them.

Recall is counted for each perturbation and level: the share of planted rows in which the level finds just the task that was
planted. What the levels find in the same rows without a plant is either contamination or a false positive: it is listed,
for only somebody who looks can tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, cast

from magicoder_core import Instruction, RunError, progress, provider
from magicoder_decontamination.decontaminate import Decontaminate, parts_of
from magicoder_decontamination.hits import Hit, evidence
from magicoder_decontamination.planting import PERTURBATIONS, Perturbation, Task, tasks_of

_BATCH: Final = 256
_LISTED: Final = 20
_FENCE: Final = "```python\n{}\n```"
ANY: Final = "any level"


@dataclass
class Outcome:
    """What a self-test has found.

    ``planted`` counts rows by perturbation; ``found`` counts by perturbation and level (`ANY` for one or several);
    ``rows`` were looked at as they are, and ``hits`` of them have something in them, by level; ``listed`` says of the
    first of these what. ``missed`` names, by perturbation, the first tasks that no level found.
    """

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    rows: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    listed: list[dict[str, Any]] = field(default_factory=list)

    def recall(self, perturbation: str, level: str) -> float | None:
        """The share found; None if nothing was planted."""
        planted = self.planted[perturbation]
        return self.found[perturbation, level] / planted if planted else None

    def to_dict(self, levels: Sequence[str]) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "perturbations": {
                name: {
                    "planted": self.planted[name],
                    "recall": {level: self.recall(name, level) for level in (*levels, ANY)},
                    "missed": self.missed.get(name, []),
                }
                for name in PERTURBATIONS
                if self.planted[name]
            },
            "rows": self.rows,
            "rows_with_hits": dict(sorted(self.hits.items())),
            "hits": self.listed,
        }


def asked(options: Sequence[str]) -> Decontaminate:
    """The filter of options as ``NAME=VALUE``.

    Raises:
        MagicoderError: one of them is none, its value is wrong, or what it names is not there.
    """
    plain = [text.strip().removeprefix("decontaminate.") for text in options]
    made = cast("Decontaminate", provider("filter", "decontaminate", plain))
    made.check()
    return made


def told(asked: Decontaminate) -> dict[str, Any]:
    """The options that decide what is found."""
    return {
        "against": list(asked.against),
        "levels": dict(asked.policies),
        "coverage": asked.coverage,
        "min_confidence": asked.min_confidence,
        "min_characters": asked.min_characters,
        "allow": list(asked.allow),
    }


def self_test(asked: Decontaminate, rows: Iterable[Instruction], *, tasks: int, hosts: int = 1000) -> Outcome:
    """Look at rows as they are, then with plants.

    Args:
        asked: the filter; a memory that it has is not used.
        rows: rows of one's own.
        tasks: of each benchmark, how many are planted, evenly spaced; none: only look.
        hosts: how many of the first rows without a hit take plants, one after another.

    Raises:
        RunError: there is no row without a hit.
    """
    asked = replace(asked, memory=None)
    outcome = Outcome()
    clean = _look(asked, rows, outcome, hosts)
    if not outcome.rows:
        raise RunError("decontaminate: there are no rows to look at")
    if tasks and not clean:
        raise RunError("decontaminate --self-test: no row without a hit is left to plant into; give other rows")
    planted = list(_planted(asked, clean, tasks)) if tasks else []
    with progress.task("plant and look", total=len(planted), unit="row") as advance:
        for batch in _batches(planted):
            found = asked.hits([row for _, _, row in batch])
            for (perturbation, task, _), hits in zip(batch, found, strict=True):
                _count(outcome, perturbation, task, hits)
            advance(len(batch))
    order = {name: number for number, name in enumerate(PERTURBATIONS)}
    outcome.planted = Counter(dict(sorted(outcome.planted.items(), key=lambda item: order[item[0]])))
    return outcome


def _look(asked: Decontaminate, rows: Iterable[Instruction], outcome: Outcome, hosts: int) -> list[Instruction]:
    """Look at rows as they are; gives the first ones without a hit."""
    clean: list[Instruction] = []
    with progress.task("look", unit="row") as advance:
        for batch in _batches(rows):
            for row, hits in zip(batch, asked.hits(batch), strict=True):
                outcome.rows += 1
                outcome.hits.update({hit.level for hit in hits})
                if hits and len(outcome.listed) < _LISTED:
                    outcome.listed.append({"row": outcome.rows, **evidence(hits[0], parts_of(row))})
                elif not hits and len(clean) < hosts:
                    clean.append(row)
            advance(len(batch))
    return clean


def _planted(
    asked: Decontaminate, clean: Sequence[Instruction], most: int
) -> Iterator[tuple[Perturbation, Task, Instruction]]:
    """Each task in each perturbation that it has, in one row after the other."""
    number = 0
    for task in _spaced(tasks_of(asked.needles()), most):
        for perturbation in PERTURBATIONS.values():
            if text := perturbation.of(task):
                yield perturbation, task, _with(clean[number % len(clean)], perturbation.part, text, number)
                number += 1


def _spaced(tasks: Sequence[Task], most: int) -> Iterator[Task]:
    """So many tasks of each benchmark, evenly spaced."""
    owned: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        owned[task.benchmark].append(task)
    for own in owned.values():
        count = min(most, len(own))
        yield from (own[number * len(own) // count] for number in range(count))


def _with(row: Instruction, part: str, text: str, number: int) -> Instruction:
    """A row with a text in it: after a paragraph of its problem, or after its solution, in a code block."""
    if part == "solution":
        return replace(row, solution=f"{row.solution}\n\n{_FENCE.format(text)}\n")
    paragraphs = row.problem.split("\n\n")
    place = number % (len(paragraphs) + 1)
    return replace(row, problem="\n\n".join([*paragraphs[:place], text, *paragraphs[place:]]))


def _count(outcome: Outcome, perturbation: Perturbation, task: Task, hits: Sequence[Hit]) -> None:
    name = perturbation.name
    levels = {hit.level for hit in hits if hit.needle.problem_id == task.problem_id}
    outcome.planted[name] += 1
    outcome.found.update((name, level) for level in ({*levels, ANY} if levels else ()))
    if not levels and len(outcome.missed[name]) < _LISTED:
        outcome.missed[name].append(task.problem_id)


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
