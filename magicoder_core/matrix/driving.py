"""Runs the cells of a matrix, one after another, in a directory that holds a run directory for each.

The directory is found again, held and named as any run's. A cell that fails is told and the others still run, but in a
launch of several processes: what these hold in common after a training that failed cannot be told, so that no other one
may begin in it. The same command goes on where it stopped, whatever ended it; cells that failed come last then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from magicoder_core import launched, page, progress, running, stages
from magicoder_core.asking import others
from magicoder_core.errors import BudgetError, MagicoderError, RecipeError, RunError
from magicoder_core.matrix import sharing, table
from magicoder_core.matrix.cells import Cell, cells, spending
from magicoder_core.plugins import Catalogue
from magicoder_core.recipe import Recipe
from magicoder_core.rundir import CELLS, FAILED, RunDirectory
from magicoder_core.running import Wish, WishError
from magicoder_core.stages import Result, Run, Stage, train

Tell = Callable[..., None]
"""``tell(event, **facts)``: what people and programs see; ``line`` or ``lines`` is for reading."""


@dataclass
class _Matrix:
    """A matrix at work: what was wished for, what was done so far and what could not be."""

    read: Recipe
    wish: Wish
    tell: Tell
    directory: RunDirectory
    work: list[tuple[Cell, Run, list[Stage]]]
    failed: dict[str, MagicoderError | OSError] = field(default_factory=dict)
    renewed: set[str] = field(default_factory=set)
    """The cells that have anew the stage that is to be done again."""
    left: int = 0
    """How many cells were not begun, since the launch has to end."""

    @property
    def why(self) -> dict[str, str]:
        """Why cells could not go on, in this run or in earlier ones, by their names."""
        noted: dict[str, str] = self.directory.facts.setdefault(FAILED, {})
        return noted

    def begin(self) -> None:
        """Take up what is known of earlier runs, that of processes that they did not live to tell of included."""
        names = {cell.name for cell, _, _ in self.work}
        self.directory.facts[FAILED] = {name: line for name, line in self.why.items() if name in names}
        for cell, run, _ in self.work:
            place = run.directory.path.absolute()
            for output, line in launched.last_words():
                if output.is_relative_to(place) and run.directory.stages.get("train", {}).get("status") == "running":
                    self.why.setdefault(cell.name, line)
        self.write()

    def write(self) -> None:
        """Write down what there is, with the table of it."""
        self.directory.save()
        table.write(self.directory.path, self.read.name, [cell for cell, _, _ in self.work], self.why)

    def run(self) -> list[Result]:
        """All cells in order, those that failed before last; in a launch only until a training fails."""
        results: list[Result] = []
        todo = sorted(self.work, key=lambda item: item[0].name in self.why)
        for number, (cell, run, chosen) in enumerate(todo, 1):
            said = f"[{number}/{len(todo)}] {cell.name}"
            self.tell("cell", line=said, cell=cell.name, values=dict(cell.values), directory=str(run.directory.path))
            begun = launched.begun()
            try:
                results += self._cell(cell, run, chosen)
                self.why.pop(cell.name, None)
            except (MagicoderError, OSError) as error:
                self._note(cell, error)
                if launched.begun() > begun and run.directory.stages["train"]["status"] != "done":
                    self.left = len(todo) - number
                    break
            finally:
                self.write()
        return results

    def _note(self, cell: Cell, error: MagicoderError | OSError) -> None:
        self.failed[cell.name], self.why[cell.name] = error, " ".join(str(error).split())
        line = f"{cell.name}: {self.why[cell.name]}"
        self.directory.log(line)
        self.tell("failed", line=f"failed: {line}", cell=cell.name, error=str(error))

    def _cell(self, cell: Cell, run: Run, chosen: Sequence[Stage]) -> list[Result]:
        results: list[Result] = []

        def told(result: Result, line: str) -> None:
            facts = run.directory.stages[result.stage]
            source = {sharing.TAKEN: facts[sharing.TAKEN]} if sharing.TAKEN in facts else {}
            words = "".join(f"  as in {name}" for name in source.values())
            reused = {"reused": result.reused, "counts": result.counts}
            self.tell("stage", line=f"{line}{words}", cell=cell.name, stage=result.stage, **reused, **source)

        with running.held(run), others.lending(self._beside(cell)):
            for stage in chosen:
                taken = self._take(cell, run, stage)
                results += running.carry_out(run, [stage], None if taken else self.wish.again, told)
            page.write(run.directory)
        return results

    def _take(self, cell: Cell, run: Run, stage: Stage) -> bool:
        """Take a stage from another cell that has it, where this one has not; tells whether it did.

        A stage that is to be done again is taken only from cells that have done it again.
        """
        siblings = [RunDirectory(path) for path in self._beside(cell)]
        if stage.name == self.wish.again:
            siblings = [item for item in siblings if item.path.name in self.renewed]
            self.renewed.add(cell.name)
        elif not stages.pending(run, [stage]):
            return False
        if sharing.take(run, stage, siblings) is not None:
            return True
        if stage is train.STAGE and stage.name != self.wish.again:
            sharing.take_checkpoints(run, siblings)
        return False

    def _beside(self, cell: Cell) -> list[Path]:
        """The run directories of other cells, those of former matrices in this directory included."""
        found = sorted(path.parent for path in self.directory.path.glob("*/run.json"))
        return [path for path in found if path.name != cell.name]


def drive(read: Recipe, place: Path, wish: Wish, tell: Tell) -> None:
    """Run the cells of a recipe with a ``[matrix]`` in the directory ``place``.

    Nothing is written before each cell's recipe is known to be right and what its pending stages need to be there.

    Raises:
        WishError: the wish contradicts itself, the recipe or a directory.
        RecipeError: a cell's recipe is wrong.
        MagicoderError: something that a pending stage needs is missing here, or a cell failed; the others have run.
    """
    if wish.pilot:
        raise WishError("--pilot: the recipe is a matrix; try a recipe without [matrix], or one cell's recipe.json")
    known = running.catalogue()
    work = [_ready(cell, place, known, wish) for cell in cells(read)]
    matrix = _Matrix(read, wish, tell, RunDirectory(place), work)
    running.check_same(matrix.directory, read, wish)
    for cell, run, chosen in work:
        with named(cell):
            running.look(run, chosen, wish)
    for line in spending([cell for cell, _, _ in work]):
        progress.say(line)
    with matrix.directory.locked():
        matrix.directory.facts[CELLS] = [cell.name for cell, _, _ in work]
        matrix.directory.begin(read, work[0][1].plan)
        matrix.begin()
        tell("run", name=read.name, directory=str(place), cells=matrix.directory.facts[CELLS])
        results = matrix.run()
        tell("done", **_closing(matrix, results))
    _end(matrix)


def _ready(cell: Cell, place: Path, known: Catalogue, wish: Wish) -> tuple[Cell, Run, list[Stage]]:
    with named(cell):
        return (cell, *running.ready(cell.recipe, place / cell.name, known, wish))


@contextmanager
def named(cell: Cell) -> Iterator[None]:
    """Put a cell's name before what is wrong with it.

    Raises:
        MagicoderError: as within the block, of a like kind.
    """
    try:
        yield
    except WishError:
        raise  # of the command, not of this cell
    except MagicoderError as error:
        kind = RecipeError if isinstance(error, RecipeError) else RunError
        raise kind(f"{cell.name}: {error}") from error


def _closing(matrix: _Matrix, results: Sequence[Result]) -> dict[str, Any]:
    path = matrix.directory.path
    again = "All of this was done before; --redo STAGE runs one again, --new begins a new one."
    reused = not matrix.failed and all(result.reused for result in results)
    where = [
        f"The table is in {path / 'matrix.md'}; each cell is a run of its own.",
        "Next:",
        f"  magicoder show {path}",
    ]
    lines = ["", *([again] if reused else []), *where]
    facts = {"directory": str(path), "reused": reused, "failed": sorted(matrix.failed)}
    return {"lines": lines, **facts, **({"not_begun": matrix.left} if matrix.left else {})}


def _end(matrix: _Matrix) -> None:
    """Say at the end that cells failed.

    Raises:
        BudgetError: they all did so at a limit, and a raised one goes on.
        RunError: they did.
    """
    if not matrix.failed:
        return
    kind = BudgetError if all(isinstance(error, BudgetError) for error in matrix.failed.values()) else RunError
    name, error = next(iter(matrix.failed.items()))
    count = f"{len(matrix.failed)} of {len(matrix.work)} cells failed"
    if matrix.left:
        count += f", {matrix.left} not begun, since the processes of a training that failed cannot train together again"
    raise kind(f"{count}; the same command tries them again; the first, {name}: {error}")
