"""What a command imports before it does anything; counted, not timed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from magicoder_core import installed, plugins
from magicoder_core.testing import HEAVY

MOST_MODULES = 250
PROBE = """
import json, sys
from magicoder_core.cli.main import main
sys.argv = ["magicoder", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def modules_after(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=100
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["plugins"], ["plugins", "files"], ["run", "--help"], ["new", "--help"]]
)
def test_a_quick_command_imports_nothing_heavy(arguments):
    assert modules_after(*arguments) & set(HEAVY) == set()


def test_help_imports_little():
    modules = modules_after("--help")
    assert len(modules) < MOST_MODULES
    assert modules & {"asyncio", "ssl", "magicoder_core.answers"} == set()


def test_listing_the_built_in_providers_imports_little(monkeypatch):
    """What third parties import at module level is theirs; their contract refuses the heavy libraries."""
    others = sorted({point.name for point in installed.entry_points("magicoder")})
    monkeypatch.setenv(plugins.BLOCK, ",".join(others))
    assert len(modules_after("plugins")) < MOST_MODULES


def test_the_package_imports_nothing_heavy():
    code = "import sys, magicoder_core, magicoder_core.testing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert {*HEAVY, "pytest", "jinja2", "rich"} & set(done.stdout.split()) == set()
