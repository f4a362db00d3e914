"""Files for training in several processes: options of FSDP and DeepSpeed, and what `accelerate launch` is told.

``python -m magicoder_flash_attention.configs`` prints where they lie.
"""
