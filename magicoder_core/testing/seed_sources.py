"""The contract of a seed source."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from magicoder_core.providers import SeedSource
from magicoder_core.records import Shard, Snippet
from magicoder_core.testing.providers import ProviderContract


class SeedSourceContract(ProviderContract):
    """What a seed source promises.

        from pathlib import Path

        from magicoder_core.testing import SeedSourceContract
        from magicoder_notebooks import Notebooks

        class TestNotebooks(SeedSourceContract):
            provider = Notebooks(folder=Path(__file__).parent / "corpus")

    Give it a small corpus of your own that needs no network and yields at least one snippet.

    Attributes:
        provider: the source to test.
        empty: the same kind of source over an empty corpus; it must yield nothing.
        first: how many snippets the tests look at.
        most: a corpus of fewer snippets is read to its end, to compare what the shards draw.
        patience: seconds in which ``first`` snippets must come.
    """

    provider: SeedSource
    empty: SeedSource | None = None
    first: int = 20
    most: int = 1000
    patience: float = 60.0

    def test_yields_lazily(self, subject: Any) -> None:
        """A corpus may be larger than memory: the first snippets come without reading all of it."""
        drawn: list[Snippet] = []
        thread = threading.Thread(
            target=lambda: drawn.extend(islice(subject.snippets(Shard()), self.first)), daemon=True
        )
        thread.start()
        thread.join(self.patience)
        assert not thread.is_alive(), f"the first {self.first} snippets took more than {self.patience:g} s"
        assert drawn, "the source yields nothing"

    def test_returns_an_iterator(self, subject: Any) -> None:
        """A list would mean that the whole corpus was read first."""
        assert isinstance(subject.snippets(Shard()), Iterator)

    def test_snippets_are_well_formed(self, subject: Any) -> None:
        """Code, language and an origin that people can follow."""
        for snippet in islice(subject.snippets(Shard()), self.first):
            assert isinstance(snippet, Snippet)
            assert snippet.code.strip(), f"blank snippet from {snippet.origin}"
            assert snippet.language == snippet.language.strip().lower() != ""
            assert snippet.origin.corpus
            assert _is_relative(snippet.origin.path), f"path is relative to its corpus: {snippet.origin.path!r}"
            if snippet.origin.lines is not None:
                first, last = snippet.origin.lines
                assert 1 <= first <= last
            assert Snippet.from_dict(snippet.to_dict()) == snippet

    def test_draws_the_same_again(self, subject: Any) -> None:
        """The same shard and seed give the same snippets in the same order, whatever was drawn before."""
        shard = Shard(seed=7)
        once = [item.id for item in islice(subject.snippets(shard), self.first)]
        again = [item.id for item in islice(subject.snippets(shard), self.first)]
        assert once == again

    def test_shards_together_are_the_whole(self, subject: Any) -> None:
        """Any number of shards draws the same snippets, each of them once."""
        whole = [item.id for item in islice(subject.snippets(Shard(seed=7)), self.most)]
        if len(whole) == self.most:
            pytest.skip(f"the corpus has {self.most} snippets or more; give the test a smaller one")
        halves = [{item.id for item in subject.snippets(Shard(index=n, count=2, seed=7))} for n in range(2)]
        assert not halves[0] & halves[1], "two shards draw the same snippet"
        assert halves[0] | halves[1] == set(whole)

    def test_empty_corpus_yields_nothing(self) -> None:
        """Not an error of the source: the core says what to do."""
        if self.empty is None:
            pytest.skip("no `empty` source given")
        assert list(self.empty.snippets(Shard())) == []


def _is_relative(path: str) -> bool:
    return bool(path) and not PurePosixPath(path).is_absolute() and not PureWindowsPath(path).drive
