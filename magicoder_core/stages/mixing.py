"""The rows that a trainer learns from: the run's own, files of other rows, so many of each, at most so many in all.

Which rows are taken is a pure function of the run's seed and what the rows say: a weight of 0.5 takes a row or not
whatever else is in the file and whatever name the row has there. Rows come source after source, each in its file's order;
a weight of 2 gives the whole source twice.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.content import content_id
from magicoder_core.errors import RunError
from magicoder_core.filtering import rows
from magicoder_core.filtering.inputs import found, source
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.providers import Filter
from magicoder_core.recipe import Bound, Plan
from magicoder_core.records import Instruction, TrainingData
from magicoder_core.stages import filter as filtering
from magicoder_core.stages.stage import Run
from magicoder_core.trainers import KEPT, Trainer, weights

_SAID = "trainer.data: "


def is_plain(trainer: Trainer) -> bool:
    """Whether it learns from the run's own rows as they are, so that no other file is needed."""
    return weights(trainer.data) == {KEPT: 1.0} and trainer.data_limit is None


def key(run: Run, trainer: Trainer) -> Mapping[str, Any]:
    """What decides the rows beside the options: the content of each source.

    Raises:
        RunError: one of them is not there, or a file is in two of them.
    """
    apart(trainer)
    return {name: {"weight": weight, "sha256": _digest(run, name)} for name, weight in weights(trainer.data).items()}


def _digest(run: Run, name: str) -> str:
    if name == KEPT:
        return jsonl.digest(_own(run))
    files = found([_path(name)])
    if len(files) == 1:
        return jsonl.digest(files[0])
    return content_id({str(number): jsonl.digest(file) for number, file in enumerate(files)})


def apart(trainer: Trainer) -> None:
    """Look whether each file is in one source alone, by whatever path: its rows would be taken twice.

    Raises:
        RunError: one is in two of them.
    """
    seen: dict[tuple[int, int], str] = {}
    for name in weights(trainer.data):
        for file in [] if name == KEPT else _there(_path(name)):
            facts = file.stat()
            other = seen.setdefault((facts.st_dev, facts.st_ino), name)
            if other != name:
                raise RunError(f"trainer.data: {file} is in '{other}' and in '{name}'; name it once, with a weight")


def _there(path: Path) -> list[Path]:
    """The files of a source; none where it is not there, which is told elsewhere."""
    try:
        return found([path])
    except RunError:
        return []


def _own(run: Run) -> Path:
    """The run's own rows."""
    if run.plan.method is None and not (run / filtering.KEPT).exists():
        raise RunError(
            f"{run / filtering.KEPT}: missing: the recipe has no [method] that makes rows; "
            'name a file of rows to train on, as data = "rows.jsonl"'
        )
    return run.require(filtering.KEPT, stage="filter")


def _path(name: str) -> Path:
    return Path(name).expanduser()


def files(plan: Plan) -> Iterator[tuple[str, Path]]:
    """The sources of rows that trainers name, each once, with the name that a person knows them by."""
    named = {name for bound in plan.trainers for name in weights(bound.provider.data) if name != KEPT}
    yield from ((f"{_SAID}{name}", _path(name)) for name in sorted(named))


def without_rows(plan: Plan) -> list[str]:
    """The trainers that want the run's own rows where the recipe makes none."""
    own = [bound.name for bound in plan.trainers if KEPT in weights(bound.provider.data)]
    return own if plan.method is None else []


def unfiltered(plan: Plan) -> Iterator[tuple[str, list[Bound[Filter]]]]:
    """The sources that the recipe's filters do not touch, each with those that it has not been through by command.

    That is told by what ``magicoder filter`` leaves beside the rows that it kept.
    """
    for name, path in files(plan) if plan.filters else ():
        passed = [_passed(file) for file in _there(path)]
        if lacking := [bound for bound in plan.filters if not all(bound.name in names for names in passed)]:
            yield name.removeprefix(_SAID), lacking


def _passed(file: Path) -> set[str]:
    """The filters that ``magicoder filter`` kept a file's rows with, if the file is as it was written."""
    try:
        state = json.loads(file.with_name(f"{file.name}.filter.json").read_text(encoding="utf-8"))
        written = state["status"] == "done" and state["written"][0]["bytes"] == file.stat().st_size
        return {item["use"] for item in state["key"]["filters"]} if written else set()
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def check(path: Path) -> None:
    """Look whether rows can be read there; of each file the first ones are.

    Raises:
        RunError: there is no such file, or its first rows are damaged, of no known layout or nothing to learn from.
    """
    for file in found([path]):
        opened = source(file)
        batch = next(iter(opened.batches()), None)
        if batch is None or not rows.instructions(opened, batch, Layouts(learnt=True)):
            raise RunError(f"{file}: has no rows; leave it out")


