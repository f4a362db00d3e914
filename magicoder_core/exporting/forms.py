"""The formats: how a row becomes the columns that a trainer or a published data set has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from magicoder_core.errors import RunError
from magicoder_core.records import Instruction, Snippet

Row = dict[str, Any]
Columns = Mapping[str, Any]
"""Each column's type: ``text``, ``integer``, or a list of such mappings."""


@dataclass(frozen=True)
class Format:
    """One format: the columns, and what makes a row of an instruction, its snippet and its number in the export."""

    columns: Columns
    row: Callable[[Instruction, Snippet | None, int], Row]
    says: str


def _messages(row: Instruction, _: Snippet | None, __: int) -> Row:
    turns = [("user", row.instruction), ("assistant", row.solution)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _sharegpt(row: Instruction, _: Snippet | None, __: int) -> Row:
    turns = [("human", row.instruction), ("gpt", row.solution)]
    return {"conversations": [{"from": speaker, "value": value} for speaker, value in turns]}


def _instruction_response(row: Instruction, _: Snippet | None, __: int) -> Row:
    return {"instruction": row.instruction, "response": row.solution}


def _oss_instruct(row: Instruction, snippet: Snippet | None, number: int) -> Row:
    """The columns of OSS-Instruct-75K in its order, without the provider's fingerprint.

    ``raw_index`` is the document's number in its corpus, ``index`` the snippet's among the run's; where one is not
    known, the row's number stands for it.

    Raises:
        RunError: the row is an instruction: whoever trains on the file would put the line for problems before it.
    """
    if row.wording != "problem":
        raise RunError(
            f"row {row.id}: is an instruction, and the columns of oss-instruct hold problems; "
            "export it as messages or instruction-response"
        )
    raw = snippet.origin.row if snippet else None
    index = snippet.index if snippet else None
    return {
        "lang": row.language,
        "raw_index": number if raw is None else raw,
        "index": number if index is None else index,
        "seed": snippet.code if snippet else "",
        "problem": row.problem,
        "solution": row.solution,
    }


FORMATS: Mapping[str, Format] = {
    "messages": Format({"messages": [{"role": "text", "content": "text"}]}, _messages, "chat turns, as most trainers"),
    "instruction-response": Format(
        {"instruction": "text", "response": "text"}, _instruction_response, "the original Magicoder trainer's columns"
    ),
    "oss-instruct": Format(
        dict.fromkeys(("lang",), "text")
        | dict.fromkeys(("raw_index", "index"), "integer")
        | dict.fromkeys(("seed", "problem", "solution"), "text"),
        _oss_instruct,
        "the columns of OSS-Instruct-75K",
    ),
    "sharegpt": Format({"conversations": [{"from": "text", "value": "text"}]}, _sharegpt, "ShareGPT's conversations"),
}
