"""A checkpoint in Hugging Face format as one GGUF file, which llama.cpp and the teacher `llama-cpp` serve.

Read `exporting` first: the order of the work. `architectures` knows what llama.cpp calls each number and each tensor of
a model, `vocabulary` turns a tokenizer with its chat template and stop tokens into metadata, `splitting` finds the name
that llama.cpp has for the way a text is split, and `weights` reads tensors piece by piece.

The library of the same name, which lays out the file, is imported inside functions as ``gguf``: all imports of this
package are absolute, so the two never meet. Nothing here imports it, torch or transformers before work begins.
"""

from __future__ import annotations

from magicoder_flash_attention.gguf.exporting import Kind, check, export

__all__ = ["Kind", "check", "export"]
