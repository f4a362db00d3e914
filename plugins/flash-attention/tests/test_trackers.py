"""Trackers hear of each step what our own log has; each training is a run of its own."""

from __future__ import annotations

import dataclasses
import os

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, trackers

from magicoder_core import jsonl
from magicoder_core.testing import instruction, training_data

ROWS = [instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n") for number in range(10)]
NAMES = (
    "loss",
    "grad_norm",
    "learning_rate",
    "held_out_loss",
    "padding",
    "tokens",
    "supervised_tokens",
    "useful_tokens_per_second",
    "peak_memory_gib",
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def train(tiny, folder, tracker):
    """Train into ``folder``, and give the lines of our own log."""
    folder.mkdir()
    data = dataclasses.replace(training_data(ROWS, folder, seed=7), logs=folder / "logs")
    options = {"preset": "cpu-tiny", "examples_per_step": 4, "epochs": 1, "held_out": 0.2, "report_to": (tracker,)}
    FlashAttentionTrainer(base_model=str(tiny), **options).train(data, folder / "out")
    return list(jsonl.read(folder / "logs" / "training.jsonl"))


def assert_heard(heard, lines):
    """``heard``: by name what came at which step."""
    for name in NAMES:
        expected = {line["step"]: line[name] for line in lines if name in line}
        assert expected
        assert dict(heard[name]) == pytest.approx(expected, rel=1e-6), name


def test_what_is_set_for_one_training_is_gone_after_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    with trackers.told((), tmp_path):
        assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")
        assert os.environ["WANDB_PROJECT"] == "mine"
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ
    assert os.environ["WANDB_PROJECT"] == "mine"


def test_tensorboard(tiny, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for name in ("one", "two"):
        lines = train(tiny, tmp_path / name, "tensorboard")
        events = EventAccumulator(str(tmp_path / name / "logs" / "tensorboard"))
        events.Reload()
        heard = {tag: [(item.step, item.value) for item in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
        assert_heard({name: heard[f"train/{name}"] for name in NAMES}, lines)


def test_weights_and_biases(tiny, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    heard = []
    kept = wandb.sdk.wandb_run.Run.log
    monkeypatch.setattr(
        wandb.sdk.wandb_run.Run,
        "log",
        lambda run, data, *a, **k: heard.append((run.id, data)) or kept(run, data, *a, **k),
    )
    runs = []
    for name in ("one", "two"):
        heard.clear()
        lines = train(tiny, tmp_path / name, "wandb")
        assert wandb.run is None, "it ends with the training"
        assert list((tmp_path / name / "logs").glob("wandb/offline-run-*"))
        points = [data for _, data in heard if "train/global_step" in data]
        by_name = {
            name: [(data["train/global_step"], data[f"train/{name}"]) for data in points if f"train/{name}" in data]
            for name in NAMES
        }
        assert_heard(by_name, lines)
        runs += {run for run, _ in heard}
    assert len(set(runs)) == len(runs) == 2


def test_trackio(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    trackio = pytest.importorskip("trackio")
    heard = []
    kept = trackio.log
    monkeypatch.setattr(trackio, "log", lambda data, *a, **k: heard.append(data) or kept(data, *a, **k))
    lines = train(tiny, tmp_path / "one", "trackio")
    by_name = {
        name: [(data["train/global_step"], data[f"train/{name}"]) for data in heard if f"train/{name}" in data]
        for name in NAMES
    }
    assert_heard(by_name, lines)
    assert list((tmp_path / "trackio").glob(f"{trackers.PROJECT}*")), "and it has kept them"
