"""Filter ``magicoder-compat``: the published decontamination, decision for decision.

Source: `ise-uiuc/magicoder` at 3ef43f0, `src/magicoder/decontamination`, as called by its README (columns ``problem
solution``). A row goes if one of the needles stands in it, both in lower case; the first needle of the first set is
reported. What is odd about it is kept: HumanEval/28's ``return ''.join(strings)`` is looked for, though it was meant to be
allowed; MBPP's solutions have carriage returns, and so match next to nothing; an empty needle would match every row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from magicoder_core import Filter, Instruction, Judgement, Needle, RecipeError
from magicoder_decontamination.hits import Parts

if TYPE_CHECKING:
    from magicoder_decontamination.matching import Patterns

Name = Literal[
    "mbpp_docstrings",
    "mbpp_solutions",
    "human_eval_docstrings",
    "human_eval_solutions",
    "apps_docstrings",
    "gsm8k_questions",
    "ds_1000_prompts",
]

SETS: Final[Mapping[str, tuple[str, tuple[str, ...], bool]]] = {
    "mbpp_docstrings": ("mbpp", ("words",), False),
    "mbpp_solutions": ("mbpp", ("solution",), False),
    "human_eval_docstrings": ("humaneval", ("docstring",), True),
    "human_eval_solutions": ("humaneval", ("solution",), True),
    "apps_docstrings": ("apps", ("question",), True),
    "gsm8k_questions": ("gsm8k", ("question",), True),
    "ds_1000_prompts": ("ds1000", ("prompt",), False),
}
"""In the order of looking: each set's benchmark, its needles' kinds, and whether they are stripped."""

_ALLOWED: Final = frozenset({"return x + y", "return len(string)", "return n**2", "return .join(strings)"})
"""As the published list reads after Python has joined two adjacent literals in it."""


@dataclass(frozen=True, kw_only=True)
class MagicoderCompat(Filter):
    """The published decontamination, its decisions bit for bit: needles in lower case, first match, nothing folded."""

    by_row = True

    mbpp: Annotated[
        Path | None, "Google's mbpp.jsonl; none: MBPP_PATH, or MBPP_OVERRIDE_PATH if it names that file"
    ] = None
    humaneval: Annotated[Path | None, "HumanEval's data; none: those of the package human-eval"] = None
    apps: Annotated[Path | None, "APPS' test questions as JSONL; none: APPS_PATH, or the Hub"] = None
    gsm8k: Annotated[Path | None, "GSM8K's test.jsonl; none: GSM8K_PATH, or the Hub"] = None
    ds1000: Annotated[Path | None, "DS-1000's data, the folder or JSONL; none: DS1000_PATH, or the Hub"] = None
    ignored: Annotated[tuple[Name, ...], "sets that are left out"] = ()

    def inputs(self) -> Mapping[str, Path]:
        """The local data that are looked for: those that options name, and those that environment variables do."""
        from magicoder_decontamination.needles import benchmark

        used = dict.fromkeys(name for own, (name, *_) in SETS.items() if own not in self.ignored)
        own = {name: benchmark(self._entry(name), "magicoder-compat").inputs().get("data") for name in used}
        return {_option(name): path for name in used if (path := self._path(name) or own[name])}

    def check(self) -> None:
        """Look whether the data that options name are there.

        Raises:
            RecipeError: they are not.
        """
        for name in dict.fromkeys(_option(benchmark) for benchmark, *_ in SETS.values()):
            path = getattr(self, name)
            if path and not path.exists():
                raise RecipeError(f"magicoder-compat.{name}: {path} does not exist")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """The reason is the published one, as ``mbpp_docstrings_match``.

        Evidence has the ``matched_substring`` as published and, beyond it, the ``level``, ``benchmark``, ``problem_id``
        and ``kind``, the ``field`` and ``offset`` (characters, lower-casing aside) and ``confidence``, 1.

        Raises:
            RunError: a benchmark's data cannot be had.
        """
        parts = [Parts(("problem", "solution"), (row.problem, row.solution)) for row in batch]
        found = self.find(parts)
        return [self._dropped(*found[row], part) if row in found else _KEPT for row, part in enumerate(parts)]

    def find(self, rows: Sequence[Parts]) -> Mapping[int, tuple[int, int]]:
        """For each row that has one, by its number: the first needle in the published order, and its first character."""
        from magicoder_decontamination.texts import Batch

        view = Batch([parts.joined for parts in rows]).lower
        first: dict[int, tuple[int, int]] = {}
        for found in self._patterns.find(view.data):
            row = view.owner(found.start)
            first[row] = min(first.get(row, (len(self.needles), 0)), (self._first[found.number], found.start))
        if self._empty is not None:
            for row in range(len(rows)):
                begin = int(view.offsets[row])
                first[row] = min(first.get(row, (self._empty, begin)), (self._empty, begin))
        return {
            row: (number, len(view.text(row)[: start - int(view.offsets[row])].decode("utf-8", "surrogatepass")))
            for row, (number, start) in first.items()
        }

    def _dropped(self, number: int, start: int, parts: Parts) -> Judgement:
        name, needle, substring = self.needles[number]
        field, offset = parts.place(start)
        evidence = {
            "level": "magicoder-compat",
            "benchmark": needle.benchmark,
            "problem_id": needle.problem_id,
            "kind": needle.kind,
            "field": field,
            "offset": offset,
            "matched_substring": substring,
            "confidence": 1.0,
        }
        return Judgement(keep=False, reason=f"{name}_match", evidence=evidence)

    @cached_property
    def needles(self) -> Sequence[tuple[str, Needle, str]]:
        """Each needle in the published order: its set, what it is, and the text as published."""
        return [found for name in SETS if name not in self.ignored for found in self._of(name)]

    @cached_property
    def _found(self) -> dict[str, Sequence[Needle]]:
        return {}

    def _of(self, name: str) -> Iterator[tuple[str, Needle, str]]:
        benchmark, kinds, stripped = SETS[name]
        if benchmark not in self._found:
            self._found[benchmark] = self._read(benchmark)
        for needle in self._found[benchmark]:
            text = needle.text.strip() if stripped else needle.text
            allowed = name == "human_eval_solutions" and text in _ALLOWED
            if needle.kind in kinds and not allowed and (text or not stripped):
                yield name, needle, text

    def _read(self, benchmark: str) -> Sequence[Needle]:
        from magicoder_decontamination.needles import needle_set

        needles = needle_set(self._entry(benchmark), f"magicoder-compat.{_option(benchmark)}").needles
        if benchmark == "mbpp" and len({needle.problem_id for needle in needles}) < _MBPP_TASKS:
            raise RecipeError(
                "magicoder-compat.mbpp: Google's mbpp.jsonl is needed, of which tasks 11 to 510 are looked for; name it, or "
                "leave the sets out: ignored = ['mbpp_docstrings', 'mbpp_solutions']"
            )
        return needles

    def _path(self, benchmark: str) -> Path | None:
        """The local data that an option, or the published variable, names."""
        path: Path | None = getattr(self, _option(benchmark))
        given = os.environ.get("MBPP_PATH") if benchmark == "mbpp" else None
        return path or (Path(given) if given else None)

    def _entry(self, benchmark: str) -> str:
        path = self._path(benchmark)
        return f"{benchmark}={path}" if path else benchmark

    @cached_property
    def _texts(self) -> dict[bytes, int]:
        """The lower-cased needles, each with the number of the first that reads so."""
        texts: dict[bytes, int] = {}
        for number, (_, _, text) in enumerate(self.needles):
            texts.setdefault(text.lower().encode("utf-8", "surrogatepass"), number)
        return texts

    @cached_property
    def _empty(self) -> int | None:
        return self._texts.get(b"")

    @cached_property
    def _first(self) -> Sequence[int]:
        return [number for text, number in self._texts.items() if text]

    @cached_property
    def _patterns(self) -> Patterns:
        from magicoder_decontamination.matching import Patterns

        return Patterns([text for text in self._texts if text])


def _option(benchmark: str) -> str:
    """The option that names a benchmark's data."""
    return benchmark.replace("-", "")


_MBPP_TASKS: Final = 500
_KEPT: Final = Judgement(keep=True)
