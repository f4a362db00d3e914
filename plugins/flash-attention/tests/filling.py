"""Run where a small disk is: a training that fills it, and goes on when there is room. Prints what it found, as JSON."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(base, rows, disk):
    from magicoder_flash_attention import FlashAttentionTrainer, resume

    from magicoder_core import MagicoderError, TrainingData, jsonl

    sizes, kept = [], resume.commit

    def commit(staged, *args, **named):
        sizes.append(size_of(staged))
        kept(staged, *args, **named)

    resume.commit = commit
    subject = FlashAttentionTrainer(
        base_model=base, preset="cpu-tiny", examples_per_step=4, epochs=2, save_steps=1, optimizer="adamw"
    )
    data = TrainingData(rows, 10, 7)
    whole = subject.train(data, disk / "whole").digest
    shutil.rmtree(disk / "whole")
    # Room for two checkpoints and half of the third.
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - int(2.5 * max(sizes))))
    found = {"whole": whole}
    try:
        subject.train(data, disk / "out")
    except MagicoderError as error:
        found["said"] = str(error)
    found["left"] = sorted(path.name for path in (disk / "out" / "state").iterdir())
    (disk / "filler").unlink()
    sizes.clear()
    found["again"] = subject.train(data, disk / "out").digest
    found["saved again"] = len(sizes)
    found["digest"] = jsonl.digest(disk / "out")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
