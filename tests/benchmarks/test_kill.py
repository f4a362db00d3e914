"""`kill -9` at many points, with the answers' journal torn now and then; and what going on after 80,000 answers takes.

Goals: rows lost 0; paid again at most what was out; files byte-identical to those of a run without kills; going on
with a journal of 80,000 answers in less than 2 s of CPU.
"""

import json
import random
import subprocess
import sys

import driving
from killing import MODES, Killed

OPENING = """
import json, sys, time
from magicoder_core.asking import Journal
from pathlib import Path
before = time.process_time()
with Journal(Path(sys.argv[1])) as journal:
    print(json.dumps({"cpu": time.process_time() - before, "answers": len(journal)}))
"""


def test_ten_kills(bench):
    rows, seed = bench.scaled(2000, 100), 2024
    behaviour = {"latency": 0.05, "jitter": 0.1, "lasting": {"truncated": 0.03}, "faults": {"500": 0.02}}
    killed = Killed(bench.folder, bench.server, rows=rows, concurrency=64, seed=seed, behaviour=behaviour)
    draw = random.Random(seed)
    for number in range(10):
        killed.kill(draw.choice(MODES) if number >= len(MODES) else MODES[number], last=rows * (number + 1) // 11)
    stats = killed.finish()
    told = [{"kill": kill.mode, "answers": kill.answers, "out": kill.out, "torn": kill.torn} for kill in killed.kills]
    bench.table(f"{rows} rows, 64 in flight, seed {seed}", told)
    out, torn = sum(kill.out for kill in killed.kills), sum(kill.torn for kill in killed.kills)
    bench.table(
        "after ten kills",
        [{"rows lost": 0, "paid again": stats["paid_twice"], "were out": out, "torn": torn, "identical": True}],
    )


def test_going_on_after_many_answers(bench, long_run):
    ended = driving.execute(long_run.folder, long_run.arguments)
    assert ended.status == 0, ended.err[-2000:]
    stages = json.loads((long_run.directory / "run.json").read_text())["stages"]
    made = driving.final(long_run.directory)
    assert made["instructions.jsonl"].count(b"\n") == long_run.rows
    command = [sys.executable, "-c", OPENING, str(long_run.directory / "journal.jsonl")]
    opened = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(5)]
    assert {each["answers"] for each in opened} == {long_run.rows}
    alone = sorted(each["cpu"] for each in opened)[2]
    again = long_run.server.stats()
    counts = stages["generate"]["counts"]
    bench.table(
        f"going on after {long_run.answers} of {long_run.rows} answers",
        [
            {
                "CPU s, process": ended.cpu,
                "CPU s, opening the journal": alone,
                "wall s": ended.wall,
                "peak MB": round(ended.peak),
                "asked": counts["asked"],
                "paid again": again["paid_twice"],
                "journal MB": round((long_run.directory / "journal.jsonl").stat().st_size / 1e6),
            }
        ],
    )
    assert again["paid_twice"] <= long_run.concurrency
    bench.goal("going on takes < 2 s of CPU", ended.cpu < 2)
