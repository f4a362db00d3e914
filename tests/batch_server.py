"""A real HTTP server on the loopback with the batch APIs of OpenAI and Anthropic, which counts what it is given.

    with BatchServer(polls=2, errors=0.1) as server:      # in threads of this process
        server.url                                        # http://127.0.0.1:PORT/v1
        server.submitted                                  # how often each request came in a batch, by its key

What a batch answers depends on its requests alone. ``stall`` holds one step of a client up for as long as a test wants,
so that the client can be killed there: ``upload``, ``uploaded``, ``create``, ``late``, ``created``, ``poll`` or
``results``. What is held up at ``create`` is never made; at ``late`` it is made when the client is long gone.
"""

from __future__ import annotations

import json
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from server_answers import anthropic, completion, number

KEY = "sk-batch-0123456789"


@dataclass
class Made:
    """A batch as the server has it."""

    id: str
    requests: list[dict[str, Any]]
    metadata: dict[str, str]
    polls: int = 0
    cancelled: bool = False


@dataclass
class BatchServer:
    """The server; a context manager.

    Args:
        polls: how often a batch is looked at before it has ended.
        errors: share of requests whose first batch answers with an error of the server's.
        expired: share of requests whose first batch does not come to them.
        bad: share of requests that are refused for good.
        fail: why batches are refused as a whole; empty: they are not.
        cut_creates: so many batches are made without an answer that says so.
        cut_results: so many files of results break off in the middle.
        busy: so many requests of any kind are answered with a 503 first.
        hidden: so often the list of batches does not show the newest.
        others: batches of other people that the list shows.
        stall: the step that is held up.
    """

    polls: int = 1
    errors: float = 0.0
    expired: float = 0.0
    bad: float = 0.0
    fail: str = ""
    refuse: int = 0
    cut_creates: int = 0
    cut_results: int = 0
    busy: int = 0
    hidden: int = 0
    others: int = 0
    page: int = 1000
    stall: str = ""
    batches: list[Made] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    submitted: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self.stalled, self._go = threading.Event(), threading.Event()
        self._lock = threading.RLock()
        server = self

        class Handler(_Handler):
            owner = server

        for index in range(self.others):
            request = {"custom_id": f"theirs-{index}", "body": {"messages": [{"content": "x"}]}}
            self.batches.append(Made(f"theirs_{index}", [request], {}, polls=99))
        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def hold(self, step: str) -> bool:
        """Stop here if this step is to be held up; whoever waits for `stalled` may kill the client then."""
        if self.stall != step:
            return False
        self.stall = ""
        self.stalled.set()
        self._go.wait()
        return True

    def hold_at(self, step: str) -> None:
        """Hold the next client up at this step, too."""
        self.stall = step
        self.stalled.clear()
        self._go.clear()

    def release(self) -> None:
        """Let what is held up go on."""
        self._go.set()

    def make(self, requests: list[dict[str, Any]], metadata: dict[str, str], prefix: str) -> Made:
        """A new batch."""
        with self._lock:
            made = Made(f"{prefix}_{len(self.batches)}", requests, metadata)
            self.batches.append(made)
            if not self.fail:
                self.submitted.update(item["custom_id"].rpartition("-")[2] for item in requests)
            return made

    def listed(self) -> list[Made]:
        """Batches from the newest on."""
        with self._lock:
            if self.hidden and self.batches:
                self.hidden -= 1
                return self.batches[-2::-1]
            return self.batches[::-1]

    def find(self, made: str) -> Made | None:
        return next((item for item in self.batches if item.id == made), None)

    def has_ended(self, made: Made) -> bool:
        return made.polls > self.polls or made.cancelled

    def fate(self, custom_id: str) -> str:
        """What becomes of a request in a batch: ``good``, ``error``, ``expired`` or ``bad``."""
        key = custom_id.rpartition("-")[2]
        draw = number(key) / 2**64
        if draw < self.bad:
            return "bad"
        if self.submitted[key] > 1:
            return "good"  # the second time
        draw -= self.bad
        return "error" if draw < self.errors else "expired" if draw < self.errors + self.expired else "good"

    def in_any_order(self, made: Made) -> list[dict[str, Any]]:
        shuffled = list(made.requests)
        random.Random(made.id).shuffle(shuffled)
        return shuffled


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that were killed are what this server is for; anything else is the test's business."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as the base class has it


