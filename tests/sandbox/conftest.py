"""The levels of isolation, whatever this machine has of its own."""

import pytest

from magicoder_core.sandbox import bubblewrap, isolation, starting
from magicoder_core.sandbox.inside import locks


@pytest.fixture(params=["namespaces", "landlock", "rlimits"])
def level(request, monkeypatch):
    """The level, forced: "usual" is this machine's own, "namespaces" bubblewrap as everybody but root has it."""
    isolation.probe.cache_clear()
    if request.param == "landlock" and not locks.abi():
        pytest.skip("this kernel has no Landlock")
    if request.param in {"usual", "namespaces"}:
        if request.param == "namespaces":
            monkeypatch.setattr(starting, "real_root", lambda: False)
        if isolation.probe().level != "bubblewrap":
            pytest.skip(f"no bubblewrap here: {isolation.probe().problem}")
        yield "bubblewrap"
        isolation.probe.cache_clear()
        return
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([]))
    monkeypatch.setenv(isolation.ALLOW, "1")
    if request.param == "rlimits":
        monkeypatch.setattr(isolation.locks, "abi", lambda: 0)
    isolation.probe.cache_clear()
    yield request.param
    isolation.probe.cache_clear()
