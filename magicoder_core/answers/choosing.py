"""Which of an answer's headings are the ones of its sections; every doubt is a reason to choose none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from magicoder_core.answers.fence import Mark, mark_at, marks
from magicoder_core.answers.heading import Heading, Style


def chosen(text: str, seen: Sequence[Heading], keys: Sequence[str]) -> list[Heading] | str:
    """The one heading of each section, or why it cannot be told."""
    if [heading.key for heading in seen] == keys and all(item.alone and not item.another for item in seen):
        return list(seen)  # nearly all answers are like this
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
    return _doubt(text, seen, picked) or picked


def _doubt(text: str, seen: Sequence[Heading], picked: list[Heading]) -> str:
    """Why the chosen headings may not be the ones, for what the others say; empty if there is no doubt."""
    if any(heading.another and heading.key == picked[0].key for heading in seen):
        return f"a second {picked[0].key}"
    guidelines = [_is_guideline(heading) for heading in picked]
    if any(guidelines) and (all(guidelines) or len({heading.style for heading in picked}) > 1):
        return "instructions repeated"
    if any(_is_sentence(heading, picked) for heading in picked):
        return "no two headings alike"
    if any(_begins_a_later_one(heading, picked) for heading in seen if heading.start < picked[0].start):
        return "sections out of order"
    if any(_is_filled(text, heading, picked[0]) for heading in seen if heading.start < picked[0].start):
        return f"two {picked[0].key} sections"
    order = [heading.key for heading in picked]
    others = [heading for heading in seen if heading not in picked and heading.start > picked[0].start]
    return _before_the_last(others, picked, order) or _after_the_last(others, picked, order)


def _is_guideline(heading: Heading) -> bool:
    """Whether a heading may be the prompt's own, said again: numbered, in brackets, and text follows on its line."""
    return heading.listed and heading.style is Style.BRACKETS and not heading.alone


def _is_sentence(heading: Heading, picked: list[Heading]) -> bool:
    """Whether "Problem: ..." may be a sentence, for other sections have real headings."""
    bare = heading.style is Style.BARE and not heading.alone
    return bare and any(other.style > Style.BARE for other in picked)


def _begins_a_later_one(heading: Heading, picked: list[Heading]) -> bool:
    """Whether a heading before the first chosen one begins another section: there may be a whole row before ours.

    The guidelines of the prompt, said again, are none.
    """
    surely = heading.alone or heading.style > Style.BARE
    return heading.key != picked[0].key and surely and not _is_guideline(heading)


def _is_filled(text: str, heading: Heading, first: Heading) -> bool:
    """Whether a heading before the first chosen one has a text of its own: theirs may not be all of the section."""
    return heading.key == first.key and heading.alone and bool(text[heading.end : first.start].strip(" \t\n-=*_~^"))


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
        self.comments: list[Heading] = []
        self.open: Mark | None = None
        self.last: Heading | None = None

    def mark(self, mark: Mark) -> None:
        """Open or close a block."""
        if self.open is None:
            if not self._underlines(mark):
                self.open = mark
        elif mark.closes(self.open):
            self.open, self.hidden, self.comments = None, [], []
        elif mark.info and (self.hidden or self._follows(mark)):
            # A block that opens inside a block, after a heading: the first one was never closed.
            self.seen += sorted(self.hidden + self.comments) if self._follows(mark) else self.hidden
            self.open, self.hidden, self.comments = mark, [], []

    def _follows(self, mark: Mark) -> bool:
        """Whether a mark stands below a heading within code."""
        last = self.comments[-1] if self.comments else None
        return last is not None and mark.start - last.end <= 2 and not self.text[last.end : mark.start].strip()  # noqa: PLR2004 - one blank line

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
        elif heading.alone:
            self.comments.append(heading)


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
    # Of a block without an end nobody knows where it should have ended.
    return sorted(walk.seen + walk.hidden + walk.comments) if walk.open else walk.seen
