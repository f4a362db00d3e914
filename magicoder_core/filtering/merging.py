"""A row with what was said of it: ``scores`` merged, ``flags`` added, ``rejected`` where it is dropped.

A line of JSON stays as it came, byte for byte, and what is new stands at its end; only a line that has such a field
already is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from magicoder_core import jsonl
from magicoder_core.filtering.decisions import KEPT, Decision


class MergeError(ValueError):
    """A row has a field of one of our names that holds something else."""


def line(raw: bytes, decision: Decision | None, names: Sequence[str]) -> bytes:
    """A line of JSON with what was said of it, with its end.

    Args:
        raw: the line as it came; its end may be missing.
        decision: what was said.
        names: the filters' names by their numbers.

    Raises:
        MergeError: it has a field ``scores`` or ``flags`` of another form.
    """
    if decision is None and b'"rejected"' not in raw:
        return raw if raw.endswith(b"\n") else raw + b"\n"
    new = _new(decision, names)
    if b'"rejected"' in raw or any(b'"%s"' % name.encode() in raw for name in new):
        # Not orjson: it would make floats of very large whole numbers.
        return jsonl.encoded(merged(json.loads(raw), decision, names)) + b"\n"
    body = raw.rstrip()
    return b"".join([body[:-1], *(b',"%s":%s' % (name.encode(), text) for name, text in new.items()), b"}\n"])


def merged(row: Mapping[str, Any], decision: Decision | None, names: Sequence[str]) -> dict[str, Any]:
    """The same for a row of values; an earlier ``rejected`` is gone in any case.

    Raises:
        MergeError: as `line`.
    """
    made = dict(row)
    made.pop("rejected", None)
    if decision is None:
        return made
    if decision.scores:
        made["scores"] = _before(made, "scores", Mapping, {}) | decision.measured()
    if decision.flags:
        flags = list(_before(made, "flags", list, []))
        flags += [flag for item in decision.flags if (flag := _note(names, *item)) not in flags]
        made["flags"] = flags
    if decision.by != KEPT:
        made["rejected"] = _note(names, decision.by, decision.reason, decision.evidence)
    return made


def _before(row: Mapping[str, Any], name: str, kind: type, empty: Any) -> Any:
    """What a row has under a name of ours."""
    value = row.get(name)
    if value is None:
        return empty
    if not isinstance(value, kind):
        raise MergeError(
            f"the field '{name}' holds something of its own ({value!r:.40}); rename it, filters write there"
        )
    return dict(value) if isinstance(value, Mapping) else value


def _new(decision: Decision | None, names: Sequence[str]) -> dict[str, bytes]:
    """What a decision adds, by field, as JSON."""
    made: dict[str, bytes] = {}
    if decision is None:
        return made
    if decision.scores:
        made["scores"] = jsonl.encoded(decision.measured())
    if decision.flags:
        made["flags"] = b"[%s]" % b",".join(_encoded(names, *flag) for flag in decision.flags)
    if decision.by != KEPT:
        made["rejected"] = _encoded(names, decision.by, decision.reason, decision.evidence)
    return made


def _note(names: Sequence[str], number: int, reason: str, evidence: str) -> dict[str, Any]:
    return {"filter": names[number], "reason": reason, "evidence": json.loads(evidence)}


def _encoded(names: Sequence[str], number: int, reason: str, evidence: str) -> bytes:
    head = jsonl.encoded({"filter": names[number], "reason": reason})
    return b'%s,"evidence":%s}' % (head[:-1], evidence.encode("utf-8"))
