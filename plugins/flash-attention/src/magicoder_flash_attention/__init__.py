"""Fine-tunes a model on instruction pairs and serves the result, both on transformers.

Read `template` first: the one object that turns a conversation into tokens, in training and in serving alike.
Then `encoding` (rows to labelled tokens), `loop` (the training), `resume` (what survives a kill) and `generation`
(answers in batches). Nothing here imports torch or transformers before a provider works.
"""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Teacher, Trainer, hookimpl
from magicoder_flash_attention.teacher import Transformers
from magicoder_flash_attention.trainer import FlashAttentionTrainer

__all__ = ["FlashAttentionTrainer", "Transformers", "teacher", "trainer"]


@hookimpl
def trainer() -> Mapping[str, type[Trainer]]:
    """The trainer ``flash-attention``."""
    return {"flash-attention": FlashAttentionTrainer}


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """The teacher ``transformers``."""
    return {"transformers": Transformers}
