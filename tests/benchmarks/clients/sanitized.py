"""EvalPlus' own sanitising, in its own environment: one JSON object a line in, the program and its CPU seconds out."""

from __future__ import annotations

import json
import sys
import time

from evalplus.sanitize import sanitize

for line in sys.stdin:
    asked = json.loads(line)
    begun = time.process_time()
    program = sanitize(asked["text"], asked["entry_point"])
    print(json.dumps({"program": program, "cpu": time.process_time() - begun}), flush=True)
