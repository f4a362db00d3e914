"""All that a filter ``decontaminate`` looks for in rows, by levels and needle sets, with its memory if it has one."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from magicoder_core import Instruction, Needle
from magicoder_decontamination.engine import LEVELS, Engine, Settings
from magicoder_decontamination.hits import Hit, Parts
from magicoder_decontamination.memory import Known, Memory, digest
from magicoder_decontamination.needles import ALLOWED, NeedleSet, benchmark, name_of, needle_set

if TYPE_CHECKING:
    from magicoder_decontamination.decontaminate import Decontaminate

_FOUND_BY: Final = 1
"""Counts up when a level comes to find other things: what was remembered before does not count then."""

Look = tuple[str, str]
"""A needle set's name and a level."""

Special = Callable[[set[str], Sequence[Instruction], Sequence[Parts]], list[list[Hit]]]
"""A level that looks at rows by itself: for some needle sets by name, the hits of each row."""


@dataclass
class Finder:
    """Finds the hits of rows."""

    sets: Sequence[NeedleSet]
    looks: Sequence[Look]
    settings: Settings
    memory: Memory | None = None
    special: Mapping[str, Special] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _known: dict[Look, int] = field(default_factory=dict)
    _engines: dict[frozenset[Look], Engine] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Decontaminate) -> Finder:
        """For a filter's options.

        Raises:
            RecipeError: there is no benchmark of that name.
            RunError: a benchmark gives nothing to look for.
        """
        from magicoder_decontamination.special import special

        sets = [needle_set(entry, "decontaminate.against") for entry in asked.against]
        settings = Settings(
            coverage=asked.coverage, min_characters=asked.min_characters, allowed=(*ALLOWED, *asked.allow)
        )
        looks = [(one.name, level) for level in asked.policies for one in sets]
        memory = Memory(Path(asked.memory)) if asked.memory else None
        made = special(asked)
        return cls(sets, looks, settings, memory, made, _provenance(asked) if memory and made else {})

    def find(self, rows: Sequence[Instruction], parts: Sequence[Parts]) -> list[list[Hit]]:
        """For each row its hits."""
        if self.memory is None:
            return [[hit for _, hit in found] for found in self._look(frozenset(self.looks), rows, parts)]
        return self._remembered(self.memory, rows, parts)

    def _look(
        self, looks: frozenset[Look], rows: Sequence[Instruction], parts: Sequence[Parts]
    ) -> list[list[tuple[Look, Hit]]]:
        """The hits of some looks."""
        if looks not in self._engines:
            self._engines[looks] = Engine(self._needles(looks), self.settings)
        texts = [part.joined for part in parts]
        found = [
            [((self._owner(hit.needle), hit.level), hit) for hit in hits] for hits in self._engines[looks].find(texts)
        ]
        for level, look_for in self.special.items():
            names = {name for name, other in looks if other == level}
            for hits, more in zip(found, look_for(names, rows, parts) if names else (), strict=False):
                hits += [((self._owner(hit.needle), level), hit) for hit in more]
        return found

    def _needles(self, looks: frozenset[Look]) -> Mapping[str, Sequence[Needle]]:
        return {
            level: [needle for one in self.sets if (one.name, level) in looks for needle in one.needles]
            for level in LEVELS
        }

    def _owner(self, needle: Needle) -> str:
        """The name of the set that a needle is of; those that levels make for themselves are known by their benchmark."""
        by_needle, by_benchmark = self._owners
        return by_needle.get(id(needle)) or by_benchmark[needle.benchmark]

    @cached_property
    def _owners(self) -> tuple[Mapping[int, str], Mapping[str, str]]:
        pairs = [(needle, one.name) for one in self.sets for needle in one.needles]
        return {id(needle): name for needle, name in pairs}, {needle.benchmark: name for needle, name in pairs}

    def _remembered(self, memory: Memory, rows: Sequence[Instruction], parts: Sequence[Parts]) -> list[list[Hit]]:
        numbers = self._numbers(memory)
        digests = list(map(digest, parts))
        different = list(dict.fromkeys(digests))
        known = dict(zip(different, memory.recall(different), strict=True))
        wanted = frozenset(numbers.values())
        groups: dict[frozenset[int], dict[bytes, int]] = defaultdict(dict)
        for row, one in enumerate(digests):
            if missing := wanted - known[one].looks:
                groups[missing][one] = row
        learnt: dict[bytes, Known] = {}
        for missing, chosen in groups.items():
            looks = frozenset(look for look, number in numbers.items() if number in missing)
            found = self._look(looks, [rows[row] for row in chosen.values()], [parts[row] for row in chosen.values()])
            for one, hits in zip(chosen, found, strict=True):
                old = known[one]
                new = tuple((numbers[look], hit) for look, hit in hits)
                learnt[one] = Known(old.looks | missing, (*old.hits, *new))
        if learnt:
            memory.learn(learnt)
        known |= learnt
        return [[hit for look, hit in known[one].hits if look in wanted] for one in digests]

    def _numbers(self, memory: Memory) -> Mapping[Look, int]:
        """The memory's number for each look."""
        if not self._known:
            keys = {look: self._key(look) for look in self.looks}
            numbers = memory.looks(keys.values())
            self._known = {look: numbers[key] for look, key in keys.items()}
        return self._known

    def _key(self, look: Look) -> str:
        name, level = look
        one = next(item for item in self.sets if item.name == name)
        facts = [
            _FOUND_BY,
            one.digest,
            level,
            self.settings.coverage,
            self.settings.min_characters,
            *self.settings.allowed,
        ]
        if level in self.special:
            facts.append(self.provenance.get(name, {}))  # such a level looks at more than the needles
        return f"{name}:{level}:{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"


def _provenance(asked: Decontaminate) -> Mapping[str, Mapping[str, str]]:
    """What each benchmark says of its data."""
    made = {name_of(entry): benchmark(entry, "decontaminate.against") for entry in asked.against}
    return {name: dict(one.provenance()) for name, one in made.items()}
