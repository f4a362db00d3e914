"""The contract of a trainer."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.records import Checkpoint, Instruction
from magicoder_core.testing.fakes import instruction, training_data
from magicoder_core.testing.providers import ProviderContract
from magicoder_core.trainers import Trainer


class TrainerContract(ProviderContract):
    """What a trainer promises.

        from magicoder_core.testing import TrainerContract
        from magicoder_tune import Tune

        class TestTune(TrainerContract):
            provider = Tune(base_model="tiny", max_steps=2)

    It is trained three times: give it the smallest model and the fewest steps there are.

    Attributes:
        provider: the trainer to test.
        rows: what it is trained on.
    """

    provider: Trainer
    rows: Sequence[Instruction] = tuple(
        instruction(f"Add {number} to x.", f"```python\ndef add(x):\n    return x + {number}\n```")
        for number in range(4)
    )

    def test_names_its_base(self, subject: Any) -> None:
        """What is tuned is known before it is tuned."""
        assert isinstance(subject.base, str)
        assert subject.base

    def test_trains_a_whole_model(self, subject: Any, tmp_path: Path) -> None:
        """A folder in Hugging Face format, its digest, and nothing that only served an interrupted run."""
        output = tmp_path / "checkpoint"
        checkpoint = subject.train(training_data(self.rows, tmp_path), output)
        assert isinstance(checkpoint, Checkpoint)
        assert Path(checkpoint.path) == output
        assert checkpoint.base_model == subject.base
        assert checkpoint.digest == jsonl.digest(output), "the digest is magicoder_core.jsonl.digest of the folder"
        leftovers = [path.name for path in output.rglob("*") if path.match("*.part") or path.match("checkpoint-*")]
        assert not leftovers
        self.load(checkpoint)

    def test_trains_the_same_again(self, subject: Any, tmp_path: Path) -> None:
        """The same rows and seed give the same model, in another folder and by another instance."""
        data = training_data(self.rows, tmp_path)
        once = subject.train(data, tmp_path / "once")
        again = dataclasses.replace(subject).train(data, tmp_path / "again")
        assert once.digest == again.digest

    def load(self, checkpoint: Checkpoint) -> None:
        """Load the model or fail; override it to load yours for real. Here: the configuration and weights are readable."""
        folder = Path(checkpoint.path)
        assert isinstance(json.loads((folder / "config.json").read_text(encoding="utf-8")), dict)
        for weights in folder.glob("*.safetensors"):
            with weights.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                assert isinstance(json.loads(file.read(length)), dict)
