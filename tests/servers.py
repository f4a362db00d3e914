"""A real HTTP server on the loopback that answers as OpenAI's and Anthropic's do, and fails as they do.

The same seed and the same requests in any order give the same answers and the same faults: an answer depends on the
conversation alone, a fault on the seed, the request's content and how often that request has come.

    with Server(faults={"429-seconds": 0.1, "500": 0.05}) as server:   # in a thread of this process
        server.url            # http://127.0.0.1:PORT/v1
        server.counts         # requests by content hash

    python tests/servers.py --port 0 --count-file seen.jsonl --script 429-ms,reset   # prints its URL, then serves

``--count-file`` gets one line for each request before it is answered and one when its whole answer is about to be
sent, each by one write: it tells what a server saw even of a client (or a server) that was killed. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

WAIT = 1.0
"""Seconds that an answer of status 429 asks to wait, whatever its form."""

ERRORS: Mapping[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "400": (
        400,
        {"message": "This model's maximum context length is 10 tokens.", "code": "context_length_exceeded"},
        {},
    ),
    "401": (401, {"message": "Incorrect API key provided: {key}.", "code": "invalid_api_key"}, {}),
    "402": (402, {"message": "Insufficient balance", "code": None}, {}),
    "403": (403, {"message": "Country not supported", "code": "unsupported_country"}, {}),
    "404": (404, {"message": "The model `x` does not exist", "code": "model_not_found"}, {}),
    "408": (408, {"message": "Request timeout"}, {}),
    "422": (422, {"message": "temperature: must not be negative"}, {}),
    "429": (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, {}),
    "429-seconds": (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, {"Retry-After": "{wait:g}"}),
    "429-ms": (429, {"message": "Rate limit reached", "code": None}, {"retry-after-ms": "{ms:g}", "Retry-After": "9"}),
    "429-date": (429, {"message": "Rate limit reached"}, {"Retry-After": "{date}"}),
    "quota": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, {"Retry-After": "1"}),
    "filtered-400": (400, {"message": "The prompt was filtered", "code": "content_filter"}, {}),
    "500": (500, {"message": "The server had an error"}, {}),
    "502": (502, {"message": "Bad gateway"}, {}),
    "503": (503, {"message": "Loading model"}, {"Retry-After": "{wait:g}"}),
    "529": (529, {"message": "Overloaded", "type": "overloaded_error"}, {}),
}
"""Faults with a status: status, the error's fields, headers."""

FAULTS = (
    *ERRORS,
    *("reset", "close", "cut", "html", "json", "no-choices", "null-choice", "empty", "null", "truncated", "filtered"),
    *("slow", "error-in-200", "null-usage", "no-finish", "reasoning", "think", "thinking-only", "redirect"),
)
"""All that can be injected; the last seven are odd answers rather than failures."""


@dataclass
class Asked:
    """One request, and what it is to meet."""

    path: str
    headers: Mapping[str, str]
    body: Any
    hash: str
    fault: str | None
    at: float = field(default_factory=time.monotonic)


