"""What EvalPlus has published: where a release lies, and what its text hashes to.

Source: evalplus/evalplus at 26d6d00, ``evalplus/data/utils.py`` (addresses); the hashes were measured on the files.
The git tag v0.1.10 of humanevalplus_release holds the text of v0.1.9; what is attached to the release of that name is
v0.1.10 indeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Variant = Literal["full", "mini", "noextreme"]
"""All inputs; the few that matter most (HumanEval+ only); all but the very large ones."""

_ENDINGS: Mapping[str, str] = {"full": "", "mini": "-Mini", "noextreme": "-NoExtreme"}
_MD5: Mapping[str, str] = {
    "HumanEvalPlus-v0.1.10": "fe585eb4df8c88d844eeb463ea4d0302",
    "HumanEvalPlus-Mini-v0.1.10": "401e75ad986361dccc7afecb4121e295",
    "HumanEvalPlus-v0.1.9": "84f4b93a1270b492e4c54d5212da7a5b",
    "MbppPlus-v0.2.0": "ee43ecabebf20deef4bb776a405ac5b1",
    "MbppPlus-v0.1.0": "ebe95df0d5220f00cedd6f4bddea35e4",
}
ORIGINAL = "f50124cdd150eac633c8e26828e0b3c1"
"""md5 of Google's ``mbpp.jsonl`` (974 tasks), the original MBPP."""

_NAMES: Mapping[str, str] = {**{md5: name for name, md5 in _MD5.items()}, ORIGINAL: "mbpp (Google)"}


@dataclass(frozen=True)
class Release:
    """One release of one data set: ``dataset`` as EvalPlus spells it, for the benchmark of that name."""

    benchmark: str
    dataset: Literal["HumanEvalPlus", "MbppPlus"]
    version: str
    variant: Variant = "full"

    @property
    def name(self) -> str:
        """What EvalPlus calls the file in its cache, without its ending."""
        return f"{self.dataset}{_ENDINGS[self.variant]}-{self.version}"

    @property
    def md5(self) -> str | None:
        """Of the unzipped text, where it is known."""
        return _MD5.get(self.name)

    @property
    def address(self) -> str:
        """Where it can be downloaded, below the host."""
        file = f"{self.dataset}{_ENDINGS[self.variant]}.jsonl.gz"
        return f"evalplus/{self.dataset.lower()}_release/releases/download/{self.version}/{file}"


def name_of(md5: str) -> str | None:
    """The release whose text has this md5, None if it is not known."""
    return _NAMES.get(md5)