class _Handler(BaseHTTPRequestHandler):
    owner: BatchServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        self._answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, method: str, body: bytes) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/v1")
        name = f"{method} {re.sub(r'/(file|fileout|fileerr|batch|msgbatch|theirs)_[0-9]+', '/ID', path)}"
        self.owner.calls[name] += 1
        if self.owner.busy:
            self.owner.busy -= 1
            self._send(503, {"error": {"message": "overloaded"}})
        elif KEY not in (self.headers.get("Authorization") or "") + (self.headers.get("x-api-key") or ""):
            given = self.headers.get("Authorization") or self.headers.get("x-api-key")
            self._send(401, {"error": {"message": f"Incorrect API key provided: {given}", "code": "invalid_api_key"}})
        else:
            self._route(name, path, body)

    def _route(self, name: str, path: str, body: bytes) -> None:
        match name:
            case "POST /files":
                self._upload(body)
            case "POST /batches":
                self._create(body)
            case "GET /batches":
                self._list("after", openai_batch)
            case "GET /batches/ID":
                self._look(path.rpartition("/")[2], openai_batch)
            case "GET /files/ID/content":
                self._results(self._openai_lines(path.split("/")[2]))
            case "POST /messages/batches":
                self._create_messages(body)
            case "GET /messages/batches":
                self._list("after_id", anthropic_batch)
            case "GET /messages/batches/ID":
                self._look(path.rpartition("/")[2], anthropic_batch)
            case "GET /messages/batches/ID/results":
                made = self.owner.find(path.split("/")[3])
                assert made
                self._results(list(anthropic_lines(self.owner, made)))
            case _:
                self._send(404, {"error": {"message": f"nothing at {path}"}})

    # -- OpenAI --------------------------------------------------------------------------------------------------------

    def _upload(self, body: bytes) -> None:
        self.owner.hold("upload")
        fields = multipart(self.headers["Content-Type"], body)
        assert fields["purpose"] == b"batch", fields
        file = f"file_{len(self.owner.files)}"
        self.owner.files[file] = fields["file"]
        if not self.owner.hold("uploaded"):
            self._send(200, {"id": file, "object": "file", "purpose": "batch"})

    def _create(self, body: bytes) -> None:
        asked = json.loads(body)
        assert asked["completion_window"] == "24h"
        assert asked["endpoint"] == "/v1/chat/completions"
        if self.owner.hold("create"):
            return
        self.owner.hold("late")
        requests = [json.loads(line) for line in self.owner.files[asked["input_file_id"]].splitlines()]
        assert all(item["method"] == "POST" and item["url"] == asked["endpoint"] for item in requests)
        self._made(requests, asked["metadata"], "batch", openai_batch)

    def _made(self, requests: list[dict[str, Any]], metadata: dict[str, str], prefix: str, shown: Any) -> None:
        if self.owner.refuse:
            self._send(self.owner.refuse, {"error": {"message": "no such model", "code": "model_not_found"}})
            return
        made = self.owner.make(requests, metadata, prefix)
        if self.owner.cut_creates:
            self.owner.cut_creates -= 1
            self.close_connection = True
        elif not self.owner.hold("created"):
            self._send(200, shown(self.owner, made))

    def _list(self, cursor: str, shown: Any) -> None:
        found = self.owner.listed()
        if after := self.query.get(cursor):
            place = [item.id for item in found].index(after)
            found = found[place + 1 :]
        most = min(int(self.query.get("limit", 20)), self.owner.page)
        page = [shown(self.owner, item) for item in found[:most]]
        self._send(200, {"data": page, "has_more": len(found) > most})

    def _look(self, name: str, shown: Any) -> None:
        self.owner.hold("poll")
        made = self.owner.find(name)
        if made is None:
            self._send(404, {"error": {"message": f"No batch found with id '{name}'."}})
            return
        made.polls += 1
        self._send(200, shown(self.owner, made))

    def _openai_lines(self, name: str) -> list[bytes]:
        kind, _, index = name.rpartition("_")
        made = self.owner.find(f"batch_{index}")
        assert made
        lines = list(openai_lines(self.owner, made))
        return [line for line, good in lines if good == (kind == "fileout")]

    # -- Anthropic -----------------------------------------------------------------------------------------------------

    def _create_messages(self, body: bytes) -> None:
        assert self.headers["anthropic-version"]
        requests = json.loads(body)["requests"]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", item["custom_id"]) for item in requests)
        assert all(item["params"]["max_tokens"] and item["params"]["model"] for item in requests)
        if not self.owner.hold("create"):
            self.owner.hold("late")
            self._made(requests, {}, "msgbatch", anthropic_batch)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _results(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        half = len(data) // 2
        self.wfile.write(data[:half])
        self.wfile.flush()
        if self.owner.cut_results:
            self.owner.cut_results -= 1
            self.close_connection = True
        elif self.owner.hold("results"):
            self.close_connection = True
        else:
            self.wfile.write(data[half:])

    def _send(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def multipart(kind: str, body: bytes) -> dict[str, bytes]:
    """The fields of a form."""
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    fields = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        found = re.search(rb'name="(\w+)"', head)
        assert found
        fields[found[1].decode()] = value[:-2]
    return fields


def openai_batch(server: BatchServer, made: Made) -> dict[str, Any]:
    """A batch as OpenAI shows it."""
    ended = server.has_ended(made)
    lines = list(openai_lines(server, made)) if ended and not made.id.startswith("theirs") else []
    good = sum(good for _, good in lines)
    index = made.id.rpartition("_")[2]
    status = "failed" if server.fail else "cancelled" if made.cancelled else "completed" if ended else "in_progress"
    failed = {"object": "list", "data": [{"code": "invalid_request", "message": server.fail, "line": 3}]}
    return {
        "id": made.id,
        "object": "batch",
        "status": status,
        "metadata": made.metadata,
        "errors": failed if server.fail else None,
        "output_file_id": f"fileout_{index}" if good else None,
        "error_file_id": f"fileerr_{index}" if len(lines) > good else None,
        "request_counts": {"total": len(made.requests), "completed": good, "failed": len(lines) - good},
    }


def openai_lines(server: BatchServer, made: Made) -> Iterator[tuple[bytes, bool]]:
    """Each line of results, and whether it is one of answers."""
    for item in server.in_any_order(made)[: 1 if made.cancelled else None]:
        custom_id, fate = item["custom_id"], server.fate(item["custom_id"])
        value: dict[str, Any] = {"id": f"req_{custom_id[-8:]}", "custom_id": custom_id, "response": None, "error": None}
        if fate == "good":
            body = completion(item["body"], custom_id[-8:], None, fingerprint=None, length=0, size=0.0)
            value["response"] = {"status_code": 200, "request_id": "r", "body": body}
        elif fate == "expired":
            value["error"] = {"code": "batch_expired", "message": "This request could not be executed in time."}
        else:
            status, message = (500, "The server had an error") if fate == "error" else (400, "too long")
            error = {"message": message, "type": "t", "code": "c"}
            value["response"] = {"status_code": status, "request_id": "r", "body": {"error": error}}
        yield json.dumps(value).encode() + b"\n", fate == "good"


def anthropic_batch(server: BatchServer, made: Made) -> dict[str, Any]:
    """A batch as Anthropic shows it: nothing counted before it has ended, no name of ours."""
    ended, size = server.has_ended(made), len(made.requests)
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    counts = dict.fromkeys(names, 0) | {"processing": size}
    if ended and made.id.startswith("theirs"):
        counts = counts | {"processing": 0, "succeeded": size}
    elif ended:
        fates = Counter(json.loads(line)["result"]["type"] for line in anthropic_lines(server, made))
        counts = dict.fromkeys(names, 0) | fates
    url = "http://127.0.0.1:9/elsewhere" if ended else None
    status = "ended" if ended else "in_progress"
    return {
        "id": made.id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "results_url": url,
    }


def anthropic_lines(server: BatchServer, made: Made) -> Iterator[bytes]:
    """Each line of results."""
    for place, item in enumerate(server.in_any_order(made)):
        custom_id, fate = item["custom_id"], server.fate(item["custom_id"])
        result: dict[str, Any] = {"type": "expired"}
        if made.cancelled and place:
            result = {"type": "canceled"}
        elif fate == "good":
            params = item.get("params") or item["body"]
            result = {"type": "succeeded", "message": anthropic(params, custom_id[-8:], 0, 0.0)}
        elif fate in {"error", "bad"}:
            kind = "api_error" if fate == "error" else "invalid_request_error"
            result = {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": "too bad"}}}
        yield json.dumps({"custom_id": custom_id, "result": result}).encode() + b"\n"
