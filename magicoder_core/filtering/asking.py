"""Filters that ask a model: the rows of a batch are asked about at once, and every answer is journaled.

An answer that is in the journal is given again at no cost, so that after a stop, a crash or a change of other filters
nothing that was paid for is paid for twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from magicoder_core import options
from magicoder_core.asking import Asker, Cache, Journal, ParentAsk
from magicoder_core.asking.opening import asker_for
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import RecipeError, RunError, TeacherError, attributed
from magicoder_core.plugins import Catalogue
from magicoder_core.providers import AskingFilter, BatchTeacher, Filter, Teacher
from magicoder_core.recipe import Bound, Generate
from magicoder_core.records import Instruction, Judgement

_AHEAD = 8
"""Rows of a batch for each request that may be out: at its end some wait for the slowest answer."""


def teachers(
    filters: Sequence[Bound[Filter]], catalogue: Catalogue, default: Bound[Teacher] | None
) -> dict[int, Bound[Teacher]]:
    """Whom each filter that asks has for a teacher, by its number: its own, else ``default``.

    Raises:
        RecipeError: there is none, or the filter's table ``teacher`` is wrong.
    """
    found = {}
    for number, bound in enumerate(filters):
        if not isinstance(bound.provider, AskingFilter):
            continue
        if bound.provider.teacher is not None:
            found[number] = _own(bound.provider.teacher, catalogue, f"filter[{number}].teacher")
        elif default is not None:
            found[number] = default
        else:
            raise RecipeError(
                f"filter '{bound.name}' asks a model: say which, as -o {bound.name}.teacher.use=openai-compatible "
                f"-o {bound.name}.teacher.model=NAME (magicoder plugins lists the teachers)"
            )
    return found


def _own(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> Bound[Teacher]:
    if not isinstance(use := table.get("use"), str):
        raise RecipeError(f'{where}.use: names the teacher, as use = "openai-compatible"; it is missing or no text')
    found = catalogue.find("teacher", use, where=f"{where}.use")
    given = {name: value for name, value in table.items() if name != "use"}
    provider = options.bind(found.provider, given, where)
    return Bound(found.name, provider, found.distribution, found.version)  # type: ignore[arg-type]  # of kind teacher


class Asking:
    """Asks on behalf of filters, with one journal; use it in a ``with`` block, on one thread.

    Args:
        journal: the file of answers.
        teachers: whom each filter asks, by the filter's number.
        settings: limits and pace; a limit holds for each teacher.
        spent: what counts as spent before: requests, prompt and completion tokens, US dollars.

    Raises:
        RunError: another process has the journal open.
    """

    def __init__(
        self,
        journal: Path,
        teachers: Mapping[int, Bound[Teacher]],
        settings: Generate,
        spent: Mapping[str, float] | None = None,
    ) -> None:
        self._path, self._teachers, self._settings, self._spent = journal, teachers, settings, dict(spent or {})
        self._askers: dict[str, Asker] = {}
        self._of: dict[int, Asker] = {}
        self.answered: Callable[[], None] = lambda: None
        """Told of each row that a filter has judged: all of a batch are asked about together, which may take minutes."""

    @property
    def rows(self) -> int:
        """How many rows a batch should have, so that nobody waits for the slowest answer too often."""
        most = _AHEAD * self._settings.concurrency
        for bound in self._teachers.values():
            if isinstance(bound.provider, DeferredTeacher):
                most = max(most, bound.provider.width)
            elif isinstance(bound.provider, BatchTeacher):
                most = max(most, _AHEAD * bound.provider.batch_size)
        return most

    def __enter__(self) -> Self:
        """Open the journal; teachers are opened by the first request that it cannot answer."""
        with ExitStack() as stack:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            journal = stack.enter_context(Journal(self._path))
            cache = stack.enter_context(Cache(self._settings.cache.expanduser())) if self._settings.cache else None
            self._runner = stack.enter_context(asyncio.Runner())
            self._running = AsyncExitStack()
            stack.callback(lambda: self._runner.run(self._running.aclose()))
            for number, bound in self._teachers.items():
                self._of[number] = self._asker(bound, journal, cache)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close teachers and journal."""
        self._stack.close()

    def _asker(self, bound: Bound[Teacher], journal: Journal, cache: Cache | None) -> Asker:
        """Whoever asks a teacher; filters with the same teacher share it."""
        name = f"{bound.name}:{bound.provider.identity}:{options.values(bound.provider)}"
        if name in self._askers:
            return self._askers[name]
        asker = asker_for(self._settings, bound, journal)
        asker.cache = cache
        for item, value in self._spent.items():
            setattr(asker.budget, item, value)
        for entry in journal.entries():
            if entry.teacher == asker.identity:
                asker.count(entry)
        self._runner.run(self._running.enter_async_context(asker.running()))
        self._askers[name] = asker
        return asker

    def assess(self, number: int, name: str, provider: AskingFilter, rows: list[Instruction]) -> Sequence[Judgement]:
        """A filter's judgements of rows, asked for together.

        Raises:
            RunError: there was no answer, or the filter failed; what was answered is kept.
            BudgetError: a limit is reached.
        """
        return self._runner.run(self._together(self._of[number], name, provider, rows))

    async def _together(
        self, asker: Asker, name: str, provider: AskingFilter, rows: list[Instruction]
    ) -> Sequence[Judgement]:
        tasks = [asyncio.create_task(self._one(asker, name, provider, row)) for row in rows]
        try:
            return await asyncio.gather(*tasks)
        except BaseException:
            await asker.finish(tasks)
            raise

    async def _one(self, asker: Asker, name: str, provider: AskingFilter, row: Instruction) -> Judgement:
        judgement = await _assessed(asker, name, provider, row)
        self.answered()
        return judgement

    def spent(self) -> list[dict[str, Any]]:
        """What each teacher was asked and what it took, earlier tries on the same journal included."""
        return [
            {
                "teacher": asker.identity,
                "asked": asker.asked,
                "replayed": asker.replayed,
                "cached": asker.cached,
                "requests": asker.budget.requests - int(self._spent.get("requests", 0)),
                "prompt_tokens": asker.budget.prompt_tokens - int(self._spent.get("prompt_tokens", 0)),
                "completion_tokens": asker.budget.completion_tokens - int(self._spent.get("completion_tokens", 0)),
                "usd": round(asker.budget.usd - self._spent.get("usd", 0.0), 6) if asker.budget.priced else None,
            }
            for asker in self._askers.values()
        ]


async def _assessed(asker: Asker, name: str, provider: AskingFilter, row: Instruction) -> Judgement:
    ask = ParentAsk(asker, row.id)
    try:
        with attributed("filter", name):
            judgement = await provider.assess(row, ask)
    except TeacherError as error:
        why = f"filter '{name}' has no answer about row {row.id}: {error.kind}: {error}"
        raise RunError(f"{why}; run the same command again to go on: answers so far are kept") from error
    if not isinstance(judgement, Judgement):
        raise RunError(f"filter '{name}' failed: assess() returns a Judgement, not {type(judgement).__name__}")
    return judgement
