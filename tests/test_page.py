"""The page of a run: whole, self-contained, and safe to open whatever a model wrote."""

from __future__ import annotations

import json
import re

from magicoder_core import page
from magicoder_core.rundir import RunDirectory


def test_a_page_shows_scores_stages_and_rows(tmp_path):
    metrics = {"pass@1": {"value": 0.4, "low": 0.2, "high": 0.6, "tasks": 20}, "statuses": {"pass": 8, "fail": 12}}
    facts = {
        "name": "<all>",
        "created": "2026-11-23",
        "python": "3.11",
        "platform": "linux",
        "git_commit": None,
        "versions": {"magicoder-core": "0.1.0"},
        "stages": {
            "seeds": {"status": "done", "counts": {"snippets": 3}, "seconds": 0.5},
            "generate": {"status": "failed", "counts": {}, "seconds": 1.0, "error": "RunError: gone"},
            "evaluate": {"status": "done", "counts": {"humaneval": {"tuned": metrics}}, "seconds": 2.0},
        },
    }
    (tmp_path / "run.json").write_text(json.dumps(facts))
    row = {"id": "abc", "problem": "<script>alert(1)</script>", "solution": "```python\nx = 1 < 2\n```"}
    (tmp_path / "kept.jsonl").write_text(json.dumps(row) + "\n")
    page.write(RunDirectory(tmp_path))
    text = (tmp_path / "report.html").read_text()
    for shown in ("&lt;all&gt;", "40.0% [20.0, 60.0] on 20 problems", "3 snippets", "RunError: gone", "x = 1 &lt; 2"):
        assert shown in text
    assert "<script" not in text
    assert not re.search(r"""(src|href)\s*=|url\(|https?://""", text)
