"""Recipes: TOML that names one provider for each stage, with its options.

`read` gives the table with overrides in place, and `bind` makes the providers of it. A missing table means that its
stage does not run. The resolved table is what a run directory keeps as ``recipe.json``; it can be run again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from magicoder_core import axes, jsonl, options, trainers
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RecipeError
from magicoder_core.overriding import override
from magicoder_core.plugins import Catalogue, did_you_mean
from magicoder_core.providers import Filter, Method, Provider, SeedSource, Teacher
from magicoder_core.resources import templates
from magicoder_core.trainers import Trainer

P = TypeVar("P", bound=Provider)

LISTED = ("filter", "trainer", "benchmark")
"""Tables that may stand several times, in order: ``[[filter]]``, ``[[trainer]]``, ``[[benchmark]]``."""

_LETTERS = "A-Za-z0-9_.+-"
"""Of a recipe's name, which is part of its run directory's."""


def _positive(settings: object, *names: str) -> None:
    """Refuse limits that would let nothing happen.

    Raises:
        ValueError: one of them is below 1.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise ValueError(f"{name}: at least 1 is needed (got {value})")


@dataclass(frozen=True, kw_only=True)
class Generate:
    """How instructions are made: limits and pace."""

    concurrency: Annotated[int, "requests that may be out at once, at most"] = 64
    adaptive: Annotated[bool, "find out how many of them the provider bears; false: always as many"] = True
    requests_per_minute: Annotated[float | None, "the provider's limit, where its answers do not tell it"] = None
    tokens_per_minute: Annotated[float | None, "the provider's limit, where its answers do not tell it"] = None
    target: Annotated[int | None, "stop when so many rows are made that the row-by-row filters keep"] = None
    max_requests: Annotated[int | None, "most requests that may be answered"] = None
    max_tokens: Annotated[int | None, "most tokens, prompts and answers together"] = None
    max_usd: Annotated[float | None, "most money, in US dollars, at the teacher's prices"] = None
    attempts: Annotated[int, "how often a request is sent before its failure is final"] = 8
    outage: Annotated[float, "seconds that a provider may be gone before the run stops, resumable"] = 600.0
    give_up: Annotated[
        float, "stop when of the last 100 snippets a larger share gave no row; 1: never stop for that"
    ] = 0.95
    retry_truncated: Annotated[
        int | None, "ask once more, with so many tokens, for an answer that was cut at its limit; none: do not"
    ] = None
    cache: Annotated[Path | None, "a folder where answers are kept for other runs, too; none: only in this run"] = None

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing happen.

        Raises:
            ValueError: a number of things is below 1, or ``max_usd`` is no amount of money.
        """
        _positive(self, "concurrency", "target", "max_requests", "max_tokens", "attempts", "retry_truncated")
        for name in ("requests_per_minute", "tokens_per_minute", "outage"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ValueError(f"{name}: more than 0 is needed (got {value})")
        if not 0 < self.give_up <= 1:
            raise ValueError(f"give_up: a share above 0 and up to 1 is needed (got {self.give_up})")
        # "<= 0" would let "nan" through, and no sum is ever more than that.
        if self.max_usd is not None and not self.max_usd > 0:
            raise ValueError(f"max_usd: more than 0 is needed (got {self.max_usd})")


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How models are scored."""

    baseline: Annotated[bool, "score the trainer's base model too, beside the tuned one"] = False
    checkpoints: Annotated[
        Literal["last", "all"], "of several trainers: score the last one's checkpoint, or that of each"
    ] = "last"
    concurrency: Annotated[int, "requests that may be out at once"] = 8

    def __post_init__(self) -> None:
        """Refuse a width that would let nothing happen.

        Raises:
            ValueError: it is below 1.
        """
        _positive(self, "concurrency")


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What untrusted code may meet."""

    allow_weak_isolation: Annotated[bool, "run code with resource limits alone where bubblewrap cannot work"] = False


SETTINGS: Mapping[str, type] = {"generate": Generate, "evaluate": Evaluate, "sandbox": Sandbox}
"""Tables that are no provider's."""

PROVIDERS: Mapping[str, str] = {
    "seed_source": "seed_source",
    "method": "method",
    "teacher": "teacher",
    "filter": "filter",
    "trainer": "trainer",
    "benchmark": "benchmark",
    "model": "teacher",
}
"""Tables that choose a provider, with its kind: the model under test is a teacher too."""

TOP = ("name", "seed", *PROVIDERS, *SETTINGS, axes.MATRIX)


