"""Values in a verdict's detail: short, on one line, and the same in each run."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from magicoder_core import sandbox

_MOST = 450
"""Characters of a detail."""

_BITS = 400
_WIDTH = 60


class _Repr(reprlib.Repr):
    """Sets and dicts come sorted; of anything long only the ends are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxlong = self.maxother = _WIDTH
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 8

    def repr_str(self, x: str, level: int) -> str:
        """Without places of this machine, of which a cut would leave a part."""
        return super().repr_str(sandbox.without_places(x), level)

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write the largest out."""
        return super().repr_int(x, level) if x.bit_length() <= _BITS else f"<an integer of {x.bit_length()} bits>"

    def repr_set(self, x: AbstractSet[Any], level: int) -> str:
        """Sorted by how the members are written: there is no other order for all of them."""
        members = sorted(self.repr1(item, level - 1) for item in x)
        if not members:
            return "set()"
        return f"{{{', '.join([*members[: self.maxset], *(['...'] if len(members) > self.maxset else [])])}}}"

    def repr_frozenset(self, x: frozenset[Any], level: int) -> str:
        """As a set."""
        return f"frozenset({self.repr_set(x, level)})"

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ARG002 - the base class's signature
        """Whatever else there is, without its address."""
        try:
            text = repr(x)
        except ValueError:
            text = ""
        return f"<{type(x).__name__}>" if not text or " at 0x" in text else text


_SHORT = _Repr()


def shown(value: Any) -> str:
    """A value as Python writes it, cut where it is long."""
    text = _SHORT.repr(value)
    return text if len(text) <= 2 * _WIDTH else f"{text[: 2 * _WIDTH - 3]}..."


def call_shown(function: str, arguments: Sequence[Any]) -> str:
    """A call as Python writes it."""
    return f"{function}({', '.join(map(shown, arguments))})"


def detail(text: str) -> str:
    """One line that can be written anywhere, whatever a program put into it."""
    line = " ".join(sandbox.without_places(text).encode("utf-8", "backslashreplace").decode().split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 3]}..."
