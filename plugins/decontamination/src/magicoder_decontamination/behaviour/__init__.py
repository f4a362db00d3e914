"""Decontamination by behaviour: see `behaviour`."""

from __future__ import annotations

from magicoder_decontamination.behaviour.asking import Patience
from magicoder_decontamination.behaviour.behaviour import Behaviour, Solved

__all__ = ["Behaviour", "Patience", "Solved"]
