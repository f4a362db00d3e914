"""A run's kept rows in the formats that trainers and published data sets use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RecipeError, RunError
from magicoder_core.plugins import did_you_mean
from magicoder_core.records import Instruction, Snippet
from magicoder_core.rundir import RunDirectory

LEAD_IN = "Write a solution to the following coding problem:\n"
"""What the paper puts before a problem to make it an instruction (`src/magicoder/preprocess_data.py` at 3ef43f0)."""

Row = dict[str, Any]
Snippets = Mapping[str, Snippet]


def _messages(row: Instruction, _: int, __: Snippets) -> Row:
    turns = [("user", LEAD_IN + row.problem), ("assistant", row.solution)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _instruction_response(row: Instruction, _: int, __: Snippets) -> Row:
    return {"instruction": LEAD_IN + row.problem, "response": row.solution}


def _oss_instruct(row: Instruction, number: int, snippets: Snippets) -> Row:
    """The columns of OSS-Instruct-75K, without the provider's fingerprint."""
    seed = snippets.get(row.parent)
    return {
        "lang": row.language,
        "raw_index": number,
        "index": number,
        "seed": seed.code if seed else "",
        "problem": row.problem,
        "solution": row.solution,
    }


FORMATS: Mapping[str, Callable[[Instruction, int, Snippets], Row]] = {
    "messages": _messages,
    "instruction-response": _instruction_response,
    "oss-instruct": _oss_instruct,
}


def rows(directory: RunDirectory, form: str) -> Iterator[Row]:
    """The kept rows of a run in a format.

    Raises:
        RecipeError: no such format.
        RunError: the run has no kept rows yet.
    """
    if form not in FORMATS:
        raise RecipeError(
            f"--as {form}: no such format{did_you_mean(form, list(FORMATS)) or f'; one of {list(FORMATS)}'}"
        )
    kept = directory / "kept.jsonl"
    if not kept.exists():
        raise RunError(f"{kept}: missing; the stage 'filter' makes it: run that first")
    return _written(directory, form)


def _written(directory: RunDirectory, form: str) -> Iterator[Row]:
    snippets = {row["id"]: Snippet.from_dict(row) for row in jsonl.read(directory / "snippets.jsonl")}
    for number, row in enumerate(jsonl.read(directory / "kept.jsonl")):
        yield FORMATS[form](Instruction.from_dict(row), number, snippets)
