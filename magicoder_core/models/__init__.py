"""The one door to model files: from a name of the catalogue, or a path, to a file that is there and whole.

    resolve("qwen2.5-coder-0.5b-instruct")   a path; fetched, checked and kept on the first call
    resolve("/models/mine.gguf")             that path

A name is looked for in our cache, in the Hugging Face cache, on the Hub and on the mirrors, in this order.
"""

from __future__ import annotations

from magicoder_core.models.cache import cache_dir
from magicoder_core.models.catalogue import Mirror, Model, catalogue
from magicoder_core.models.fetch import cached, check, resolve

__all__ = ["Mirror", "Model", "cache_dir", "cached", "catalogue", "check", "resolve"]
