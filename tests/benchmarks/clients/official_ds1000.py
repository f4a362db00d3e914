"""DS-1000 the official way, under a Python that has the libraries: a process for each program, forked with a manager.

As xlang-ai/DS-1000 at b39aab71 does (``test_ds1000.py``, ``execution.py``): the evaluator has pandas loaded, each program is
exec'd in an empty namespace, in a temporary folder, in a process of its own, which a manager's list tells of. Written anew.

    python official_ds1000.py PROGRAMS.json [PASSED.json]     prints how many passed, and writes which
"""

import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
SECONDS = 120


def run(program, told):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - the process ends
        try:
            exec(program, {})
            told.append("passed")
        except BaseException as error:  # noqa: BLE001 - as officially
            told.append(f"failed: {error}")
        os.chdir("/")


def check(program):
    with multiprocessing.Manager() as manager:
        told = manager.list()
        process = multiprocessing.Process(target=run, args=(program, told))
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
        return bool(told) and told[0] == "passed"


if __name__ == "__main__":
    import pandas  # noqa: F401, ICN001 - the evaluator has it loaded

    programs = json.loads(Path(sys.argv[1]).read_bytes())
    passed = list(map(check, programs))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(passed), encoding="utf-8")
    print(sum(passed))
