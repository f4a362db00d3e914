"""A program that takes vLLM's arguments and files: run-batch -i IN -o OUT --model M, and what a test wants of it.

``--delay`` seconds before each answer; ``--die-after`` so many answers, the last of them torn; ``--refuse`` requests
with this text. ``--seen`` is a file to which each start and each request is noted.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))

from server_answers import completion

parser = argparse.ArgumentParser()
parser.add_argument("command")
parser.add_argument("-i", type=Path, required=True)
parser.add_argument("-o", type=Path, required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--delay", type=float, default=0.0)
parser.add_argument("--die-after", type=int, default=-1)
parser.add_argument("--refuse", default="")
parser.add_argument("--seen", type=Path, required=True)
given = parser.parse_args()
assert given.command == "run-batch"
assert os.environ["VLLM_NO_USAGE_STATS"] == "1"

with given.seen.open("a") as seen, given.o.open("w") as out:
    print("start", os.getpid(), file=seen, flush=True)
    sys.stdout.write(f"INFO: loading {given.model}\n")
    sys.stdout.flush()  # or it would stand after what stderr says at the end
    for number, line in enumerate(given.i.read_text().splitlines()):
        asked = json.loads(line)
        assert asked["body"]["model"] == given.model
        value = {"id": "vllm-1", "custom_id": asked["custom_id"], "error": None}
        response = {"status_code": 200, "request_id": "vllm-batch-1", "body": None}
        if given.refuse and given.refuse in line:
            response["status_code"] = 400
            value["error"] = {"error": {"message": "maximum context length", "type": "BadRequestError", "code": 400}}
        else:
            response["body"] = completion(asked["body"], "x", None, fingerprint=None, length=0, size=0.0)
        text = json.dumps(value | {"response": response}) + "\n"
        if number == given.die_after:
            out.write(text[: len(text) // 2])
            out.flush()
            sys.stderr.write("CUDA error: out of memory\n")
            sys.exit(3)
        print("asked", asked["custom_id"], file=seen, flush=True)
        time.sleep(given.delay)
        out.write(text)
        out.flush()
