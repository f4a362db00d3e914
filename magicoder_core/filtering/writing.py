"""Rows with their decisions, on their way into the files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.filtering import merging
from magicoder_core.filtering.decisions import KEPT, Decision, decoded, encoded
from magicoder_core.filtering.job import Job, Outcome
from magicoder_core.filtering.outputs import Growing, Output
from magicoder_core.filtering.reading import Batch, Source, Table
from magicoder_core.filtering.tally import Tally

_END = 10
"""A line's."""


class Files:
    """The two outputs of a job and the decisions beside them, in lockstep, with their counts.

    ``whole`` tells whether they hold the same rows; not while a batch is being written.
    """

    def __init__(self, job: Job, sources: Sequence[Source]) -> None:
        self._job, self._sources = job, sources
        self._outputs = _outputs(job)
        self._decisions_name = _decisions_name(job)
        self._decisions: Growing | None = None
        self._lined = [not output.table for output in self._outputs]
        self.tally = Tally.of(len(job.filters))
        self.whole = True

    @staticmethod
    def hold(job: Job, sizes: Sequence[int]) -> bool:
        """Whether the files have at least these sizes, as an earlier try left them."""
        named = [*(output.part for output in _outputs(job)), _part(_decisions_name(job))]
        wanted = [(path, size) for path, size in zip(named, sizes, strict=True) if path is not None]
        return all(path.is_file() and path.stat().st_size >= size for path, size in wanted)

    def foresee(self) -> None:
        """Look, before anything is judged, whether the rows can be written as they are to be.

        Raises:
            RunError: they cannot.
        """
        if tables := [output.path for output in self._outputs if output.table]:
            from magicoder_core.filtering import parquet

            # A row goes to one of two files: only what neither can hold is known to fail.
            if len(tables) == len(self._outputs) or self._all_tables():
                parquet.foreseen(tables[0], self._sources)

    def _all_tables(self) -> bool:
        return all(isinstance(source, Table) for source in self._sources)

    def restore(self, tally: Mapping[str, Any]) -> None:
        """Count on from an earlier try."""
        self.tally = Tally.restored(tally)

    def open(self, sizes: Sequence[int]) -> None:
        """Go on after so many bytes of each: kept, rejected, decisions."""
        for output, size in zip(self._outputs, sizes, strict=False):
            output.open(size)
        self._decisions_name.parent.mkdir(parents=True, exist_ok=True)
        self._decisions = Growing(self._decisions_name, sizes[-1])

    @property
    def growing(self) -> list[Growing]:
        """The files that grow."""
        growing = [*(output.growing for output in self._outputs), self._decisions]
        return [file for file in growing if file is not None]

    def flush(self) -> list[int]:
        """Hand all to the system; the sizes: kept, rejected, decisions."""
        decisions = self._decisions.flush() if self._decisions is not None else 0
        return [*(output.flush() for output in self._outputs), decisions]

    def close(self) -> None:
        """Leave them for a later try; all are closed, also where the disk is full."""
        with ExitStack() as stack:
            for file in self.growing:
                stack.callback(file.close)

    def add(self, source: Source, batch: Batch, decisions: Sequence[Decision | None]) -> None:
        """Write some rows; whoever calls it says when that is ``whole`` again.

        Raises:
            RunError: a row cannot be written so; the message names its file and line.
        """
        lines: tuple[list[bytes], list[bytes]] = ([], [])
        kept, names, number = lines[False], self._job.names, 0
        try:
            for item, decision in zip(batch.items, decisions, strict=True):
                # The most frequent case by far, at a third of what a call costs.
                if decision is None and item.__class__ is bytes and item[-1] == _END and b'"rejected"' not in item:
                    kept.append(item)
                else:
                    dropped = decision is not None and decision.by != KEPT
                    lines[dropped].append(_line(item, decision, names) if self._lined[dropped] else b"")
                number += 1
        except (merging.MergeError, TypeError) as error:
            why = error if isinstance(error, merging.MergeError) else f"{error}: name a .parquet file to write"
            raise RunError(f"{source.where(batch.start, number)}: {why}") from error
        notes = b"\n".join(map(encoded, decisions)) + b"\n" if decisions else b""
        self.whole = False
        for output, written in zip(self._outputs, lines, strict=True):
            output.extend(written)
        if self._decisions is not None:
            self._decisions.extend([notes])
        self._count(decisions)

    def _count(self, decisions: Sequence[Decision | None]) -> None:
        said = [decision for decision in decisions if decision is not None]
        self.tally.plain(len(decisions) - len(said))
        for decision in said:
            self.tally.add(decision)

    def decisions(self, size: int | None = None) -> Iterator[Decision | None]:
        """What was decided so far, row after row, in the first ``size`` bytes."""
        with _part(self._decisions_name).open("rb") as lines:
            for line in lines:
                yield decoded(line[:-1])
                size = None if size is None else size - len(line)
                if size == 0:
                    return

    def finish(self, outcome: Outcome) -> None:
        """Give the files their names; may be done again after a kill within it."""
        from magicoder_core.filtering import parquet

        for output, dropped in zip(self._outputs, (False, True), strict=True):
            rows = partial(self._rows, dropped=dropped)
            output.finish(_table(rows, self._sources, outcome.tally.measured(), parquet.write))

    def _rows(self, *, dropped: bool) -> Iterator[Mapping[str, Any]]:
        """All rows of one of the outputs, with what was said of them."""
        decisions = self.decisions()
        for source in self._sources:
            for batch in source.batches():
                for item in batch.items:
                    decision = next(decisions)
                    if (decision is not None and decision.by != KEPT) == dropped:
                        row = json.loads(item) if item.__class__ is bytes else item
                        yield merging.merged(row, decision, self._job.names)

    @staticmethod
    def clear(job: Job) -> None:
        """Take away what only served the work."""
        _part(_decisions_name(job)).unlink(missing_ok=True)


def _outputs(job: Job) -> tuple[Output, Output]:
    return Output(job.kept), Output(job.rejected)


def _decisions_name(job: Job) -> Path:
    return job.kept.with_name(f"{job.kept.name}.decisions")


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _line(item: Any, decision: Decision | None, names: Sequence[str]) -> bytes:
    """A row as a line, with its end."""
    if item.__class__ is bytes:
        return merging.line(item, decision, names)
    return jsonl.encoded(merging.merged(item, decision, names)) + b"\n"


def _table(
    rows: Callable[[], Iterator[Mapping[str, Any]]],
    sources: Sequence[Source],
    measured: Sequence[str],
    write: Callable[..., None],
) -> Callable[[Path], None]:
    return lambda path: write(path, rows, sources, measured)
