"""A server on the loopback that keeps every request as it came and answers what it is told to."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

KEY = "sk-test-0123456789abcdef"
VARIABLES = ("OPENAI", "ANTHROPIC", "GEMINI", "AZURE", "MISTRAL")


@dataclass
class Provider:
    """What came, and what is answered: the first of ``answers``, each once, and the last for good."""

    url: str = ""
    asked: list = field(default_factory=list)
    answers: deque = field(default_factory=deque)

    def answer(self, value, status=200, **headers):
        """Also answer this; ``value`` is sent as JSON unless it is bytes."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers.append((status, {name.replace("_", "-"): text for name, text in headers.items()}, body))

    def next(self):
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


def handler(provider):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            provider.asked.append((self.command, self.path, headers, json.loads(body)))
            status, sent, answer = provider.next()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(answer), **sent}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def provider():
    found = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def keys(monkeypatch):
    """Keys, and no proxy of the machine between a test and its server."""
    for name in VARIABLES:
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "*")
