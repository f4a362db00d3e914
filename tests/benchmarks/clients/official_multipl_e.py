"""MultiPL-E's own evaluators over programs, one after another: what each gives, and the processor time of each.

    python official_multipl_e.py CHECKOUT PROGRAMS.jsonl RESULTS.jsonl

CHECKOUT is one of bigcode-evaluation-harness, which has them under `multiple_metrics`. A row of programs has `language`
and `program`; one of results adds `passed`, as the harness counts it (status OK and exit status 0), and `cpu_seconds`.
"""

import json
import resource
import sys
from pathlib import Path


def main(checkout, programs, results):
    sys.path.insert(0, str(Path(checkout) / "bigcode_eval" / "tasks" / "custom_metrics"))
    from multiple_metrics.containerized_eval import eval_string_script

    with Path(programs).open(encoding="utf-8") as rows, Path(results).open("w", encoding="utf-8") as out:
        for row in map(json.loads, rows):
            before = spent()
            found = eval_string_script(row["language"], row["program"])
            row["cpu_seconds"] = spent() - before
            row["status"] = found["status"]
            row["passed"] = found["status"] == "OK" and found["exit_code"] == 0
            print(json.dumps(row), file=out)


def spent():
    """Processor seconds of this process and of all that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(*sys.argv[1:])
