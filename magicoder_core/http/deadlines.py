"""The time that requests may take, watched by one timer for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicoder_core import lazily

if TYPE_CHECKING:
    import asyncio


class Deadlines:
    """Ends the calls of tasks that take longer than ``seconds``; a task has one call at a time.

    All have the same limit, so the call that began first is due first, and one timer does. aiohttp's own limit costs
    each request a timer of its own and two contexts, a twentieth of its CPU time (measured).
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> asyncio.Task[Any]:
        """A call of the current task begins; it is cancelled when its time is up."""
        task: asyncio.Task[Any] = lazily.asyncio().current_task()
        loop = task.get_loop()
        if loop is not self._loop:  # the timer of another one will not ring any more
            self._loop, self._timer = loop, None
            self._due.clear()
            self._late.clear()
        self._due[task] = when = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(when, self._look, loop)
        return task

    def end(self, task: asyncio.Task[Any]) -> None:
        """The call is over."""
        if self._due.pop(task, None) is None and task in self._late:  # it ended otherwise at the same time
            self._late.remove(task)
            task.uncancel()

    def was_late(self, task: asyncio.Task[Any]) -> bool:
        """Whether it was ended for its time, and nobody else has cancelled the task."""
        if task not in self._late:
            return False
        self._late.remove(task)
        return task.uncancel() == 0

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for task, when in list(self._due.items()):
            if when > now:
                self._timer = loop.call_at(when, self._look, loop)
                return
            del self._due[task]
            self._late.add(task)
            task.cancel()
