"""Which of an answer's headings are the ones of its sections; every doubt is a reason to choose none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from magicoder_core.answers.fence import Mark, mark_at, marks
from magicoder_core.answers.heading import Heading, Style


def chosen(seen: Sequence[Heading], keys: Sequence[str]) -> list[Heading] | str:
    """The one heading of each section, or why it cannot be told."""
    if [heading.key for heading in seen] == keys and not any(item.listed or item.another for item in seen):
        return list(seen)
    picked = []
    for key in keys:
        candidates = [heading for heading in seen if heading.key == key and not heading.another]
        if not candidates:
            return f"no {key} section"
        best = max(heading.rank for heading in candidates)
        surest = [heading for heading in candidates if heading.rank == best]
        if len(surest) > 1:
            return f"two {key} sections"
        picked += surest
    if any(first.start >= second.start for first, second in pairwise(picked)):
        return "sections out of order"
    return _doubt(seen, picked) or picked


def _doubt(seen: Sequence[Heading], picked: list[Heading]) -> str:
    """Why the chosen headings may not be the ones, for what the others say; empty if there is no doubt."""
    if any(heading.another and heading.key == picked[0].key for heading in seen):
        return f"a second {picked[0].key}"
    if all(heading.listed and heading.colon and not heading.alone for heading in picked):
        return "instructions repeated" if all(heading.style is Style.BRACKETS for heading in picked) else ""
    order = [heading.key for heading in picked]
    others = [heading for heading in seen if heading not in picked and heading.start > picked[0].start]
    return _before_the_last(others, picked, order) or _after_the_last(others, picked, order)


def _before_the_last(others: Sequence[Heading], picked: list[Heading], order: list[str]) -> str:
    """Doubt about headings between the first chosen and the last: a sentence is none, a section of its own is."""
    latest = 0
    for heading in others:
        if heading.start > picked[-1].start:
            break
        position = order.index(heading.key)
        if position < latest:
            return f"a second {heading.key}"
        latest = position
        due = next(item for item in picked if item.key == heading.key)
        early = heading.start < due.start
        sure = heading.alone or (heading.colon and heading.style > Style.BARE) or heading.rank >= picked[0].rank
        if early and position and sure:
            return f"two {heading.key} sections"
    return ""


def _after_the_last(others: Sequence[Heading], picked: list[Heading], order: list[str]) -> str:
    """Doubt about headings within the last section: one of an earlier section there may begin another row."""
    later = [heading for heading in others if heading.start > picked[-1].start]
    last = max((heading.start for heading in later if heading.key == order[-1]), default=-1)
    for heading in later:
        if heading.key == order[-1]:
            continue
        mere_words = not heading.alone and heading.style < picked[0].style and all(item.alone for item in picked)
        if not mere_words or heading.start < last:
            return f"a second {heading.key}"
    return ""


class _Walk:
    """Headings and marks of code blocks in their order: headings within code are code."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: list[Heading] = []
        self.hidden: list[Heading] = []
        self.open: Mark | None = None
        self.last: Heading | None = None

    def mark(self, mark: Mark) -> None:
        """Open or close a block."""
        if self.open is None:
            if not self._underlines(mark):
                self.open = mark
        elif mark.closes(self.open):
            self.open, self.hidden = None, []
        elif mark.info and self.hidden:
            # A block that opens inside a block, after a heading: the first one was never closed.
            self.seen += self.hidden
            self.open, self.hidden = mark, []

    def _underlines(self, mark: Mark) -> bool:
        """Whether a row of tildes is the line below a heading, as reStructuredText has it."""
        last = self.last
        return bool(
            last
            and not mark.info
            and mark.mark[0] == "~"
            and mark.start == last.end + 1
            and len(mark.mark) + 3 > last.end - last.start
        )

    def heading(self, heading: Heading) -> None:
        """Note a heading, apart if it stands within code."""
        self.last = heading
        if self.open is None:
            self.seen.append(heading)
            # "Solution: ```python" opens a block, too.
            self.open = mark_at(self.text, heading.body, heading.end) if heading.body < heading.end else None
        elif heading.alone and (heading.style >= Style.TAG or heading.style is Style.BOLD or heading.level > 1):
            self.hidden.append(heading)


def visible(text: str, found: Sequence[Heading]) -> list[Heading]:
    """The headings outside of code; those in a block that never ends count, too."""
    if not found:
        return []
    walk = _Walk(text)
    events: list[Mark | Heading] = [*marks(text), *found]
    for item in sorted(events, key=lambda event: event.start):
        if isinstance(item, Mark):
            walk.mark(item)
        else:
            walk.heading(item)
    return walk.seen + walk.hidden if walk.open else walk.seen
