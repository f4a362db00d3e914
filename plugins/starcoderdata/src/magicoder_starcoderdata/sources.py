"""The two seed sources, `starcoderdata` and `the-stack`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from magicoder_starcoderdata.corpora import STARCODERDATA, THE_STACK, Corpus
from magicoder_starcoderdata.source import CorpusSource


@dataclass(frozen=True, kw_only=True)
class StarCoderData(CorpusSource):
    """Draws snippets from StarCoderData, the corpus of OSS-Instruct: one of each document.

    The corpus says nothing of licences, so they are unknown here. It has no Swift; that comes from The Stack, as in
    the published mix. Both are gated on the Hub: accept their terms there and put an access token into the
    environment. Documents are streamed, nothing is kept on the disk.
    """

    stack_revision: Annotated[str | None, "the same of The Stack, which Swift comes from"] = None

    @property
    def name(self) -> str:
        """The source's name in a recipe."""
        return "starcoderdata"

    def corpus(self, language: str) -> Corpus:
        """StarCoderData, but for the language that it lacks."""
        return THE_STACK if language == "swift" else STARCODERDATA

    def revision_of(self, corpus: Corpus) -> str | None:
        """The state of either corpus that is asked for."""
        return self.stack_revision if corpus is THE_STACK else self.revision


@dataclass(frozen=True, kw_only=True)
class TheStack(CorpusSource):
    """Draws snippets from The Stack (v1): one of each document, with repository, commit and licences.

    It is gated on the Hub: accept its terms there and put an access token into the environment. Documents are
    streamed, nothing is kept on the disk.
    """

    @property
    def name(self) -> str:
        """The source's name in a recipe."""
        return "the-stack"

    def corpus(self, language: str) -> Corpus:  # noqa: ARG002 - it has all
        """The Stack."""
        return THE_STACK
