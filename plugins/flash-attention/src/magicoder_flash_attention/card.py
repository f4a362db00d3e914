"""The model card: what a checkpoint was made of and how, for people and for the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = """\
---
library_name: transformers
pipeline_tag: text-generation
{base_model}tags:
- code
- magicoder
---

# Fine-tuned from {base}

Made by `magicoder run` (trainer `flash-attention`). This page says what it was made of; `training.json` has the same for
programs, `training.jsonl` the loss of each step, `manifest.json` the sha256 of each file. Its licence is for whoever
publishes it to say: those of the base model, of the rows, and of the code and the model that the rows come from bear on it.
"""


def text(facts: Mapping[str, Any]) -> str:
    """The card, in Markdown.

    Args:
        facts: as in ``training.json``: ``base_model``, ``rows``, ``data``, ``settings``, ``template``, ``attention``,
            ``steps``, ``loss``, ``versions``, and the trainings ``before``.
    """
    base = (facts["before"] or [facts])[0]["base_model"]
    parts = [
        _HEAD.format(base=base, base_model=f"base_model: {base}\n" if base.count("/") == 1 else ""),
        *(_section(f"Training {number}", _before(one)) for number, one in enumerate(facts["before"], 1)),
        _section("Rows", _rows(facts)),
        _section(
            "Training" if not facts["before"] else f"Training {len(facts['before']) + 1}, the last", _training(facts)
        ),
        _section("Options", _table(("option", "value"), sorted(facts["settings"].items()))),
        _section("Made with", _table(("package", "version"), sorted(facts["versions"].items()))),
    ]
    return "\n".join(parts)


def _before(facts: Mapping[str, Any]) -> str:
    """A training that an earlier checkpoint told of, in short."""
    lines = [
        ("began with", facts["base_model"]),
        ("rows", facts["trained"]),
        ("optimizer steps", facts["steps"]),
        ("loss of the first and the last step", f"{facts['loss']['first']:.4f}, {facts['loss']['last']:.4f}"),
        ("sha256 of the rows", f"`{facts['data']['sha256']}`"),
    ]
    return "\n".join([_table(("", ""), lines), *_counted(facts["data"])])


def _rows(facts: Mapping[str, Any]) -> str:
    counts, data = facts["rows"], facts["data"]
    lines = [
        ("rows read", counts["rows"]),
        ("trained on", facts["trained"]),
        ("held out", facts["held_out"]),
        ("left out: longer than max_length", counts["overlong"]),
        ("cut", counts["truncated"]),
        ("left out: nothing to learn", counts["refused"]),
        ("tokens", counts["tokens"]),
        ("of these supervised", counts["supervised"]),
        ("sha256 of the rows", f"`{data['sha256']}`"),
    ]
    return "\n".join([_table(("", ""), lines), *_counted(data)])


def _counted(data: Mapping[str, Any]) -> list[str]:
    by = [name for name in ("sources", "method", "language") if data[name]]
    return [_table((name, "rows"), sorted(data[name].items(), key=_most_first)) for name in by]


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _training(facts: Mapping[str, Any]) -> str:
    loss = facts["loss"]
    lines = [
        ("preset", facts["preset"]),
        ("seed", facts["seed"]),
        ("optimizer steps", facts["steps"]),
        ("loss of the first and the last step", f"{loss['first']:.4f}, {loss['last']:.4f}"),
        ("prompt format", facts["template"]),
        ("rows were", facts["arrangement"]),
        ("attention", f"{facts['attention']['rung']} ({facts['attention']['reason']})"),
        ("packed equals separate", facts["self_test"]),
        ("loss computed by", facts["head"]),
        ("weights", facts["weights"]),
    ]
    if "held_out_first" in loss:
        before_and_after = f"{loss['held_out_first']:.4f}, {loss['held_out_last']:.4f}"
        lines.insert(4, ("held-out loss before and after", before_and_after))
    return _table(("", ""), lines)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _table(head: Sequence[str], rows: Sequence[tuple[str, Any]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join(lines + [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows]) + "\n"


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
