"""Answers judged by the benchmark `ds1000`, as a program of its own.

python own_ds1000.py DATA.jsonl PYTHON ANSWERS.json     prints how many passed
"""

import json
import sys
from pathlib import Path

from magicoder_ds1000 import Ds1000

from magicoder_core import Submission, sandbox

if __name__ == "__main__":
    data, python, answers = map(Path, sys.argv[1:])
    rows = json.loads(answers.read_bytes())
    given = [Submission(problem_id=name, code=code, sample=number) for number, (name, code) in enumerate(rows)]
    subject = Ds1000(data=data, interpreter=python)
    with sandbox.standby():
        print(sum(verdict.status == "pass" for verdict in subject.judge(iter(given))))
