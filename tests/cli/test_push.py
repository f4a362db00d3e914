"""`magicoder export --push-to-hub` with the real client against a small Hub on loopback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from magicoder_core import jsonl
from magicoder_core.testing import instruction, snippet

pytestmark = pytest.mark.plugins


class Hub(ThreadingHTTPServer):
    """As much of the Hub as an upload of small files asks for; remembers what it was told."""

    daemon_threads = True

    def __init__(self, status=200, said=""):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.said = status, said
        self.created, self.files, self.tokens = [], {}, set()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer({"id": "me/set", "sha": "0" * 40, "siblings": [], "name": "me", "type": "user", "private": True})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.server.status != 200:
            self.answer({"error": self.server.said}, self.server.status)
        elif self.path.endswith("/repos/create"):
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.server.address}/datasets/me/set", "id": "0"})
        elif "/preupload/" in self.path:
            names = [item["path"] for item in json.loads(body)["files"]]
            self.answer({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            url = f"{self.server.address}/datasets/me/set/commit/{'1' * 40}"
            self.answer({"commitUrl": url, "commitOid": "1" * 40, "success": True, "hookOutput": ""})
        else:
            self.answer({})

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def hub():
    """Start a Hub that answers so."""
    pytest.importorskip("huggingface_hub")
    started = []

    def start(**options):
        server = Hub(**options)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def push(tmp_path):
    """Export a run of two rows to a Hub, in a process of its own: the client reads its settings once."""
    folder = tmp_path / "run"
    folder.mkdir()
    seeds = [snippet(f"x = {number}\n") for number in range(2)]
    jsonl.write(folder / "snippets.jsonl", (item.to_dict() for item in seeds))
    jsonl.write(folder / "kept.jsonl", ({**instruction().to_dict(), "parent": item.id} for item in seeds))
    (folder / "run.json").write_text("{}")

    def run(address, *arguments, repository="me/set", **settings):
        own = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_secret", "NO_PROXY": "*"}
        environment = {**os.environ, **own, "HF_HUB_DISABLE_XET": "1", **settings}
        command = [sys.executable, "-m", "magicoder_core", "export", str(folder), "--push-to-hub", repository]
        return subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, timeout=100, check=False
        )

    return run


def test_rows_and_card_are_uploaded_to_a_private_repository(hub, push, tmp_path):
    server = hub()
    done = push(server.address, "--as", "oss-instruct")
    assert done.returncode == 0, done.stderr
    assert f"2 rows as oss-instruct in {server.address}/datasets/me/set" in done.stdout
    (created,) = server.created
    assert (created["name"], created["organization"], created["type"]) == ("set", "me", "dataset")
    assert created.get("private") is True or created.get("visibility") == "private"
    assert sorted(server.files) == ["README.md", "train.jsonl"]
    assert [json.loads(line)["seed"] for line in server.files["train.jsonl"].splitlines()] == ["x = 0\n", "x = 1\n"]
    assert server.tokens == {"Bearer hf_secret"}


def test_a_folder_is_kept_and_the_repository_may_be_public(hub, push, tmp_path):
    server = hub()
    done = push(server.address, "--public", "--to", f"{tmp_path}/set/", "--format", "parquet")
    assert done.returncode == 0, done.stderr
    (created,) = server.created
    assert created.get("private") in (False, None)
    assert created.get("visibility") in ("public", None)
    assert sorted(server.files) == ["README.md", "train.parquet"]
    assert (tmp_path / "set" / "train.parquet").read_bytes() == server.files["train.parquet"]


def one_line(done, *words):
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(word in done.stderr for word in ("magicoder: --push-to-hub", *words))
    assert "hf_secret" not in done.stderr


@pytest.mark.parametrize(
    ("status", "words"), [(401, "the token is not valid"), (403, "may not write"), (400, "HTTP 400")]
)
def test_what_the_hub_refuses_is_one_line(hub, push, status, words):
    one_line(push(hub(status=status, said="No, because.").address), words)


def test_a_hub_that_is_not_there_is_one_line(push):
    one_line(push("http://127.0.0.1:9"), "me/set")


def test_without_a_token_nothing_is_sent(hub, push):
    server = hub()
    one_line(push(server.address, HF_TOKEN=""), "HF_TOKEN")
    assert (server.created, server.files) == ([], {})


def test_a_repository_needs_an_owner(push):
    one_line(push("http://127.0.0.1:9", repository="set"), "OWNER/NAME")
