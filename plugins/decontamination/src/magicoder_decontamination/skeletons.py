"""Which texts may hold a copy of one of some Python functions, whatever its names are now.

To parse each text takes half a millisecond, so all are looked over first. Only those words are read that no renaming
changes: keywords, builtins, attributes and whole numbers, in their order; comments are skipped. A text in which those
of a function's body follow each other may hold a copy, and is parsed; few texts do. Of a body that has few
such words the ``def`` before it must be there, too.

What `trees.fingerprint` calls equal is missed here only where a copy writes a number in another way, or names a variable like
a keyword in other letters.
"""

from __future__ import annotations

import ast
import copy
import keyword
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from magicoder_decontamination.sets import Hashes
from magicoder_decontamination.texts import Batch, View
from magicoder_decontamination.trees import BUILTINS, Function, bound, without_docstring

LEAST, MOST = 3, 5
"""Words that are looked for: all of a function's, but at most the first so many; those with fewer are not found."""

_ENOUGH: Final = (4, 6)
"""A body of fewer words is looked for with its ``def``; the second holds where builtins do not count, and all are common."""

_NUMBERS: Final = 10_000
"""Whole numbers below it are words that count."""

_DOTTED: Final = 0xD6E8FEB86659FD93
"""An attribute is told apart from the same word as a name by being xored with it."""


_BASE: Final = 0x9E3779B97F4A7C15


class Skeletons:
    """An index of functions.

    It is looked up twice: once with builtins among the words that count, and once without, for then a copy may name its
    variables like them, and have any annotations.
    """

    def __init__(self, functions: Sequence[Function]) -> None:
        import numpy as np

        names = [*keyword.kwlist, *map(str, range(_NUMBERS))]
        dotted = sorted({name for function in functions for name in _attributes(function)})
        dotted += map(str, range(_NUMBERS))  # behind a number's point
        always = np.concatenate([_hashes(names), _hashes(dotted) ^ np.uint64(_DOTTED)])
        self._known = Hashes(np.concatenate([always, _hashes(sorted(BUILTINS - set(keyword.kwlist)))]))
        self._always = np.isin(self._known.members, always)
        bodies = [(one, text) for one in functions for text in _bodies(one)]
        in_bodies = self._words(Batch([text for _, text in bodies]).folded)
        self._sought: list[dict[int, _Sought]] = []
        for words, enough in zip(in_bodies, _ENOUGH, strict=True):
            short = [one for (one, _), size in zip(bodies, words.sizes, strict=True) if size < enough]
            wholes = self._words(Batch([text for one in short for text in _wholes(one)]).folded)[len(self._sought)]
            sought = {*words.sequences(enough), *wholes.sequences(LEAST)}
            self._sought.append(_by_length(sought))

    def candidates(self, batch: Batch) -> Sequence[int]:
        """The numbers of the texts that may hold a copy, ascending."""
        found = set[int]()
        for words, sought in zip(self._words(batch.programs), self._sought, strict=True):
            for length, heads in words.heads():
                found.update(sought[length].find(words, heads))
        return sorted(found)

    def _words(self, view: View) -> tuple[_Words, _Words]:
        """The words that count, with builtins and without."""
        import numpy as np

        words = view.spoken
        before = np.frombuffer(view.padded, np.uint8)[words.starts]
        hashes = np.where(before == ord("."), words.hashes ^ np.uint64(_DOTTED), words.hashes)
        places, ranks = self._known.find(hashes)
        plain = places[self._always[ranks]]
        return (
            _Words(hashes[places], np.searchsorted(places, words.texts)),
            _Words(hashes[plain], np.searchsorted(plain, words.texts)),
        )


def _by_length(sequences: Collection[_Sequence]) -> dict[int, _Sought]:
    return {
        length: _Sought.of([one for one in sequences if min(one.size, MOST) == length])
        for length in range(LEAST, MOST + 1)
    }


class _Sequence(NamedTuple):
    """The words of a function: a hash of the first few, how many they are, and the sum over all (see `_Words`)."""

    head: int
    size: int
    total: int


