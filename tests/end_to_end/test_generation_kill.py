"""A run that is killed in the middle of its work, and while it takes that up again, loses nothing and pays nothing twice.

A small one of its kind; `tests/benchmarks/test_kill.py` kills more often and at larger runs.
"""

import driving
from killing import MODES, Killed


def test_killed_again_and_again_it_ends_as_if_nothing_had_been(tmp_path):
    behaviour = {"latency": 0.03, "jitter": 0.03, "lasting": {"truncated": 0.1}}
    with driving.ServerProcess() as server:
        killed = Killed(tmp_path, server, rows=150, concurrency=8, seed=20, behaviour=behaviour)
        for place, mode in enumerate(MODES):
            killed.kill(mode, last=30 * (place + 1))
        stats = killed.finish(beside=False)
    assert any(kill.out for kill in killed.kills), "at least one kill met requests that were out"
    assert stats["good_distinct"] == 150
