"""One attempt of an OpenAI-style completion over HTTP, of a chat or of raw text, and what each of its failures means.

Nothing here retries: an attempt ends in a `Reply` or in a `TeacherError` whose kind decides what the core does next.

    status, or what happened instead        kind
    401, 403; an untrusted certificate      auth
    402; any with a code of spent quota     quota
    429                                     rate_limited
    503, 529                                overloaded
    408, other 5xx; no connection           transient
    other 3xx and 4xx                       bad_request, or content_filter where the server says so
    2xx, then the connection is cut         transient, charged
    no answer in time                       timeout (charged if the answer had begun)
    2xx without an answer in it             malformed

aiohttp is imported when a function runs, so that the module costs nothing until then.
"""

from __future__ import annotations

from magicoder_core.http.bodies import body, encoded
from magicoder_core.http.kinds import kind_of, one_line, refusal, retry_after
from magicoder_core.http.replies import read, reply, split_reasoning
from magicoder_core.http.sending import Answered, Endpoint, is_here, session

__all__ = [
    "Answered",
    "Endpoint",
    "body",
    "encoded",
    "is_here",
    "kind_of",
    "one_line",
    "read",
    "refusal",
    "reply",
    "retry_after",
    "session",
    "split_reasoning",
]
