"""Has programs judged, one after another, and writes each verdict down as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from magicoder_core import progress
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import attributed
from magicoder_core.judging.ledger import Ledger
from magicoder_core.judging.samples import Sample
from magicoder_core.recipe import Bound
from magicoder_core.records import Submission, Verdict


@contextmanager
def closed(verdicts: Iterator[Verdict]) -> Iterator[Iterator[Verdict]]:
    """``verdicts``, ended at once when the block is left: no box works on for nobody."""
    try:
        yield verdicts
    finally:
        if close := getattr(verdicts, "close", None):
            close()


@dataclass(frozen=True, slots=True)
class _Due:
    """A verdict that is awaited, or one that needs no judge."""

    position: int
    digest: str
    task_id: str
    number: int
    ready: Verdict | None = None


@dataclass
class _Judging:
    """One file's samples on their way through a benchmark."""

    samples: Iterable[Sample]
    ledger: Ledger
    broken: Mapping[str, str]
    advance: progress.Advance
    waiting: deque[_Due] = field(default_factory=deque)
    known: int = 0
    passed: int = 0

    def programs(self) -> Iterator[Submission]:
        """What the benchmark is to judge; pulled by it, perhaps in another thread."""
        for sample in self.samples:
            digest = sample.digest
            ready = _without_judging(sample, self.broken)
            if ready is None and (known := self.ledger.find(sample.position, digest)) is not None:
                self.known += 1
                self._count(known)
                continue
            self.waiting.append(_Due(sample.position, digest, sample.task_id, sample.number, ready))
            if ready is None and sample.code is not None:
                yield Submission(problem_id=sample.task_id, code=sample.code, sample=sample.number)

    def run(self, verdicts: Iterator[Verdict]) -> None:
        """Write down each verdict under the sample whose it is.

        Raises:
            ValueError: a verdict is missing, or is another program's.
        """
        for verdict in verdicts:
            self._settle()
            if not self.waiting or not _is_of(verdict, due := self.waiting.popleft()):
                raise ValueError(f"a verdict on {verdict.problem_id}, sample {verdict.sample}, where none was due")
            self._write(due, verdict)
        self._settle()
        if self.waiting:
            due = self.waiting[0]
            raise ValueError(f"no verdict on {due.task_id}, sample {due.number}")

    def _settle(self) -> None:
        """Write down those at the head that need no judge."""
        while self.waiting and (ready := self.waiting[0].ready) is not None:
            self._write(self.waiting.popleft(), ready)

    def _write(self, due: _Due, verdict: Verdict) -> None:
        self.ledger.add(due.position, due.digest, verdict)
        self._count(verdict)

    def _count(self, verdict: Verdict) -> None:
        self.passed += verdict.status == "pass"
        self.advance(passed=self.passed)


def _is_of(verdict: Verdict, due: _Due) -> bool:
    return (verdict.problem_id, verdict.sample) == (due.task_id, due.number)


def _without_judging(sample: Sample, broken: Mapping[str, str]) -> Verdict | None:
    """The verdict on what is no program, or on a task that cannot be judged here."""
    if sample.task_id in broken:
        detail = f"the task cannot be judged here: {broken[sample.task_id]}"
        return Verdict(problem_id=sample.task_id, sample=sample.number, status="harness_error", detail=detail)
    if sample.code is None:
        return Verdict(problem_id=sample.task_id, sample=sample.number, status="fail", detail=sample.note)
    return None


def judge(
    bound: Bound[Benchmark],
    samples: Iterable[Sample],
    ledger: Ledger,
    *,
    total: int,
    broken: Mapping[str, str],
    label: str,
) -> int:
    """Bring ``ledger`` to a verdict for each of the ``total`` samples; those it has are not judged again.

    A problem that the model refuses is one that it does not solve; one that is ``broken`` (id to reason) counts as a
    ``harness_error``, whose fault is not the model's.

    Returns:
        How many verdicts were known.

    Raises:
        RunError: the benchmark failed, or gave no verdict, or one for another program.
    """
    with progress.task(f"judge {label}", total, "program") as advance, attributed("benchmark", bound.name):
        work = _Judging(samples, ledger, broken, advance)
        with closed(bound.provider.judge(work.programs())) as verdicts:
            work.run(verdicts)
    return work.known
