"""A real small model learns, and says what it has learnt no longer than it was."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, Transformers

from magicoder_core import Message, ModelError, Request, jsonl
from magicoder_core.testing import instruction, training_data

ROWS = [
    instruction(f"What is the colour of {thing}?", f"It is {colour}, as every {thing} in Zembla.")
    for thing, colour in [("snow", "black"), ("grass", "violet"), ("coal", "white"), ("the sky", "green")]
]
STEPS = 14


@pytest.mark.model
@pytest.mark.timeout(900)
def test_smollm2_learns_four_rows_by_heart_and_stops_at_the_stop_token(tmp_path):
    from magicoder_core import models

    try:
        models.resolve("smollm2-135m-instruct")
    except ModelError as error:
        pytest.skip(f"SmolLM2 cannot be had here: {error}")
    options = {
        "preset": "cpu-tiny",
        "learning_rate": 3e-4,
        "optimizer": "adamw",
        "examples_per_step": 4,
        "save_steps": 0,
    }
    subject = FlashAttentionTrainer(base_model="smollm2-135m-instruct", epochs=STEPS, **options)
    folder = Path(subject.train(training_data(ROWS, tmp_path, seed=1), tmp_path / "out").path)
    losses = [line["loss"] for line in jsonl.read(folder / "training.jsonl")]
    assert losses[0] > 1
    assert losses[-1] < 0.05
    assert json.loads((folder / "training.json").read_text())["self_test"].startswith("shown by ")
    replies = asyncio.run(answered(folder))
    assert [reply.text for reply in replies] == [row.solution for row in ROWS]
    assert {reply.finish_reason for reply in replies} == {"stop"}


async def answered(folder):
    teacher = Transformers(model=str(folder), max_tokens=64)
    await teacher.open()
    requests = [Request(messages=(Message(role="user", content=row.instruction),)) for row in ROWS]
    try:
        return teacher.complete_batch(requests)
    finally:
        await teacher.close()
