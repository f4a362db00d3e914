from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from magicoder_core import RunError, jsonl


def test_what_is_written_is_read(tmp_path):
    rows = [{"a": 1}, {"text": "päivää\n\u2028x"}, {"deep": {"list": [1, None, True]}}]
    assert jsonl.write(tmp_path / "rows.jsonl", rows) == 3
    assert list(jsonl.read(tmp_path / "rows.jsonl")) == rows


def test_readable_text_stays_readable(tmp_path):
    jsonl.write(tmp_path / "rows.jsonl", [{"text": "päivää"}])
    assert (tmp_path / "rows.jsonl").read_bytes() == '{"text":"päivää"}\n'.encode()


def test_a_lone_surrogate_is_escaped(tmp_path):
    """Models do emit halves of characters; a row must not be lost for that."""
    jsonl.write(tmp_path / "rows.jsonl", [{"text": "\ud83d"}])
    assert list(jsonl.read(tmp_path / "rows.jsonl")) == [{"text": "\ud83d"}]


def test_one_object_is_one_line_whatever_it_holds(tmp_path):
    rows = [{"text": "a\r\nb\x0b\x0c\x1c\x85\u2028\u2029c"}] * 3
    jsonl.write(tmp_path / "rows.jsonl", rows)
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == 3
    assert list(jsonl.read(tmp_path / "rows.jsonl")) == rows


def test_blank_lines_are_no_rows(tmp_path):
    (tmp_path / "rows.jsonl").write_text('\n{"a": 1}\n  \n')
    assert list(jsonl.read(tmp_path / "rows.jsonl")) == [{"a": 1}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"a": 1', "not JSON"),
        (b"[1]", "a JSON object was expected, not list"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, said):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 0}\n' + line + b"\n")
    with pytest.raises(RunError) as caught:
        list(jsonl.read(path))
    assert f"{path}:2: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_torn_last_line_does_not_hide_the_rows_before_it(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n{"a": 2}\n{"a"')
    rows = jsonl.read(tmp_path / "rows.jsonl")
    assert [next(rows), next(rows)] == [{"a": 1}, {"a": 2}]
    with pytest.raises(RunError, match=r"rows\.jsonl:3"):
        next(rows)


def interrupted():
    yield {"new": 1}
    raise KeyboardInterrupt


def test_a_failed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    jsonl.write(path, [{"old": 1}])
    with pytest.raises(KeyboardInterrupt):
        jsonl.write(path, interrupted())
    assert list(jsonl.read(path)) == [{"old": 1}]


def test_nothing_stands_under_the_name_before_the_end(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    with jsonl.Writer(path) as out:
        out.write({"a": 1})
        assert not path.exists()
        assert out.count == 1
    assert [item.name for item in path.parent.iterdir()] == ["rows.jsonl"]


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    jsonl.write(path, [{"old": 1}])
    with pytest.raises(TypeError):
        jsonl.write(path, [{"new": object()}])
    assert list(jsonl.read(path)) == [{"old": 1}]


def test_a_document_is_replaced_whole(tmp_path):
    path = tmp_path / "run.json"
    jsonl.write_json(path, {"text": "ä\ud83d", "none": None})
    assert json.loads(path.read_text(encoding="ascii")) == {"text": "ä\ud83d", "none": None}
    with pytest.raises(TypeError):
        jsonl.write_json(path, {"bad": object()})
    assert "none" in path.read_text(encoding="ascii")
    assert [item.name for item in tmp_path.iterdir()] == ["run.json"]


_WRITES = """
import sys
from pathlib import Path
from magicoder_core import jsonl
path, letter = Path(sys.argv[1]), sys.argv[2].encode()
for _ in range(50):
    jsonl.write_bytes(path, letter * 300_000)
    assert len(set(path.read_bytes())) == 1 and path.stat().st_size == 300_000
"""


def test_bytes_are_whole_though_two_processes_write_them(tmp_path):
    path = tmp_path / "made" / "data.gz"
    works = [subprocess.Popen([sys.executable, "-c", _WRITES, path, letter]) for letter in "ab"]
    assert [work.wait(60) for work in works] == [0, 0]
    assert path.read_bytes()[:1] in {b"a", b"b"}
    assert [item.name for item in path.parent.iterdir()] == ["data.gz"]


def test_bytes_that_cannot_be_written_leave_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "data.gz"
    jsonl.write_bytes(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        jsonl.write_bytes(path, b"new")
    assert (path.read_bytes(), [item.name for item in tmp_path.iterdir()]) == (b"old", ["data.gz"])


def test_the_digest_of_a_file_is_its_sha256(tmp_path):
    data = b"x" * (1 << 20) + b"y"
    (tmp_path / "weights").write_bytes(data)
    assert jsonl.digest(tmp_path / "weights") == hashlib.sha256(data).hexdigest()


def test_the_digest_of_a_folder_sees_names_and_bytes_but_not_the_place(tmp_path):
    def folder(name, files):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        return jsonl.digest(tmp_path / name)

    same = folder("a", {"x": "1", "sub/y": "2"})
    assert folder("b", {"sub/y": "2", "x": "1"}) == same
    assert folder("c", {"x": "1", "sub/y": "3"}) != same
    assert folder("d", {"x": "1", "y": "2"}) != same
    assert folder("e", {"x": "12", "sub/y": ""}) != same
