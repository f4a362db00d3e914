from __future__ import annotations

import pytest

from magicoder_core import progress


class Listener:
    def __init__(self):
        self.heard = []

    def begin(self, name, total, unit):
        self.heard.append(("begin", name, total, unit))
        return 7

    def advance(self, task, amount, figures):
        self.heard.append(("advance", task, amount, figures))

    def end(self, task):
        self.heard.append(("end", task))

    def say(self, line):
        self.heard.append(("say", line))


def test_a_task_is_told_from_begin_to_end():
    listener = Listener()
    with progress.reporting(listener), progress.task("train", total=3, unit="step") as advance:
        advance()
        advance(2, loss=0.5)
        progress.say("half way")
    assert listener.heard == [
        ("begin", "train", 3, "step"),
        ("advance", 7, 1, {}),
        ("advance", 7, 2, {"loss": 0.5}),
        ("say", "half way"),
        ("end", 7),
    ]


def test_a_failed_task_ends_too():
    listener = Listener()
    with pytest.raises(ValueError, match="no"), progress.reporting(listener), progress.task("train"):
        raise ValueError("no")
    assert listener.heard[-1] == ("end", 7)


def test_a_task_goes_on_with_the_reporter_that_it_began_with():
    first, second = Listener(), Listener()
    with progress.reporting(first), progress.task("outer") as advance:
        with progress.reporting(second):
            advance()
        progress.say("back")
    assert [kind for kind, *_ in first.heard] == ["begin", "advance", "say", "end"]
    assert second.heard == []


def test_without_a_reporter_nothing_happens():
    with progress.task("quiet", total=1) as advance:
        advance(1, loss=0.1)
    progress.say("nobody hears this")


def test_the_same_kind_of_reporter_twice():
    """Reporters may be equal; leaving the inner block must remove the inner one."""
    outer, inner = progress.Silent(), Listener()
    with progress.reporting(outer), progress.reporting(inner):
        progress.say("in")
    progress.say("out")
    assert inner.heard == [("say", "in")]
