"""`magicoder export`: where it cannot write, one line says so."""

from __future__ import annotations

import sys

import pytest

from magicoder_core.cli import main as entry


@pytest.fixture
def run(tmp_path):
    """A run with kept rows, as far as the export looks at it."""
    for name, text in (("run.json", "{}"), ("kept.jsonl", ""), ("snippets.jsonl", "")):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "status", "line"),
    [
        ("/proc/x/y", 1, "magicoder: --to /proc/x/y: cannot be written: /proc/x: No such file or directory\n"),
        (".", 2, "File '.' is a directory.\n"),
    ],
)
def test_what_cannot_be_written_is_one_line(run, monkeypatch, capsys, target, status, line):
    monkeypatch.setattr(sys, "argv", ["magicoder", "export", str(run), "--to", target])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == status
    assert line in capsys.readouterr().err


def test_a_file_where_a_folder_is_needed_is_one_line(run, monkeypatch, capsys):
    target = run / "run.json" / "rows.jsonl"
    monkeypatch.setattr(sys, "argv", ["magicoder", "export", str(run), "--to", str(target)])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    written = capsys.readouterr()
    assert (ended.value.code, written.err.count("\n")) == (1, 1)
    assert f"--to {target}: cannot be written" in written.err