@dataclass(frozen=True)
class Bound(Generic[P]):
    """A provider made from its table, with where it comes from."""

    name: str
    provider: P
    distribution: str
    version: str

    def key(self) -> dict[str, Any]:
        """What decides whether its work can be used again: name, version, options, content of the files they name."""
        given = options.values(self.provider).items()
        deciding = {name: value for name, value in given if name not in self.provider.passing}
        key = {"use": self.name, "version": self.version, "options": deciding}
        read = {name: jsonl.digest(path) for name, path in self.provider.inputs().items() if path.exists()}
        return key | ({"inputs": read} if read else {})


@dataclass(frozen=True)
class Recipe:
    """A recipe's resolved table; ``source`` is the text it was read from."""

    name: str
    table: Mapping[str, Any]
    source: str

    @property
    def key(self) -> str:
        """First 8 hex digits of the sha256 of the resolved table: the same recipe finds its run again."""
        text = json.dumps(self.table, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe's providers, bound and checked, and its settings."""

    seed: int
    seed_source: Bound[SeedSource] | None
    method: Bound[Method] | None
    teacher: Bound[Teacher] | None
    filters: tuple[Bound[Filter], ...]
    trainers: tuple[Bound[Trainer], ...]
    benchmarks: tuple[Bound[Benchmark], ...]
    model: Bound[Teacher] | None
    generate: Generate
    evaluate: Evaluate
    sandbox: Sandbox

    def providers(self) -> Iterable[Bound[Any]]:
        """All that the recipe chose."""
        single = (self.seed_source, self.method, self.teacher, self.model)
        return (*(bound for bound in single if bound), *self.filters, *self.trainers, *self.benchmarks)


def present(bound: Bound[P] | None) -> Bound[P]:
    """What a stage was promised: it runs only if the recipe has its table.

    Raises:
        RecipeError: the recipe has not.
    """
    if bound is None:
        raise RecipeError("the recipe lacks the table that this stage needs")
    return bound


def packaged() -> list[str]:
    """Names of the recipes that ship with Magicoder."""
    return sorted(path.stem for path in (templates() / "recipes").glob("*.toml"))


def read(given: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe: a path to TOML (or to a run's ``recipe.json``), or the name of a packaged one.

    Raises:
        RecipeError: no such recipe, no valid TOML, an unknown table, or a wrong override.
    """
    path = _locate(given)
    try:
        source = path.read_text(encoding="utf-8")
        table = json.loads(source) if path.suffix == ".json" else tomllib.loads(source)
        source = _as_given(path, source)
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not readable as a recipe: {error}") from error
    if not isinstance(table, dict):
        raise RecipeError(f"{path}: no recipe: its tables are needed, as {{...}} (got {table!r:.60})")
    axes.expand(table, str(path))
    for text in overrides:
        override(table, text)
    if axes.MATRIX in table:
        axes.check(table[axes.MATRIX], overrides, str(path))
    return resolved(table, source, path)


def resolved(table: dict[str, Any], source: str, path: Path | str) -> Recipe:
    """A recipe of a table, whose tables are looked at; ``path`` names it in messages.

    Raises:
        RecipeError: an unknown table, or one of another shape.
    """
    path = Path(path)
    _check_tables(table, path)
    # Into the table, so that what a run keeps as recipe.json is the same recipe under any file name.
    table["name"] = _name(table, path)
    return Recipe(name=table["name"], table=table, source=source)


def _as_given(path: Path, source: str) -> str:
    """A run's recipe.json stands for the recipe.toml beside it: run again, that stays as people wrote it."""
    written = path.with_name("recipe.toml")
    return written.read_text(encoding="utf-8") if path.name == "recipe.json" and written.is_file() else source


def _name(table: Mapping[str, Any], path: Path) -> str:
    """The recipe's name as written, else after its file, with whatever a name cannot have replaced."""
    name = table.get("name", re.sub(f"[^{_LETTERS}]+", "-", path.stem))
    if not isinstance(name, str) or not re.fullmatch(f"[{_LETTERS}]+", name) or name in {".", ".."}:
        raise RecipeError(f"{path}: name: letters, digits and _ . + - are needed, in quotes (got {name!r})")
    return name


def _locate(given: str | Path) -> Path:
    path = Path(given)
    if path.is_file():
        return path
    if path.suffix in {".toml", ".json"} or path.name != str(given):
        raise RecipeError(f"{given}: no such recipe file")
    if str(given) not in packaged():
        raise RecipeError(f"no recipe named '{given}'; packaged are: {', '.join(packaged())}; or give a path to TOML")
    return templates() / "recipes" / f"{given}.toml"


def _check_tables(table: dict[str, Any], path: Path) -> None:
    for name, value in list(table.items()):
        if name not in TOP:
            raise RecipeError(
                f"{path}: {name}: no such table{did_you_mean(name, TOP) or '; there are: ' + ', '.join(TOP)}"
            )
        if name in LISTED and isinstance(value, dict):
            table[name] = [value]
        if name not in {"name", "seed", axes.MATRIX}:
            _check_shape(name, table[name], path)
    for where, value in _dates(table):
        raise RecipeError(f"{path}: {where}: a date is no value here; write it in quotes (got {value})")
    if not isinstance(table.get("seed", 0), int) or isinstance(table.get("seed"), bool):
        raise RecipeError(f"{path}: seed: an integer is needed (got {table['seed']!r})")


def _dates(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """TOML has dates, and what a run keeps is JSON, which has none."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        place = f"{where}.{name}" if where else str(name)
        if isinstance(item, dt.date | dt.time):
            yield place, item
        yield from _dates(item, place)


def _check_shape(name: str, value: Any, path: Path) -> None:
    rows = value if name in LISTED and isinstance(value, list) else [value]
    if not all(isinstance(row, dict) for row in rows):
        raise RecipeError(f"{path}: {name}: a table is needed, as [{name}]")
    if name in PROVIDERS and not all(isinstance(row.get("use"), str) for row in rows):
        raise RecipeError(f'{path}: {name}.use: names the provider, as use = "..."; it is missing or no text')


def bind(recipe: Recipe, catalogue: Catalogue) -> Plan:
    """Make all providers of a recipe.

    Raises:
        RecipeError: an unknown provider or option, or a wrong value; the message names its path in the recipe.
    """
    if axes.MATRIX in recipe.table:
        raise RecipeError(
            f"{recipe.name}: a matrix of recipes: `magicoder run` and `check` take it, one cell after another"
        )
    settings: dict[str, Any] = {
        name: options.bind(cls, recipe.table.get(name, {}), name) for name, cls in SETTINGS.items()
    }
    single = {
        name: _provider(catalogue, kind, recipe.table[name], name) if name in recipe.table else None
        for name, kind in PROVIDERS.items()
        if name not in LISTED
    }
    listed = {
        f"{name}s": tuple(
            _provider(catalogue, name, row, _place(name, number, recipe), first=number == 0)
            for number, row in enumerate(recipe.table.get(name, []))
        )
        for name in LISTED
    }
    plan = Plan(seed=recipe.table.get("seed", 0), **single, **listed, **settings)  # type: ignore[arg-type]  # by name
    _check_whole(plan)
    return plan


def single(catalogue: Catalogue, kind: str, name: str, overrides: Sequence[str] = ()) -> Bound[Any]:
    """One provider by itself, with options as ``name=value``.

    Raises:
        RecipeError: an unknown provider or option, or a wrong value; the message names it.
    """
    table: dict[str, Any] = {}
    for text in overrides:
        override(table, text)
    found = catalogue.find(kind, name)
    return Bound(found.name, options.bind(found.provider, table, found.name), found.distribution, found.version)


def _place(name: str, number: int, recipe: Recipe) -> str:
    """A table of several, for messages; most recipes have one trainer, as ``[trainer]``."""
    alone = name == "trainer" and len(recipe.table[name]) == 1
    return name if alone else f"{name}[{number}]"


def _provider(
    catalogue: Catalogue, kind: str, table: Mapping[str, Any], where: str, *, first: bool = True
) -> Bound[Any]:
    found = catalogue.find(kind, table["use"], where=f"{where}.use")
    given = {name: value for name, value in table.items() if name != "use"}
    if kind == "trainer":
        given = trainers.completed(found.provider, given, where, first=first)
    provider = options.bind(found.provider, given, where)
    return Bound(found.name, provider, found.distribution, found.version)


def _check_whole(plan: Plan) -> None:
    """What is needed together: a method and its teacher, a benchmark and a model to score."""
    if (plan.method is None) != (plan.teacher is None):
        missing = "method" if plan.method is None else "teacher"
        raise RecipeError(f"{missing}: missing; [method] and [teacher] are needed together to make rows")
    if plan.benchmarks and not (plan.model or plan.trainers):
        raise RecipeError("benchmark: needs [model] or [trainer], which says whom to score; neither is there")
    names = [bound.name for bound in plan.benchmarks]
    if twice := {name for name in names if names.count(name) > 1}:
        raise RecipeError(f"benchmark: '{twice.pop()}' stands twice; a run has one folder for each benchmark")
