"""The two corpora: where they are on the Hub, and how their folders are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Corpus:
    """A data set with one folder a language.

    ``hub`` is its name on the Hub, ``local`` what an origin says of files at hand, which may be of a set derived
    from it. ``licensed`` says whether its rows name licences. ``folders`` has those that differ from our names.
    """

    name: str
    hub: str
    local: str
    above: str
    licensed: bool
    folders: Mapping[str, str] = field(default_factory=dict)

    def folder(self, language: str) -> str:
        """The path of a language's folder, as ``data/swift``."""
        return self.above + self.folders.get(language, language)


STARCODERDATA = Corpus(
    name="StarCoderData",
    hub="bigcode/starcoderdata",
    local="starcoderdata",
    above="",
    licensed=False,
    folders={"csharp": "c-sharp", "fsharp": "f-sharp"},
)

THE_STACK = Corpus(
    name="The Stack",
    hub="bigcode/the-stack",
    local="the-stack",
    above="data/",
    licensed=True,
    folders={"csharp": "c-sharp", "fsharp": "f-sharp", "cpp": "c++"},
)
