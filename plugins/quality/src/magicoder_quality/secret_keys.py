"""Filter ``secrets``: no row with somebody's key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from magicoder_core import Filter, Instruction, Judgement

if TYPE_CHECKING:
    from magicoder_quality.credentials import Credential

_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Secrets(Filter):
    """Drops a row with a credential in it: API keys, tokens, private keys, passwords in addresses."""

    by_row = True

    policy: Annotated[Literal["drop", "flag"], "what to do with such a row"] = "drop"
    assigned: Annotated[bool, "look also for random texts that are assigned to an api_key, a secret or a token"] = True

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the first credential: its ``kind``, ``field`` and ``offset``, its beginning, and how many there are."""
        return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        from magicoder_quality.credentials import credentials

        found = [(field, one) for field, text in parts(row) for one in credentials(text, assigned=self.assigned)]
        if not found:
            return Judgement(keep=True)
        evidence = _evidence(*found[0]) | {"found": len(found)}
        return Judgement(keep=self.policy == "flag", reason=f"has a secret: {found[0][1].kind}", evidence=evidence)


def parts(row: Instruction) -> Iterator[tuple[str, str]]:
    """The texts of a row, by field."""
    yield "problem", row.problem
    yield "solution", row.solution
    if row.tests:
        yield "tests", row.tests


def _evidence(field: str, one: Credential) -> dict[str, Any]:
    # The evidence is written to disk: it must not hold the secret itself.
    shown = f"{one.text[:_SHOWN]}... ({len(one.text)} characters)"
    return {"kind": one.kind, "field": field, "offset": one.start, "text": shown}
