"""What is expected of every program of the corpus, and what its answers may cost us."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable, Iterator

from sandbox.corpus import BREACH, EXPECTED, Entry, witness

from magicoder_core import sandbox
from magicoder_core.sandbox import Answers, Large, Outcome, Raised, Value

DETAIL_BYTES = 2048
_SECONDS = 1.0
_BYTES = 48 << 20


def trial(entries: Iterable[Entry], secrets: Iterable[str], places: Iterable[str]) -> Iterator[str]:
    """Give each program to one box, a witness after each; yield what is wrong, a line for each fault.

    ``secrets`` may come out nowhere; ``places`` of this machine may stand in no detail.
    """
    chosen = list(entries)
    called = [entry for entry in chosen if not entry.script]
    scripts = [entry for entry in chosen if entry.script]
    jobs = [witness.CALLS, *(job for entry in called for job in (entry.calls(), witness.CALLS))]
    yield from _judged(called, list(sandbox.call(jobs, workers=1)) if called else [], tuple(secrets), tuple(places))
    programs = [witness.SCRIPT, *(job for entry in scripts for job in (entry.program(), witness.SCRIPT))]
    yield from _judged(
        scripts, list(sandbox.run(programs, workers=1)) if scripts else [], tuple(secrets), tuple(places)
    )


def _judged(
    entries: list[Entry], found: list[Answers] | list[Outcome], secrets: tuple[str, ...], places: tuple[str, ...]
) -> Iterator[str]:
    for number, entry in enumerate(entries):
        one, after = found[2 * number + 1], found[2 * number + 2]
        yield from (f"{entry}: {fault}" for fault in _faults(entry, one, secrets, places))
        yield from (f"after {entry}: {fault}" for fault in changes(found[2 * number], after))


def _faults(entry: Entry, one: Answers | Outcome, secrets: tuple[str, ...], places: tuple[str, ...]) -> Iterator[str]:
    if one.status not in entry.allowed:
        yield f"{one.status} ({one.detail}), not {' or '.join(sorted(entry.allowed))}"
    yield from leaks(one, secrets, places)
    if isinstance(one, Answers):
        told, costs = read(one)
        yield from costs
        if right(one, told) != entry.benign:
            yield f"not right: {one.status} {one.detail} {str(told)[:1000]}" if entry.benign else "right"


def leaks(one: Answers | Outcome, secrets: tuple[str, ...], places: tuple[str, ...]) -> Iterator[str]:
    if len(one.detail.encode("utf-8", "surrogatepass")) > DETAIL_BYTES:
        yield f"a detail of {len(one.detail)} characters"
    if not one.detail.isprintable():
        yield f"control characters in its detail: {one.detail[:100]!r}"
    said = one.stream if isinstance(one, Answers) else one.stdout.encode("utf-8", "surrogatepass")
    said += one.detail.encode("utf-8", "surrogatepass")
    for word in (BREACH, *secrets):
        if (place := said.find(word.encode())) >= 0:
            yield f"brought out {said[place : place + 100]!r}"
    for path in places:
        if path in one.detail:
            yield f"names {path} in its detail: {one.detail[:300]}"


def read(one: Answers) -> tuple[list[Value | Raised | Large], list[str]]:
    """What was answered, and what is wrong if reading that takes us long or much memory, or fails."""
    told: list[Value | Raised | Large] = []
    faults = []
    tracemalloc.start()
    begin = time.process_time()
    try:
        told = [sandbox.answer(record) for record in one.records]
        _ = [str(answer) for answer in told if not isinstance(answer, Value)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        faults.append(f"reading its answers fails: {type(error).__name__}: {str(error)[:200]}")
    seconds, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if seconds > _SECONDS or peak > _BYTES + len(one.stream):
        faults.append(f"reading its answers takes {seconds:.1f} s and {peak >> 20} MiB")
    return told, faults


def right(one: Answers, told: list[Value | Raised | Large]) -> bool:
    """Whether a program answered each call as it should."""
    return (
        one.status == "pass"
        and len(told) == len(EXPECTED)
        and all(
            isinstance(answer, Value) and type(answer.value) is type(expected) and answer.value == expected
            for answer, expected in zip(told, EXPECTED, strict=True)
        )
    )


def changes(before: Answers | Outcome, after: Answers | Outcome) -> Iterator[str]:
    """What a witness sees that the one before it did not see."""
    if after.status != "pass":
        yield f"the next one is not right: {after.status} {after.detail}"
    elif _seen(before) != _seen(after):
        changed = [f"{old} became {new}" for old, new in zip(_seen(before), _seen(after), strict=False) if old != new]
        yield f"the next one sees another world: {'; '.join(changed)[:1000]}"


def _seen(one: Answers | Outcome) -> list[str]:
    """What a witness answered, and what it saw, piece by piece."""
    if isinstance(one, Outcome):
        return one.stdout.splitlines()
    *answers, last = (sandbox.answer(record) for record in one.records)
    pieces = last.value if isinstance(last, Value) and isinstance(last.value, list) else [last]
    return [str(piece) for piece in (*answers, *pieces)]