def gathered(run: Run, trainer: Trainer, mixed: Path, known: Mapping[str, Any], **facts: Any) -> TrainingData:
    """What a trainer is given; where it is not the run's own rows as they are, they are written to ``mixed`` before.

    Args:
        run: whose rows and seed.
        trainer: whose options.
        mixed: the file to write, whole or not at all.
        known: the `key` under which the rows are to be learned.
        facts: further fields of `TrainingData`.

    Raises:
        RunError: there is no row, a row is damaged, or a source is not what the key says: it was changed meanwhile.
    """
    facts |= {"seed": run.plan.seed, "shuffle": trainer.data_order == "mixed"}
    mixed.unlink(missing_ok=True)
    if is_plain(trainer):
        path = _own(run)
        counts = Counter({KEPT: _counted(path)})
    else:
        path = mixed
        counts = _write(run, trainer, mixed)
        facts["sources"] = dict(counts)
    if changed := [name for name, source in key(run, trainer).items() if source != known[name]]:
        mixed.unlink(missing_ok=True)
        raise RunError(f"trainer.data: {', '.join(changed)}: was changed while it was read; run the same command again")
    if not counts.total():
        mixed.unlink(missing_ok=True)
        raise RunError(f"trainer: no row is left of {', '.join(counts)}; look at data and data_limit")
    return TrainingData(path=path, rows=counts.total(), sha256=jsonl.digest(path), **facts)


def _counted(path: Path) -> int:
    """How many rows a file of our own has.

    Raises:
        RunError: one of them is damaged, or none of ours.
    """
    number = 0
    try:
        for _ in TrainingData(path=path, rows=0):
            number += 1
    except (ValueError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise RunError(
            f"{path}:{number + 1}: no row of a run ({why:.80}); mend it, or name the file in trainer.data"
        ) from error
    return number


def _write(run: Run, trainer: Trainer, path: Path) -> Counter[str]:
    """Write the rows; gives how many they are, by source."""
    counts = Counter[str](dict.fromkeys(weights(trainer.data), 0))
    chosen = _limited(run, trainer)
    with jsonl.Writer(path) as out:
        for number, (name, _, row) in enumerate(_weighted(run, trainer)):
            if chosen is None or number in chosen:
                out.write(row.to_dict())
                counts[name] += 1
    return counts


def _limited(run: Run, trainer: Trainer) -> set[int] | None:
    """The places of the rows that ``data_limit`` leaves among the weighted ones: those that come first by a hash."""
    if trainer.data_limit is None:
        return None
    ranked = (
        (_drawn(run, f"limit {copy}", row), number) for number, (_, copy, row) in enumerate(_weighted(run, trainer))
    )
    return {number for _, number in heapq.nsmallest(trainer.data_limit, ranked)}


def _weighted(run: Run, trainer: Trainer) -> Iterator[tuple[str, int, Instruction]]:
    """Each row as often as its source's weight says, with the source and the number of the copy."""
    for name, weight in weights(trainer.data).items():
        path = _own(run) if name == KEPT else _path(name)
        share, whole = math.modf(weight)
        for copy in range(math.ceil(weight)):
            for row in _read(path):
                if copy < whole or _drawn(run, "weight", row) < share:
                    yield name, copy, row


def _read(path: Path) -> Iterator[Instruction]:
    """All rows of a source, in order; progress is told in bytes.

    Raises:
        RunError: one is damaged, of no known layout or nothing to learn from; the message names file and line.
    """
    layouts, opened = Layouts(learnt=True), list(map(source, found([path])))
    with progress.task("read", total=sum(one.size for one in opened), unit="B") as advance:
        for one in opened:
            for batch in one.batches():
                yield from rows.instructions(one, batch, layouts)
                advance(batch.weight)


def _drawn(run: Run, purpose: str, row: Instruction) -> float:
    """A number from 0 up to 1 that the seed and what a row says decide, for each purpose another.

    Not by the row's name: two files may both number theirs from 1, and one may call all of them alike.
    """
    drawn = blake2b(f"{purpose}/{run.plan.seed}/{row.wording}/{len(row.problem)}/".encode(), digest_size=8)
    for text in (row.problem, row.solution):
        drawn.update(text.encode("utf-8", "surrogatepass"))
    return int.from_bytes(drawn.digest()) / 2**64
