"""What LiteLLM would send, learnt by letting it send to nobody.

LiteLLM's own translation of a request is spread over its main module, its provider classes and the clients that it
calls; only at the end, as an HTTP request, is it whole. So it is taken there: within `recorded`, whatever this task
hands to httpx is kept and answered with status 400, and no connection can be opened. Other tasks notice nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

if TYPE_CHECKING:
    import httpx

_ANSWER = {"error": {"message": "recorded, not sent", "type": "invalid_request_error"}}


class Sent(NamedTuple):
    """One HTTP request; ``headers`` in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class _Recorder:
    """Collects until it is stopped; tasks that were started meanwhile keep it in their context."""

    sent: list[Sent] = field(default_factory=list)
    running: bool = True


_recorder: ContextVar[_Recorder | None] = ContextVar("_recorder", default=None)
_patches: list[Any] = []
_users: list[_Recorder] = []


async def recorded(litellm: Any, call: Mapping[str, Any]) -> Sent | None:
    """The one HTTP request that ``litellm.acompletion(**call)`` makes; None if it makes none, or several."""
    from openai import OpenAIError

    # It makes an error of the refusal; what it cannot translate ends in one, too.
    with _recording() as recorder, suppress(OpenAIError):
        await litellm.acompletion(**call)
    return recorder.sent[0] if len(recorder.sent) == 1 else None


@contextmanager
def _recording() -> Iterator[_Recorder]:
    recorder = _Recorder()
    if not _users:
        _patches.extend(_started(*each) for each in _places())
    _users.append(recorder)
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)
        recorder.running = False
        _users.remove(recorder)
        if not _users:
            while _patches:
                _patches.pop().stop()


def _places() -> list[tuple[type, str, Callable[[Any], Any]]]:
    """Where it is listened, and the two other ways out of this process, which are shut."""
    import httpx

    return [(httpx.AsyncClient, "send", _keeping), (httpx.Client, "send", _shut), (socket.socket, "connect", _shut)]


def _started(cls: type, name: str, wrapped: Callable[[Any], Any]) -> Any:
    patch = mock.patch.object(cls, name, wrapped(getattr(cls, name)))
    patch.start()
    return patch


def _running() -> _Recorder | None:
    recorder = _recorder.get()
    return recorder if recorder and recorder.running else None


def _keeping(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        import httpx

        if (recorder := _running()) is None:
            found: httpx.Response = await original(client, request, **options)
            return found
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorder.sent.append(Sent(request.method, str(request.url), headers, await request.aread()))
        return httpx.Response(400, json=_ANSWER, request=request)

    return send


def _shut(original: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*arguments: Any, **options: Any) -> Any:
        if _running():
            raise ConnectionRefusedError("nothing is sent while a request is recorded")
        return original(*arguments, **options)

    return refuse
