"""A request on its way, and what the core makes of the ways that an attempt may end."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from magicoder_core.asking.gate import Outcome
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import TeacherError
from magicoder_core.providers import BatchTeacher, Teacher
from magicoder_core.ratelimits import RateLimits
from magicoder_core.records import Reply, Request

RETRIED: Final = frozenset({"rate_limited", "overloaded", "transient", "timeout", "malformed"})
"""Kinds of failure after which the same request is sent again."""

FATAL: Final = frozenset({"auth", "quota"})
"""Kinds that no other request can escape either: the run stops, and goes on when the user has mended it."""

OUTCOMES: Final[dict[str, Outcome]] = {
    **dict.fromkeys(("rate_limited", "overloaded"), "refused"),
    **dict.fromkeys(("transient", "timeout"), "failed"),
    **dict.fromkeys(("malformed", "content_filter"), "answered"),
}
"""What the gate makes of a failure; any other is ``rejected``."""

Ended = tuple["Reply | TeacherError", "RateLimits | None"]
"""How an attempt ended, and what the provider said beside it of its limits."""


class NotAskedError(TeacherError):
    """The journal has no answer, and nothing may be asked."""


class Errand(NamedTuple):
    """A request on its way: its key, for whom and by whose task it is asked."""

    key: str
    request: Request
    parent: str
    owner: asyncio.Task[Any] | None


def together(teacher: Teacher) -> int:
    """How many requests a teacher wants at once, whatever the gate says."""
    if isinstance(teacher, DeferredTeacher):
        return teacher.width
    return teacher.batch_size if isinstance(teacher, BatchTeacher) else 1
