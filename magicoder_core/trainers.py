"""The base class of trainers, and trainers that follow one another: what each learns from, and which model it begins with.

A recipe's second trainer begins with the checkpoint of the first, as MagicoderS began with Magicoder, unless it names
another model. That holds for trainers whose option for the model is called ``base_model``.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from magicoder_core.errors import RecipeError
from magicoder_core.providers import Provider
from magicoder_core.records import Checkpoint, TrainingData

KEPT = "kept"
"""The source that is the run's own rows; whatever else is named is a file or folder of rows."""

PREVIOUS = "previous"
"""As ``base_model``: the checkpoint of the trainer before."""

MOST = 1000
"""The largest weight of a source: its rows are written down so often."""

_BASE = "base_model"


@dataclass(frozen=True, kw_only=True)
class Trainer(Provider):
    """Tunes a model on rows.

    ``joint`` says that its processes, started together by torchrun, train one model together. Without it a trainer works
    alone: under a launcher it is refused before anything is trained.
    """

    joint: ClassVar[bool] = False

    data: Annotated[
        str | tuple[str, ...] | Mapping[str, float],
        "rows to learn from: kept (the run's own) or a path of rows, a list of them, or a table of their weights: "
        "0.5 takes half of the rows, 2 takes each twice",
    ] = KEPT
    data_limit: Annotated[
        int | None, "at most so many rows, drawn at random; smaller draws are part of larger ones"
    ] = None
    data_order: Annotated[
        Literal["mixed", "as-given"], "mixed: shuffled in each epoch; as-given: source after source, as in their files"
    ] = "mixed"

    @property
    def base(self) -> str:
        """The model that is tuned, as its teacher names it: what ``[evaluate] baseline`` scores."""
        return str(getattr(self, _BASE, ""))

    @abstractmethod
    def train(self, data: TrainingData, output: Path) -> Checkpoint:
        """Tune on ``data`` and leave a whole model in Hugging Face format in ``output``.

        ``output`` may hold what an interrupted call on the same data left; go on from there. What only serves that is
        gone when the call returns. The options ``data``, ``data_limit`` and ``data_order`` are the core's: ``data`` holds
        the rows that they choose, and `TrainingData.shuffle` is for the trainer to heed.
        """


AnyTrainer = TypeVar("AnyTrainer", bound=Trainer)


def weights(data: object) -> dict[str, float]:
    """The option ``data`` as the weight of each source, in order.

    Raises:
        ValueError: it is no text, list of texts or table of weights; a weight is not above 0 or above `MOST`, or a
            source is unnamed or there twice.
    """
    named = [data] if isinstance(data, str) else data
    if isinstance(named, list | tuple):
        _refuse_twice(list(map(_source, named)))
        named = dict.fromkeys(map(_source, named), 1.0)
    if not isinstance(named, Mapping):
        raise ValueError(f"a path, a list of paths or a table of weights is needed, as {{kept = 1.0}} (got {data!r})")  # noqa: TRY004 - of an option
    if not named:
        raise ValueError("names no source of rows; leave it out for the run's own")
    _refuse_twice(list(map(_source, named)))
    return {_source(source): _weight(source, weight) for source, weight in named.items()}


def _refuse_twice(sources: Sequence[str]) -> None:
    """Refuse one path in two spellings; links are looked at where the files are."""
    paths = [source if source == KEPT else os.path.abspath(Path(source).expanduser()) for source in sources]  # noqa: PTH100 - links stay
    for number, path in enumerate(paths):
        if path in paths[:number]:
            first, again = sources[paths.index(path)], sources[number]
            same = "stands" if first == again else f"is {first!r}: it stands"
            raise ValueError(f"{again!r} {same} twice; give it a weight, as {{{first!r} = 2}}")


def _source(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"'{KEPT}' or a path of rows is needed (got {given!r})")
    return given


def _weight(source: str, given: object) -> float:
    """The weight of a source; how often its rows are taken."""
    # Compared as it stands: an integer may be too large for a float. What is no number is in no order.
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= MOST:
        raise ValueError(f"'{source}': a weight above 0 and up to {MOST} is needed (got {given!r:.40})")
    return float(given)


def completed(cls: type, table: Mapping[str, Any], where: str, *, first: bool) -> dict[str, Any]:
    """A trainer's table with the checkpoint before it as its base, where it names none and is not the first.

    Raises:
        RecipeError: it cannot begin with a checkpoint, there is none before it, or its ``data`` is not of its form.
    """
    if first and table.get(_BASE) == PREVIOUS:
        raise RecipeError(f"{where}.{_BASE}: there is no trainer before this one; name the model to tune")
    try:
        if "data" in table:
            weights(table["data"])
    except ValueError as error:
        raise RecipeError(f"{where}.data: {error}") from error
    limit = table.get("data_limit")
    if isinstance(limit, bool) or (isinstance(limit, int) and limit < 1):
        raise RecipeError(f"{where}.data_limit: at least 1 is needed (got {limit!r:.40})")
    if first or _BASE in table:
        return dict(table)
    if all(item.name != _BASE for item in fields(cls)):
        raise RecipeError(f"{where}.use: has no option {_BASE}, so that it can only be the first trainer")
    return {**table, _BASE: PREVIOUS}


def goes_on(trainer: Trainer) -> bool:
    """Whether it begins with the checkpoint of the trainer before it."""
    return getattr(trainer, _BASE, None) == PREVIOUS


def beginning_with(trainer: AnyTrainer, model: str) -> AnyTrainer:
    """The same trainer, with that model to tune."""
    changed: dict[str, Any] = {_BASE: model}
    return replace(trainer, **changed)


def chain(trainers: Sequence[Trainer], number: int) -> list[int]:
    """The trainers whose work is in the checkpoint of trainer ``number``, by their numbers from 0, the first one first."""
    start = number
    while goes_on(trainers[start]):
        start -= 1
    return list(range(start, number + 1))


def origin(trainers: Sequence[Trainer], number: int) -> str:
    """The model that the first of trainer ``number``'s `chain` begins with."""
    return trainers[chain(trainers, number)[0]].base
