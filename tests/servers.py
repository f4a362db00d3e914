"""A real HTTP server on the loopback that answers as OpenAI's and Anthropic's do, and fails as they do.

The same seed and the same requests in any order give the same answers and the same faults: an answer depends on the
conversation alone, a fault on the seed, the request's content and how often that request has come.

    with Server(faults={"429-seconds": 0.1, "500": 0.05}) as server:   # in a thread of this process
        server.url            # http://127.0.0.1:PORT/v1
        server.counts         # requests by content hash

    python tests/servers.py --port 0 --count-file seen.jsonl --script 429-ms,reset   # prints its URL, then serves

A server in a process of its own is asked over HTTP: ``GET /stats`` gives its account (`Account.told`), ``POST
/reset`` with a JSON object of the fields of `Behaviour` begins a new one, so that one process serves many rounds.

``--count-file`` gets one line for each request before it is answered and one when its whole answer is about to be
sent, each by one write: it tells what a server saw even of a client (or a server) that was killed. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

from server_account import Account, Bucket
from server_answers import ERRORS, FAULTS, SPOILT, answer, anthropic, completion, content_hash, number, raw_text, usage
from server_behaviour import WAIT, Behaviour
from server_http import Connection

__all__ = [
    "ERRORS",
    "FAULTS",
    "WAIT",
    "Asked",
    "Behaviour",
    "Server",
    "answer",
    "content_hash",
    "main",
    "number",
    "usage",
]

_KEPT = 10_000
"""Requests and answers that are kept for when they are asked for again: in rounds of a benchmark, or after a fault."""

_OF_ANSWERS = ("fingerprint", "answer_bytes", "bytes_per_token", "by_conversation")
"""Fields of `Behaviour` on which an answer's bytes depend."""


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
class Server(Behaviour):
    """The server; a context manager that runs it in a thread of its own.

    Args:
        count_file: where requests are noted; what it holds already counts on.
        port: 0 for any free one.
        keep: whether ``requests`` keeps each request.
    """

    count_file: Path | None = None
    port: int = 0
    keep: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    requests: list[Asked] = field(default_factory=list)
    connections: int = 0
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept: dict[tuple[str, str | None, str], tuple[bytes, int, int]] = {}
        self._known: dict[bytes, tuple[str, Any]] = {}
        self._bucket: Bucket | None = None
        self._attempts: Counter[str] = Counter()
        if self.count_file and self.count_file.exists():
            for line in self.count_file.read_text().splitlines():
                seen = json.loads(line)
                (self.counts if seen["event"] == "asked" else self.answered)[seen["hash"]] += 1
            self._attempts.update(self.counts)

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
        self._open: set[Connection] = set()
        self._server = await self._loop.create_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for connection in [*self._open]:
            connection.close()
        await asyncio.sleep(0)

    def _connection(self) -> Connection:
        self.connections += 1
        return Connection(self._request, self._open)

    # -- requests --------------------------------------------------------------------------------------------------

    def _request(self, to: Connection, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> None:
        if method == "GET":
            to.send(200, json.dumps(self._about(path)).encode())
        elif path == "/reset":
            self.reset(**json.loads(raw or b"{}"))
            to.send(200, b"{}")
        else:
            self._meet(to, path, headers, raw)

    def _meet(self, to: Connection, path: str, headers: Mapping[str, str], raw: bytes) -> None:
        try:
            name, body = self._read(raw)
        except (KeyError, ValueError):
            to.close()
            return
        asked = Asked(path, headers, body, name, None)
        fault = asked.fault = self._refusal(asked) or self._due(name)
        if not body["messages"]:  # some clients look for the headers of limits in this way
            fault = asked.fault = "400"
        attempt = self.counts[name]
        self.counts[name] += 1
        self.account.asked(name, asked.at)
        if self.keep:
            self.requests.append(asked)
        self._note("asked", asked)
        if fault in {"capacity", "rpm"}:  # at once, and without a place taken
            asked.fault = "429-seconds" if self.wait else "429"
            self._answer(to, asked)
            return
        self.account.began()
        wait = self.slow if fault == "slow" else self.latency
        if self.jitter:
            wait += self.jitter * number(f"{self.seed}\0{name}\0{attempt}\0jitter") / 2**64
        if wait > 0:
            self._loop.call_later(wait, self._end, to, asked)
        else:
            self._end(to, asked)

    def _read(self, raw: bytes) -> tuple[str, Any]:
        """A request's name and its body; what has come before is known by its bytes."""
        if (known := self._known.get(raw)) is None:
            body = json.loads(raw)
            if "prompt" in body:  # raw text to go on with: answered as a conversation of that text
                body["messages"] = [{"role": "text", "content": body["prompt"]}]
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = content_hash(body["messages"] if self.by_conversation else body), body
            self._known[raw] = known
        return known

    def _due(self, name: str) -> str | None:
        attempt = self._attempts[name]
        self._attempts[name] += 1
        return self.fault(name, attempt)

    def _refusal(self, asked: Asked) -> str | None:
        """Why a request is refused whatever it asks: its key, an outage, a limit."""
        if self.key is not None and asked.headers.get("authorization") != f"Bearer {self.key}":
            return "401"
        if self.outages:
            since = asked.at - (self.account.first or asked.at)
            if any(begin <= since < end for begin, end in self.outages):
                return self.outage
        if self.capacity is not None and self.account.in_flight >= self.capacity:
            self.account.limited += 1
            return "capacity"
        if self.rpm is not None:
            self._bucket = self._bucket or Bucket(self.rpm / 60, self.burst, asked.at)
            if not self._bucket.take(asked.at):
                self.account.limited += 1
                return "rpm"
        return None

    def _end(self, to: Connection, asked: Asked) -> None:
        self.account.ended()
        self._answer(to, asked)

    def _answer(self, to: Connection, asked: Asked) -> None:
        match asked.fault:
            case "reset" | "close" as fault:
                self.account.sent(fault)
                to.reset() if fault == "reset" else to.close()
            case "redirect":
                self._send(to, 307, b"{}", "Location: http://127.0.0.1:9/elsewhere\r\n")
            case "html":
                self._send(to, 200, b"<html><body>Welcome to the proxy</body></html>", "X-Proxy: yes\r\n")
            case fault if fault in ERRORS:
                self._error(to, asked)
            case _:
                self._whole(to, asked)

    def _whole(self, to: Connection, asked: Asked) -> None:
        body, sent, answered = self._body(asked)
        good = asked.fault not in SPOILT
        self.account.generated(asked.hash, sent, answered, good=good)
        if asked.fault == "cut":
            self.account.sent("cut")
            to.cut(body)
            return
        if good or asked.fault != "json":
            # Noted first: once it is sent, the client may be done and end this process.
            self.answered[asked.hash] += 1
            self._note("answered", asked)
        self._send(to, 200, body[: len(body) // 2] if asked.fault == "json" else body)

    def _body(self, asked: Asked) -> tuple[bytes, int, int]:
        """An answer's body and its tokens, those sent and those answered."""
        key = (content_hash(asked.body) if self.by_conversation else asked.hash, asked.fault, asked.path)
        if (kept := self._kept.get(key)) is not None:
            return kept
        if asked.path.endswith("/messages"):
            value = anthropic(asked.body, key[0], self.answer_bytes, self.bytes_per_token)
            used = value["usage"]["input_tokens"], value["usage"]["output_tokens"]
        else:
            value = completion(
                asked.body,
                key[0],
                asked.fault,
                fingerprint=self.fingerprint,
                length=self.answer_bytes,
                size=self.bytes_per_token,
            )
            counted = value["usage"] or {"prompt_tokens": 0, "completion_tokens": 0}
            used = counted["prompt_tokens"], counted["completion_tokens"]
            if not asked.path.endswith("/chat/completions"):
                value = raw_text(value)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[key] = made = (json.dumps(value).encode(), *used)
        return made

    def _error(self, to: Connection, asked: Asked) -> None:
        status, error, extra = ERRORS[asked.fault or ""]
        # HTTP dates have whole seconds; rounded up, so that the date is never earlier than the wait.
        date = int(time.time()) + 1 + self.wait
        known = {"wait": self.wait, "ms": self.wait * 1000, "date": formatdate(date, usegmt=True)}
        if status == 429 and extra:
            self.account.told_to_wait(asked.hash, date - time.time() if "date" in str(extra) else self.wait)
        key = asked.headers.get("authorization", "").partition(" ")[2]
        message = str(error["message"]).replace("{key}", key)
        sent = "".join(f"{name}: {value.format(**known)}\r\n" for name, value in extra.items())
        body = json.dumps({"error": {"type": "error", **error, "message": message}}).encode()
        self._send(to, status, body, sent)

    def _send(self, to: Connection, status: int, body: bytes, headers: str = "") -> None:
        if self.limit_headers and self._bucket:
            headers += self._bucket.headers(time.monotonic())
        self.account.sent(str(status))
        to.send(status, body, headers)

    # -- accounts --------------------------------------------------------------------------------------------------

    def reset(self, **behaviour: Any) -> None:
        """Begin anew, with the defaults but for what is given.

        Raises:
            ValueError: a fault that there is none of, or no field of `Behaviour`.
        """
        fresh = Behaviour(**behaviour)
        if any(getattr(self, name) != getattr(fresh, name) for name in _OF_ANSWERS):
            self._known.clear()
            self._kept.clear()
        for each in fields(Behaviour):
            setattr(self, each.name, getattr(fresh, each.name))
        self.requests.clear()
        for counted in (self.counts, self.answered, self._attempts):
            counted.clear()
        self._bucket, self.account, self.connections = None, Account(), 0

    def _about(self, path: str) -> dict[str, Any]:
        if path.endswith("/models"):
            return {"object": "list", "data": [{"id": "loopback", "object": "model"}]}
        told = {"status": "ok", "requests": sum(self.counts.values()), "distinct": len(self.counts)}
        if path.endswith("/stats"):
            return told | {"connections": self.connections} | self.account.told(self.needs)
        return told | {"counts": self.counts}

    def _note(self, event: str, asked: Asked) -> None:
        if self.count_file:
            line = {"event": event, "hash": asked.hash, "fault": asked.fault, "at": time.monotonic()}
            target = os.open(self.count_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(target, json.dumps(line).encode() + b"\n")
            os.close(target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the first line of the output is the URL."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shares: dict[str, Any] = {
        "action": "append",
        "default": [],
        "metavar": "KIND:SHARE",
        "help": f"of {', '.join(FAULTS)}",
    }
    parser.add_argument("--fault", dest="faults", **shares)
    parser.add_argument("--lasting", **shares | {"help": "the same, of conversations and for good"})
    parser.add_argument("--random-429", type=float, default=0.0, metavar="SHARE", help="as --fault 429-seconds:SHARE")
    parser.add_argument("--script", default="", help="faults of the first attempts of each request: a,b,ok")
    parser.add_argument("--outages", default="", metavar="FROM-TO,...", help="seconds since the first request")
    parser.add_argument("--count-file", type=Path)
    for name, kind in (("port", int), ("seed", int), ("capacity", int), ("rpm", float), ("burst", float)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Server, name))
    for name in ("wait", "latency", "jitter", "slow", "bytes-per-token"):
        parser.add_argument(f"--{name}", type=float, default=getattr(Server, name.replace("-", "_")))
    parser.add_argument("--answer-bytes", type=int, default=0)
    parser.add_argument("--key")
    parser.add_argument("--outage", default=Server.outage, choices=FAULTS)
    parser.add_argument("--limit-headers", action="store_true")
    parser.add_argument("--by-conversation", action="store_true")
    given = vars(parser.parse_args(arguments))
    given["script"] = [kind for kind in given["script"].split(",") if kind]
    given["outages"] = [[float(edge) for edge in each.split("-")] for each in given["outages"].split(",") if each]
    for name in ("faults", "lasting"):
        given[name] = {kind: float(share) for kind, _, share in (item.rpartition(":") for item in given[name])}
    if share := given.pop("random_429"):
        given["faults"] = {"429-seconds": share} | given["faults"]
    asyncio.run(_serve(Server(keep=False, **given)))
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
