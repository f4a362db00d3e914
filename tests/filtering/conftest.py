"""Rows, and a chain of filters to put them through, in a folder of the test's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from magicoder_core import plugins
from magicoder_core.filtering import command, work

PLUGIN = Path(__file__).parent.parent / "filtering_plugin.py"


@pytest.fixture(scope="session")
def catalogue():
    return plugins.load([PLUGIN])


@pytest.fixture
def rows():
    """So many rows, with duplicates, long ones and bad ones among them."""

    def rows(count, first=0):
        return [_row(number) for number in range(first, first + count)]

    return rows


def _row(number):
    word = "bad" if number % 11 == 5 else "odd" if number % 7 == 2 else "good"
    same = number // 2 if number % 10 == 9 else number
    return {
        "seed": f"seed {same}",
        "problem": f"Problem {same}, a {word} one, é\u2028.",
        "solution": f"```python\nx = {same}\n```" + "# more\n" * (number % 12),
        "extra": [number, 12345678901234567890123, 1.50, None],
    }


@pytest.fixture
def write(tmp_path):
    """Write rows as JSON Lines; gives the path."""

    def write(rows, name="rows.jsonl", end="\n"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = end.join(json.dumps(row, ensure_ascii=False) for row in rows) + end
        if not path.exists() or path.read_bytes() != text.encode():  # else it would be another file by its time
            path.write_bytes(text.encode())
        return path

    return write


@pytest.fixture
def job(tmp_path, catalogue):
    """The job of a wish, with outputs in the test's folder."""

    def job(rows, *use, name="K", kind=".jsonl", **wish):
        paths = rows if isinstance(rows, list) else [rows]
        kept, rejected = tmp_path / f"{name}{kind}", tmp_path / f"{name}-rejected{kind}"
        wished = command.Wish(rows=paths, use=use, kept=kept, rejected=rejected, **wish)
        return command.prepared(wished, catalogue)

    return job


@pytest.fixture
def done(job):
    """Do a job; gives the outcome and the bytes of both files."""

    def done(*arguments, **wish):
        made = job(*arguments, **wish)
        outcome = work.run(made)
        return outcome, made.kept.read_bytes(), made.rejected.read_bytes()

    return done


@pytest.fixture
def lines():
    """The objects of a JSON Lines text."""
    return lambda text: [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def with_workers():
    return lambda made, count: replace(made, workers=count)
