"""All levels over all needles, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from magicoder_core import Needle
from magicoder_decontamination.hits import Hit
from magicoder_decontamination.texts import Batch, bare


class Level(Protocol):
    """One way of looking."""

    def find(self, batch: Batch) -> Iterator[tuple[int, Hit]]:
        """Each row's number with a hit; a row may have several."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides what a level finds: a share of words, a least number of characters, and texts to leave out."""

    coverage: float = 0.5
    min_characters: int = 12
    allowed: tuple[str, ...] = ()

    @property
    def bare(self) -> frozenset[str]:
        """The allowed texts without white space."""
        return frozenset(map(bare, self.allowed))


def _text_level(name: str) -> Callable[[Sequence[Needle], Settings], Level]:
    def made(needles: Sequence[Needle], settings: Settings) -> Level:
        from magicoder_decontamination.text_levels import TextLevel

        return TextLevel(name, needles, settings.min_characters, settings.bare)

    return made


def _coverage(needles: Sequence[Needle], settings: Settings) -> Level:
    from magicoder_decontamination.coverage import Coverage

    return Coverage(needles, settings.coverage)


def _trees(needles: Sequence[Needle], settings: Settings) -> Level:
    from magicoder_decontamination.tree_level import Trees

    del settings
    return Trees(needles)


LEVELS: Final[Mapping[str, Callable[[Sequence[Needle], Settings], Level]]] = {
    "exact": _text_level("exact"),
    "whitespace": _text_level("whitespace"),
    "tokens": _text_level("tokens"),
    "ngram-coverage": _coverage,
    "ast": _trees,
}
"""The levels that read texts, in the order in which they are surest."""


class Engine:
    """Some levels, each over its needles.

    What is found of one needle does not depend on which others are looked for.
    """

    def __init__(self, wanted: Mapping[str, Sequence[Needle]], settings: Settings) -> None:
        self._levels = [made(wanted[name], settings) for name, made in LEVELS.items() if wanted.get(name)]

    def find(self, texts: Sequence[str]) -> list[list[Hit]]:
        """For each text its hits, those of earlier levels first."""
        batch = Batch(texts)
        found: list[list[Hit]] = [[] for _ in texts]
        for level in self._levels:
            for row, hit in level.find(batch):
                found[row].append(hit)
        return found
