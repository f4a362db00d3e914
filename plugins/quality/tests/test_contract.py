"""The core's conformance suite, for each filter of this plugin."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from magicoder_quality import Execution, Judge, PersonalData, ProseLanguage, Refusal, Secrets, Syntax, Truncated
from magicoder_quality.judge import AXES

from magicoder_core.testing import FilterContract, instruction

GOOD = instruction()
HEAVY = ("tree_sitter", "detect_secrets", "py3langid", "phonenumbers", "requests", "numpy", "jinja2")


def graded(score):
    """A judge's answer with the same score on each axis."""
    return json.dumps({axis: {"reason": "line 2", "score": score} for axis in AXES})


@pytest.mark.usefixtures("boxed")
class TestExecution(FilterContract):
    provider = Execution(min_pass_rate=1.0, cpu_seconds=2, stall_seconds=2)
    kept = (replace(GOOD, tests="assert double(2) == 4"), GOOD)
    dropped = (replace(GOOD, tests="assert double(2) == 5"),)


class TestSyntax(FilterContract):
    provider = Syntax()
    kept = (GOOD,)
    dropped = (instruction(solution="```python\ndef double(x:\n    return 2 * x\n```"),)


class TestProseLanguage(FilterContract):
    provider = ProseLanguage()
    kept = (GOOD,)
    dropped = (
        instruction(
            "Schreibe eine Funktion, die zwei ganze Zahlen addiert und das Ergebnis zurückgibt, ohne die Zahlen zu ändern."
        ),
    )


class TestRefusal(FilterContract):
    provider = Refusal()
    kept = (GOOD,)
    dropped = (instruction(solution="I'm sorry, but I can't help with that."),)


class TestTruncated(FilterContract):
    provider = Truncated()
    kept = (GOOD,)
    dropped = (instruction(solution="Here it is:\n```python\ndef double(x):"),)


class TestSecrets(FilterContract):
    provider = Secrets()
    kept = (GOOD,)
    dropped = (instruction(solution="```python\nkey = 'AKIAQ3EGRTPXLMZW7C2D'\n```"),)


class TestPersonalData(FilterContract):
    provider = PersonalData()
    kept = (GOOD,)
    dropped = (instruction("Write to k.lindqvist84@gmail.com when it is done."),)


class TestJudge(FilterContract):
    provider = Judge(min_score=3)
    replies = (graded(4),)
    no = (graded(2),)
    garbage = (*FilterContract.garbage, graded(9), graded(4)[:-20], "4/5, I think")
    kept = (GOOD,)
    dropped = (GOOD,)


def test_the_plugin_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, magicoder_quality; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert not loaded & set(HEAVY)


def test_what_the_filters_import_on_use_is_installed():
    assert all(importlib.import_module(name) for name in HEAVY)
