"""Membership of 64-bit hashes in a fixed set, for whole arrays at once."""

from __future__ import annotations

from typing import Any, Final

_FEWEST_BITS: Final = 20
_ROOM: Final = 4
"""Bits of the bitmap beyond those that number the members: one in 16 strangers passes it, at most."""


class Hashes:
    """A set of hashes whose bits are all equally good.

    Args:
        members: uint64, in any order, repetitions allowed.
    """

    def __init__(self, members: Any) -> None:
        import numpy as np

        self.members = np.unique(np.asarray(members, np.uint64))
        self._shift = np.uint64(64 - max(_FEWEST_BITS, len(self.members).bit_length() + _ROOM))
        self._bitmap = np.zeros(1 << (64 - int(self._shift)), np.bool_)
        self._bitmap[self._slots(self.members)] = True

    def __len__(self) -> int:
        """How many they are."""
        return len(self.members)

    def find(self, hashes: Any) -> tuple[Any, Any]:
        """Which of ``hashes`` are members (their places, ascending), and each one's rank among the members."""
        import numpy as np

        places = np.flatnonzero(self._bitmap.take(self._slots(hashes)))
        seen = hashes[places]
        ranks = np.minimum(np.searchsorted(self.members, seen), max(len(self.members) - 1, 0))
        exact = self.members[ranks] == seen if len(self.members) else np.zeros(len(seen), np.bool_)
        return places[exact], ranks[exact]

    def _slots(self, hashes: Any) -> Any:
        import numpy as np

        # As signed numbers: numpy would have to convert indices that are not.
        return (hashes >> self._shift).view(np.int64)