@dataclass
class Server:
    """The server; a context manager that runs it in a thread of its own.

    Args:
        seed: decides which requests meet the faults of ``faults``.
        faults: kind and the share of attempts that meet it.
        script: what the first attempts of each request meet, in order; "ok" is no fault.
        latency: seconds before each answer.
        slow: seconds before the answer of the fault ``slow``.
        key: the only bearer token let in; None lets everybody in.
        count_file: where requests are noted; what it holds already counts on.
        port: 0 for any free one.
        fingerprint: the answers' ``system_fingerprint``; most local servers send null.
    """

    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    script: Sequence[str] = ()
    latency: float = 0.0
    slow: float = 5.0
    key: str | None = None
    count_file: Path | None = None
    port: int = 0
    fingerprint: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    requests: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        if unknown := {*self.faults, *self.script} - {*FAULTS, "ok"}:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
        if self.count_file and self.count_file.exists():
            for line in self.count_file.read_text().splitlines():
                seen = json.loads(line)
                (self.counts if seen["event"] == "asked" else self.answered)[seen["hash"]] += 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    # -- running ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(started)), daemon=True)
        self._thread.start()
        if not started.wait(30):
            raise RuntimeError("the server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def _main(self, started: threading.Event) -> None:
        await self.start()
        started.set()
        await self._stop.wait()
        await self.stop()

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- HTTP ------------------------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            # A client that goes away, or one that speaks no HTTP, ends its connection and nothing else.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                while await self._request(reader, writer):
                    pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False ends the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        if method == "GET":
            await self._send(writer, 200, self._about(path))
            return True
        asked = self._asked(path, headers, json.loads(raw))
        await asyncio.sleep(self.slow if asked.fault == "slow" else self.latency)
        return await self._answer(writer, asked)

    def _asked(self, path: str, headers: Mapping[str, str], body: Any) -> Asked:
        name = content_hash(body)
        fault = self._fault(name, self.counts[name])
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            fault = "401"
        asked = Asked(path, headers, body, name, fault)
        self.counts[name] += 1
        self.requests.append(asked)
        self._note("asked", asked)
        return asked

    def _about(self, path: str) -> dict[str, Any]:
        if path.endswith("/models"):
            return {"object": "list", "data": [{"id": "loopback", "object": "model"}]}
        return {
            "status": "ok",
            "requests": sum(self.counts.values()),
            "distinct": len(self.counts),
            "counts": self.counts,
        }

    def _fault(self, name: str, attempt: int) -> str | None:
        if attempt < len(self.script):
            return None if self.script[attempt] == "ok" else self.script[attempt]
        draw = number(f"{self.seed}\0{name}\0{attempt}") / 2**64
        for kind, share in self.faults.items():
            if draw < share:
                return kind
            draw -= share
        return None

    async def _answer(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        match asked.fault:
            case "reset":
                # Linger 0 sends RST instead of FIN.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case "close":
                return False
            case "redirect":
                await self._send(writer, 307, {}, {"Location": "http://127.0.0.1:9/elsewhere"})
            case "html":
                page = "<html><body>Welcome to the proxy</body></html>"
                await self._send(writer, 200, page, {"Content-Type": "text/html"})
            case fault if fault in ERRORS:
                await self._error(writer, fault, asked.headers)
            case _:
                return await self._answer_whole(writer, asked)
        return True

    async def _answer_whole(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        anthropics = asked.path.endswith("/messages")
        text = json.dumps(anthropic(asked.body) if anthropics else self._completion(asked.body, asked.fault))
        if asked.fault == "json":
            text = text[: len(text) // 2]
        if asked.fault == "cut":
            writer.write(_head(200, {}, len(text)) + text[: len(text) // 2].encode())
            await writer.drain()
            return False
        # Noted first: once it is sent, the client may be done and end this process.
        self.answered[asked.hash] += 1
        self._note("answered", asked)
        await self._send(writer, 200, text)
        return True

    async def _error(self, writer: asyncio.StreamWriter, fault: str | None, headers: Mapping[str, str]) -> None:
        status, error, extra = ERRORS[fault or ""]
        # HTTP dates have whole seconds; rounded up, so that the date is never earlier than the wait.
        known = {"wait": WAIT, "ms": WAIT * 1000, "date": formatdate(int(time.time()) + 1 + WAIT, usegmt=True)}
        key = headers.get("authorization", "").partition(" ")[2]
        message = str(error["message"]).replace("{key}", key)
        sent = {name: value.format(**known) for name, value in extra.items()}
        await self._send(writer, status, {"error": {"type": "error", **error, "message": message}}, sent)

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, value: Any, headers: Mapping[str, str] | None = None
    ) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        writer.write(_head(status, headers or {}, len(text.encode())) + text.encode())
        await writer.drain()

    # -- answers ---------------------------------------------------------------------------------------------------

    def _completion(self, body: Any, fault: str | None) -> dict[str, Any]:
        """OpenAI's shape, made odd as ``fault`` says."""
        text = answer(body["messages"])
        message: dict[str, Any] = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        value = {
            "id": f"chatcmpl-{content_hash(body)}",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "loopback"),
            "system_fingerprint": self.fingerprint,
            "choices": [choice],
            "usage": usage(body["messages"], text),
        }
        for place, instead in zip((message, choice, value), odd(text).get(fault or "", ({}, {}, {})), strict=True):
            place.update(instead)
        return value

    def _note(self, event: str, asked: Asked) -> None:
        if self.count_file:
            line = {"event": event, "hash": asked.hash, "fault": asked.fault, "at": time.monotonic()}
            target = os.open(self.count_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(target, json.dumps(line).encode() + b"\n")
            os.close(target)


def odd(text: str) -> dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """What each odd answer has instead, in the message, in the choice and in the whole."""
    thought = "Let me think."
    return {
        "no-choices": ({}, {}, {"choices": []}),
        "null-choice": ({}, {}, {"choices": [None]}),
        "empty": ({"content": ""}, {}, {}),
        "null": ({"content": None}, {}, {}),
        "truncated": ({"content": text[: len(text) // 2]}, {"finish_reason": "length"}, {}),
        "filtered": ({"content": ""}, {"finish_reason": "content_filter"}, {}),
        "null-usage": ({}, {}, {"usage": None}),
        "no-finish": ({}, {"finish_reason": None}, {}),
        "reasoning": ({"reasoning_content": thought}, {}, {}),
        "think": ({"content": f"<think>\n{thought}\n</think>\n\n{text}"}, {}, {}),
        "thinking-only": ({"content": None, "reasoning_content": thought}, {"finish_reason": "length"}, {}),
        "error-in-200": ({}, {}, {"choices": None, "error": {"message": "Provider returned error", "code": 429}}),
    }


def _head(status: int, headers: Mapping[str, str], length: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    lines = {"Content-Type": "application/json", "Content-Length": str(length), "Date": formatdate(usegmt=True)}
    text = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{text}\r\n".encode("latin-1")


def content_hash(body: Any) -> str:
    """Names a request by all that is in its body."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def number(text: str) -> int:
    """64 bits of a text's sha256."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def usage(messages: Sequence[Mapping[str, str]], text: str) -> dict[str, int]:
    """Words as tokens."""
    sent = sum(len(str(message["content"]).split()) for message in messages)
    return {"prompt_tokens": sent, "completion_tokens": len(text.split()), "total_tokens": sent + len(text.split())}


def anthropic(body: Any) -> dict[str, Any]:
    """The same answer in the shape of Anthropic's messages."""
    messages = [{"content": _flat(message["content"])} for message in body["messages"]]
    text = answer(messages)
    counted = usage(messages, text)
    return {
        "id": f"msg_{content_hash(body)}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "loopback"),
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": counted["prompt_tokens"], "output_tokens": counted["completion_tokens"]},
    }


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def answer(messages: Sequence[Mapping[str, str]]) -> str:
    """What the model says: a problem with its solution if sections are asked for, else one program."""
    prompt = str(messages[-1]["content"])
    seed = number(json.dumps([message["content"] for message in messages]))
    if "[solution]" not in prompt.lower():
        names = re.findall(r"\bdef\s+(\w+)\s*\(", prompt)
        return f"```python\ndef {names[-1] if names else 'main'}(*values):\n    return {seed % 10}\n```"
    fences = re.findall(r"```[^\n]*\n(.*?)```", prompt, re.DOTALL)
    snippet = max(fences, key=len) if fences else prompt
    words = re.findall(r"[A-Za-z]{4,}", snippet) or ["value"]
    return _pair(seed, words[seed % len(words)].lower())


def _pair(seed: int, word: str) -> str:
    """A small problem about a word of the snippet, and a solution that is valid Python and right."""
    name, step, modulus = f"{word}_score_{seed % 10**6}", 2 + seed % 97, 101 + seed % 9973
    return f"""[Problem Description]
A program keeps a list of whole numbers that belong to the word `{word}`. Write a function `{name}(numbers)` that
returns its score: each number is multiplied by {step} and by its position in the list (counted from 1), the products
are added up, and the remainder of the sum divided by {modulus} is the score. Numbers below zero are left out, but
they still take up their position. The score of an empty list is 0.

For example, the score of `[1, 2]` is {(step + 4 * step) % modulus}.

[Solution]
```python
def {name}(numbers):
    total = 0
    for position, number in enumerate(numbers, start=1):
        if number >= 0:
            total += {step} * position * number
    return total % {modulus}
```
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the first line of the output is the URL."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[], metavar="KIND:SHARE", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--script", default="", help="faults of the first attempts of each request: a,b,ok")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--slow", type=float, default=5.0)
    parser.add_argument("--key")
    parser.add_argument("--count-file", type=Path)
    given = parser.parse_args(arguments)
    faults = {kind: float(share) for kind, _, share in (item.rpartition(":") for item in given.fault)}
    script = [kind for kind in given.script.split(",") if kind]
    plain = ("seed", "latency", "slow", "key", "count_file", "port")
    server = Server(faults=faults, script=script, **{name: getattr(given, name) for name in plain})
    asyncio.run(_serve(server))
    return 0


async def _serve(server: Server) -> None:
    await server.start()
    for number_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number_, server._stop.set)
    print(server.url, flush=True)  # noqa: T201 - the line that whoever starts it waits for
    await server._stop.wait()
    await server.stop()


if __name__ == "__main__":
    sys.exit(main())
