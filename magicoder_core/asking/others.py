"""Answers that other runs have in their journals: within `lending` nobody pays for one of them again.

What is taken goes into the run's own journal, marked as not billed, as with `Cache`: a run's journal stays the whole
truth about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from magicoder_core import progress
from magicoder_core.asking.journal import Entry, Journal, entries
from magicoder_core.errors import RunError

JOURNALS = ("journal.jsonl", "filter-journal.jsonl")
"""Of a run: the answers of the stages `generate` and `evaluate`, and those that filters asked for."""


class Others:
    """The journals of other runs, opened when the first answer is looked for.

    Args:
        folders: run directories; those whose journal another process is writing are left out, and that is said.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._stack = ExitStack()
        self._journals: list[Journal] | None = None

    def find(self, key: str) -> Entry | None:
        """The answer of that key, if any of them has it."""
        if self._journals is None:
            self._journals = list(self._opened())
        return next((entry for journal in self._journals if (entry := journal.find(key)) is not None), None)

    def _opened(self) -> Iterator[Journal]:
        for path in (folder / name for folder in self._folders for name in JOURNALS):
            if not path.is_file():
                continue
            try:
                yield self._stack.enter_context(Journal(path))
            except RunError as error:
                progress.say(f"its answers are not looked at: {error}")

    def close(self) -> None:
        """Let go of the journals."""
        self._stack.close()
        self._journals = None


_lent: list[Others] = []


@contextmanager
def lending(folders: Sequence[Path]) -> Iterator[None]:
    """Within the block requests are answered by the journals of these runs, too. Process-wide."""
    others = Others(folders)
    _lent.append(others)
    try:
        yield
    finally:
        _lent.remove(others)
        others.close()


def lent() -> Others | None:
    """Whose answers may be used now, if anybody's."""
    return _lent[-1] if _lent else None


def adopt(source: Path, target: Path) -> None:
    """Put the answers of one run's journal that another's lacks into it, as not billed there: the first one has paid.

    Failed attempts and batches under way stay with the run that has them.

    Raises:
        RunError: another process has the target open, or the disk fails.
    """
    if not source.is_file():
        return
    last = {entry.key: number for number, entry in enumerate(_answers(source))}
    with Journal(target) as journal:
        for number, entry in enumerate(_answers(source)):
            # Of two answers to one request the later one counts, also where they come from.
            if last[entry.key] == number and entry.key not in journal:
                journal.append(replace(entry, charged=False))


def _answers(path: Path) -> Iterator[Entry]:
    return (entry for entry in entries(path) if entry.error in {None, "content_filter"})
