"""What is installed, found without importlib.metadata, and the same as it finds."""

from __future__ import annotations

import sys
from importlib import metadata

from magicoder_core import installed


def test_entry_points_are_those_of_importlib_metadata():
    for group in ("magicoder", "pytest11", "console_scripts"):
        ours = {(point.name, point.value, point.version) for point in installed.entry_points(group)}
        theirs = {
            (point.name, point.value.partition("[")[0].strip(), point.dist.version)
            for point in metadata.entry_points(group=group)
        }
        assert ours == theirs


def test_a_version_is_found_whatever_way_the_name_is_written():
    assert installed.version("magicoder_Core") == metadata.version("magicoder-core")
    assert installed.version("no-such-thing") == ""


def test_a_shadowed_distribution_counts_once(tmp_path, monkeypatch):
    for place, number in (("first", "2.0"), ("second", "1.0")):
        folder = tmp_path / place / f"my_plugin-{number}.dist-info"
        folder.mkdir(parents=True)
        (folder / "entry_points.txt").write_text("# ours\n[magicoder]\nmine = os.path:join [extra]\n[other]\nx = y\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "none")])
    (point,) = installed.entry_points("magicoder")
    assert point[:4] == ("mine", "os.path:join", "my-plugin", "2.0")
    assert point.load() is __import__("os").path.join


def test_archives_on_the_path_are_left_to_importlib_metadata(tmp_path, monkeypatch):
    (tmp_path / "app.pyz").write_bytes(b"")
    expected = installed.entry_points("magicoder")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "app.pyz")])
    assert {point[:2] for point in installed.entry_points("magicoder")} == {point[:2] for point in expected}
