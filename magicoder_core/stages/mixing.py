"""The rows that a trainer learns from: the run's own, files of other rows, so many of each, at most so many in all.

Which rows are taken is a pure function of the run's seed and the rows' ids: a weight of 0.5 takes a row or not whatever
else is in the file. Rows come source after source, each in its file's order; a weight of 2 gives the whole source twice.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.content import content_id
from magicoder_core.errors import RunError
from magicoder_core.filtering import rows
from magicoder_core.filtering.inputs import found, source
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.recipe import Plan
from magicoder_core.records import Instruction, TrainingData
from magicoder_core.stages import filter as filtering
from magicoder_core.stages.stage import Run
from magicoder_core.trainers import KEPT, Trainer, weights


def is_plain(trainer: Trainer) -> bool:
    """Whether it learns from the run's own rows as they are, so that no other file is needed."""
    return weights(trainer.data) == {KEPT: 1.0} and trainer.data_limit is None


def key(run: Run, trainer: Trainer) -> Mapping[str, Any]:
    """What decides the rows beside the options: the content of each source.

    Raises:
        RunError: one of them is not there.
    """
    return {name: {"weight": weight, "sha256": _digest(run, name)} for name, weight in weights(trainer.data).items()}


def _digest(run: Run, name: str) -> str:
    if name == KEPT:
        return jsonl.digest(_own(run))
    files = found([_path(name)])
    if len(files) == 1:
        return jsonl.digest(files[0])
    return content_id({str(number): jsonl.digest(file) for number, file in enumerate(files)})


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
    yield from ((f"trainer.data: {name}", _path(name)) for name in sorted(named))


def without_rows(plan: Plan) -> list[str]:
    """The trainers that want the run's own rows where the recipe makes none."""
    own = [bound.name for bound in plan.trainers if KEPT in weights(bound.provider.data)]
    return own if plan.method is None else []


def check(path: Path) -> None:
    """Look whether rows can be read there; of each file the first ones are.

    Raises:
        RunError: there is no such file, or its first rows are damaged or of no known layout.
    """
    for file in found([path]):
        opened = source(file)
        batch = next(iter(opened.batches()), None)
        if batch is None or not rows.instructions(opened, batch, Layouts()):
            raise RunError(f"{file}: has no rows; leave it out")


def gathered(run: Run, trainer: Trainer, mixed: Path, **facts: Any) -> TrainingData:
    """What a trainer is given; where it is not the run's own rows as they are, they are written to ``mixed`` before.

    Args:
        run: whose rows and seed.
        trainer: whose options.
        mixed: the file to write, whole or not at all.
        facts: further fields of `TrainingData`.

    Raises:
        RunError: there is no row, or a source is damaged.
    """
    facts |= {"seed": run.plan.seed, "shuffle": trainer.data_order == "mixed"}
    if is_plain(trainer):
        mixed.unlink(missing_ok=True)
        path = _own(run)
        return TrainingData(path=path, rows=sum(1 for _ in jsonl.read(path)), **facts)
    counts = _write(run, trainer, mixed)
    if not counts.total():
        mixed.unlink()
        raise RunError(f"trainer: no row is left of {', '.join(weights(trainer.data))}; look at data and data_limit")
    return TrainingData(path=mixed, rows=counts.total(), sources=dict(counts), **facts)


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
        (_drawn(run, "limit", f"{copy}/{row.id}"), number)
        for number, (_, copy, row) in enumerate(_weighted(run, trainer))
    )
    return {number for _, number in heapq.nsmallest(trainer.data_limit, ranked)}


def _weighted(run: Run, trainer: Trainer) -> Iterator[tuple[str, int, Instruction]]:
    """Each row as often as its source's weight says, with the source and the number of the copy."""
    for name, weight in weights(trainer.data).items():
        path = _own(run) if name == KEPT else _path(name)
        share, whole = math.modf(weight)
        for copy in range(math.ceil(weight)):
            for row in rows.read([path]):
                if copy < whole or _drawn(run, "weight", row.id) < share:
                    yield name, copy, row


def _drawn(run: Run, purpose: str, name: str) -> float:
    """A number from 0 up to 1 that a seed and a name decide, for each purpose another."""
    text = f"{purpose}/{run.plan.seed}/{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest()) / 2**64
