"""Filter ``near-duplicates``: no row that is nearly an earlier one.

Two rows are compared as sets of shingles, each some consecutive words (see `words`): case, white space, indentation and
punctuation make no difference. They are near if the Jaccard index of the two sets, the share of all shingles of either
that both have, reaches the threshold. Candidates come from a sketch that misses hardly any pair (see `sketching`), and
**each candidate is compared exactly** before a row is dropped.

A row is dropped if it is near to any earlier row, kept or dropped: so chains collapse as far as a stream can tell. Only
where a link comes after both rows that it joins are both kept. A row of fewer words than a shingle is one shingle, and
near only to rows of the same words; one of no words at all only to rows of the same signs.

What was seen stands in unlinked files in the folder for temporary files (``TMPDIR``): about 8 bytes for each word, and
430 for each row. Memory is bounded, at about 130 MB, but for one key in 128 of those on the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from magicoder_core import Filter, Instruction, Judgement, RecipeError

if TYPE_CHECKING:
    from magicoder_decontamination.near_duplicates.index import Index, Match

Field = Literal["problem", "solution"]

LEAST_THRESHOLD = 0.3
_ROWS, _CHARACTERS = 256, 1 << 20
"""What is worked on at once, at most, unless a single row is longer."""

_IN_MEMORY = 1 << 19
"""Keys that are kept in memory, at 24 bytes, before they go to the disk: those of 30,000 rows."""


@dataclass(frozen=True, kw_only=True)
class NearDuplicates(Filter):
    """Drops a row that shares most of its word n-grams with an earlier row."""

    threshold: Annotated[float, "Jaccard index from which two rows are near: above 0.3, at most 1"] = 0.7
    fields: Annotated[tuple[Field, ...], "which parts of a row are compared, as one text"] = ("problem", "solution")
    words: Annotated[int, "words in a shingle"] = 5
    seed: Annotated[int, "of the hashes: another one misses other pairs, if any"] = 0

    def check(self) -> None:
        """Options in their ranges.

        Raises:
            RecipeError: one is not.
        """
        if not LEAST_THRESHOLD < self.threshold <= 1:
            raise RecipeError(
                f"near-duplicates: threshold = {self.threshold}: must be above {LEAST_THRESHOLD}, at most 1"
            )
        if self.words < 1:
            raise RecipeError(f"near-duplicates: words = {self.words}: a shingle has at least 1 word")
        if not self.fields:
            raise RecipeError(
                "near-duplicates: fields = []: there is nothing to compare; name problem, solution or both"
            )

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Keep the first of near rows.

        Evidence is ``duplicate_of``, the id of the kept row at the cluster's head; ``nearest``, the id of the row that
        this one was found near to, if that is another; ``jaccard`` of those two, rounded to 4 digits. Of several near
        rows the nearest counts, of equally near ones the first.

        Raises:
            RunError: no space is left for what was seen.
        """
        return [judgement for rows in _bounded(batch, self._text) for judgement in self._judge(*rows)]

    def report(self) -> Mapping[str, Any]:
        """How many ``rows`` there were, ``candidates`` that the sketch found, ``verified`` exactly, and ``near`` rows."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(rows=0, candidates=0, verified=0, near=0)

    @cached_property
    def _index(self) -> Index:
        from magicoder_decontamination.near_duplicates.index import Index

        self.check()
        return Index(self.threshold, self._counts, _IN_MEMORY)

    def _text(self, row: Instruction) -> str:
        return "\n\n".join([getattr(row, field) for field in self.fields])

    def _judge(self, rows: Sequence[Instruction], texts: Sequence[str]) -> Iterator[Judgement]:
        from magicoder_decontamination.near_duplicates.shingles import shingle_sets

        matches = self._index.add(shingle_sets(texts, self.words, self.seed), [row.id for row in rows])
        return map(_judgement, matches)


def _judgement(match: Match | None) -> Judgement:
    if match is None:
        return Judgement(keep=True)
    evidence: dict[str, Any] = {"duplicate_of": match.first, "jaccard": round(match.jaccard, 4)}
    if match.nearest != match.first:
        evidence["nearest"] = match.nearest
    return Judgement(keep=False, reason="near duplicate", evidence=evidence)


def _bounded(batch: Sequence[Instruction], text: Any) -> Iterator[tuple[list[Instruction], list[str]]]:
    """Rows with their texts, so many at once that memory is bounded: all in a batch are worked on together."""
    rows: list[Instruction] = []
    texts: list[str] = []
    characters = 0
    for row in batch:
        more = text(row)
        if rows and (len(rows) == _ROWS or characters + len(more) > _CHARACTERS):
            yield rows, texts
            rows, texts, characters = [], [], 0
        rows.append(row)
        texts.append(more)
        characters += len(more)
    if rows:
        yield rows, texts
