"""`magicoder export`: where it cannot write, one line says so."""

from __future__ import annotations

import sys

import pytest

from magicoder_core.cli import main as entry


@pytest.fixture
def exported(tmp_path, monkeypatch, capsys):
    """Export a run with kept rows, as far as the export looks at it, to a target; gives status and stderr."""
    for name, text in (("run.json", "{}"), ("kept.jsonl", ""), ("snippets.jsonl", "")):
        (tmp_path / name).write_text(text)

    def export(target):
        monkeypatch.setattr(sys, "argv", ["magicoder", "export", str(tmp_path), "--to", str(target)])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        return ended.value.code, capsys.readouterr().err

    return export


def test_a_folder_that_cannot_be_made_is_one_line(exported):
    line = "magicoder: --to /proc/x/y: cannot be written: /proc/x: No such file or directory\n"
    assert exported("/proc/x/y") == (1, line)


def test_a_file_where_a_folder_is_needed_is_one_line(exported, tmp_path):
    target = tmp_path / "run.json" / "rows.jsonl"
    status, err = exported(target)
    assert (status, err.count("\n")) == (1, 1)
    assert f"--to {target}: cannot be written" in err


def test_a_folder_is_no_file_to_write(exported):
    status, err = exported(".")
    assert status == 2
    assert "File '.' is a directory." in err