class _Words:
    """The words that count, of some texts one after the other.

    ``sums[i]`` is the sum of ``hashes[j] * BASE ** j`` over all ``j < i``: so any run of words has, but for a power of
    the base, the same difference of sums wherever it stands.
    """

    def __init__(self, hashes: Any, offsets: Any) -> None:
        import numpy as np

        self.hashes, self.offsets = hashes, offsets
        self.powers = _powers(len(hashes) + 1)
        self.sums = np.zeros(len(hashes) + 1, np.uint64)
        np.cumsum(hashes * self.powers[:-1], out=self.sums[1:])

    @property
    def sizes(self) -> Any:
        """Of each text."""
        return self.offsets[1:] - self.offsets[:-1]

    def heads(self) -> Iterator[tuple[int, Any]]:
        """For each length, a hash of so many words from each place on, as far as they are there."""
        import numpy as np

        # The words' hashes are mixed well, and so are their sums with odd factors.
        made = np.zeros(len(self.hashes), np.uint64)
        for length in range(1, min(MOST, len(self.hashes)) + 1):
            made = made[: len(self.hashes) - length + 1] + self.hashes[length - 1 :] * self.powers[length - 1]
            if length >= LEAST:
                yield length, made

    def sequences(self, least: int) -> Iterator[_Sequence]:
        """Those of each text that has at least ``least`` words."""
        heads = dict(self.heads())
        for first, size in zip(self.offsets.tolist(), self.sizes.tolist(), strict=False):
            if size >= least:
                part = self.hashes[first : first + size] * self.powers[:size]
                yield _Sequence(int(heads[min(size, MOST)][first]), size, int(part.sum(dtype=part.dtype)))


class _Sought(NamedTuple):
    """Sequences whose heads have one length: the heads, and for each entry its rank among them, size and total."""

    heads: Hashes
    begins: Any
    sizes: Any
    totals: Any

    @classmethod
    def of(cls, sequences: Sequence[_Sequence]) -> _Sought:
        import numpy as np

        ordered = sorted(sequences)
        heads = np.array([one.head for one in ordered], np.uint64)
        known = Hashes(heads)
        begins = np.searchsorted(heads, known.members)
        sizes = np.array([one.size for one in ordered], np.int64)
        return cls(known, np.append(begins, len(ordered)), sizes, np.array([one.total for one in ordered], np.uint64))

    def find(self, words: _Words, heads: Any) -> Iterator[int]:
        """The texts that hold one of them whole."""
        import numpy as np

        places, ranks = self.heads.find(heads)
        counts = self.begins[ranks + 1] - self.begins[ranks]
        item = np.repeat(np.arange(len(places)), counts)
        entry = self.begins[ranks][item] + np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts, sizes = places[item], self.sizes[entry]
        owners = np.searchsorted(words.offsets, starts, "right") - 1
        fits = starts + sizes <= words.offsets[owners + 1]
        starts, sizes, owners, entry = starts[fits], sizes[fits], owners[fits], entry[fits]
        same = words.sums[starts + sizes] - words.sums[starts] == self.totals[entry] * words.powers[starts]
        yield from map(int, np.unique(owners[same]))


@cache
def _up_to(size: int) -> Any:
    import numpy as np

    powers = np.full(size, _BASE, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def _powers(size: int) -> Any:
    """The first powers of the base, modulo 2^64."""
    return _up_to(1 << max(size, 1 << 16).bit_length())[:size]


def _hashes(names: Sequence[str]) -> Any:
    import numpy as np

    from magicoder_decontamination.words import words

    return words([name.lower() for name in names]).hashes if names else np.empty(0, np.uint64)


def _spellings(function: Function) -> list[Function]:
    """The function as it is, and with other names for variables that are named like builtins, if there are any."""
    own = bound(function) & BUILTINS
    return [function, _Renamed(own).visit(copy.deepcopy(function))] if own else [function]


def _bodies(function: Function) -> list[str]:
    """Its body, as Python would write it."""
    return [ast.unparse(ast.Module(without_docstring(one.body), [])) for one in _spellings(function)]


def _wholes(function: Function) -> Iterator[str]:
    """The function from its ``def`` on, with its annotations and without."""
    for one, body in zip(_spellings(function), _bodies(function), strict=True):
        returns = ast.unparse(one.returns) if one.returns else ""
        yield f"def ({ast.unparse(one.args)}) -> {returns}:\n{body}"
        bare = copy.deepcopy(one.args)
        for item in ast.walk(bare):
            if isinstance(item, ast.arg):
                item.annotation = None
        yield f"def ({ast.unparse(bare)}):\n{body}"


class _Renamed(ast.NodeTransformer):
    """Names some variables ``_``."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename one."""
        return ast.Name("_", node.ctx) if node.id in self._names else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Rename an argument."""
        return ast.arg("_", node.annotation) if node.arg in self._names else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Rename a function."""
        node.name = "_" if node.name in self._names else node.name
        self.generic_visit(node)
        return node


def _attributes(function: Function) -> Iterator[str]:
    return (node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute))
