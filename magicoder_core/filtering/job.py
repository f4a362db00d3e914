"""What a chain is to do, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from magicoder_core.filtering.tally import Tally
from magicoder_core.providers import Filter, Teacher
from magicoder_core.recipe import Bound, Generate


@dataclass(frozen=True, kw_only=True)
class Job:
    """Rows, the filters that they go through, and where they end.

    Attributes:
        inputs: files of rows, in order.
        filters: the chain.
        kept: the file of the rows that all filters keep.
        rejected: the file of the others.
        key: what the result depends on, as plain values: another one begins anew.
        journal: where answers to filters that ask are kept.
        teachers: whom they ask, by the filter's number.
        settings: limits and pace of asking.
        spent: what counts as spent before, see `asking.Asking`.
        columns: as `layouts.Layouts` takes them.
        parents: as `layouts.Layouts` takes them; the rows that are written keep their own.
        workers: processes that judge; 1: this one alone.
        files: plugin files that workers load.
        weak: whether programs of rows may run with limits alone.
        new: begin anew, whatever is there.
        lasting: whether the state stays when all is done, so that the same job is known to be done.
    """

    inputs: Sequence[Path]
    filters: Sequence[Bound[Filter]]
    kept: Path
    rejected: Path
    key: Mapping[str, Any]
    journal: Path
    teachers: Mapping[int, Bound[Teacher]] = field(default_factory=dict)
    settings: Generate = field(default_factory=Generate)
    spent: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    files: Sequence[Path] = ()
    weak: bool = False
    new: bool = False
    lasting: bool = False

    @property
    def state(self) -> Path:
        """The file that says how far it is."""
        return self.kept.with_name(f"{self.kept.name}.filter.json")

    @property
    def names(self) -> list[str]:
        """The filters' names by their numbers."""
        return [bound.name for bound in self.filters]


@dataclass
class Outcome:
    """What came of a job.

    Attributes:
        tally: the counts.
        cpu: seconds of each filter, earlier tries included.
        said: what each filter has to say of all rows together.
        spent: what each teacher was asked and what it took.
        seconds: of the clock, earlier tries included.
        known: whether all of it had been done before.
    """

    tally: Tally
    cpu: Sequence[float]
    said: Sequence[Mapping[str, Any]]
    spent: Sequence[Mapping[str, Any]]
    seconds: float
    known: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, for `restored`."""
        return {
            "tally": self.tally.to_dict(),
            "cpu": list(self.cpu),
            "said": list(self.said),
            "spent": list(self.spent),
            "seconds": self.seconds,
        }

    @classmethod
    def restored(cls, data: Mapping[str, Any], *, known: bool) -> Self:
        """The outcome of `to_dict`."""
        tally = Tally.restored(data["tally"])
        return cls(tally, data["cpu"], data["said"], data["spent"], data["seconds"], known)
