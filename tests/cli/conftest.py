"""The command line, run in this process."""

from __future__ import annotations

import sys

import pytest

from magicoder_core.cli import main as entry


@pytest.fixture
def called(monkeypatch, capsys):
    """Run `magicoder ARGUMENTS` in this process; gives status, stdout, stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["magicoder", *map(str, arguments)])
        status = 0
        try:
            entry.main()
        except SystemExit as ended:
            status = ended.code
        written = capsys.readouterr()
        return status, written.out, written.err

    return call
