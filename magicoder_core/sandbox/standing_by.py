"""Boxes that have nothing to do, and wait for the next caller: one takes 75 ms of processor time to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from magicoder_core.sandbox.box import Box
from magicoder_core.sandbox.image import Image
from magicoder_core.sandbox.isolation import Isolation

_boxes: ContextVar[list[Box] | None] = ContextVar("boxes", default=None)


@contextmanager
def standby() -> Iterator[None]:
    """Within the block, boxes stand by for the next `run` or `call` instead of ending with one; all end with the block."""
    if _boxes.get() is not None:
        yield
        return
    boxes: list[Box] = []
    token = _boxes.set(boxes)
    try:
        yield
    finally:
        _boxes.reset(token)
        for box in boxes:
            box.close()


def leave(box: Box) -> None:
    """Let a box stand by, or end it outside of such a block."""
    boxes = _boxes.get()
    if boxes is None:
        box.close()
    else:
        boxes.append(box)


def taken(isolation: Isolation, room: int, image: Image) -> Box | None:
    """A box of that kind that stood by and still lives; None if there is none."""
    boxes = _boxes.get() or []
    for box in [box for box in boxes if box.kind == (isolation, room, image)][::-1]:
        boxes.remove(box)
        if box.lives():
            return box
        box.close()
    return None
