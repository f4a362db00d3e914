"""Texts as vectors: word vectors that come with a package, or a model of the sentence-transformers library."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib import util
from pathlib import Path
from typing import Any

from magicoder_core import RunError

WORD_VECTORS = "word-vectors"
"""The default: nothing is downloaded."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_NO_TOPIC = frozenset(
    re.findall(
        r"\w+",
        """
        a an the of to in and or for with that which is are be by as on it its from this each given following at if into one
        when not without than then them they have has can so do does how what will all your you their
        write create implement use using return returns program function code
        python java javascript
        """,
    )
)
"""Words that say nothing of a problem's topic: small ones, those of every problem, and names of common languages."""

_WORDS = 1 << 16
"""Words whose vectors are kept, 64 MB of them: nearly all that are met. Those of others are made each time."""


class Embedding(ABC):
    """Makes vectors of texts. All are of length 1, so that products are cosines, or 0 for a text without words."""

    name: str

    @abstractmethod
    def of_texts(self, texts: Sequence[str]) -> Any:
        """A matrix of float32, texts by dimensions."""

    def of_queries(self, queries: Sequence[str]) -> Any:
        """The same for what texts are compared with; here, no different."""
        return self.of_texts(queries)


def embedding(name: str) -> Embedding:
    """The embedding of a name: `WORD_VECTORS`, or a model of sentence-transformers, by its name on the Hub or its folder.

    Raises:
        RunError: what it needs is not installed, or there is no such model.
    """
    return WordVectors() if name == WORD_VECTORS else SentenceModel(name)


class WordVectors(Embedding):
    """The mean direction of a text's words, by the vectors that the package ``wordllama`` ships.

    Those are 256 numbers for each of the 32,000 tokens of Llama 2's tokenizer, trained for the similarity of texts. A
    word's vector is the sum over its tokens; words without a topic are left out. Its own ``load()`` asks the Hub, so the
    package's files are read as they are, and none of its code runs.
    """

    def __init__(self) -> None:
        self.name = WORD_VECTORS
        self._places: dict[str, int] = {}

    def of_texts(self, texts: Sequence[str]) -> Any:
        """See `Embedding`."""
        import numpy as np

        return _unit(np.stack([self._sum(_WORD.findall(text.lower())) for text in texts]))

    def _sum(self, words: Iterable[str]) -> Any:
        """The sum of the words' vectors."""
        import numpy as np

        total = np.zeros(self._tokens.shape[1], np.float32)
        known = []
        for word in words:
            if word in _NO_TOPIC:
                continue
            if (place := self._places.get(word)) is None:
                vector = self._vector(word)
                if len(self._places) == _WORDS:
                    total += vector
                    continue
                place = self._places[word] = len(self._places)
                self._kept[place] = vector
            known.append(place)
        return total + self._kept[known].sum(axis=0)

    def _vector(self, word: str) -> Any:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return self._tokens[ids].sum(axis=0)

    @cached_property
    def _kept(self) -> Any:
        import numpy as np

        return np.zeros((_WORDS, self._tokens.shape[1]), np.float32)

    @cached_property
    def _tokens(self) -> Any:
        import numpy as np
        from safetensors.numpy import load_file

        return load_file(_shipped("weights/l2_supercat_256.safetensors"))["embedding.weight"].astype(np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(_shipped("tokenizers/l2_supercat_tokenizer_config.json")))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def _shipped(name: str) -> Path:
    """A file of the package ``wordllama``, which is found and not imported.

    Raises:
        RunError: it is not there.
    """
    spec = util.find_spec("wordllama")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder, name)).is_file():
            return path
    raise RunError(
        f"--embedding {WORD_VECTORS}: wordllama's file {name} is not installed: pip install 'wordllama>=0.4'"
    )


class SentenceModel(Embedding):
    """A model of sentence-transformers, as ``sentence-transformers/all-MiniLM-L6-v2`` or ``hkunlp/instructor-large``.

    Models of the INSTRUCTOR family, which the paper takes, are told what to represent a text or a query for.
    """

    _PROMPTS = (
        "Represent the programming problem for finding its category: ",
        "Represent the category of programming problems for finding problems: ",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        prompts: tuple[str | None, str | None] = self._PROMPTS if "instructor" in name.lower() else (None, None)
        self._text_prompt, self._query_prompt = prompts

    @cached_property
    def _model(self) -> Any:
        if util.find_spec("sentence_transformers") is None:
            raise RunError(
                f"--embedding {self.name}: needs sentence-transformers: pip install 'magicoder-quality[embeddings]'; "
                f"--embedding {WORD_VECTORS} needs nothing"
            )
        from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found,unused-ignore]

        try:
            return SentenceTransformer(self.name)
        except (OSError, ValueError) as error:
            cause = " ".join(str(error).split())
            raise RunError(f"--embedding {self.name}: no such model of sentence-transformers here ({cause})") from error

    def of_texts(self, texts: Sequence[str]) -> Any:
        """See `Embedding`."""
        return self._encoded(texts, self._text_prompt)

    def of_queries(self, queries: Sequence[str]) -> Any:
        """See `Embedding`."""
        return self._encoded(queries, self._query_prompt)

    def _encoded(self, texts: Sequence[str], prompt: str | None) -> Any:
        made = self._model.encode(list(texts), prompt=prompt, show_progress_bar=False, convert_to_numpy=True)
        return _unit(made) * [[bool(text.strip())] for text in texts]


def _unit(vectors: Any) -> Any:
    """Each row with length 1, or 0 where it was."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
